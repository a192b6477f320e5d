#include "cuda/ranges.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "cuda/half.h"

namespace convscope::cuda {
namespace {

double activated(double x, Activation activation, double slope) {
    switch (activation) {
        case Activation::identity: break;
        case Activation::relu: return std::max(x, 0.0);
        case Activation::leaky_relu: return x < 0 ? slope * x : x;
        case Activation::tanh: return std::tanh(x);
        case Activation::sigmoid: return 1 / (1 + std::exp(-x));
    }
    return x;
}

Range activated(Range sums, const Epilogue& epilogue, double slope) {
    const double ends[2] = {activated(sums.low, epilogue.activation, slope), activated(sums.high, epilogue.activation, slope)};
    Range result{std::min(ends[0], ends[1]), std::max(ends[0], ends[1])};
    // A leaky slope below zero turns at zero.
    if (sums.low < 0 && sums.high > 0) result = {std::min(result.low, 0.0), std::max(result.high, 0.0)};
    result = {result.low * epilogue.scale, result.high * epilogue.scale};
    return {std::min(result.low, result.high), std::max(result.low, result.high)};
}

}  // namespace

std::vector<Range> output_ranges(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights,
                                 std::span<const Range> inputs) {
    require(static_cast<index>(inputs.size()) == block.in_channels, "ranges", "expected one for each of ", block.in_channels,
            " input channels, got ", inputs.size());
    const index channels = block.out_channels;
    const bool has_bias_per_phase = static_cast<index>(weights.bias.size()) > channels;
    std::vector<Range> result(static_cast<std::size_t>(channels));
    std::vector<Range> sums(static_cast<std::size_t>(channels));
    for (index phase = 0; phase < block.phases; ++phase) {
        for (index c = 0; c < channels; ++c) {
            const double bias = weights.bias[(has_bias_per_phase ? phase * channels : 0) + c];
            sums[c] = {bias, bias};
        }
        for (const Tap& tap : block.taps) {
            if (tap.phase != phase) continue;
            for (index p = 0; p < block.in_channels; ++p) {
                const float* const row = weights.kernel.data() + (tap.slot * block.in_channels + p) * channels;
                for (index c = 0; c < channels; ++c) {
                    const double a = row[c] * inputs[p].low, b = row[c] * inputs[p].high;
                    sums[c].low += std::min({a, b, 0.0});
                    sums[c].high += std::max({a, b, 0.0});
                }
            }
        }
        for (index c = 0; c < channels; ++c) {
            const Range of_phase = activated(sums[c], epilogue, weights.slope.empty() ? 0.0 : weights.slope[c]);
            result[c].low = phase == 0 ? of_phase.low : std::min(result[c].low, of_phase.low);
            result[c].high = phase == 0 ? of_phase.high : std::max(result[c].high, of_phase.high);
        }
    }
    return result;
}

double scale_of(std::span<const Range> ranges) {
    double largest = 0;
    for (const Range& range : ranges) largest = std::max({largest, std::abs(range.low), std::abs(range.high)});
    require(std::isfinite(largest), "ranges", "expected finite weights and inputs, got a bound of ", largest);
    return largest > 0 ? std::exp2(std::floor(std::log2(largest_half / 2 / largest))) : 1.0;
}

}  // namespace convscope::cuda
