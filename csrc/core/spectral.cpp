#include "core/spectral.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/panels.h"

namespace convscope {
namespace {

index floor_divided(index value, index by) { return value >= 0 ? value / by : -((by - 1 - value) / by); }

// Of a core's own cache, what a task may fill, and what its products may take.
constexpr index cache_floats = 700 * 1024 / 4, product_floats = 400 * 1024 / 4;

// The transformed inputs of one block: within the last-level cache of a server's core or two.
constexpr index block_floats = index{6} << 18;

}  // namespace

SpectralPlan::Matrix::Matrix(const HalfMatrix& exact, const std::vector<bool>& keep_columns) {
    for (index i = 0; i < exact.rows; ++i)
        for (index j = 0; j < exact.columns; ++j)
            if (keep_columns.empty() || keep_columns[j])
                values.push_back(static_cast<float>(exact.values[i * exact.columns + j]));
    run = {0, exact.rows > 0 ? static_cast<index>(values.size()) / exact.rows : 0};
    for (index i = 0; i < exact.rows; ++i) rows.push_back(values.data() + i * run.length);
}

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
    if (!block_.taps.empty()) first_offset_ = last_offset = floor_divided(block_.taps.front().offset, block_.step);
    for (const Tap& tap : block_.taps) {
        first_offset_ = std::min(first_offset_, floor_divided(tap.offset, block_.step));
        last_offset = std::max(last_offset, floor_divided(tap.offset, block_.step));
    }
    const index taps = last_offset - first_offset_ + 1;
    require(window - taps + 1 <= block_rows, "window", "expected at most ", block_rows, " outputs, got ", window - taps + 1);
    short_ = short_convolution(window, taps);

    in_ = input_layout(block_);
    in_.halo_left = std::max(in_.halo_left, -first_offset_ * block_.step);
    const index last_input = ((windows() - 1) * short_.outputs + first_offset_ + short_.inputs) * block_.step - 1;
    in_.halo_right = std::max(in_.halo_right, last_input - block_.in_length + 1);

    row_stride_ = depth() < 64 ? depth() : depth() + 16;  // as for maps: no power of two from one row to the next
    tiling_ = choose_tiling();
    product_stride_ = tiling_.windows * row_stride_;
    for (index parity : {0, 1}) sums_[parity] = Matrix(short_.sums_of[parity]);
    plan_phases();
    pack(weights);
}

void SpectralPlan::plan_phases() {
    phases_.resize(static_cast<std::size_t>(block_.phases));
    for (index number = 0; number < block_.phases; ++number) {
        Phase& phase = phases_[number];
        phase.taps.resize(static_cast<std::size_t>(block_.step));
        for (const Tap& tap : block_.taps) {
            const index step = floor_divided(tap.offset, block_.step);
            if (tap.phase == number) phase.taps[tap.offset - step * block_.step].push_back({tap.slot, step - first_offset_});
        }
        std::vector<index> place_of_product(static_cast<std::size_t>(short_.products), -1);
        for (index r = 0; r < short_.products; ++r) {
            Product product{r, {}, {}, {}};
            for (index source = 0; source < block_.step; ++source) {
                const auto& taps = phase.taps[source];
                const bool matters =
                    std::any_of(taps.begin(), taps.end(), [&](const PhaseTap& tap) { return factor(r, tap) != 0.0; });
                if (matters || (r < short_.products - 2 && !taps.empty())) product.sources.push_back(source);
            }
            if (product.sources.empty()) continue;
            product.runs = merge_runs(product.sources, channel_floats(), channel_floats());
            const std::vector<Run> one = product.runs;
            product.runs.clear();
            for (index part : parts_of(r))
                for (const Run& run : one) product.runs.push_back({run.offset + part * product_stride_, run.length});
            product.group_ends = split_groups(product.runs);
            place_of_product[r] = static_cast<index>(phase.products.size());
            phase.products.push_back(std::move(product));
        }
        for (index parity : {0, 1}) {
            std::vector<bool> keep;
            for (Combination combination : short_.combinations_for[parity]) {
                for (index* product : {&combination.first, &combination.second})
                    if (*product >= 0) *product = place_of_product[*product];
                keep.push_back(combination.first >= 0);
                if (combination.first >= 0) phase.combinations.push_back(combination);
            }
            phase.outputs[parity] = Matrix(short_.outputs_from[parity], keep);
        }
    }
}

