// The kernel for compute capability 9.0: tiles of 128 rows and 256 columns, or of 128 with float32 accuracy.
//
// Three warpgroups: one thread of the first keeps the copy engine busy, the other two multiply 64 rows each. Inputs come as
// boxes of 64 channels by 128 rows, zero where a row's tap lies beyond its sample; weights as they are packed. Blocks stay, and
// take one tile after the other, those of most taps first. Sums leave the matrix units in registers, and are there when the bias,
// the activation and the sums over channels are made; only the map itself goes through shared memory, back to the copy engine.
#pragma once

#include "cuda/calls.h"
#include "cuda/device/epilogue.cuh"
#include "cuda/device/hopper_instructions.cuh"
#include "cuda/hopper_call.h"

namespace convscope::cuda::device {

template <bool is_split_>
struct HopperTile {
    static constexpr bool is_split = is_split_;
    static constexpr int rows = 128, columns = is_split ? 128 : 256, depth = 64, images = is_split ? 2 : 1;
    static constexpr int stages = is_split ? 3 : 4, threads = 384, group_rows = 64, group_threads = 128;
    static constexpr int row_halves = images * rows * depth, column_halves = images * columns * depth;
    static constexpr int stage_halves = row_halves + column_halves;
    static constexpr int box_halves = group_rows * depth;  // of a map on its way out
    static constexpr int boxes = 2;                        // of each group
    static constexpr int shared_bytes = 2 * (stages * stage_halves + 2 * boxes * box_halves) + 256;
    static constexpr int sums = columns / 2, mixed_sums = is_split ? sums : 1;  // of a thread
};

// Shared memory of a block, from a multiple of 1024 bytes on.
template <class Tile>
struct HopperShared {
    Half* stages;
    Half* boxes;
    Barrier* full;   // by stage: its copies have come
    Barrier* empty;  // both groups have multiplied what was in it

