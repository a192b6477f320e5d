#include "core/spectral.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/panels.h"

namespace convscope {
namespace {

// Of a core's own cache, what a task may fill, and what its products may take.
constexpr index cache_floats = 700 * 1024 / 4, product_floats = 400 * 1024 / 4;

// The transformed inputs of one block: within the last-level cache of a server's core or two.
constexpr index block_floats = index{6} << 18;

// Asks for a panel's columns of one row before they are read or written: rows are too far apart, and too short, for the
// processor to see them coming.
template <bool to_write>
void fetch_row(const float* row, index columns) {
    constexpr index line_floats = 16;
    for (index column = 0; column < columns; column += line_floats) __builtin_prefetch(row + column, to_write ? 1 : 0, 2);
}

}  // namespace

SpectralPlan::SpectralPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, index window,
                           bool for_strips, const Kernels& kernels, const Bfloat16Kernels* bfloat16)
    : block_(block),
      kernels_(kernels),
      bfloat16_(bfloat16),
      epilogue_(block, epilogue, weights, kernels.tile_columns),
      for_strips_(for_strips) {
    require(bfloat16 == nullptr || block.in_channels % 2 == 0, "bfloat16", "expected an even number of input channels, got ",
            block.in_channels);
    index last_offset = 0;
    if (!block_.taps.empty()) first_offset_ = last_offset = block_.taps.front().steps(block_.step);
    for (const Tap& tap : block_.taps) {
        first_offset_ = std::min(first_offset_, tap.steps(block_.step));
        last_offset = std::max(last_offset, tap.steps(block_.step));
    }
    const index taps = last_offset - first_offset_ + 1;
    require(window - taps + 1 <= block_rows, "window", "expected at most ", block_rows, " outputs, got ", window - taps + 1);
    short_ = short_convolution(window, taps, bfloat16 == nullptr ? PairProducts::three : PairProducts::four);
    transforms_ = short_.transforms();

    in_ = input_layout(block_);
    in_.halo_left = std::max(in_.halo_left, -first_offset_ * block_.step);
    const index last_input = ((windows() - 1) * short_.outputs + first_offset_ + short_.inputs) * block_.step - 1;
    in_.halo_right = std::max(in_.halo_right, last_input - block_.in_length + 1);

    row_stride_ = depth() < 64 ? depth() : depth() + 16;  // as for maps: no power of two from one row to the next
    tiling_ = choose_tiling();
    form_stride_ = tiling_.windows * row_stride_ + 16;  // a line more, so that forms do not share a cache set
    weights_ = SpectralWeights(block_, weights, short_, first_offset_, form_stride_, kernels_, bfloat16_);
}

SpectralPlan::Tiling SpectralPlan::choose_tiling() const {
    constexpr index windows_of_strip = 16;
    if (for_strips_) return {windows_of_strip, 1};
    const index width = kernels_.tile_columns, forms = short_.forms, products = transforms_.products;
    Tiling best{kernels_.tile_rows, 1};
    double least = 1e30;
    for (index windows = kernels_.tile_rows; windows <= block_rows; windows += kernels_.tile_rows)
        for (index panels = 1; panels <= epilogue_.panels(); ++panels) {
            const index held = windows * panels * products * width;
            const index inputs = windows * forms * row_stride_;
            if (held > product_floats || windows * row_stride_ > cache_floats / 2) continue;
            const bool stays = inputs + held <= cache_floats;
            const double reads = 1.0 / static_cast<double>(windows) + (stays ? 0.0 : 1.0 / static_cast<double>(width * panels));
            if (reads < least) least = reads, best = {windows, panels};
        }
    return best;
}

index SpectralPlan::most_windows() const { return std::max<index>(block_floats / (input_rows() * row_stride_), tiling_.windows); }

// Of a block; the blocks of a call are as equal as they can be.
index SpectralPlan::block_windows(index batch) const {
    const index all = batch * windows(), blocks = (all + most_windows() - 1) / most_windows();
    const index each = (all + blocks - 1) / blocks;
    return std::min(all, (each + tiling_.windows - 1) / tiling_.windows * tiling_.windows);
}

index SpectralPlan::shared_floats(index batch) const {
    if (for_strips_) return 0;
    // Of the largest block that any batch up to this one has: a larger batch may have smaller blocks.
    const index tasks = (std::min(batch * windows(), most_windows()) + tiling_.windows - 1) / tiling_.windows;
    return tasks * input_rows() * form_stride_ + kernels_.tile_columns;
}

