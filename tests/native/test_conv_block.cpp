// conv_block against its definition in double, for every instruction set here: the kernel tests that need no Python, for
// the sanitizers and for other processors (tools/cross_check.sh). tests/kernels/ asks more, from Python.
#include <cmath>
#include <cstdio>
#include <random>
#include <thread>

#include "core/program.h"

using namespace convscope;

namespace {

int failures = 0, checks = 0;

void expect(bool holds, const std::string& what) {
    ++checks;
    if (holds) return;
    ++failures;
    std::printf("FAILED %s\n", what.c_str());
}

std::mt19937 random_bits(7);

std::vector<float> random_values(index count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& value : values) value = normal(random_bits);
    return values;
}

struct Case {
    index length, in_channels, out_channels, kernel, stride;
    bool transposed;
};

Layer make_layer(const Case& c, Activation activation, Reduction reduction, bool before) {
    Layer layer;
    ConvBlock& block = layer.block;
    block.in_length = c.length;
    block.in_channels = c.in_channels;
    block.out_channels = c.out_channels;
    const index left = c.kernel / 3;
    if (c.transposed) {
        block.phases = c.stride;
        block.out_length = c.length * c.stride + 1;  // a last row that is cut
        for (index k = 0; k < c.kernel; ++k) {
            const index at = k - left, phase = ((at % c.stride) + c.stride) % c.stride;
            block.taps.push_back({phase, -(at - phase) / c.stride, k});
        }
    } else {
        block.step = c.stride;
        block.out_length = (c.length + c.stride - 1) / c.stride;
        for (index k = 0; k < c.kernel; ++k) block.taps.push_back({0, k - left, k});
    }
    layer.epilogue = {activation, 1.5f, reduction, before, reduction == Reduction::readout ? index{3} : index{1}};
    layer.weights.kernel = random_values(c.kernel * c.in_channels * c.out_channels);
    layer.weights.bias = random_values(c.out_channels);
    if (activation == Activation::leaky_relu) layer.weights.slope = random_values(c.out_channels);
    if (reduction == Reduction::readout) layer.weights.readout = random_values(3 * c.out_channels);
    return layer;
}

double activated(double x, Activation activation, double slope) {
    switch (activation) {
        case Activation::relu: return std::max(x, 0.0);
        case Activation::leaky_relu: return x < 0 ? slope * x : x;
        case Activation::tanh: return std::tanh(x);
        case Activation::sigmoid: return 1 / (1 + std::exp(-x));
        case Activation::identity: break;
    }
    return x;
}

// (B, K, M) by the definition in core/ops/conv_block.h.
std::vector<double> reference(const Layer& layer, const std::vector<float>& x, index batch) {
    const ConvBlock& block = layer.block;
    const Epilogue& epilogue = layer.epilogue;
    const index channels = block.out_channels;
    std::vector<double> series(batch * epilogue.readouts * block.out_length);
    std::vector<double> y(channels);
    for (index b = 0; b < batch; ++b)
        for (index position = 0; position < block.out_length; ++position) {
            const index row = position / block.phases, phase = position % block.phases;
            for (index c = 0; c < channels; ++c) {
                double total = layer.weights.bias[c];
                for (const Tap& tap : block.taps) {
                    const index from = row * block.step + tap.offset;
                    if (tap.phase != phase || from < 0 || from >= block.in_length) continue;
                    for (index p = 0; p < block.in_channels; ++p)
                        total += static_cast<double>(x[(b * block.in_length + from) * block.in_channels + p]) *
                                 layer.weights.kernel[(tap.slot * block.in_channels + p) * channels + c];
                }
                const double slope = layer.weights.slope.empty() ? 0.0 : layer.weights.slope[c];
                y[c] = epilogue.before_activation ? total : epilogue.scale * activated(total, epilogue.activation, slope);
            }
            for (index k = 0; k < epilogue.readouts; ++k) {
                double value = epilogue.reduction == Reduction::max ? y[0] : 0.0;
                for (index c = 0; c < channels; ++c) {
                    if (epilogue.reduction == Reduction::max) value = std::max(value, y[c]);
                    if (epilogue.reduction == Reduction::mean) value += y[c] / static_cast<double>(channels);
                    if (epilogue.reduction == Reduction::rms) value += y[c] * y[c] / static_cast<double>(channels);
                    if (epilogue.reduction == Reduction::readout) value += layer.weights.readout[k * channels + c] * y[c];
                }
                if (epilogue.reduction == Reduction::rms) value = std::sqrt(value);
                series[(b * epilogue.readouts + k) * block.out_length + position] = value;
            }
        }
    return series;
}

