#include "core/spectral.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/panels.h"

namespace convscope {
namespace {

index floor_divided(index value, index by) { return value >= 0 ? value / by : -((by - 1 - value) / by); }

// Bytes of a core's own cache that a task may fill, and of the products it may hold meanwhile.
constexpr index cache_floats = 700 * 1024 / 4, product_floats = 400 * 1024 / 4;

// The transformed inputs of one block: within the last-level cache of a server's core or two.
constexpr index block_floats = index{6} << 18;

std::vector<float> rounded(const std::vector<double>& values) {
    std::vector<float> result;
    result.reserve(values.size());
    for (double value : values) result.push_back(static_cast<float>(value));
    return result;
}

}  // namespace

SpectralPlan::SpectralPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, const Window& window,
                           const Kernels& kernels)
    : block_(block), kernels_(kernels), epilogue_(block, epilogue, weights, kernels.tile_columns) {
    index last_offset = 0;
    if (!block_.taps.empty()) first_offset_ = last_offset = floor_divided(block_.taps.front().offset, block_.step);
    for (const Tap& tap : block_.taps) {
        first_offset_ = std::min(first_offset_, floor_divided(tap.offset, block_.step));
        last_offset = std::max(last_offset, floor_divided(tap.offset, block_.step));
    }
    short_ = short_convolution(window, last_offset - first_offset_ + 1);
    require(short_.outputs <= block_rows, "window", "expected at most ", block_rows, " outputs, got ", short_.outputs);

    in_ = input_layout(block_);
    in_.halo_left = std::max(in_.halo_left, -first_offset_ * block_.step);
    const index last_input = ((windows() - 1) * short_.outputs + first_offset_ + short_.inputs) * block_.step - 1;
    in_.halo_right = std::max(in_.halo_right, last_input - block_.in_length + 1);

    product_stride_ = depth() < 64 ? depth() : depth() + 16;  // as for maps: no power of two from one row to the next
    input_matrix_ = rounded(short_.input_matrix);
    for (index r = 0; r < short_.products; ++r) input_rows_.push_back(input_matrix_.data() + r * short_.inputs);
    plan_phases();
    pack(weights);
    tiling_ = choose_tiling();
}

void SpectralPlan::plan_phases() {
    phases_.resize(static_cast<std::size_t>(block_.phases));
    for (index number = 0; number < block_.phases; ++number) {
        Phase& phase = phases_[number];
        phase.taps.resize(static_cast<std::size_t>(block_.step));
        for (const Tap& tap : block_.taps) {
            const index step = floor_divided(tap.offset, block_.step);
            if (tap.phase == number)
                phase.taps[tap.offset - step * block_.step].push_back({tap.slot, step - first_offset_});
        }
        for (index r = 0; r < short_.products; ++r) {
            Product product{r, {}, {}, {}};
            std::vector<index> places;  // of the input phases that matter, in units of P
            for (index source = 0; source < block_.step; ++source) {
                const auto& taps = phase.taps[source];
                if (std::none_of(taps.begin(), taps.end(), [&](const PhaseTap& tap) { return factor(r, tap) != 0.0; })) continue;
                product.sources.push_back(source);
                places.push_back(source);
            }
            if (places.empty()) continue;
            product.runs = merge_runs(places, block_.in_channels, block_.in_channels);
            for (Run& run : product.runs) run.offset += r * product_stride_;
            product.group_ends = split_groups(product.runs);
            phase.products.push_back(std::move(product));
        }
        const index count = static_cast<index>(phase.products.size());
        for (index i = 0; i < short_.outputs; ++i)
            for (const Product& product : phase.products)
                phase.output_matrix.push_back(static_cast<float>(short_.output_matrix[i * short_.products + product.number]));
        for (index i = 0; i < short_.outputs; ++i) phase.output_rows.push_back(phase.output_matrix.data() + i * count);
        phase.output_run = {0, count};
    }
}

