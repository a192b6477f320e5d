#include "cuda/scales.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace convscope::cuda {
namespace {

double square(double x) { return x * x; }

struct Powers {
    double first, second;  // the mean of a value and of its square
};

// Of what is above zero, for a normal distribution.
Powers positive_part(Moments sum) {
    const double deviation = std::sqrt(sum.variance), mean = sum.mean;
    if (deviation == 0) return {std::max(mean, 0.0), square(std::max(mean, 0.0))};
    const double at = mean / deviation, below = 0.5 * std::erfc(-at / std::numbers::sqrt2);
    const double density = deviation * std::exp(-0.5 * at * at) / std::sqrt(2 * std::numbers::pi);
    return {mean * below + density, (square(mean) + sum.variance) * below + mean * density};
}

Powers activated(Moments sum, Activation activation, double slope) {
    const Powers above = positive_part(sum), below = positive_part({-sum.mean, sum.variance});
    switch (activation) {
        case Activation::identity: break;
        case Activation::relu: return above;
        case Activation::leaky_relu: return {above.first - slope * below.first, above.second + square(slope) * below.second};
        case Activation::tanh: return {std::tanh(sum.mean), std::min(square(sum.mean) + sum.variance, 1.0)};
        case Activation::sigmoid: return {1 / (1 + std::exp(-sum.mean)), 1.0};
    }
    return {sum.mean, square(sum.mean) + sum.variance};
}

bool saturates(Activation activation) { return activation == Activation::tanh || activation == Activation::sigmoid; }

// The power of two that takes `value` to 2^exponent or more and below twice that.
double power_to(double value, int exponent) {
    require(std::isfinite(value), "scales", "expected finite weights, got a magnitude of ", value);
    return value > 0 ? std::exp2(exponent - std::clamp(std::floor(std::log2(value)), -60.0, 60.0)) : 1.0;
}

}  // namespace

Expected expected_outputs(const Layer& layer, std::span<const Moments> inputs) {
    const ConvBlock& block = layer.block;
    const Weights& weights = layer.weights;
    const index channels = block.out_channels;
    const bool has_bias_per_phase = static_cast<index>(weights.bias.size()) > channels;
    Expected expected{std::vector<Moments>(channels), std::vector<double>(channels)};
    std::vector<Powers> totals(channels);
    std::vector<Moments> sums(channels);
    for (index phase = 0; phase < block.phases; ++phase) {
        for (index c = 0; c < channels; ++c) sums[c] = {weights.bias[(has_bias_per_phase ? phase * channels : 0) + c], 0};
        for (const Tap& tap : block.taps) {
            if (tap.phase != phase) continue;
            for (index p = 0; p < block.in_channels; ++p) {
                const float* const row = weights.kernel.data() + (tap.slot * block.in_channels + p) * channels;
                for (index c = 0; c < channels; ++c) {
                    sums[c].mean += row[c] * inputs[p].mean;
                    sums[c].variance += square(row[c]) * inputs[p].variance;
                }
            }
        }
        const Epilogue& epilogue = layer.epilogue;
        for (index c = 0; c < channels; ++c) {
            const double root = std::sqrt(square(sums[c].mean) + sums[c].variance);
            const double magnitude = std::abs(epilogue.scale) * (saturates(epilogue.activation) ? std::min(root, 1.0) : root);
            expected.magnitudes[c] = std::max(expected.magnitudes[c], magnitude);
            const Powers powers = activated(sums[c], epilogue.activation, weights.slope.empty() ? 0.0 : weights.slope[c]);
            totals[c].first += epilogue.scale * powers.first / static_cast<double>(block.phases);
            totals[c].second += square(epilogue.scale) * powers.second / static_cast<double>(block.phases);
        }
    }
    for (index c = 0; c < channels; ++c)
        expected.values[c] = {totals[c].first, std::max(totals[c].second - square(totals[c].first), 0.0)};
    return expected;
}

double map_scale(double magnitude) { return power_to(magnitude, -5); }

std::vector<double> weight_scales(const Layer& layer, std::span<const double> input_scales) {
    const index channels = layer.block.out_channels;
    const index rows = static_cast<index>(layer.weights.kernel.size()) / channels;
    std::vector<double> largest(channels);
    for (index row = 0; row < rows; ++row)
        for (index c = 0; c < channels; ++c) {
            const double weight =
                std::abs(layer.weights.kernel[row * channels + c]) / input_scales[row % layer.block.in_channels];
            require(std::isfinite(weight), "scales", "expected finite weights, got ", layer.weights.kernel[row * channels + c]);
            largest[c] = std::max(largest[c], weight);
        }
    for (double& scale : largest) scale = power_to(scale, 13);
    return largest;
}

}  // namespace convscope::cuda
