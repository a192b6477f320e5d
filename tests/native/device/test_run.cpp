// Whole networks on the device, be it a GPU or the stand-in machine, against sums in double.
#include "cuda/run.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "../checks.h"
#include "../cuda/blocks.h"
#include "memory.h"

namespace convscope::cuda {
namespace {

using Map = std::vector<double>;  // (samples, positions, channels)

Layer layer_of(const ConvBlock& block, Activation activation, Reduction reduction) {
    Layer layer;
    layer.block = block;
    layer.epilogue = {activation, 1.0f, reduction, false, reduction == Reduction::readout ? index{2} : index{1}};
    const index taps = static_cast<index>(block.taps.size()) / block.phases;
    const float gain = 2.0f / std::sqrt(static_cast<float>(block.in_channels * std::max<index>(taps, 1)));
    layer.weights.kernel = random_values(slots(block) * block.in_channels * block.out_channels);
    for (float& weight : layer.weights.kernel) weight *= gain;
    layer.weights.bias = random_values(block.out_channels);
    for (float& bias : layer.weights.bias) bias *= 0.1f;
    if (activation == Activation::leaky_relu) layer.weights.slope.assign(block.out_channels, 0.2f);
    if (reduction == Reduction::readout) layer.weights.readout = random_values(2 * block.out_channels);
    return layer;
}

// Channel c of a layer's output a hundred million times smaller or larger, and the next layer's weights the other way.
void unbalance(Layer& layer, Layer& next) {
    const index channels = layer.block.out_channels;
    for (index c = 0; c < channels; ++c) {
        const float factor = std::exp2(static_cast<float>(c % 27) - 13);
        for (index i = c; i < static_cast<index>(layer.weights.kernel.size()); i += channels) layer.weights.kernel[i] *= factor;
        layer.weights.bias[c] *= factor;
        const index row = next.block.out_channels;
        for (index i = 0; i < static_cast<index>(next.weights.kernel.size()); ++i)
            if (i / row % channels == c) next.weights.kernel[i] /= factor;
    }
}

// After the activation, or before it.
Map exact_map(const Layer& layer, const Map& input, index samples, bool is_activated) {
    const ConvBlock& block = layer.block;
    Map map(samples * block.out_length * block.out_channels);
    for (index sample = 0; sample < samples; ++sample)
        for (index position = 0; position < block.out_length; ++position) {
            double* const sums = &map[(sample * block.out_length + position) * block.out_channels];
            for (index c = 0; c < block.out_channels; ++c) sums[c] = layer.weights.bias[c];
            for (const Tap& tap : block.taps) {
                const index from = position / block.phases * block.step + tap.offset;
                if (tap.phase != position % block.phases || from < 0 || from >= block.in_length) continue;
                for (index p = 0; p < block.in_channels; ++p)
                    for (index c = 0; c < block.out_channels; ++c)
                        sums[c] += input[(sample * block.in_length + from) * block.in_channels + p] *
                                   layer.weights.kernel[(tap.slot * block.in_channels + p) * block.out_channels + c];
            }
            for (index c = 0; c < block.out_channels && is_activated; ++c)
                sums[c] = activated_exactly(sums[c], layer.epilogue, layer.weights.slope.empty() ? 0 : layer.weights.slope[c]);
        }
    return map;
}

// (samples, readouts, positions)
Values exact_series(const Layer& layer, const Map& map, index samples) {
    const index channels = layer.block.out_channels, length = layer.block.out_length, readouts = layer.epilogue.readouts;
    Values series(samples * readouts * length);
    for (index sample = 0; sample < samples; ++sample)
        for (index position = 0; position < length; ++position)
            for (index k = 0; k < readouts; ++k) {
                const double* const values = &map[(sample * length + position) * channels];
                double& total = series[(sample * readouts + k) * length + position];
                if (layer.epilogue.reduction == Reduction::max) total = *std::max_element(values, values + channels);
                for (index c = 0; c < channels; ++c) {
                    if (layer.epilogue.reduction == Reduction::mean) total += values[c] / static_cast<double>(channels);
                    if (layer.epilogue.reduction == Reduction::rms)
                        total += values[c] * values[c] / static_cast<double>(channels);
                    if (layer.epilogue.reduction == Reduction::readout)
                        total += layer.weights.readout[k * channels + c] * values[c];
                }
                if (layer.epilogue.reduction == Reduction::rms) total = std::sqrt(total);
            }
    return series;
}

struct Network {
    std::string name;
    std::vector<Layer> layers;
    Target target = Target::any;
};

// Latents to sound, and sound to classes.
std::vector<Network> networks() {
    std::vector<Network> all;
    all.push_back({"generator",
                   {layer_of(dense(100, 16, 40), Activation::relu, Reduction::mean),
                    layer_of(transposed(16, 40, 24), Activation::relu, Reduction::max),
                    layer_of(transposed(64, 24, 8), Activation::relu, Reduction::none),
                    layer_of(transposed(256, 8, 1), Activation::tanh, Reduction::mean)}});
    ConvBlock logits = shaped(4, 72, 5, 1, 1);
    logits.out_length = 1;
    for (index position = 0; position < 4; ++position) logits.taps.push_back({0, position, position});
    all.push_back({"q network",
                   {layer_of(strided(256, 1, 20), Activation::leaky_relu, Reduction::rms),
                    layer_of(strided(64, 20, 36), Activation::leaky_relu, Reduction::readout),
                    layer_of(strided(16, 36, 72), Activation::leaky_relu, Reduction::mean),
                    layer_of(logits, Activation::identity, Reduction::readout)}});
    all.push_back(all.front());
    all.back().name = "unbalanced generator";
    for (std::size_t i = 0; i + 1 < all.back().layers.size(); ++i) unbalance(all.back().layers[i], all.back().layers[i + 1]);
    all.back().layers.front().epilogue.reduction = Reduction::none;  // its smallest channels are lost in any mean
    all.back().layers[1].epilogue.reduction = Reduction::none;
    return all;
}

// With layers of whole boxes: fewer rows than a tile has, as many, and more; several tiles for a phase, and several phases in
// one.
std::vector<Network> networks_for_hopper() {
    std::vector<Network> all;
    all.push_back({"generator in boxes",
                   {layer_of(dense(20, 16, 128), Activation::relu, Reduction::mean),
                    layer_of(transposed(16, 128, 320), Activation::relu, Reduction::rms),
                    layer_of(transposed(64, 320, 64), Activation::relu, Reduction::max),
                    layer_of(transposed(256, 64, 1), Activation::tanh, Reduction::mean)},
                   Target::hopper});
    ConvBlock smoothing = shaped(128, 128, 1, 1, 1);
    for (index k = 0; k < 25; ++k) smoothing.taps.push_back({0, k - 12, k});
    all.push_back({"sound of many channels",
                   {layer_of(transposed(32, 64, 128), Activation::leaky_relu, Reduction::none),
                    layer_of(smoothing, Activation::leaky_relu, Reduction::readout)},
                   Target::hopper});
    all.back().layers.back().epilogue.before_activation = true;
    all.push_back({"q network in boxes",
                   {layer_of(strided(512, 1, 64), Activation::leaky_relu, Reduction::rms),
                    layer_of(strided(128, 64, 64), Activation::leaky_relu, Reduction::readout),
                    layer_of(strided(32, 64, 192), Activation::leaky_relu, Reduction::mean)},
                   Target::hopper});
    all.back().layers.back().epilogue.before_activation = true;
    all.push_back(
        {"window of two blocks", {layer_of(transposed(128, 128, 3), Activation::tanh, Reduction::readout)}, Target::any});
    all.push_back({"long", {layer_of(transposed(256, 64, 64), Activation::identity, Reduction::mean)}, Target::hopper});
    return all;
}

struct Result {
    std::vector<Floats> series;
};

Result run_plan(const Plan& plan, const Floats& x, index samples, index chunk) {
    const ConvBlock& first = plan.layers.front().block;
    const DeviceMemory constants(plan.constants.data(), plan.constants.size()), input(x.data(), x.size() * sizeof(float));
    const DeviceMemory memory(workspace(plan, chunk).bytes);
    std::vector<DeviceMemory> on_device;
    std::vector<float*> series;
    for (const LayerPlan& layer : plan.layers) {
        on_device.emplace_back(samples * layer.series_floats() * sizeof(float));
        series.push_back(layer.series_floats() > 0 ? on_device.back().floats() : nullptr);
    }
    run(plan, constants.data(), memory.data(), chunk, {input.floats(), first.in_channels * first.in_length, first.in_length, 1},
        samples, series, nullptr);
    Result result;
    for (std::size_t i = 0; i < plan.layers.size(); ++i) {
        Floats& of_layer = result.series.emplace_back(samples * plan.layers[i].series_floats());
        on_device[i].copy_to(of_layer.data(), of_layer.size() * sizeof(float));
    }
    return result;
}

bool same_bits(const Floats& a, const Floats& b, std::size_t count) {
    return std::equal(a.begin(), a.begin() + static_cast<index>(count), b.begin());
}

void check(const Network& network, Precision precision) {
    constexpr index samples = 2;
    const bool is_exact = precision == Precision::float32;
    const std::string what = network.name + (is_exact ? ", float32" : ", float16");
    const Plan plan = make_plan(network.layers, precision, network.target);
    const bool has_sound = network.target == Target::hopper && network.layers.back().block.out_channels == 1;
    expect((plan.layers.back().kernel == Kernel::fused) == has_sound, what + ": is the last layer fused?");
    const ConvBlock& first = network.layers.front().block;
    const Floats x = random_values(samples * first.in_length * first.in_channels);  // (samples, channels, length)
    Map map(x.size());
    for (index i = 0; i < static_cast<index>(x.size()); ++i) {
        const index sample = i / (first.in_length * first.in_channels), channel = i / first.in_length % first.in_channels;
        map[(sample * first.in_length + i % first.in_length) * first.in_channels + channel] = x[i];
    }
    const Result result = run_plan(plan, x, samples, samples);
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const Layer& layer = network.layers[i];
        const Map before = layer.epilogue.before_activation ? exact_map(layer, map, samples, false) : Map();
        map = exact_map(layer, map, samples, true);
        if (result.series[i].empty()) continue;
        const Values wanted = exact_series(layer, before.empty() ? map : before, samples);
        Error error;
        error.add({result.series[i].begin(), result.series[i].end()}, wanted);
        expect(error.relative() <= (is_exact ? 2e-6 : 2e-3),
               what + ", layer " + std::to_string(i) + ": off by " + std::to_string(1e6 * error.relative()) + "e-6");
    }
    const Result in_chunks = run_plan(plan, x, samples, 1);
    for (std::size_t i = 0; i < network.layers.size(); ++i)
        expect(same_bits(result.series[i], in_chunks.series[i], result.series[i].size()), what + ": other bits in chunks");
}

// What halves cannot hold comes out as no number, also behind a ReLU and in a maximum.
void check_overflow() {
    constexpr index inputs = 20;
    const std::vector<Layer> layers = {layer_of(dense(inputs, 4, 16), Activation::relu, Reduction::mean),
                                       layer_of(transposed(4, 16, 8), Activation::relu, Reduction::max)};
    for (Precision precision : {Precision::float16, Precision::float32}) {
        const Plan plan = make_plan(layers, precision, Target::any);
        Floats x = random_values(2 * inputs);
        const Result without = run_plan(plan, x, 2, 2);
        for (float value : {1e4f, -1e4f, INFINITY, -INFINITY, nothing}) {
            x[inputs] = value;
            const Result result = run_plan(plan, x, 2, 2);
            for (std::size_t i = 0; i < layers.size(); ++i) {
                const Floats& series = result.series[i];
                const std::size_t half = series.size() / 2;
                expect(same_bits(series, without.series[i], half), "a sample beside one that is out of range");
                expect(
                    std::all_of(series.begin() + static_cast<index>(half), series.end(), [](float v) { return std::isnan(v); }),
                    "layer " + std::to_string(i) + ": a number where an input was out of range");
            }
        }
    }
}

void check_refusals() {
    const Network network = networks().front();
    const Plan plan = make_plan(network.layers, Precision::float16, Target::any);
    const auto refuses = [&](index chunk, std::size_t series) {
        try {
            std::vector<float*> none(series, nullptr);
            run(plan, plan.constants.data(), nullptr, chunk, {}, 0, none, nullptr);
            return false;
        } catch (const std::invalid_argument&) {
            return true;
        }
    };
    expect(refuses(0, 4) && refuses(largest_chunk(plan) + 1, 4), "a chunk that kernels cannot count");
    expect(refuses(1, 3), "too few series");
    expect(!refuses(1, 4), "an empty batch is a batch");
    for (index samples : {index{1}, index{2}, index{1000}}) {
        const Workspace one = workspace(plan, samples);
        expect(one.maps[0] == 0 && one.map_bytes[0] <= one.maps[1] && one.maps[1] + one.map_bytes[1] <= one.partials &&
                   one.partials < one.bytes && one.maps[1] % 1024 == 0 && one.partials % 1024 == 0,
               "parts of the workspace");
    }
}

}  // namespace
}  // namespace convscope::cuda

int main() {
    using namespace convscope::cuda;
    for (const std::vector<Network>& all : {networks(), networks_for_hopper()})
        for (const Network& network : all)
            for (Precision precision : {Precision::float16, Precision::float32}) check(network, precision);
    check_overflow();
    check_refusals();
    return convscope::report();
}