    __device__ explicit HopperShared(unsigned char* bytes)
        : stages(reinterpret_cast<Half*>(bytes)),
          boxes(stages + Tile::stages * Tile::stage_halves),
          full(reinterpret_cast<Barrier*>(boxes + 2 * Tile::boxes * Tile::box_halves)),
          empty(full + Tile::stages) {}
};

// Which stage comes next, and which of its phases.
template <class Tile>
struct Turn {
    int stage = 0;
    unsigned phase = 0;
    __device__ void advance() {
        if (++stage < Tile::stages) return;
        stage = 0;
        phase ^= 1;
    }
};

// A tile of the product: blocks take every gridDim.x-th.
struct Unit {
    int row_tile, column_tile;
    __device__ Unit(const HopperCall& call, int number)
        : row_tile(number % call.row_tiles), column_tile(number / call.row_tiles) {}
};

template <class Tile>
__device__ inline void copy_tiles(const HopperCall& call, const HopperShared<Tile>& shared) {
    Turn<Tile> turn;
    const int units = call.row_tiles * call.column_tiles, channel_blocks = call.layer.in_stride / Tile::depth;
    for (int number = blockIdx.x; number < units; number += gridDim.x) {
        const Unit unit(call, number);
        const DeviceTile tile = call.layer.tiles[unit.column_tile];
        const int sample = unit.row_tile * Tile::rows / call.layer.rows;
        const int q = unit.row_tile * Tile::rows - sample * call.layer.rows;
        const Half* weights = call.layer.weights + tile.weights;
        for (int block = 0; block < tile.blocks; ++block, turn.advance(), weights += Tile::column_halves) {
            const int which = block / channel_blocks, channel = (block - which * channel_blocks) * Tile::depth;
            const int offset = call.layer.offsets[tile.first_offset + which];
            const int part = (offset % call.layer.step + call.layer.step) % call.layer.step;
            const int at[4] = {channel, part, q + (offset - part) / call.layer.step, sample};
            Half* const stage = shared.stages + turn.stage * Tile::stage_halves;
            wait(shared.empty + turn.stage, turn.phase ^ 1);
            arrive_expecting(shared.full + turn.stage, Tile::stage_halves * sizeof(Half));
            for (int image = 0; image < Tile::images; ++image)
                copy_box(stage + image * Tile::rows * Tile::depth, &call.input[image], at, shared.full + turn.stage);
            copy_bulk(stage + Tile::row_halves, weights, Tile::column_halves * sizeof(Half), shared.full + turn.stage);
        }
    }
}

// Starts this group's products of one stage. The first of all, or of those that the matrix units add up by themselves, sets
// the sums.
template <class Tile>
__device__ inline void multiply_stage(const Half* stage, int group, bool sets, float (&sums)[Tile::sums],
                                      [[maybe_unused]] bool sets_mixed, [[maybe_unused]] float (&mixed)[Tile::mixed_sums]) {
    const Half* const first_row = stage + group * Tile::group_rows * Tile::depth;
    const std::uint64_t rows = describe_matrix(first_row), columns = describe_matrix(stage + Tile::row_halves);
    begin_products();
#pragma unroll
    for (int k = 0; k < Tile::depth; k += 16) {
        multiply(sums, further(rows, k), further(columns, k), !(sets && k == 0));
        if constexpr (Tile::is_split) {
            const std::uint64_t lower_rows = describe_matrix(first_row + Tile::rows * Tile::depth);
            const std::uint64_t lower_columns = describe_matrix(stage + Tile::row_halves + Tile::columns * Tile::depth);
            multiply(mixed, further(rows, k), further(lower_columns, k), !(sets_mixed && k == 0));
            multiply(mixed, further(lower_rows, k), further(columns, k), true);
        }
    }
    end_products();
}

// The sums of one tile, this group's 64 rows.
template <class Tile>
__device__ inline void multiply_tile(const HopperShared<Tile>& shared, int blocks, int group, Turn<Tile>& turn,
                                     float (&sums)[Tile::sums]) {
    const bool leads = threadIdx.x % Tile::group_threads == 0;
    float mixed[Tile::mixed_sums];
#pragma unroll
    for (int i = 0; i < Tile::sums; ++i) sums[i] = 0.0f;
    if constexpr (Tile::is_split) {
        // What tensor cores add they cut off: every 128 of the sum go to a float that rounds.
        float total[Tile::sums];
#pragma unroll
        for (int i = 0; i < Tile::sums; ++i) mixed[i] = total[i] = 0.0f;
        for (int block = 0; block < blocks; block += 2) {
            int last_stage = turn.stage;
            wait(shared.full + last_stage, turn.phase);
            multiply_stage<Tile>(shared.stages + last_stage * Tile::stage_halves, group, true, sums, block == 0, mixed);
            turn.advance();
            if (block + 1 < blocks) {
                wait(shared.full + turn.stage, turn.phase);
                multiply_stage<Tile>(shared.stages + turn.stage * Tile::stage_halves, group, false, sums, false, mixed);
                wait_for_products<1>();
                if (leads) arrive(shared.empty + last_stage);
                last_stage = turn.stage;
                turn.advance();
            }
            wait_for_products<0>();
            if (leads) arrive(shared.empty + last_stage);
#pragma unroll
            for (int i = 0; i < Tile::sums; ++i) {
                pin(sums[i]);
                total[i] += sums[i];
            }
        }
#pragma unroll
        for (int i = 0; i < Tile::sums; ++i) {
            pin(mixed[i]);
            sums[i] = total[i] + 0x1p-11f * mixed[i];
        }
    } else {
        int before = -1;  // the stage whose products may be under way
        for (int block = 0; block < blocks; ++block, turn.advance()) {
            wait(shared.full + turn.stage, turn.phase);
            multiply_stage<Tile>(shared.stages + turn.stage * Tile::stage_halves, group, block == 0, sums, false, mixed);
            wait_for_products<1>();
            if (leads && before >= 0) arrive(shared.empty + before);
            before = turn.stage;
        }
        wait_for_products<0>();
        if (leads && before >= 0) arrive(shared.empty + before);
#pragma unroll
        for (int i = 0; i < Tile::sums; ++i) pin(sums[i]);
    }
}

// The two rows of a thread within its group's 64, and its columns: 8 j + 2 (lane % 4) and the next.
struct ThreadPlace {
    int lane, warp;
    RowPlace rows[2];
    __device__ ThreadPlace(const LayerCall& call, int first_row) : lane(threadIdx.x % 32), warp(threadIdx.x / 32 % 4), rows{} {
        for (int half = 0; half < 2; ++half) rows[half] = place_of_row(call, first_row + warp * 16 + lane / 4 + half * 8);
    }
};

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

// Two neighbouring constants.
struct alignas(8) Pair {
    float first, second;
};
__device__ inline Pair pair_at(const float* constants, int even) { return *reinterpret_cast<const Pair*>(constants + even); }

// Calls `use(i, column, channel)` for every pair of columns of a thread: sums i and i + 1 are one row's, i + 2 and i + 3 the
// other's. Columns are of the layer's, channels of the column's phase.
template <class Tile, class Use>
__device__ inline void for_each_pair(const LayerCall& call, const DeviceTile& tile, const ThreadPlace& place, Use use) {
#pragma unroll
    for (int part = 0; part < Tile::columns; part += 64) {
        if (part >= tile.columns) break;
        const int first = tile.first_column + part + place.lane % 4 * 2, first_channel = first % call.out_channels;
#pragma unroll
        for (int j = 0; j < 8; ++j) use(part / 2 + j * 4, first + j * 8, first_channel + j * 8);
    }
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

template <class Tile>
__device__ inline void finish_tile(const HopperCall& call, const Unit& unit, int group, Half* boxes, int& next_box,
                                   float (&sums)[Tile::sums]) {
    const LayerCall& layer = call.layer;
    const DeviceTile tile = layer.tiles[unit.column_tile];
    const int first_row = unit.row_tile * Tile::rows + group * Tile::group_rows;
    const ThreadPlace place(layer, first_row);
    add_bias<Tile>(layer, tile, place, sums);
    const bool is_probed = layer.partials != nullptr;
    if (is_probed && layer.before_activation) reduce_tile<Tile>(layer, tile, place, sums);
    activate_tile<Tile>(layer, tile, place, sums);
    if (is_probed && !layer.before_activation) reduce_tile<Tile>(layer, tile, place, sums);
    if (layer.output[0] == nullptr) return;
    scale_tile<Tile>(layer, tile, place, sums);
    store_tile<Tile>(call, tile, place, group, first_row, boxes + group * Tile::boxes * Tile::box_halves, next_box, sums);
}

template <class Tile>
__global__ void __launch_bounds__(Tile::threads, 1) hopper_kernel(const __grid_constant__ HopperCall call) {
    CONVSCOPE_SHARED_MEMORY(bytes);
    const HopperShared<Tile> shared(bytes);
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < Tile::stages; ++stage) {
            make_barrier(shared.full + stage, 1);
            make_barrier(shared.empty + stage, 2);
        }
        publish_barriers();
    }
    __syncthreads();
    if (threadIdx.x / Tile::group_threads == 0) {
        give_registers<40>();
        if (threadIdx.x == 0) copy_tiles<Tile>(call, shared);
    } else {
        take_registers<232>();
        const int group = threadIdx.x / Tile::group_threads - 1;
        Turn<Tile> turn;
        int next_box = 0;
        const int units = call.row_tiles * call.column_tiles;
        for (int number = blockIdx.x; number < units; number += gridDim.x) {
            const Unit unit(call, number);
            float sums[Tile::sums];
            multiply_tile<Tile>(shared, call.layer.tiles[unit.column_tile].blocks, group, turn, sums);
            finish_tile<Tile>(call, unit, group, shared.boxes, next_box, sums);
        }
        if (threadIdx.x % Tile::group_threads == 0) wait_until_stored();
    }
}

}  // namespace convscope::cuda::device
