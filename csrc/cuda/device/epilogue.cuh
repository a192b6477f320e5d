// From a tile of sums in shared memory to the stored map and to what becomes of a position's channels, always in the order of the
// channels.
#pragma once

#include "core/ops/conv_block.h"
#include "cuda/calls.h"
#include "cuda/device/instructions.cuh"

namespace convscope::cuda::device {

__device__ inline float activated(const LayerCall& call, float x, int channel) {
    switch (static_cast<Activation>(call.activation)) {
        case Activation::identity: break;
        case Activation::relu: x = x < 0.0f ? 0.0f : x; break;
        case Activation::leaky_relu: x = x < 0.0f ? call.slope[channel] * x : x; break;
        case Activation::tanh: x = tanhf(x); break;
        case Activation::sigmoid: x = 1.0f / (1.0f + expf(-x)); break;
    }
    return call.factor * x;
}

// Where a row of the tile lies: row `first + i` of all samples' rows.
struct RowPlace {
    int sample, q;
    bool exists;
};
__device__ inline RowPlace place_of_row(const LayerCall& call, int row) {
    const int sample = row / call.rows;
    return {sample, row - sample * call.rows, sample < call.samples};
}

// `sums` (rows, stride): bias included, before the activation.
struct TileSums {
    const float* values;
    int stride, first_row, rows;
};

__device__ inline void reduce_rows(const LayerCall& call, const DeviceTile& tile, const TileSums& sums, int thread, int threads) {
    const int first_phase = tile.first_column / call.out_channels;
    const int last_phase = (tile.first_column + tile.columns - 1) / call.out_channels;
    const int phases = last_phase - first_phase + 1;
    for (int i = thread; i < sums.rows * phases; i += threads) {
        const int row = i % sums.rows, phase = first_phase + i / sums.rows;
        const RowPlace place = place_of_row(call, sums.first_row + row);
        if (!place.exists) continue;
        const int phase_column = phase * call.out_channels;
        const int begin = tile.first_column > phase_column ? tile.first_column : phase_column;
        const int tile_end = tile.first_column + tile.columns, phase_end = phase_column + call.out_channels;
        const int end = tile_end < phase_end ? tile_end : phase_end;
        const float* const values = sums.values + row * sums.stride - tile.first_column;
        float* const partial =
            call.partials +
            ((static_cast<std::int64_t>(place.sample) * call.rows + place.q) * call.phases + phase) * call.slots * call.readouts +
            tile.slot * call.readouts;
        for (int k = 0; k < call.readouts; ++k) {
            float total = 0.0f;
            for (int column = begin; column < end; ++column) {
                const int channel = column - phase_column;
                const float x = call.before_activation ? values[column] : activated(call, values[column], channel);
                switch (static_cast<Reduction>(call.reduction)) {
                    case Reduction::none:
                    case Reduction::mean: total += x; break;
                    case Reduction::rms: total += x * x; break;
                    case Reduction::max: total = column == begin ? x : larger(total, x); break;
                    case Reduction::readout: total += call.readout[k * call.out_channels + channel] * x; break;
                }
            }
            partial[k] = total;
        }
    }
}

// Eight channels of a row and phase at a time; the tile's last chunk of a phase also fills what lies beyond its channels.
__device__ inline void store_rows(const LayerCall& call, const DeviceTile& tile, const TileSums& sums, int thread, int threads) {
    const int first_phase = tile.first_column / call.out_channels;
    const int last_phase = (tile.first_column + tile.columns - 1) / call.out_channels;
    const int first_channel = first_phase == last_phase ? tile.first_column - first_phase * call.out_channels : 0;
    const int channels = first_phase == last_phase ? tile.columns : call.out_channels;
    const int chunks = (channels + 7) / 8, phases = last_phase - first_phase + 1;
    for (int i = thread; i < sums.rows * phases * chunks; i += threads) {
        const int chunk = i % chunks, row = i / chunks / phases, phase = first_phase + i / chunks % phases;
        const RowPlace place = place_of_row(call, sums.first_row + row);
        const int position = place.q * call.phases + phase;
        if (!place.exists || position >= call.out_length) continue;
        const std::int64_t to =
            (static_cast<std::int64_t>(place.sample) * call.out_length + position) * call.out_stride + first_channel + chunk * 8;
        float values[8];
        for (int e = 0; e < 8; ++e) {
            const int channel = first_channel + chunk * 8 + e, column = phase * call.out_channels + channel - tile.first_column;
            const bool exists = channel < call.out_channels && column < tile.columns;
            values[e] =
                exists ? call.out_scale[channel] * activated(call, sums.values[row * sums.stride + column], channel) : 0.0f;
        }
        store_halves(call.output, to, values);
    }
}

}  // namespace convscope::cuda::device
