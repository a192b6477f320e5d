#include "core/spectral_weights.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/panels.h"

namespace convscope {
namespace {

using Phase = SpectralWeights::Phase;
using Product = SpectralWeights::Product;
using Step = SpectralWeights::Step;

// Plans and packs one phase.
class Packer {
  public:
    static constexpr index most_columns = 64;  // of a panel

    Packer(const ConvBlock& block, const Weights& weights, const ShortConvolution& convolution, index first_offset,
           index form_stride, const Kernels& kernels, const Bfloat16Kernels* bfloat16, index phase)
        : block_(block),
          weights_(weights),
          short_(convolution),
          form_stride_(form_stride),
          width_(kernels.tile_columns),
          bfloat16_(bfloat16),
          taps_(static_cast<std::size_t>(block.step)) {
        for (const Tap& tap : block.taps) {
            const index steps = tap.steps(block.step);
            if (tap.phase == phase) taps_[tap.offset - steps * block.step].push_back({tap.slot, steps - first_offset});
        }
    }

    Phase plan() const {
        Phase phase;
        for (index r = 0; r < products(); ++r) {
            Product product = plan_product(r);
            if (product.sources.empty()) continue;
            const index end = r - (products() - 2);
            if (end >= 0) phase.ends[end] = static_cast<index>(phase.products.size());
            phase.products.push_back(std::move(product));
        }
        plan_steps(phase);
        return phase;
    }

    void pack(const Phase& phase, index panel, float* to) const {
        for (const Step& step : phase.steps)
            for (index row = step.begin; row < step.begin + step.depth && step.is_first_use; ++row, to += width_)
                pack_row(phase.products[step.product], row, panel, to);
    }

  private:
    struct PlacedTap {
        index slot;
        index place;  // among the T taps of the short convolution
    };
    using PanelWeights = std::array<double, most_columns>;

    // What a product is a sum of.
    struct Part {
        index form, tap_row;
        bool is_lower;  // whether the weights are what rounding left out of them
    };

    double factor(index tap_row, const PlacedTap& tap) const { return short_.tap_matrix[tap_row * short_.taps + tap.place]; }
    index channels() const { return channel_floats(block_, bfloat16_); }
    index products() const { return static_cast<index>(short_.products.size()); }

    std::vector<Part> parts_of(index r) const {
        if (bfloat16_ != nullptr && r == 0) return {{0, 0, false}, {short_.forms, 0, false}, {0, 0, true}};
        const ShortConvolution::Product& product = short_.products[r];
        std::vector<Part> parts;
        parts.reserve(static_cast<std::size_t>(product.parts));
        for (index i = 0; i < product.parts; ++i) parts.push_back({product.form + i, product.tap_row + i, false});
        return parts;
    }

    Product plan_product(index r) const {
        Product product{r, {}, {}, {}};
        const index tap_row = short_.products[r].tap_row;
        for (index source = 0; source < block_.step; ++source) {
            const auto& taps = taps_[source];
            const bool matters =
                std::any_of(taps.begin(), taps.end(), [&](const PlacedTap& tap) { return factor(tap_row, tap) != 0.0; });
            if (matters || (r < products() - 2 && !taps.empty())) product.sources.push_back(source);
        }
        const std::vector<Run> runs = merge_runs(product.sources, channels(), channels());
        for (const Part& part : parts_of(r))
            for (const Run& run : runs) product.runs.push_back({run.offset + part.form * form_stride_, run.length});
        product.group_ends = split_groups(product.runs);
        return product;
    }

    // Where a product's weights are, once those of the products before it are stored.
    enum class Place { its_own, difference, previous };
    Place place_of(const Phase& phase, std::size_t product) const {
        const auto tap_row = [&](std::size_t which) { return short_.products[phase.products[which].number].tap_row; };
        if (short_.products[phase.products[product].number].is_difference) return Place::difference;
        return product > 0 && tap_row(product) == tap_row(product - 1) ? Place::previous : Place::its_own;
    }

    void plan_steps(Phase& phase) const {
        const auto point = [&](std::size_t product) { return short_.products[phase.products[product].number].point; };
        for (std::size_t first = 0, last = 0; first < phase.products.size(); first = last) {
            while (last < phase.products.size() && point(last) == point(first)) ++last;
            for (std::size_t group = 0; group < phase.products[first].group_ends.size(); ++group) {
                const index floats = phase.panel_floats;
                for (std::size_t product = first; product < last; ++product) add_step(phase, product, group);
                share_fetches(phase.steps.end() - static_cast<index>(last - first), phase.steps.end(), floats);
            }
        }
    }