index SpectralPlan::scratch_floats() const {
    const index width = kernels_.tile_columns;
    const index transforms = transforms_.sums + std::max(short_.forms, short_.outputs);
    const index difference = std::min(depth(), group_depth);
    return held_floats() + std::max(transforms, difference) * width;
}

void SpectralPlan::run(const Call& call) const {
    const index all = call.batch * windows(), at_once = block_windows(call.batch), panels = epilogue_.panels();
    // Enough panels per task for some 10 us of work; fewer only add hand-outs.
    constexpr index products_per_task = 1'000'000;
    const index panel_products = std::min(tiling_.windows, all) * transforms_.products * depth() * kernels_.tile_columns;
    const index group = std::clamp<index>(products_per_task / panel_products / tiling_.panels * tiling_.panels,
                                          std::min(tiling_.panels, panels), panels);
    const index panel_groups = (panels + group - 1) / group, columns = block_.phases * panel_groups;

    for (index first = 0; first < all; first += at_once) {
        const index count = std::min(at_once, all - first);
        call.team->run(count, [&](index place, index worker) {
            transform_inputs(call.in, first + place, inputs_at(call.shared, place), call.scratch[worker].data());
        });
        const index tasks = (count + tiling_.windows - 1) / tiling_.windows;
        const bool weights_outside = weights_.floats() > count * input_rows() * row_stride_;
        const auto share_of = [&](index task) {
            const index row = weights_outside ? task % tasks : task / columns;
            const index column = weights_outside ? task / tasks : task % columns;
            const index place = row * tiling_.windows, panel = column % panel_groups * group;
            return Share{.transformed = call.shared,
                         .first_window = first + place,
                         .place = place,
                         .windows = std::min(tiling_.windows, count - place),
                         .phase = column / panel_groups,
                         .first_panel = panel,
                         .last_panel = std::min(panel + group, panels)};
        };
        call.team->run(tasks * columns, [&](index task, index worker) {
            float* const scratch = call.scratch[worker].data();
            Share share = share_of(task);
            const index end = share.last_panel, next_task = task + call.team->size();  // if threads take turns
            const Share next = next_task < tasks * columns ? share_of(next_task) : Share{.first_panel = -1};
            for (; share.first_panel < end; share.first_panel = share.last_panel) {
                share.last_panel = std::min(share.first_panel + tiling_.panels, end);
                const bool is_last = share.last_panel == end;
                share.next_phase = is_last ? next.phase : share.phase;
                share.next_panel = is_last ? next.first_panel : share.last_panel;
                multiply(share, scratch);
                finish(call, share, scratch, scratch + held_floats());
            }
        });
    }
}

void SpectralPlan::run_strip(const Call& call, index sample, index first_window, index last_window, float* scratch) const {
    float* const transformed = scratch + scratch_floats();
    const index first = sample * windows() + first_window, count = last_window - first_window;
    for (index place = 0; place < count; ++place)
        transform_inputs(call.in, first + place, inputs_at(transformed, place), scratch);
    for (index phase = 0; phase < block_.phases; ++phase)
        for (index panel = 0; panel < epilogue_.panels(); panel += tiling_.panels) {
            const Share share{.transformed = transformed,
                              .first_window = first,
                              .place = 0,
                              .windows = count,
                              .phase = phase,
                              .first_panel = panel,
                              .last_panel = std::min(panel + tiling_.panels, epilogue_.panels())};
            multiply(share, scratch);
            finish(call, share, scratch, scratch + held_floats());
        }
}

// A X for every input phase of one window.
void SpectralPlan::transform_inputs(const MapView& in, index window, float* to, float* scratch) const {
    const index width = kernels_.tile_columns, channels = block_.in_channels;
    const index sample = window / windows(), row = window % windows() * short_.outputs;
    const index stride = block_.step * in.position_stride;
    float* const rows = scratch + transforms_.sums * width;
    for (index source = 0; source < block_.step; ++source)
        for (index channel = 0; channel < channels; channel += width) {
            const float* from = in.at(sample, (row + first_offset_) * block_.step + source) + channel;
            const index count = std::min(width, channels - channel);
            float* const out = to + source * channel_floats(block_, bfloat16_) + (bfloat16_ == nullptr ? channel : channel / 2);
            for (index j = 0; j < short_.inputs; ++j) fetch_row<false>(from + j * stride + width, width);
            if (count == width && bfloat16_ == nullptr) {
                for (index form = 0; form < short_.forms; ++form) fetch_row<true>(out + form * form_stride_ + width, width);
                kernels_.transform_inputs(transforms_, from, stride, scratch, out, form_stride_);
            } else {
                kernels_.transform_inputs(transforms_, from, stride, scratch, rows, width);
                store_inputs(rows, count, out);
            }
        }
}

