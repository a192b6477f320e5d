#include "core/spectral_weights.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "core/error.h"
#include "core/panels.h"

namespace convscope {
namespace {

using Phase = SpectralWeights::Phase;
using Product = SpectralWeights::Product;
using Step = SpectralWeights::Step;

float rounded_to_bfloat16(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    return std::bit_cast<float>((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u);
}

// Plans and packs one phase.
class Packer {
  public:
    static constexpr index most_columns = 64;  // of a panel

    Packer(const ConvBlock& block, const Weights& weights, const ShortConvolution& convolution, index first_offset,
           index product_stride, const Kernels& kernels, const Bfloat16Kernels* bfloat16, index phase)
        : block_(block),
          weights_(weights),
          short_(convolution),
          product_stride_(product_stride),
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
        for (index r = 0; r < short_.products; ++r) {
            Product product = plan_product(r);
            if (product.sources.empty()) continue;
            const index end = r - (short_.products - 2);
            if (end >= 0) phase.ends[end] = static_cast<index>(phase.products.size());
            phase.products.push_back(std::move(product));
        }
        plan_steps(phase);
        return phase;
    }

    void pack(const Phase& phase, index panel, float* to) const {
        for (const Step& step : phase.steps)
            for (index row = step.begin; row < step.begin + step.depth && step.subtrahend < 0; ++row, to += width_)
                pack_row(phase.products[step.product], row, panel, to);
    }

  private:
    struct PlacedTap {
        index slot;
        index place;  // among the T taps of the short convolution
    };
    using PanelWeights = std::array<double, most_columns>;

    double factor(index r, const PlacedTap& tap) const { return short_.tap_matrix[r * short_.taps + tap.place]; }
    index channels() const { return channel_floats(block_, bfloat16_); }

    // The rows of transformed inputs that a product takes, one after the other.
    std::vector<index> parts_of(index r) const {
        if (bfloat16_ == nullptr || r > 0) return {r};
        return {0, short_.products, 0};  // upper times upper, lower times upper, upper times lower
    }

    Product plan_product(index r) const {
        Product product{r, {}, {}, {}};
        for (index source = 0; source < block_.step; ++source) {
            const auto& taps = taps_[source];
            const bool matters =
                std::any_of(taps.begin(), taps.end(), [&](const PlacedTap& tap) { return factor(r, tap) != 0.0; });
            if (matters || (r < short_.products - 2 && !taps.empty())) product.sources.push_back(source);
        }
        const std::vector<Run> runs = merge_runs(product.sources, channels(), channels());
        for (index part : parts_of(r))
            for (const Run& run : runs) product.runs.push_back({run.offset + part * product_stride_, run.length});
        product.group_ends = split_groups(product.runs);
        return product;
    }

    void plan_steps(Phase& phase) const {
        const auto add = [&](index place, std::size_t group, bool is_difference) {
            const Product& product = phase.products[place];
            const index first = group == 0 ? 0 : product.group_ends[group - 1], last = product.group_ends[group];
            Step step{
                place, product.runs.data() + first, last - first, static_cast<index>(group) * group_depth, 0, phase.panel_floats,
                -1};
            for (index run = first; run < last; ++run) step.depth += product.runs[run].length;
            if (is_difference) {
                step.weights = phase.stored[phase.stored.size() - 2];
                step.subtrahend = phase.stored.back();
            } else {
                phase.stored.push_back(step.weights);
                phase.panel_floats += step.depth * width_;
            }
            phase.steps.push_back(step);
        };
        const index products = static_cast<index>(phase.products.size());
        for (index place = 0; place < products;) {
            const bool is_triple =
                bfloat16_ == nullptr && place + 2 < products && short_.is_difference[phase.products[place + 2].number];
            const index together = is_triple ? 3 : 1;
            for (std::size_t group = 0; group < phase.products[place].group_ends.size(); ++group)
                for (index i = 0; i < together; ++i) add(place + i, group, i == 2);
            place += together;
        }
    }

    // The weights of one float among those that a product sums over: one input channel, or a pair of them.
    void pack_row(const Product& product, index row, index panel, float* to) const {
        const index sources = static_cast<index>(product.sources.size()), part = row / channels() / sources;
        const auto& taps = taps_[product.sources[row / channels() % sources]];
        if (bfloat16_ == nullptr) {
            const PanelWeights exact = transformed(taps, product.number, row % channels(), panel);
            for (index c = 0; c < width_; ++c) to[c] = static_cast<float>(exact[c]);
            return;
        }
        std::array<float, 2 * most_columns> pairs{}, lower{};
        for (index odd : {0, 1}) {
            const PanelWeights exact = to_be_rounded(taps, product.number, row % channels() * 2 + odd, panel);
            for (index c = 0; c < width_; ++c) pairs[2 * c + odd] = static_cast<float>(exact[c]);
        }
        bfloat16_->convert(pairs.data(), 2 * width_, to, lower.data());
        if (part == 2) std::copy_n(lower.data(), width_, to);
    }

    // One row of G w, for a panel's columns.
    PanelWeights transformed(const std::vector<PlacedTap>& taps, index r, index channel, index panel) const {
        const index first = panel * width_, columns = block_.out_channels, count = std::min(width_, columns - first);
        PanelWeights sums{};
        for (const PlacedTap& tap : taps) {
            const double weight = factor(r, tap);
            const float* from = weights_.kernel.data() + (tap.slot * block_.in_channels + channel) * columns + first;
            for (index c = 0; c < count; ++c) sums[c] += weight * static_cast<double>(from[c]);
        }
        return sums;
    }

    // For bfloat16: what rounding leaves out of the difference of two forms, they make good, half each.
    PanelWeights to_be_rounded(const std::vector<PlacedTap>& taps, index r, index channel, index panel) const {
        PanelWeights exact = transformed(taps, r, channel, panel);
        for (index after : {1, 2}) {
            if (r + after >= short_.products || !short_.is_difference[r + after]) continue;
            const PanelWeights difference = transformed(taps, r + after, channel, panel);
            for (index c = 0; c < width_; ++c) {
                const double added = rounded_to_bfloat16(static_cast<float>(difference[c])) - difference[c];
                exact[c] += (after == 2 ? 0.5 : -0.5) * added;
            }
        }
        return exact;
    }

    const ConvBlock& block_;
    const Weights& weights_;
    const ShortConvolution& short_;
    index product_stride_, width_;
    const Bfloat16Kernels* bfloat16_;
    std::vector<std::vector<PlacedTap>> taps_;  // of this phase, by input phase
};

}  // namespace

SpectralWeights::SpectralWeights(const ConvBlock& block, const Weights& weights, const ShortConvolution& convolution,
                                 index first_offset, index product_stride, const Kernels& kernels,
                                 const Bfloat16Kernels* bfloat16) {
    require(kernels.tile_columns <= Packer::most_columns, "kernels", "expected panels of at most ", Packer::most_columns,
            " columns, got ", kernels.tile_columns);
    std::vector<Packer> packers;
    const index panels = (block.out_channels + kernels.tile_columns - 1) / kernels.tile_columns;
    index total = 0;
    for (index phase = 0; phase < block.phases; ++phase) {
        packers.emplace_back(block, weights, convolution, first_offset, product_stride, kernels, bfloat16, phase);
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