// The rows of transformed inputs that a product takes, one after the other.
std::vector<index> SpectralPlan::parts_of(index product) const {
    if (bfloat16_ == nullptr || product > 0) return {product};
    return {0, short_.products, 0};  // upper times upper, lower times upper, upper times lower
}

void SpectralPlan::pack(const Weights& weights) {
    const index width = kernels_.tile_columns, channels = block_.in_channels, columns = block_.out_channels;
    index sources = 0;
    for (const Phase& phase : phases_)
        for (const Product& product : phase.products)
            sources += static_cast<index>(product.sources.size() * parts_of(product.number).size());
    packed_ = FloatBuffer(sources * channel_floats() * epilogue_.panels() * width);

    float* place = packed_.data();
    std::vector<double> sums(static_cast<std::size_t>(width));
    std::vector<float> row(static_cast<std::size_t>(2 * width)), pairs(row);
    // The transformed weights from input channel p to the panel's columns.
    const auto transform = [&](const Phase& phase, const Product& product, index source, index p, index panel, float* to) {
        const index first = panel * width, count = std::min(width, columns - first);
        std::fill(sums.begin(), sums.end(), 0.0);
        for (const PhaseTap& tap : phase.taps[source]) {
            const double weight = factor(product.number, tap);
            const float* from = weights.kernel.data() + (tap.slot * channels + p) * columns + first;
            for (index c = 0; c < count; ++c) sums[c] += weight * static_cast<double>(from[c]);
        }
        for (index c = 0; c < width; ++c) to[c] = static_cast<float>(sums[c]);
    };
    for (Phase& phase : phases_)
        for (index panel = 0; panel < epilogue_.panels(); ++panel)
            for (const Product& product : phase.products) {
                const float* group_weights = place;
                index begin = 0;
                for (index end : product.group_ends) {
                    phase.groups.push_back({product.runs.data() + begin, end - begin, group_weights, width});
                    for (; begin < end; ++begin) group_weights += product.runs[begin].length * width;
                }
                if (bfloat16_ == nullptr) {
                    for (index source : product.sources)
                        for (index p = 0; p < channels; ++p, place += width) transform(phase, product, source, p, panel, place);
                    continue;
                }
                // Upper parts, and for split factors: the same once more, for the inputs' lower parts, and the lower parts.
                const index block = static_cast<index>(product.sources.size()) * channel_floats() * width;
                const bool is_split = parts_of(product.number).size() > 1;
                float* to = place;
                for (index source : product.sources)
                    for (index p = 0; p < channels; p += 2, to += width) {
                        transform(phase, product, source, p, panel, row.data());
                        transform(phase, product, source, p + 1, panel, row.data() + width);
                        for (index c = 0; c < width; ++c) {
                            pairs[2 * c] = row[c];
                            pairs[2 * c + 1] = row[width + c];
                        }
                        bfloat16_->convert(pairs.data(), 2 * width, to, is_split ? to + 2 * block : nullptr);
                        if (is_split) std::copy_n(to, width, to + block);
                    }
                place += is_split ? 3 * block : block;
            }
}

