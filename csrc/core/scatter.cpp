#include "core/scatter.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/panels.h"

namespace convscope {
namespace {

constexpr index finish_positions = 1024;

index rounded_up(index value, index multiple) { return (value + multiple - 1) / multiple * multiple; }

index place_of(const Tap& tap, index phases) { return tap.phase - phases * tap.offset; }

}  // namespace

bool prefers_scatter(const ConvBlock& block, index tile_columns) {
    if (block.step != 1 || block.taps.empty()) return false;
    const auto [first, last] = std::minmax_element(block.taps.begin(), block.taps.end(), [&](const Tap& a, const Tap& b) {
        return place_of(a, block.phases) < place_of(b, block.phases);
    });
    const index places = place_of(*last, block.phases) - place_of(*first, block.phases) + 1;
    const index by_panels = block.rows() * static_cast<index>(block.taps.size()) * rounded_up(block.out_channels, tile_columns);
    const index by_scatter = block.in_length * rounded_up(places * block.out_channels, tile_columns);
    return 2 * by_scatter < by_panels;
}

ScatterPlan::ScatterPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, const Kernels& kernels,
                         index block_inputs)
    : block_(block), epilogue_(epilogue), kernels_(kernels), block_inputs_(block_inputs), in_(input_layout(block)) {
    require(block_.step == 1, "scatter", "expected rows that step by one, got ", block_.step);
    const index width = kernels_.tile_columns, channels = block_.in_channels, outputs = block_.out_channels;
    if (!block_.taps.empty()) first_ = last_ = place_of(block_.taps.front(), block_.phases);
    for (const Tap& tap : block_.taps) {
        first_ = std::min(first_, place_of(tap, block_.phases));
        last_ = std::max(last_, place_of(tap, block_.phases));
    }
    panels_ = ((last_ - first_ + 1) * outputs + width - 1) / width;

    runs_ = {{0, channels}};
    split_groups(runs_);
    packed_ = FloatBuffer(panels_ * channels * width);
    std::fill_n(packed_.data(), packed_.size(), 0.0f);
    for (index panel = 0; panel < panels_; ++panel)
        for (const Run& run : runs_)  // one run is one group here
            groups_.push_back({&run, 1, packed_.data() + (panel * channels + run.offset) * width, width});
    for (const Tap& tap : block_.taps)
        for (index c = 0; c < outputs; ++c) {
            const index column = (place_of(tap, block_.phases) - first_) * outputs + c;
            float* to = packed_.data() + column / width * channels * width + column % width;
            for (index p = 0; p < channels; ++p) to[p * width] += weights.kernel[(tap.slot * channels + p) * outputs + c];
        }

    const bool shared = static_cast<index>(weights.bias.size()) == outputs;
    for (index position = 0; position < finish_positions + block_.phases; ++position) {
        const auto bias = weights.bias.begin() + (shared ? 0 : position % block_.phases * outputs);
        bias_.insert(bias_.end(), bias, bias + outputs);
        slope_.insert(slope_.end(), weights.slope.begin(), weights.slope.end());
    }
    readout_ = weights.readout;
}

index ScatterPlan::stretch_floats() const {
    const index positions = (block_inputs_ - 1) * block_.phases + last_ - first_ + 1;
    return rounded_up(positions * block_.out_channels, kernels_.lanes);
}

index ScatterPlan::row_stride() const { return panels_ * kernels_.tile_columns + 2 * kernels_.lanes; }

index ScatterPlan::scratch_floats() const {
    return std::max(block_inputs_ * row_stride(), finish_positions * block_.out_channels);
}

void ScatterPlan::run(const Call& call) const {
    call.team->run(call.batch * blocks(), [&](index task, index worker) {
        const index block = task % blocks();
        scatter(call, task / blocks(), block, block + 1, call.scratch[worker].data());
    });
    finish(call);
}

void ScatterPlan::scatter(const Call& call, index sample, index first_block, index last_block, float* scratch) const {
    for (index block = first_block; block < last_block; ++block)
        scatter_block(call.in, sample, block, call.shared + (sample * blocks() + block) * stretch_floats(), scratch);
}