    void add_step(Phase& phase, std::size_t place, std::size_t group) const {
        const Product& product = phase.products[place];
        const index first = group == 0 ? 0 : product.group_ends[group - 1], last = product.group_ends[group];
        Step step{};
        step.product = static_cast<index>(place);
        step.runs = product.runs.data() + first;
        step.run_count = last - first;
        step.begin = static_cast<index>(group) * group_depth;
        for (index run = first; run < last; ++run) step.depth += product.runs[run].length;
        step.weights = phase.panel_floats;
        step.subtrahend = -1;
        switch (place_of(phase, place)) {
            case Place::its_own:
                step.is_first_use = true;
                phase.panel_floats += step.depth * width_;
                break;
            case Place::difference:
                step.weights = phase.panel_floats - 2 * step.depth * width_;
                step.subtrahend = phase.panel_floats - step.depth * width_;
                break;
            case Place::previous: step.weights -= step.depth * width_; break;
        }
        phase.steps.push_back(step);
    }

    // Steps of one point fetch as many floats as they use, from `floats` on, in equal shares of whole lines: one that uses no
    // weights of its own leaves the memory no pause.
    void share_fetches(std::vector<Step>::iterator first, std::vector<Step>::iterator last, index floats) const {
        constexpr index line_floats = 16;
        const index ahead = 2 * group_depth * width_;
        index left = 0;
        for (auto step = first; step != last; ++step) left += step->is_first_use ? step->depth * width_ : 0;
        for (auto step = first; step != last; ++step) {
            const index line = step->depth * line_floats;  // for each float of depth
            step->next_weights = floats + ahead;
            step->next_floats = step + 1 == last ? left : left / (last - step) / line * line;
            floats += step->next_floats;
            left -= step->next_floats;
        }
    }

    // The weights of one float among those that a product sums over: one input channel, or a pair of them.
    void pack_row(const Product& product, index row, index panel, float* to) const {
        const index sources = static_cast<index>(product.sources.size());
        const Part part = parts_of(product.number)[row / channels() / sources];
        const auto& taps = taps_[product.sources[row / channels() % sources]];
        if (bfloat16_ == nullptr) {
            const PanelWeights exact = transformed(taps, part.tap_row, row % channels(), panel);
            for (index c = 0; c < width_; ++c) to[c] = static_cast<float>(exact[c]);
            return;
        }
        std::array<float, 2 * most_columns> pairs{}, lower{};
        for (index odd : {0, 1}) {
            const PanelWeights exact = transformed(taps, part.tap_row, row % channels() * 2 + odd, panel);
            for (index c = 0; c < width_; ++c) pairs[2 * c + odd] = static_cast<float>(exact[c]);
        }
        bfloat16_->convert(pairs.data(), 2 * width_, to, lower.data());
        if (part.is_lower) std::copy_n(lower.data(), width_, to);
    }

    // One row of G w, for a panel's columns.
    PanelWeights transformed(const std::vector<PlacedTap>& taps, index tap_row, index channel, index panel) const {
        const index first = panel * width_, columns = block_.out_channels, count = std::min(width_, columns - first);
        PanelWeights sums{};
        for (const PlacedTap& tap : taps) {
            const double weight = factor(tap_row, tap);
            const float* from = weights_.kernel.data() + (tap.slot * block_.in_channels + channel) * columns + first;
            for (index c = 0; c < count; ++c) sums[c] += weight * static_cast<double>(from[c]);
        }
        return sums;
    }

    const ConvBlock& block_;
    const Weights& weights_;
    const ShortConvolution& short_;
    index form_stride_, width_;
    const Bfloat16Kernels* bfloat16_;
    std::vector<std::vector<PlacedTap>> taps_;  // of this phase, by input phase
};

}  // namespace

SpectralWeights::SpectralWeights(const ConvBlock& block, const Weights& weights, const ShortConvolution& convolution,
                                 index first_offset, index form_stride, const Kernels& kernels, const Bfloat16Kernels* bfloat16) {
    require(kernels.tile_columns <= Packer::most_columns, "kernels", "expected panels of at most ", Packer::most_columns,
            " columns, got ", kernels.tile_columns);
    std::vector<Packer> packers;
    const index panels = (block.out_channels + kernels.tile_columns - 1) / kernels.tile_columns;
    index total = 0;
    for (index phase = 0; phase < block.phases; ++phase) {
        packers.emplace_back(block, weights, convolution, first_offset, form_stride, kernels, bfloat16, phase);
        phases_.push_back(packers.back().plan());
        total += phases_.back().panel_floats * panels;
    }
    packed_ = FloatBuffer(total);
    float* place = packed_.data();
    for (index phase = 0; phase < block.phases; ++phase) {
        phases_[phase].weights = place;
        for (index panel = 0; panel < panels; ++panel, place += phases_[phase].panel_floats)
            packers[phase].pack(phases_[phase], panel, place);
    }
}

}  // namespace convscope
