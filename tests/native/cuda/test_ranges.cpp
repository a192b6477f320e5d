// No input within its range takes an output out of its own, and some input takes it to the end.
#include "cuda/ranges.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "../checks.h"
#include "blocks.h"
#include "cuda/half.h"

namespace convscope::cuda {
namespace {

Weights random_weights(const ConvBlock& block, bool has_bias_per_phase) {
    Weights weights;
    weights.kernel = random_values(slots(block) * block.in_channels * block.out_channels);
    weights.bias = random_values((has_bias_per_phase ? block.phases : 1) * block.out_channels);
    weights.slope = random_values(block.out_channels);
    return weights;
}

// What a position of one phase and channel is when each tap's input is what `input` says.
template <class Input>
double output(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, index phase, index c, Input input) {
    const index channels = block.out_channels;
    double sum = weights.bias[static_cast<index>(weights.bias.size()) > channels ? phase * channels + c : c];
    for (const Tap& tap : block.taps)
        for (index p = 0; p < block.in_channels && tap.phase == phase; ++p) {
            const double weight = weights.kernel[(tap.slot * block.in_channels + p) * channels + c];
            sum += weight * input(p, weight);
        }
    return activated_exactly(sum, epilogue, weights.slope[c]);
}

void check(const NamedBlock& named, Activation activation, bool has_bias_per_phase, float scale) {
    const ConvBlock& block = named.block;
    const Weights weights = random_weights(block, has_bias_per_phase);
    const Epilogue epilogue{activation, scale, Reduction::none, false, 1};
    std::vector<Range> inputs;
    for (float low : random_values(block.in_channels)) inputs.push_back({-std::abs(low) - 0.01, 2 * std::abs(low) + 0.01});
    const std::vector<Range> ranges = output_ranges(block, epilogue, weights, inputs);
    const std::string what = named.name + ", activation " + std::to_string(static_cast<int>(activation));
    expect(static_cast<index>(ranges.size()) == block.out_channels, what + ": a range for each channel");
    for (index c = 0; c < block.out_channels; ++c) {
        double least = 1e300, most = -1e300;
        for (index phase = 0; phase < block.phases; ++phase) {
            const auto seen = [&](double y) { least = std::min(least, y), most = std::max(most, y); };
            seen(output(block, epilogue, weights, phase, c,
                        [&](index p, double w) { return w > 0 ? inputs[p].high : inputs[p].low; }));
            seen(output(block, epilogue, weights, phase, c,
                        [&](index p, double w) { return w > 0 ? inputs[p].low : inputs[p].high; }));
            seen(output(block, epilogue, weights, phase, c, [](index, double) { return 0.0; }));  // beyond the ends
            for (int draw = 0; draw < 3; ++draw) {
                const Floats shares = random_values(block.in_channels);
                seen(output(block, epilogue, weights, phase, c, [&](index p, double) {
                    return inputs[p].low + (0.5 + 0.5 * shares[p]) * (inputs[p].high - inputs[p].low);
                }));
            }
        }
        const double margin = 1e-9 * (std::abs(least) + std::abs(most));
        expect(ranges[c].low <= least + margin && ranges[c].high >= most - margin, what + ": a value out of its range");
        const bool turns = activation == Activation::leaky_relu && weights.slope[c] < 0;
        if (!turns && activation != Activation::sigmoid)
            expect(std::abs(ranges[c].low - least) <= 1e-6 + margin && std::abs(ranges[c].high - most) <= 1e-6 + margin,
                   what + ": a range that is too wide");
    }
}

void check_scales() {
    const auto one = [](double low, double high) { return scale_of(std::vector<Range>{{0, 0.1}, {low, high}}); };
    for (double largest : {1e-20, 1e-3, 1.0, 3.0, 32752.0, 1e7, 1e20})
        for (const double scale : {one(0, largest), one(-largest, 0.01 * largest)}) {
            if (largest < 0.1) continue;
            expect(std::exp2(std::round(std::log2(scale))) == scale, "a power of two");
            expect(scale * largest <= largest_half / 2 && 2 * scale * largest > largest_half / 2,
                   "the largest one for " + std::to_string(largest));
        }
    expect(scale_of(std::vector<Range>{{0, 0}}) == 1.0, "nothing but zeros");
    try {
        one(0, INFINITY);
        expect(false, "an infinite bound was taken");
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
            for (bool has_bias_per_phase : {false, true})
                for (float scale : {1.0f, -2.5f}) cuda::check(named, activation, has_bias_per_phase, scale);
    cuda::check_scales();
    return report();
}