void ScatterPlan::finish(const Call& call) const {
    const index stretches = (block_.out_length + finish_positions - 1) / finish_positions;
    call.team->run(call.batch * stretches, [&](index task, index worker) {
        const index first = task % stretches * finish_positions;
        finish_outputs(call, task / stretches, first, std::min(first + finish_positions, block_.out_length),
                       call.scratch[worker].data());
    });
}

void ScatterPlan::scatter_block(const MapView& in, index sample, index block, float* stretch, float* scratch) const {
    const index first = block * block_inputs_, count = std::min(block_inputs_, block_.in_length - first);
    const index columns = (last_ - first_ + 1) * block_.out_channels, stride = row_stride(), lanes = kernels_.lanes;
    for (index done = 0; done < count; done += block_rows) {
        std::array<const float*, block_rows> rows;
        PanelTask task{};
        task.rows = rows.data();
        task.row_count = std::min(block_rows, count - done);
        for (index i = 0; i < task.row_count; ++i) rows[i] = in.at(sample, first + done + i);
        task.group_count = static_cast<index>(runs_.size());
        task.scratch_row_stride = stride;
        for (index panel = 0; panel < panels_; ++panel) {
            task.groups = groups_.data() + panel * task.group_count;
            task.scratch = scratch + done * stride + lanes + panel * kernels_.tile_columns;
            kernels_.conv_panel(task);
        }
    }
    for (index i = 0; i < count; ++i) {
        float* const row = scratch + i * stride;
        std::fill_n(row, lanes, 0.0f);
        std::fill(row + lanes + columns, row + stride, 0.0f);
    }
    kernels_.overlap_add(scratch + lanes, count, stride, block_.phases * block_.out_channels, columns, stretch);
}

void ScatterPlan::finish_outputs(const Call& call, index sample, index first, index last, float* scratch) const {
    const index channels = block_.out_channels, inputs_to_outputs = block_inputs_ * block_.phases;
    std::copy_n(bias_.begin() + first % block_.phases * channels, (last - first) * channels, scratch);
    for (index block = 0; block < blocks(); ++block) {
        const index count = std::min(block_inputs_, block_.in_length - block * block_inputs_);
        const index begin = block * inputs_to_outputs + first_, end = begin + (count - 1) * block_.phases + last_ - first_ + 1;
        const float* stretch = call.shared + (sample * blocks() + block) * stretch_floats();
        const index from = std::max(begin, first), to = std::min(end, last);
        for (index i = from * channels; i < to * channels; ++i) scratch[i - first * channels] += stretch[i - begin * channels];
    }

    const index count = last - first;
    float* const partial =
        call.partial == nullptr ? nullptr : call.partial + (sample * block_.rows() * block_.phases + first) * epilogue_.readouts;
    if (partial != nullptr && epilogue_.before_activation) reduce(scratch, count, partial);
    kernels_.activate(scratch, count * channels, epilogue_, slope_.empty() ? nullptr : slope_.data());
    if (partial != nullptr && !epilogue_.before_activation) reduce(scratch, count, partial);
    if (!call.out) return;
    for (index i = 0; i < count; ++i) std::copy_n(scratch + i * channels, channels, call.out.at(sample, first + i));
}

void ScatterPlan::reduce(const float* values, index count, float* partial) const {
    const index channels = block_.out_channels;
    const auto of_each = [&](auto reduced) {
        for (index i = 0; i < count; ++i) partial[i] = reduced(values + i * channels);
    };
    switch (epilogue_.reduction) {
        case Reduction::none: break;
        case Reduction::mean:
            of_each([&](const float* value) {
                float total = 0.0f;
                for (index c = 0; c < channels; ++c) total += value[c];
                return total;
            });
            break;
        case Reduction::rms:
            of_each([&](const float* value) {
                float total = 0.0f;
                for (index c = 0; c < channels; ++c) total += value[c] * value[c];
                return total;
            });
            break;
        case Reduction::max:
            of_each([&](const float* value) {
                float top = value[0];
                for (index c = 1; c < channels; ++c) top = larger(top, value[c]);
                return top;
            });
            break;
        case Reduction::readout:
            for (index i = 0; i < count; ++i)
                for (index k = 0; k < epilogue_.readouts; ++k) {
                    float total = 0.0f;
                    for (index c = 0; c < channels; ++c) total += readout_[k * channels + c] * values[i * channels + c];
                    partial[i * epilogue_.readouts + k] = total;
                }
            break;
    }
}

}  // namespace convscope