void check_layer(const Case& c, Activation activation, Reduction reduction, bool before, Form form, Isa isa) {
    Layer layer = make_layer(c, activation, reduction, before);
    layer.form = form;
    constexpr index batch = 3;
    const std::vector<float> x = random_values(batch * c.length * c.in_channels);
    const std::vector<double> wanted = reference(layer, x, batch);
    const Program program({layer}, isa);
    std::vector<float> got(wanted.size()), again(wanted.size());
    float* const out[] = {got.data()};
    program.run(x.data(), batch, out, 2);

    double error = 0, norm = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        error += (got[i] - wanted[i]) * (got[i] - wanted[i]);
        norm += wanted[i] * wanted[i];
    }
    const std::string what = std::string(name(isa)) + " length " + std::to_string(c.length) + " channels " +
                             std::to_string(c.in_channels) + "->" + std::to_string(c.out_channels) + " kernel " +
                             std::to_string(c.kernel) + " stride " + std::to_string(c.stride) + " activation " +
                             std::to_string(static_cast<int>(activation)) + " reduction " +
                             std::to_string(static_cast<int>(reduction));
    expect(std::sqrt(error) <= 2e-6 * std::sqrt(norm), what + ": relative error " + std::to_string(std::sqrt(error / norm)));

    const index per_sample = program.series_floats(0);
    for (index b = 0; b < batch; ++b) {
        float* const one[] = {again.data() + b * per_sample};
        program.run(x.data() + b * program.input_floats(), 1, one, 1);
    }
    expect(got == again, what + ": other bits for one sample at a time");
}

void check_concurrent_calls(Isa isa) {
    const Case c{40, 24, 48, 9, 2, true};
    const Program program({make_layer(c, Activation::relu, Reduction::mean, false)}, isa);
    const std::vector<float> x = random_values(4 * program.input_floats());
    std::vector<float> whole(4 * program.series_floats(0)), parts(whole.size());
    float* const out[] = {whole.data()};
    program.run(x.data(), 4, out, 3);
    std::vector<std::thread> threads;
    for (index b = 0; b < 4; ++b)
        threads.emplace_back([&, b] {
            for (int repeat = 0; repeat < 20; ++repeat) {
                float* const part[] = {parts.data() + b * program.series_floats(0)};
                program.run(x.data() + b * program.input_floats(), 1, part, 2);
            }
        });
    for (std::thread& thread : threads) thread.join();
    expect(whole == parts, std::string(name(isa)) + ": other bits from several threads at once");
}

void check_refusals(Isa isa) {
    const Layer good = make_layer({8, 2, 3, 3, 1, false}, Activation::relu, Reduction::mean, false);
    const auto refuses = [&](const char* what, auto spoil) {
        Layer bad = good;
        spoil(bad);
        try {
            const Program program({bad}, isa);
            expect(false, std::string("accepted ") + what);
        } catch (const std::invalid_argument& error) {
            expect(std::string(error.what()).find("expected") != std::string::npos,
                   std::string("says what it expected of ") + what);
        }
    };
    refuses("a short kernel", [](Layer& layer) { layer.weights.kernel.pop_back(); });
    refuses("a short bias", [](Layer& layer) { layer.weights.bias.pop_back(); });
    refuses("a slot that is not there", [](Layer& layer) { layer.block.taps[0].slot = 9; });
    refuses("a phase that is not there", [](Layer& layer) { layer.block.taps[0].phase = 1; });
    refuses("an endless halo", [](Layer& layer) { layer.block.taps[0].offset = index{1} << 40; });
    refuses("an empty input", [](Layer& layer) { layer.block.in_length = 0; });
}

}  // namespace

int main() {
    const std::vector<Case> cases = {
        {1, 5, 40, 1, 1, false},  {7, 1, 33, 25, 4, false}, {16, 3, 1, 25, 4, true},   {9, 70, 17, 5, 2, true},
        {97, 2, 16, 7, 3, false}, {33, 64, 2, 25, 4, true}, {130, 8, 31, 3, 1, false}, {12, 80, 64, 25, 4, true},
    };
    const Activation activations[] = {Activation::identity, Activation::relu, Activation::leaky_relu, Activation::tanh,
                                      Activation::sigmoid};
    const Reduction reductions[] = {Reduction::mean, Reduction::rms, Reduction::max, Reduction::readout};
    for (Isa isa : available_isas()) {
        std::printf("%s\n", name(isa));
        for (std::size_t i = 0; i < cases.size(); ++i)
            for (Form form : {Form::panels, Form::scatter}) {
                for (Reduction reduction : reductions)
                    check_layer(cases[i], activations[i % 5], reduction, i % 3 == 0, form, isa);
                for (Activation activation : activations) check_layer(cases[i], activation, Reduction::mean, false, form, isa);
            }
        check_concurrent_calls(isa);
        check_refusals(isa);
    }
    std::printf("%d passed, %d failed\n", checks - failures, failures);
    return failures == 0 ? 0 : 1;
}
