#include "core/scatter.h"

#include <algorithm>
#include <array>

#include "core/panels.h"

namespace convscope {
namespace {

index rounded_up(index value, index multiple) { return (value + multiple - 1) / multiple * multiple; }

index slot_count(const ConvBlock& block) {
    index count = 0;
    for (const Tap& tap : block.taps) count = std::max(count, tap.slot + 1);
    return count;
}

}  // namespace

bool prefers_scatter(const ConvBlock& block, index tile_columns) {
    const index taps = static_cast<index>(block.taps.size());
    const index by_panels = block.rows() * taps * rounded_up(block.out_channels, tile_columns);
    const index by_scatter = block.in_length * rounded_up(slot_count(block) * block.out_channels, tile_columns);
    return 2 * by_scatter < by_panels;
}

ScatterPlan::ScatterPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, const Kernels& kernels)
    : block_(block), epilogue_(epilogue), kernels_(kernels), in_(input_layout(block)), slots_(slot_count(block)) {
    const index width = kernels_.tile_columns, channels = block_.in_channels, columns = slots_ * block_.out_channels;
    panels_ = (columns + width - 1) / width;

    if (!block_.taps.empty()) first_offset_ = last_offset_ = block_.taps.front().offset;
    for (const Tap& tap : block_.taps) {
        first_offset_ = std::min(first_offset_, tap.offset);
        last_offset_ = std::max(last_offset_, tap.offset);
    }
    sources_.resize(static_cast<std::size_t>(block_.phases * block_.out_channels));
    for (const Tap& tap : block_.taps)
        for (index c = 0; c < block_.out_channels; ++c) {
            const index column = tap.slot * block_.out_channels + c;
            sources_[tap.phase * block_.out_channels + c].push_back(column / width * product_rows() * width + column % width +
                                                                    (tap.offset - first_offset_) * width);
        }

    runs_ = {{0, channels}};
    group_ends_ = split_groups(runs_);
    packed_ = FloatBuffer(panels_ * channels * width);
    float* place = packed_.data();
    for (index panel = 0; panel < panels_; ++panel) {
        for (std::size_t run = 0; run < runs_.size(); ++run)  // one run is one group here
            groups_.push_back({&runs_[run], 1, place + runs_[run].offset * width, width});
        for (index p = 0; p < channels; ++p)
            for (index i = 0; i < width; ++i, ++place) {
                const index column = panel * width + i, slot = column / block_.out_channels, c = column % block_.out_channels;
                *place = column < columns ? weights.kernel[(slot * channels + p) * block_.out_channels + c] : 0.0f;
            }
    }

    const bool shared = static_cast<index>(weights.bias.size()) == block_.out_channels;
    for (index phase = 0; phase < block_.phases; ++phase)
        bias_.insert(bias_.end(), weights.bias.begin() + (shared ? 0 : phase * block_.out_channels),
                     weights.bias.begin() + (shared ? 1 : phase + 1) * block_.out_channels);
    if (!weights.slope.empty())
        for (index position = 0; position < block_rows * block_.phases; ++position)
            slope_.insert(slope_.end(), weights.slope.begin(), weights.slope.end());
    readout_ = weights.readout;
}

index ScatterPlan::product_rows() const { return (block_rows - 1) * block_.step + last_offset_ - first_offset_ + 1; }

index ScatterPlan::scratch_floats() const {
    return panels_ * product_rows() * kernels_.tile_columns + block_rows * block_.phases * block_.out_channels;
}

void ScatterPlan::run(const Call& call) const {
    const index blocks = (block_.rows() + block_rows - 1) / block_rows;
    call.team->run(call.batch * blocks, [&](index task, index worker) {
        const index first_row = task % blocks * block_rows;
        run_block(call, task / blocks, first_row, std::min(first_row + block_rows, block_.rows()), call.scratch[worker].data());
    });
}

void ScatterPlan::run_block(const Call& call, index sample, index first_row, index last_row, float* scratch) const {
    const index width = kernels_.tile_columns, channels = block_.out_channels;
    const index first_input = first_row * block_.step + first_offset_;
    const index input_count = (last_row - 1) * block_.step + last_offset_ - first_input + 1;
    const index panel_floats = product_rows() * width;

    // products[panel][input position][column]
    for (index done = 0; done < input_count; done += block_rows) {
        std::array<const float*, block_rows> rows;
        const index count = std::min(block_rows, input_count - done);
        for (index i = 0; i < count; ++i) rows[i] = in_.at(call.in, sample, first_input + done + i);
        PanelTask task{};
        task.rows = rows.data();
        task.row_count = count;
        task.group_count = static_cast<index>(runs_.size());
        task.scratch_row_stride = width;
        for (index panel = 0; panel < panels_; ++panel) {
            task.groups = groups_.data() + panel * task.group_count;
            task.scratch = scratch + panel * panel_floats + done * width;
            kernels_.conv_panel(task);
        }
    }

    float* const values = scratch + panels_ * panel_floats;  // (positions, C)
    const index first_position = first_row * block_.phases;
    const index last_position = std::min(last_row * block_.phases, block_.out_length);
    float* value = values;
    for (index position = first_position; position < last_position; ++position) {
        const index row = position / block_.phases, phase = position % block_.phases;
        const float* const products = scratch + (row - first_row) * block_.step * width;
        for (index c = phase * channels; c < (phase + 1) * channels; ++c, ++value) {
            float total = 0.0f;
            for (index source : sources_[c]) total += products[source];
            *value = total + bias_[c];
        }
    }

    const index count = last_position - first_position;
    float* const partial = call.partial == nullptr
                               ? nullptr
                               : call.partial + (sample * block_.rows() * block_.phases + first_position) * epilogue_.readouts;
    const auto reduce_all = [&] {
        for (index i = 0; i < count; ++i) reduce(values + i * channels, partial + i * epilogue_.readouts);
    };
    if (partial != nullptr && epilogue_.before_activation) reduce_all();
    kernels_.activate(values, count * channels, epilogue_, slope_.empty() ? nullptr : slope_.data());
    if (partial != nullptr && !epilogue_.before_activation) reduce_all();
    if (call.out == nullptr) return;
    for (index i = 0; i < count; ++i)
        std::copy_n(values + i * channels, channels, call.out_layout->at(call.out, sample, first_position + i));
}

void ScatterPlan::reduce(const float* values, float* partial) const {
    const index channels = block_.out_channels;
    switch (epilogue_.reduction) {
        case Reduction::none: break;
        case Reduction::mean:
            *partial = 0.0f;
            for (index c = 0; c < channels; ++c) *partial += values[c];
            break;
        case Reduction::rms:
            *partial = 0.0f;
            for (index c = 0; c < channels; ++c) *partial += values[c] * values[c];
            break;
        case Reduction::max:
            *partial = values[0];
            for (index c = 1; c < channels; ++c) *partial = larger(*partial, values[c]);
            break;
        case Reduction::readout:
            for (index k = 0; k < epilogue_.readouts; ++k) {
                partial[k] = 0.0f;
                for (index c = 0; c < channels; ++c) partial[k] += readout_[k * channels + c] * values[c];
            }
            break;
    }
}

}  // namespace convscope
