// From the sums of a tile, in registers, to its positions' channel sums and to what the map holds of them.
#pragma once

#include "cuda/device/hopper_tile.cuh"

namespace convscope::cuda::device {

// Sums to what they are.
template <class Tile>
__device__ inline void add_bias(const LayerCall& call, const DeviceTile& tile, const ThreadPlace& place,
                                float (&sums)[Tile::sums]) {
    for_each_pair<Tile>(call, tile, place, [&](int i, int column, int channel) {
        const Pair unscale = pair_at(call.unscale, channel), bias = pair_at(call.bias, column);
#pragma unroll
        for (int row = 0; row < 4; row += 2) {
            sums[i + row] = sums[i + row] * unscale.first + bias.first;
            sums[i + row + 1] = sums[i + row + 1] * unscale.second + bias.second;
        }
    });
}

// One of those that turn at zero or not at all: the others cost too much code (`suits_hopper`).
template <class Tile>
__device__ inline void activate_tile(const LayerCall& call, const DeviceTile& tile, const ThreadPlace& place,
                                     float (&sums)[Tile::sums]) {
    const auto activation = static_cast<Activation>(call.activation);
    for_each_pair<Tile>(call, tile, place, [&](int i, int, int channel) {
        Pair slope{1.0f, 1.0f};
        if (activation == Activation::relu) slope = {0.0f, 0.0f};
        if (activation == Activation::leaky_relu) slope = pair_at(call.slope, channel);
#pragma unroll
        for (int row = 0; row < 4; row += 2) {
            float &first = sums[i + row], &second = sums[i + row + 1];
            first = call.factor * (first < 0.0f ? slope.first * first : first);
            second = call.factor * (second < 0.0f ? slope.second * second : second);
        }
    });
}

// To what the map holds.
template <class Tile>
__device__ inline void scale_tile(const LayerCall& call, const DeviceTile& tile, const ThreadPlace& place,
                                  float (&sums)[Tile::sums]) {
    for_each_pair<Tile>(call, tile, place, [&](int i, int, int channel) {
        const Pair scale = pair_at(call.out_scale, channel);
#pragma unroll
        for (int row = 0; row < 4; row += 2) {
            sums[i + row] = in_range(sums[i + row] * scale.first);
            sums[i + row + 1] = in_range(sums[i + row + 1] * scale.second);
        }
    });
}

// One read-out, or the only reduction, of every phase of the tile, in the order of its columns; then over the four lanes of a
// row.
template <class Tile, Reduction reduction>
__device__ inline void reduce_once(const LayerCall& call, const DeviceTile& tile, const ThreadPlace& place,
                                   const float (&sums)[Tile::sums], int k) {
    constexpr bool is_max = reduction == Reduction::max;
    const float none = is_max ? -INFINITY : 0.0f;
    float totals[2] = {none, none};
#pragma unroll
    for (int part = 0; part < Tile::columns; part += 64) {
        if (part >= tile.columns) break;
        const int column = tile.first_column + part, phase = column / call.out_channels;
        const int channel = column - phase * call.out_channels + place.lane % 4 * 2;
#pragma unroll
        for (int i = 0; i < 32; ++i) {
            float x = sums[part / 2 + i];
            float& total = totals[i % 4 / 2];
            if constexpr (reduction == Reduction::rms) x *= x;
            if constexpr (reduction == Reduction::readout) x *= call.readout[k * call.out_channels + channel + i / 4 * 8 + i % 2];
            total = is_max ? larger(total, x) : total + x;
        }
        if (part + 64 < tile.columns && (column + 64) % call.out_channels != 0) continue;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float total = totals[half];
            totals[half] = none;
            for (int lanes = 1; lanes <= 2; lanes *= 2) {
                const float other = of_lane(total, place.lane ^ lanes);
                total = is_max ? larger(total, other) : total + other;
            }
            const RowPlace& row = place.rows[half];
            if (place.lane % 4 != 0 || !row.exists) continue;
            const std::int64_t position = (static_cast<std::int64_t>(row.sample) * call.rows + row.q) * call.phases + phase;
            call.partials[(position * call.slots + tile.slot) * call.readouts + k] = total;
        }
    }
}

template <class Tile>
__device__ inline void reduce_tile(const LayerCall& call, const DeviceTile& tile, const ThreadPlace& place,
                                   const float (&sums)[Tile::sums]) {
    switch (static_cast<Reduction>(call.reduction)) {
        case Reduction::none:
        case Reduction::mean: return reduce_once<Tile, Reduction::mean>(call, tile, place, sums, 0);
        case Reduction::rms: return reduce_once<Tile, Reduction::rms>(call, tile, place, sums, 0);
        case Reduction::max: return reduce_once<Tile, Reduction::max>(call, tile, place, sums, 0);
        case Reduction::readout:
            for (int k = 0; k < call.readouts; ++k) reduce_once<Tile, Reduction::readout>(call, tile, place, sums, k);
    }
}

// Boxes of 64 channels by the group's 64 rows, through shared memory.
template <class Tile>
__device__ inline void store_tile(const HopperCall& call, const DeviceTile& tile, const ThreadPlace& place, int group,
                                  int first_row, Half* boxes, int& next_box, const float (&sums)[Tile::sums]) {
    const int sample = first_row / call.layer.rows, q = first_row - sample * call.layer.rows;
    const bool leads = threadIdx.x % Tile::group_threads == 0;
#pragma unroll
    for (int part = 0; part < Tile::columns; part += 64) {
        if (part >= tile.columns) break;
        const int column = tile.first_column + part, phase = column / call.layer.out_channels;
        const int channel = column - phase * call.layer.out_channels;
#pragma unroll
        for (int image = 0; image < Tile::images; ++image) {
            Half* const box = boxes + next_box * Tile::box_halves;
            next_box = (next_box + 1) % Tile::boxes;
            if (leads) wait_until_read<Tile::boxes - 1>();
            wait_for_threads(1 + group, Tile::group_threads);  // the box is free
#pragma unroll
            for (int j = 0; j < 8; j += 2) {
                unsigned matrices[4];  // columns 8 j: rows 0 to 7, 8 to 15; then the next eight columns
#pragma unroll
                for (int m = 0; m < 4; ++m) {
                    const float* const pair = &sums[(part / 8 + j + m / 2) * 4 + m % 2 * 2];
                    matrices[m] = image == 0 ? upper_halves(pair[0], pair[1]) : lower_halves(pair[0], pair[1]);
                }
                const int row = place.warp * 16 + place.lane % 16, chunk = j + place.lane / 16;
                store_matrices(box + row * Tile::depth + (chunk ^ row % 8) * 8, matrices);
            }
            publish_shared();
            wait_for_threads(1 + group, Tile::group_threads);  // the box is full
            if (leads) {
                const int at[4] = {channel, phase, q, sample};
                store_box(&call.output[image], at, box);
                end_stores();
            }
        }
    }
}

}  // namespace convscope::cuda::device
