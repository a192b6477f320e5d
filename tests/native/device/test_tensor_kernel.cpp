// The tensor kernel on the stand-in machine, against sums in double of the same halves.
#include "cuda/device/tensor.cuh"

#include <algorithm>
#include <cmath>
#include <string>

#include "../checks.h"
#include "../cuda/blocks.h"
#include "cuda/product.h"

namespace convscope::cuda {
namespace {

// Powers of two, of each channel its own.
std::vector<double> scales(index channels, double first) {
    std::vector<double> powers;
    for (index c = 0; c < channels; ++c) powers.push_back(first * (c % 3 == 1 ? 4 : 1));
    return powers;
}
Floats as_floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

// A batch of maps in upper and lower halves, NaN where nobody may read.
struct Maps {
    index length, channels, stride;
    std::vector<Half> halves[2];

    Maps(index samples, index length, index channels) : length(length), channels(channels), stride(padded_channels(channels)) {
        for (auto& part : halves) part.assign(samples * length * stride, 0);
    }
    index place(index sample, index position, index channel) const { return (sample * length + position) * stride + channel; }
    double value(index at, bool is_split) const {
        return to_float(halves[0][at]) + (is_split ? 0x1p-11 * to_float(halves[1][at]) : 0.0);
    }
};

struct Problem {
    NamedBlock named;
    Epilogue epilogue;
    bool is_split;
    Floats kernel, bias, slope, readout;
    std::vector<double> input_scales, weight_scales, output_scales;
    Maps input;