// Transformed inputs that need less room than a panel's row: of `count` channels, or in bfloat16.
void SpectralPlan::store_inputs(const float* rows, index count, float* to) const {
    const index width = kernels_.tile_columns;
    for (index form = 0; form < short_.forms; ++form, rows += width) {
        float* const out = to + form * form_stride_;
        if (bfloat16_ == nullptr)
            std::copy_n(rows, count, out);
        else
            bfloat16_->convert(rows, count, out, form == 0 ? to + short_.forms * form_stride_ : nullptr);
    }
}

// V = U W for some windows and panels of one phase: (panels, windows, products, tile_columns) in `products_out`.
void SpectralPlan::multiply(const Share& share, float* products_out) const {
    const index width = kernels_.tile_columns;
    const SpectralWeights::Phase& phase = weights_.phase(share.phase);
    const index products = static_cast<index>(phase.products.size());
    std::array<const float*, block_rows> inputs;
    for (index i = 0; i < share.windows; ++i) inputs[i] = inputs_at(share.transformed, share.place + i);

    // Weights of a panel, or of the one that follows.
    const auto weights_ahead = [&](index panel, index place) -> const float* {
        if (place < phase.panel_floats) return phase.weights_of(panel, place);
        const index next = share.next_panel + panel - share.first_panel;
        if (share.next_panel < 0 || next >= epilogue_.panels()) return nullptr;
        return weights_.phase(share.next_phase).weights_of(next, place - phase.panel_floats);
    };

    PanelTask task{};
    task.rows = inputs.data();
    task.row_count = share.windows;
    task.group_count = 1;
    task.scratch_row_stride = products * width;
    float* const difference = products_out + held_floats();
    for (const SpectralWeights::Step& step : phase.steps) {
        const bool is_last = &step == &phase.steps.back();
        task.adds = step.begin > 0;
        task.next_inputs = is_last ? nullptr : inputs[0] + (&step + 1)->runs->offset;
        for (index panel = share.first_panel; panel < share.last_panel; ++panel) {
            Group group{step.runs, step.run_count, phase.weights_of(panel, step.weights), width};
            if (step.subtrahend >= 0) {
                group.subtrahend = phase.weights_of(panel, step.subtrahend);
                group.difference = difference;
            }
            task.groups = &group;
            task.next_weights = weights_ahead(panel, step.next_weights);
            task.next_floats = step.next_floats;
            task.scratch = products_out + ((panel - share.first_panel) * tiling_.windows * products + step.product) * width;
            bfloat16_ == nullptr ? kernels_.conv_panel(task) : bfloat16_->multiply(task);
        }
    }
}

// y = C V and the epilogue.
void SpectralPlan::finish(const Call& call, const Share& share, const float* products_in, float* scratch) const {
    const index width = kernels_.tile_columns;
    const SpectralWeights::Phase& phase = weights_.phase(share.phase);
    const index products = static_cast<index>(phase.products.size());
    float* const values = scratch + transforms_.sums * width;  // of one window and panel

    PanelTask task{};
    task.scratch = values;
    task.scratch_row_stride = width;
    std::array<float*, block_rows> out_rows;
    for (index i = 0; i < share.windows; ++i) {
        const index sample = (share.first_window + i) / windows();
        const index row = (share.first_window + i) % windows() * short_.outputs;
        task.row_count = std::min(short_.outputs, block_.rows() - row);
        for (index panel = share.first_panel; panel < share.last_panel; ++panel) {
            for (index k = 0; k < task.row_count && call.out; ++k) {
                const index position = (row + k) * block_.phases + share.phase;
                out_rows[k] = position < block_.out_length ? call.out.at(sample, position) + panel * width : nullptr;
                if (out_rows[k] != nullptr) fetch_row<true>(out_rows[k], width);
            }
            const float* const from = products_in + ((panel - share.first_panel) * tiling_.windows + i) * products * width;
            const auto end = [&](index number) { return phase.ends[number] < 0 ? nullptr : from + phase.ends[number] * width; };
            const float* const ends[2] = {end(0), end(1)};
            if (products > 0)
                kernels_.transform_products(transforms_, from, ends, task.row_count, scratch, values);
            else
                std::fill_n(values, task.row_count * width, 0.0f);  // a phase without taps: its outputs are the bias
            epilogue_.describe(task, share.phase, panel);
            task.out_rows = call.out ? out_rows.data() : nullptr;
            if (call.partial != nullptr)
                task.partial = call.partial + epilogue_.partial_place(sample * block_.rows() + row, share.phase, panel);
            kernels_.finish_panel(task);
        }
    }
}

}  // namespace convscope