void SpectralPlan::pack(const Weights& weights) {
    const index width = kernels_.tile_columns, channels = block_.in_channels, columns = block_.out_channels;
    index sources = 0;
    for (const Phase& phase : phases_)
        for (const Product& product : phase.products) sources += static_cast<index>(product.sources.size());
    packed_ = FloatBuffer(sources * channels * epilogue_.panels() * width);

    float* place = packed_.data();
    std::vector<double> sums(static_cast<std::size_t>(width));
    for (Phase& phase : phases_)
        for (index panel = 0; panel < epilogue_.panels(); ++panel)
            for (const Product& product : phase.products) {
                const float* group_weights = place;
                index begin = 0;
                for (index end : product.group_ends) {
                    phase.groups.push_back({product.runs.data() + begin, end - begin, group_weights, width});
                    for (; begin < end; ++begin) group_weights += product.runs[begin].length * width;
                }
                const index first = panel * width, count = std::min(width, columns - first);
                for (index source : product.sources)
                    for (index p = 0; p < channels; ++p, place += width) {
                        std::fill(sums.begin(), sums.end(), 0.0);
                        for (const PhaseTap& tap : phase.taps[source]) {
                            const double weight = factor(product.number, tap);
                            const float* from = weights.kernel.data() + (tap.slot * channels + p) * columns + first;
                            for (index c = 0; c < count; ++c) sums[c] += weight * static_cast<double>(from[c]);
                        }
                        for (index c = 0; c < width; ++c) place[c] = static_cast<float>(sums[c]);
                    }
            }
}

SpectralPlan::Tiling SpectralPlan::choose_tiling() const {
    const index width = kernels_.tile_columns, products = short_.products;
    Tiling best{kernels_.tile_rows, 1};
    double least = 1e30;
    for (index windows = kernels_.tile_rows; windows <= block_rows; windows += kernels_.tile_rows)
        for (index panels = 1; panels <= epilogue_.panels(); ++panels) {
            const index held = windows * panels * products * width;
            const index inputs = windows * products * product_stride_;
            if (held > product_floats || windows * product_stride_ > cache_floats / 2) continue;
            const bool stays = inputs + held <= cache_floats;
            const double reads = 1.0 / static_cast<double>(windows) + (stays ? 0.0 : 1.0 / static_cast<double>(width * panels));
            if (reads < least) least = reads, best = {windows, panels};
        }
    return best;
}

index SpectralPlan::block_windows(index batch) const {
    const index most = std::max<index>(block_floats / (short_.products * product_stride_), tiling_.windows);
    const index all = batch * windows();
    const index blocks = (all + most - 1) / most;
    const index each = (all + blocks - 1) / blocks;
    return std::min(all, (each + tiling_.windows - 1) / tiling_.windows * tiling_.windows);
}

index SpectralPlan::shared_floats(index batch) const {
    return block_windows(batch) * short_.products * product_stride_ + kernels_.tile_columns;
}

index SpectralPlan::scratch_floats() const {
    const index width = kernels_.tile_columns;
    const index for_inputs = short_.products * width;
    const index for_outputs = tiling_.windows * tiling_.panels * short_.products * width + short_.outputs * width;
    return std::max(for_inputs, for_outputs);
}

void SpectralPlan::run(const Call& call) const {
    const index all = call.batch * windows(), at_once = block_windows(call.batch), panels = epilogue_.panels();
    constexpr index products_per_task = 1'000'000;
    const index panel_products = std::min(tiling_.windows, all) * short_.products * depth() * kernels_.tile_columns;
    const index group = std::clamp<index>(products_per_task / panel_products / tiling_.panels * tiling_.panels,
                                          std::min(tiling_.panels, panels), panels);
    const index panel_groups = (panels + group - 1) / group, columns = block_.phases * panel_groups;

    for (index first = 0; first < all; first += at_once) {
        const index count = std::min(at_once, all - first);
        call.team->run(count, [&](index place, index worker) {
            transform_inputs(call, first + place, place, call.scratch[worker].data());
        });
        const index blocks = (count + tiling_.windows - 1) / tiling_.windows;
        const bool weights_outside = packed_.size() > count * short_.products * product_stride_;
        call.team->run(blocks * columns, [&](index task, index worker) {
            const index block = weights_outside ? task % blocks : task / columns;
            const index column = weights_outside ? task / blocks : task % columns;
            const index place = block * tiling_.windows, panel = column % panel_groups * group;
            for (index next = panel; next < std::min(panel + group, panels); next += tiling_.panels)
                run_panels(call, first + place, place, std::min(tiling_.windows, count - place), column / panel_groups, next,
                           std::min({next + tiling_.panels, panel + group, panels}), call.scratch[worker].data());
        });
    }
}

