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

    std::string text() const {
        return "length " + std::to_string(length) + " channels " + std::to_string(in_channels) + "->" +
               std::to_string(out_channels) + " kernel " + std::to_string(kernel) + " stride " + std::to_string(stride);
    }
};

const char* name(Form form) {
    switch (form) {
        case Form::automatic: break;
        case Form::panels: return "panels";
        case Form::scatter: return "scatter";
        case Form::spectral: return "spectral";
    }
    return "automatic";
}

// A window, 6, 10, 14 ..., with room for `outputs` outputs beside the steps that the taps of a case reach.
index window_with(const Case& c, index outputs) {
    const index inputs = std::max<index>((c.kernel + c.stride - 1) / c.stride + outputs, 6);  // one more than T, at times
    return inputs + (6 - inputs % 4) % 4;
}

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
    layer.window = window_with(c, 5);
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
    const std::string what = std::string(name(isa)) + " " + name(form) + " " + c.text() + " activation " +
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

void check_concurrent_calls(Form form, Isa isa) {
    const Case c{40, 24, 48, 9, 2, true};
    Layer layer = make_layer(c, Activation::relu, Reduction::mean, false);
    layer.form = form;
    layer.window = window_with(c, 7);
    const Program program({layer}, isa);
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
    expect(whole == parts, std::string(name(isa)) + " " + name(form) + ": other bits from several threads at once");
}

Layer in_form(const Case& c, Form form, index window_outputs) {
    Layer layer = make_layer(c, Activation::relu, Reduction::mean, false);
    layer.block.out_length -= c.transposed ? 1 : 0;  // whole rows, so that the next layer's length is a round one
    for (float& weight : layer.weights.kernel) weight /= std::sqrt(static_cast<float>(c.kernel * c.in_channels));
    layer.form = form;
    layer.window = window_with(c, window_outputs);
    return layer;
}

// Layers of few rows feed layers of many and the reverse; each takes samples a power of two at a time (core/flow.h). A new
// program each time, so that its buffers are no larger than it thought it would need.
void check_flow(Isa isa) {
    const std::vector<Layer> layers = {
        in_form({1, 20, 9, 3, 16, true}, Form::spectral, 1),   in_form({16, 9, 33, 9, 4, true}, Form::panels, 0),
        in_form({64, 33, 2, 25, 4, true}, Form::scatter, 0),   in_form({256, 2, 7, 25, 4, false}, Form::spectral, 9),
        in_form({64, 7, 70, 3, 1, false}, Form::spectral, 26), in_form({64, 70, 5, 9, 4, false}, Form::spectral, 7),
        in_form({16, 5, 3, 16, 16, false}, Form::panels, 0),
    };
    constexpr index most = 131;
    const Program first(layers, isa);
    const std::vector<float> x = random_values(most * first.input_floats());
    const auto series_of = [&](const Program& program, index batch, index thread_count) {
        std::vector<std::vector<float>> series;
        std::vector<float*> out;
        for (index layer = 0; layer < program.layer_count(); ++layer)
            out.push_back(series.emplace_back(batch * program.series_floats(layer)).data());
        program.run(x.data(), batch, out, thread_count);
        return series;
    };
    const std::vector<std::vector<float>> whole = series_of(first, most, 1);
    for (index batch : {1, 2, 3, 5, 16, 37, 63, 64, 65, 70, 127, 128, 129, 131})
        for (index thread_count : {1, 2, 3, 5}) {
            const std::vector<std::vector<float>> part = series_of(Program(layers, isa), batch, thread_count);
            for (std::size_t layer = 0; layer < part.size(); ++layer)
                expect(std::equal(part[layer].begin(), part[layer].end(), whole[layer].begin()),
                       std::string(name(isa)) + " flow: other bits of layer " + std::to_string(layer) + " for a batch of " +
                           std::to_string(batch) + " on " + std::to_string(thread_count) + " threads");
        }
}

// The last round of a batch may be of any number of samples; what was reserved for a full one must do for it.
void check_room(Isa isa) {
    for (index channels : {64, 256})
        for (index window_outputs : {6, 22, 42, 58}) {
            const Case c{128, channels, 4, 7, 1, false};
            const Program program({in_form(c, Form::spectral, window_outputs)}, isa);
            for (index thread_count : {1, 2, 3, 8}) {
                index before = 0;
                for (index batch = 1; batch < 140; ++batch) {
                    const index room = program.workspace_bytes(batch, thread_count);
                    expect(room >= before, std::string(name(isa)) + " " + c.text() + ": less room for a batch of " +
                                               std::to_string(batch) + " than of one sample fewer");
                    before = room;
                }
            }
        }
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
    for (index window : {-2, 0, 2, 4, 5, 7, 8, 12, 102})  // 3 taps: 6 and 98 are the shortest and the longest
        refuses("a window", [&](Layer& layer) { layer.form = Form::spectral, layer.window = window; });
    refuses("rows that step by two in the scatter form", [](Layer& layer) { layer.form = Form::scatter, layer.block.step = 2; });
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
            for (Form form : {Form::panels, Form::scatter, Form::spectral}) {
                if (form == Form::scatter && !cases[i].transposed && cases[i].stride > 1) continue;  // not for those
                for (Reduction reduction : reductions)
                    check_layer(cases[i], activations[i % 5], reduction, i % 3 == 0, form, isa);
                for (Activation activation : activations) check_layer(cases[i], activation, Reduction::mean, false, form, isa);
            }
        for (Form form : {Form::panels, Form::scatter, Form::spectral}) check_concurrent_calls(form, isa);
        check_flow(isa);
        check_room(isa);
        check_refusals(isa);
    }
    std::printf("%d passed, %d failed\n", checks - failures, failures);
    return failures == 0 ? 0 : 1;
}
