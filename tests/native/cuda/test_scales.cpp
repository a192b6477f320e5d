// Expected magnitudes beside those of drawn inputs, and the powers of two that follow.
#include "cuda/scales.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "../checks.h"
#include "blocks.h"
#include "cuda/half.h"

namespace convscope::cuda {
namespace {

Layer random_layer(const ConvBlock& block, Activation activation, float scale, bool has_bias_per_phase) {
    Layer layer;
    layer.block = block;
    layer.epilogue = {activation, scale, Reduction::none, false, 1};
    layer.weights.kernel = random_values(slots(block) * block.in_channels * block.out_channels);
    layer.weights.bias = random_values((has_bias_per_phase ? block.phases : 1) * block.out_channels);
    if (activation == Activation::leaky_relu) layer.weights.slope = random_values(block.out_channels);
    return layer;
}

// Mean, mean square and the largest root mean square before the activation of any phase, over drawn inputs.
void check_expected(const NamedBlock& named, Activation activation, float scale, bool has_bias_per_phase) {
    constexpr int draws = 4000;
    const ConvBlock& block = named.block;
    const Layer layer = random_layer(block, activation, scale, has_bias_per_phase);
    const std::string what = named.name + ", activation " + std::to_string(static_cast<int>(activation));
    std::vector<Moments> inputs;
    for (float mean : random_values(block.in_channels)) inputs.push_back({mean, 0.25 + std::abs(mean)});
    const Expected expected = expected_outputs(layer, inputs);

    std::mt19937 random_bits(5);
    std::normal_distribution<double> normal;
    const index c = block.out_channels / 2;
    double mean = 0, square = 0, magnitude = 0;
    for (index phase = 0; phase < block.phases; ++phase) {
        std::vector<double> weights, means, deviations;
        for (const Tap& tap : block.taps)
            for (index p = 0; p < block.in_channels && tap.phase == phase; ++p) {
                weights.push_back(layer.weights.kernel[(tap.slot * block.in_channels + p) * block.out_channels + c]);
                means.push_back(inputs[p].mean);
                deviations.push_back(std::sqrt(inputs[p].variance));
            }
        double before = 0;
        for (int draw = 0; draw < draws; ++draw) {
            double sum = layer.weights.bias[has_bias_per_phase ? phase * block.out_channels + c : c];
            for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * (means[i] + deviations[i] * normal(random_bits));
            const double y = activated_exactly(sum, layer.epilogue, layer.weights.slope.empty() ? 0 : layer.weights.slope[c]);
            before += scale * scale * sum * sum / draws;
            mean += y / draws / static_cast<double>(block.phases);
            square += y * y / draws / static_cast<double>(block.phases);
        }
        magnitude = std::max(magnitude, std::sqrt(before));
    }
    const bool saturates = activation == Activation::tanh || activation == Activation::sigmoid;
    const double root = std::sqrt(expected.values[c].mean * expected.values[c].mean + expected.values[c].variance);
    if (saturates) {  // bounds, not estimates
        expect(expected.magnitudes[c] <= std::abs(scale) && root <= 1.01 * std::abs(scale), what + ": saturates");
        return;
    }
    expect(std::abs(expected.magnitudes[c] / magnitude - 1) < 0.1,
           what + ": magnitude " + std::to_string(expected.magnitudes[c]) + ", drawn " + std::to_string(magnitude));
    expect(std::abs(expected.values[c].mean - mean) < 0.08 * std::sqrt(square), what + ": mean");
    expect(std::abs(root / std::sqrt(square) - 1) < 0.1, what + ": mean square");
}

void check_scales() {
    for (double magnitude : {1e-9, 1e-3, 0.03125, 1.0, 3.0, 1e7}) {
        const double scale = map_scale(magnitude);
        expect(std::exp2(std::round(std::log2(scale))) == scale, "a power of two");
        expect(scale * magnitude >= 0x1p-5 && scale * magnitude < 0x1p-4, "2^-5 to 2^-4 of " + std::to_string(magnitude));
    }
    expect(map_scale(0) == 1, "nothing but zeros");
    expect(std::isfinite(static_cast<float>(map_scale(1e-300))), "a factor that floats hold");

    const ConvBlock block = dense(5, 3, 4);
    Layer layer = random_layer(block, Activation::relu, 1.0f, false);
    for (std::size_t i = 2; i < layer.weights.kernel.size(); i += 4) layer.weights.kernel[i] = 0;
    const std::vector<double> inputs{1, 0x1p5, 0x1p-7, 2, 1}, scales = weight_scales(layer, inputs);
    for (index c = 0; c < 4; ++c) {
        double largest = 0;
        for (index row = 0; row < 15; ++row)
            largest = std::max(largest, scales[c] * std::abs(layer.weights.kernel[row * 4 + c]) / inputs[row % 5]);
        expect(c == 2 ? scales[c] == 1 : largest >= 0x1p13 && largest < 0x1p14, "weights of a channel below 2^14");
    }
    layer.weights.kernel[1] = INFINITY;
    try {
        weight_scales(layer, inputs);
        expect(false, "an infinite weight was taken");
    } catch (const std::invalid_argument&) {
        expect(true, "");
    }
}

}  // namespace
}  // namespace convscope::cuda

int main() {
    using namespace convscope;
    for (const NamedBlock& named : blocks_of_every_kind())
        for (Activation activation :
             {Activation::identity, Activation::relu, Activation::leaky_relu, Activation::tanh, Activation::sigmoid})
            cuda::check_expected(named, activation, activation == Activation::relu ? -2.5f : 1.0f,
                                 activation != Activation::relu);
    cuda::check_scales();
    return report();
}