// A X for every input phase of one window.
void SpectralPlan::transform_inputs(const Call& call, index window, index place, float* scratch) const {
    const index width = kernels_.tile_columns, channels = block_.in_channels;
    const index sample = window / windows(), row = window % windows() * short_.outputs;
    float* const to = call.shared + place * short_.products * product_stride_;
    const Run run{0, short_.inputs};
    PanelTask task{};
    task.rows = input_rows_.data();
    task.row_count = short_.products;
    task.group_count = 1;
    for (index source = 0; source < block_.step; ++source) {
        const float* from = in_.at(call.in, sample, (row + first_offset_) * block_.step + source);
        for (index channel = 0; channel < channels; channel += width) {
            const Group group{&run, 1, from + channel, block_.step * in_.stride};
            const index count = std::min(width, channels - channel);
            float* const out = to + source * channels + channel;
            task.groups = &group;
            task.scratch = count == width ? out : scratch;
            task.scratch_row_stride = count == width ? product_stride_ : width;
            kernels_.conv_panel(task);
            for (index r = 0; r < short_.products && count < width; ++r)
                std::copy_n(scratch + r * width, count, out + r * product_stride_);
        }
    }
}

// U W, then C and the epilogue, for some windows and panels of one phase.
void SpectralPlan::run_panels(const Call& call, index first_window, index place, index window_count, index phase_number,
                              index first_panel, index last_panel, float* scratch) const {
    const index width = kernels_.tile_columns;
    const Phase& phase = phases_[phase_number];
    const index products = phase.output_run.length, window_floats = products * width;
    float* const values = scratch + tiling_.windows * tiling_.panels * short_.products * width;  // of one window and panel

    std::array<const float*, block_rows> inputs;
    for (index i = 0; i < window_count; ++i) inputs[i] = call.shared + (place + i) * short_.products * product_stride_;
    PanelTask product_task{};
    product_task.rows = inputs.data();
    product_task.row_count = window_count;
    product_task.scratch_row_stride = window_floats;
    const index groups_per_panel = static_cast<index>(phase.groups.size()) / epilogue_.panels();
    index first_group = 0;
    for (index r = 0; r < products; ++r) {
        product_task.group_count = static_cast<index>(phase.products[r].group_ends.size());
        for (index panel = first_panel; panel < last_panel; ++panel) {
            product_task.groups = phase.groups.data() + panel * groups_per_panel + first_group;
            product_task.scratch = scratch + (panel - first_panel) * tiling_.windows * window_floats + r * width;
            kernels_.conv_panel(product_task);
        }
        first_group += product_task.group_count;
    }

    PanelTask task{};
    task.rows = phase.output_rows.data();
    task.group_count = products > 0 ? 1 : 0;
    task.scratch = values;
    task.scratch_row_stride = width;
    std::array<float*, block_rows> out_rows;
    for (index i = 0; i < window_count; ++i) {
        const index sample = (first_window + i) / windows(), row = (first_window + i) % windows() * short_.outputs;
        task.row_count = std::min(short_.outputs, block_.rows() - row);
        for (index k = 0; k < task.row_count && call.out != nullptr; ++k) {
            const index position = (row + k) * block_.phases + phase_number;
            out_rows[k] = position < block_.out_length ? call.out_layout->at(call.out, sample, position) + first_panel * width
                                                       : nullptr;
        }
        task.out_rows = call.out == nullptr ? nullptr : out_rows.data();
        for (index panel = first_panel; panel < last_panel; ++panel) {
            const float* sums = scratch + ((panel - first_panel) * tiling_.windows + i) * window_floats;
            const Group group{&phase.output_run, 1, sums, width};
            task.groups = &group;
            epilogue_.describe(task, phase_number, panel);
            if (call.partial != nullptr)
                task.partial = call.partial + epilogue_.partial_place(sample * block_.rows() + row, phase_number, panel);
            kernels_.conv_panel(task);
            for (index k = 0; k < task.row_count && call.out != nullptr; ++k)
                if (out_rows[k] != nullptr) out_rows[k] += width;
        }
    }
}

}  // namespace convscope