SpectralPlan::Tiling SpectralPlan::choose_tiling() const {
    constexpr index windows_of_strip = 16;
    if (for_strips_) return {windows_of_strip, 1};
    const index width = kernels_.tile_columns, products = short_.products;
    Tiling best{kernels_.tile_rows, 1};
    double least = 1e30;
    for (index windows = kernels_.tile_rows; windows <= block_rows; windows += kernels_.tile_rows)
        for (index panels = 1; panels <= epilogue_.panels(); ++panels) {
            const index held = windows * panels * products * width;
            const index inputs = windows * products * row_stride_;
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
    return tasks * input_rows() * product_stride_ + kernels_.tile_columns;
}

index SpectralPlan::scratch_floats() const {
    const index width = kernels_.tile_columns;
    const index rows = short_.products + 4;  // sums or combinations, of which there are no more
    return held_floats() + (rows + short_.outputs) * width;
}

void SpectralPlan::run(const Call& call) const {
    const index all = call.batch * windows(), at_once = block_windows(call.batch), panels = epilogue_.panels();
    // Enough panels per task for some 10 us of work; fewer only add hand-outs.
    constexpr index products_per_task = 1'000'000;
    const index panel_products = std::min(tiling_.windows, all) * short_.products * depth() * kernels_.tile_columns;
    const index group = std::clamp<index>(products_per_task / panel_products / tiling_.panels * tiling_.panels,
                                          std::min(tiling_.panels, panels), panels);
    const index panel_groups = (panels + group - 1) / group, columns = block_.phases * panel_groups;

    for (index first = 0; first < all; first += at_once) {
        const index count = std::min(at_once, all - first);
        call.team->run(count, [&](index place, index worker) {
            transform_inputs(call.in, first + place, inputs_at(call.shared, place), call.scratch[worker].data());
        });
        const index tasks = (count + tiling_.windows - 1) / tiling_.windows;
        const bool weights_outside = packed_.size() > count * input_rows() * row_stride_;
        call.team->run(tasks * columns, [&](index task, index worker) {
            const index row = weights_outside ? task % tasks : task / columns;
            const index column = weights_outside ? task / tasks : task % columns;
            const index place = row * tiling_.windows, panel = column % panel_groups * group;
            float* const scratch = call.scratch[worker].data();
            Share share{call.shared,           first + place, place, std::min(tiling_.windows, count - place),
                        column / panel_groups, panel,         panel};
            const index end = std::min(panel + group, panels);
            while (share.last_panel < end) {
                share.first_panel = share.last_panel;
                share.last_panel = std::min(share.first_panel + tiling_.panels, end);
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
            const Share share{transformed, first, 0, count, phase, panel, std::min(panel + tiling_.panels, epilogue_.panels())};
            multiply(share, scratch);
            finish(call, share, scratch, scratch + held_floats());
        }
}

// A X for every input phase of one window.
void SpectralPlan::transform_inputs(const MapView& in, index window, float* to, float* scratch) const {
    const index width = kernels_.tile_columns, channels = block_.in_channels;
    const index sample = window / windows(), row = window % windows() * short_.outputs;
    float* const rest = scratch + (short_.products + 4) * width;
    PanelTask task{};
    task.row_count = short_.sums_of[0].rows;
    task.group_count = 1;
    task.scratch_row_stride = width;
    for (index source = 0; source < block_.step; ++source)
        for (index channel = 0; channel < channels; channel += width) {
            for (index parity : {0, 1}) {
                const float* from = in.at(sample, (row + first_offset_ + parity) * block_.step + source) + channel;
                const Group group{&sums_[parity].run, 1, from, 2 * block_.step * in.position_stride};
                task.rows = sums_[parity].rows.data();
                task.groups = &group;
                task.scratch = scratch + parity * task.row_count * width;
                kernels_.conv_panel(task);
            }
            const index count = std::min(width, channels - channel);
            float* const out = to + source * channel_floats() + (bfloat16_ == nullptr ? channel : channel / 2);
            const bool is_whole = count == width && bfloat16_ == nullptr;
            kernels_.combine(short_.inputs_from_sums.data(), short_.products, scratch, is_whole ? out : rest,
                             is_whole ? product_stride_ : width);
            for (index r = 0; r < short_.products && !is_whole; ++r) {
                if (bfloat16_ == nullptr)
                    std::copy_n(rest + r * width, count, out + r * product_stride_);
                else
                    bfloat16_->convert(rest + r * width, count, out + r * product_stride_,
                                       r == 0 ? out + short_.products * product_stride_ : nullptr);
            }
        }
}

// V = U W for some windows and panels of one phase: (panels, windows, products, tile_columns) in `products_out`.
void SpectralPlan::multiply(const Share& share, float* products_out) const {
    const index width = kernels_.tile_columns;
    const Phase& phase = phases_[share.phase];
    const index products = static_cast<index>(phase.products.size());
    std::array<const float*, block_rows> inputs;
    for (index i = 0; i < share.windows; ++i) inputs[i] = inputs_at(share.transformed, share.place + i);

    PanelTask task{};
    task.rows = inputs.data();
    task.row_count = share.windows;
    task.scratch_row_stride = products * width;
    const index groups_per_panel = static_cast<index>(phase.groups.size()) / epilogue_.panels();
    const auto groups_of = [&](index panel) { return phase.groups.data() + panel * groups_per_panel; };
    index first_group = 0;
    for (index r = 0; r < products; ++r) {
        const index group_count = static_cast<index>(phase.products[r].group_ends.size());
        for (index panel = share.first_panel; panel < share.last_panel; ++panel) {
            task.groups = groups_of(panel) + first_group;
            task.group_count = group_count;
            task.next_weights = panel + 1 < share.last_panel ? groups_of(panel + 1)[first_group].weights
                                : r + 1 < products           ? groups_of(share.first_panel)[first_group + group_count].weights
                                : share.last_panel < epilogue_.panels() ? groups_of(share.last_panel)->weights
                                                                        : nullptr;
            task.scratch = products_out + ((panel - share.first_panel) * tiling_.windows * products + r) * width;
            bfloat16_ == nullptr ? kernels_.conv_panel(task) : bfloat16_->multiply(task);
        }
        first_group += group_count;
    }
}

// y = C V and the epilogue.
void SpectralPlan::finish(const Call& call, const Share& share, const float* products_in, float* scratch) const {
    const index width = kernels_.tile_columns;
    const Phase& phase = phases_[share.phase];
    const index products = static_cast<index>(phase.products.size());
    float* const values = scratch + static_cast<index>(phase.combinations.size()) * width;  // of one window and panel

    PanelTask task{};
    task.group_count = products > 0 ? 1 : 0;
    task.scratch = values;
    task.scratch_row_stride = width;
    std::array<float*, block_rows> out_rows[2];  // by parity
    for (index i = 0; i < share.windows; ++i) {
        const index sample = (share.first_window + i) / windows();
        const index row = (share.first_window + i) % windows() * short_.outputs;
        const index row_count = std::min(short_.outputs, block_.rows() - row);
        for (index k = 0; k < row_count && call.out; ++k) {
            const index position = (row + k) * block_.phases + share.phase;
            out_rows[k % 2][k / 2] =
                position < block_.out_length ? call.out.at(sample, position) + share.first_panel * width : nullptr;
        }
        for (index panel = share.first_panel; panel < share.last_panel; ++panel) {
            kernels_.combine(phase.combinations.data(), static_cast<index>(phase.combinations.size()),
                             products_in + ((panel - share.first_panel) * tiling_.windows + i) * products * width, scratch,
                             width);
            epilogue_.describe(task, share.phase, panel);
            task.partial_row_stride *= 2;
            const float* combined = scratch;
            for (index parity : {0, 1}) {
                const Matrix& outputs = phase.outputs[parity];
                const Group group{&outputs.run, 1, combined, width};
                combined += outputs.run.length * width;
                task.rows = outputs.rows.data();
                task.row_count = (row_count + 1 - parity) / 2;
                task.groups = &group;
                task.out_rows = call.out ? out_rows[parity].data() : nullptr;
                if (call.partial != nullptr)
                    task.partial =
                        call.partial + epilogue_.partial_place(sample * block_.rows() + row + parity, share.phase, panel);
                kernels_.conv_panel(task);
                for (index k = 0; k < task.row_count && call.out; ++k)
                    if (out_rows[parity][k] != nullptr) out_rows[parity][k] += width;
            }
        }
    }
}

}  // namespace convscope