    Problem(const NamedBlock& named, const Epilogue& epilogue, bool is_split, index samples)
        : named(named),
          epilogue(epilogue),
          is_split(is_split),
          kernel(random_values(slots(named.block) * named.block.in_channels * named.block.out_channels)),
          bias(random_values(named.block.phases * named.block.out_channels)),
          slope(random_values(named.block.out_channels)),
          readout(random_values(epilogue.readouts * named.block.out_channels)),
          input_scales(scales(named.block.in_channels, 0x1p5)),
          weight_scales(scales(named.block.out_channels, 0x1p8)),
          output_scales(scales(named.block.out_channels, 0x1p3)),
          input(samples, named.block.in_length, named.block.in_channels) {
        for (index sample = 0; sample < samples; ++sample)
            for (index position = 0; position < input.length; ++position) {
                const Floats values = random_values(input.channels);
                for (index c = 0; c < input.channels; ++c) {
                    const double x = input_scales[c] * values[c];
                    const index at = input.place(sample, position, c);
                    input.halves[0][at] = to_half(static_cast<float>(x));
                    input.halves[1][at] = to_half(static_cast<float>(0x1p11 * (x - to_float(input.halves[0][at]))));
                }
            }
    }
};

struct Result {
    std::vector<Half> map[2];
    Floats partials;
    index slots;
};

template <int columns, bool is_split>
Result run(const Problem& problem, index samples) {
    const ConvBlock& block = problem.named.block;
    std::vector<DeviceTile> tiles;
    std::vector<std::int32_t> offsets;
    std::vector<Half> weights;
    for (const ColumnTile& tile : column_tiles(block, columns)) {
        const index phase_column = tile.first / block.out_channels * block.out_channels;
        tiles.push_back({static_cast<int>(tile.first), static_cast<int>(tile.count),
                         static_cast<int>((tile.first - phase_column) / columns), static_cast<int>(offsets.size()),
                         static_cast<int>(tile.offsets.size()), static_cast<int>(tile_blocks(block, tile)),
                         static_cast<std::int64_t>(weights.size())});
        for (index offset : tile.offsets) offsets.push_back(static_cast<std::int32_t>(offset));
        const std::vector<Half> packed =
            pack_tile(block, problem.kernel, tile, columns, {problem.input_scales, problem.weight_scales}, is_split);
        weights.insert(weights.end(), packed.begin(), packed.end());
    }
    Result result;
    result.slots = std::max<index>((block.out_channels + columns - 1) / columns, 1);
    const index stride = padded_channels(block.out_channels);
    for (auto& part : result.map) part.assign(samples * block.out_length * stride, 0x7E00);
    result.partials.assign(samples * block.rows() * block.phases * result.slots * problem.epilogue.readouts, nothing);

    std::vector<double> inverses;
    for (double scale : problem.weight_scales) inverses.push_back(1 / scale);
    const Floats unscale = as_floats(inverses), output_scales = as_floats(problem.output_scales);
    LayerCall call{};
    for (int part = 0; part < (is_split ? 2 : 1); ++part) {
        call.input[part] = problem.input.halves[part].data();
        call.output[part] = result.map[part].data();
    }
    call.weights = weights.data();
    call.tiles = tiles.data();
    call.offsets = offsets.data();
    call.samples = static_cast<int>(samples);
    call.in_length = static_cast<int>(block.in_length);
    call.in_stride = static_cast<int>(problem.input.stride);
    call.step = static_cast<int>(block.step);
    call.rows = static_cast<int>(block.rows());
    call.out_length = static_cast<int>(block.out_length);
    call.out_channels = static_cast<int>(block.out_channels);
    call.phases = static_cast<int>(block.phases);
    call.unscale = unscale.data();
    call.bias = problem.bias.data();
    call.slope = problem.slope.data();
    call.activation = static_cast<int>(problem.epilogue.activation);
    call.factor = problem.epilogue.scale;
    call.out_stride = static_cast<int>(stride);
    call.out_scale = output_scales.data();
    call.reduction = static_cast<int>(problem.epilogue.reduction);
    call.before_activation = problem.epilogue.before_activation;
    call.readouts = static_cast<int>(problem.epilogue.readouts);
    call.readout = problem.readout.data();
    call.partials = result.partials.data();
    call.slots = static_cast<int>(result.slots);

    using Tile = device::TensorTile<columns, is_split ? 2 : 3, is_split>;
    const index row_tiles = (samples * block.rows() + Tile::rows - 1) / Tile::rows;
    device::copies_of_thread.clear();
    convscope::device::Machine::launch({static_cast<unsigned>(row_tiles), static_cast<unsigned>(tiles.size()), 1}, Tile::threads,
                                       Tile::shared_bytes, [&] { device::tensor_kernel<Tile>(call); });
    return result;
}

// The sum before the activation, of the numbers that the kernel sees.
double exact_sum(const Problem& problem, index sample, index q, index phase, index c) {
    const ConvBlock& block = problem.named.block;
    double sum = problem.bias[phase * block.out_channels + c];
    for (const Tap& tap : block.taps) {
        const index position = q * block.step + tap.offset;
        if (tap.phase != phase || position < 0 || position >= block.in_length) continue;
        for (index p = 0; p < block.in_channels; ++p) {
            const double scale = problem.weight_scales[c] / problem.input_scales[p];
            const double exact = scale * problem.kernel[(tap.slot * block.in_channels + p) * block.out_channels + c];
            const double weight = problem.is_split ? exact : to_float(to_half(static_cast<float>(exact)));
            sum += weight * problem.input.value(problem.input.place(sample, position, p), problem.is_split) /
                   problem.weight_scales[c];
        }
    }
    return sum;
}

void compare(const Problem& problem, const Result& result, index samples, const std::string& what) {
    const ConvBlock& block = problem.named.block;
    const Epilogue& epilogue = problem.epilogue;
    const index stride = padded_channels(block.out_channels);
    Error of_map, of_partials;
    bool is_padding_zero = true;
    for (index sample = 0; sample < samples; ++sample)
        for (index position = 0; position < block.rows() * block.phases; ++position) {
            std::vector<double> sums, values;
            for (index c = 0; c < block.out_channels; ++c) {
                sums.push_back(exact_sum(problem, sample, position / block.phases, position % block.phases, c));
                values.push_back(activated_exactly(sums.back(), epilogue, problem.slope[c]));
            }
            for (index c = 0; c < stride && position < block.out_length; ++c) {
                const index at = (sample * block.out_length + position) * stride + c;
                double found = to_float(result.map[0][at]);
                if (problem.is_split) found += 0x1p-11 * to_float(result.map[1][at]);
                if (c < block.out_channels)
                    of_map.add({found / problem.output_scales[c]}, {values[c]});
                else
                    is_padding_zero &= found == 0;
            }
            for (index k = 0; k < epilogue.readouts; ++k) {
                double wanted = 0, found = 0;
                for (index c = 0; c < block.out_channels; ++c) {
                    const double x = epilogue.before_activation ? sums[c] : values[c];
                    if (epilogue.reduction == Reduction::max) wanted = c == 0 ? x : std::max(wanted, x);
                    if (epilogue.reduction == Reduction::mean) wanted += x;
                    if (epilogue.reduction == Reduction::rms) wanted += x * x;
                    if (epilogue.reduction == Reduction::readout) wanted += problem.readout[k * block.out_channels + c] * x;
                }
                for (index slot = 0; slot < result.slots; ++slot) {
                    const double part =
                        result.partials[((sample * block.rows() * block.phases + position) * result.slots + slot) *
                                            epilogue.readouts +
                                        k];
                    if (epilogue.reduction == Reduction::max)
                        found = slot == 0 ? part : std::max(found, part);
                    else
                        found += part;
                }
                of_partials.add({found}, {wanted});
            }
        }
    expect(is_padding_zero, what + ": zeros beyond the channels");
    expect(of_map.relative() <= (problem.is_split ? 5e-7 : 5e-4),
           what + ": map off by " + std::to_string(1e6 * of_map.relative()) + "e-6");
    expect(of_partials.relative() <= 1e-6, what + ": partials off by " + std::to_string(1e6 * of_partials.relative()) + "e-6");
}

template <int columns, bool is_split>
void check(const NamedBlock& named, const Epilogue& epilogue) {
    const std::string what =
        named.name + (is_split ? ", split" : "") + ", reduction " + std::to_string(static_cast<int>(epilogue.reduction));
    const Problem problem(named, epilogue, is_split, 3);
    const Result three = run<columns, is_split>(problem, 3);
    compare(problem, three, 3, what);
    const Result one = run<columns, is_split>(problem, 1);
    expect(std::equal(one.partials.begin(), one.partials.end(), three.partials.begin()) &&
               std::equal(one.map[0].begin(), one.map[0].end(), three.map[0].begin()),
           what + ": other bits for one sample than for three");
}

}  // namespace
}  // namespace convscope::cuda

int main() {
    using namespace convscope;
    const Epilogue epilogues[] = {{Activation::relu, 1.0f, Reduction::mean, false, 1},
                                  {Activation::leaky_relu, 1.5f, Reduction::rms, false, 1},
                                  {Activation::tanh, 1.0f, Reduction::max, true, 1},
                                  {Activation::identity, 1.0f, Reduction::readout, false, 3},
                                  {Activation::sigmoid, 1.0f, Reduction::mean, true, 1}};
    std::size_t turn = 0;
    for (const NamedBlock& named : blocks_of_every_kind()) {
        cuda::check<128, false>(named, epilogues[turn % 5]);
        cuda::check<64, true>(named, epilogues[(turn + 1) % 5]);
        ++turn;
    }
    return report();
}
