// The tiles of device/hopper.cuh: their sizes, their memory, and what of them a thread has.
#pragma once

#include "cuda/calls.h"
#include "cuda/device/epilogue.cuh"
#include "cuda/device/hopper_instructions.cuh"
#include "cuda/hopper_call.h"

namespace convscope::cuda::device {

// `is_fused`: the tile goes into the next layer, and not into a map.
template <bool is_split_, bool is_fused_>
struct HopperTile {
    static constexpr bool is_split = is_split_, is_fused = is_fused_;
    static constexpr int rows = 128, columns = is_split ? 128 : 256, depth = 64, images = is_split ? 2 : 1;
    static constexpr int cluster_blocks = hopper_cluster;  // of neighbouring rows, each of which brings its share of the weights
    static constexpr int stages = is_split ? 3 : 4, threads = 384, group_rows = 64, group_threads = 128;
    static constexpr int row_halves = images * rows * depth, column_halves = images * columns * depth;
    static constexpr int stage_halves = row_halves + column_halves;
    static constexpr int box_halves = group_rows * depth;  // of a map on its way out
    static constexpr int boxes = 2;                        // of each group
    static constexpr int shared_bytes = 2 * (stages * stage_halves + 2 * boxes * box_halves) + 256;
    static constexpr int sums = columns / 2, mixed_sums = is_split ? sums : 1;  // of a thread
    static constexpr int fused_halves = columns * images * fused_outputs;       // where boxes would be
    static_assert(fused_halves <= 2 * boxes * box_halves);
};

// Shared memory of a block, from a multiple of 1024 bytes on.
template <class Tile>
struct HopperShared {
    Half* stages;
    Half* boxes;
    Barrier* full;   // by stage: its copies have come
    Barrier* empty;  // all groups of the cluster have multiplied what was in it
    Barrier* fused;  // the next layer's weights have come

    __device__ explicit HopperShared(unsigned char* bytes)
        : stages(reinterpret_cast<Half*>(bytes)),
          boxes(stages + Tile::stages * Tile::stage_halves),
          full(reinterpret_cast<Barrier*>(boxes + 2 * Tile::boxes * Tile::box_halves)),
          empty(full + Tile::stages),
          fused(empty + Tile::stages) {}
};

// A tile of the product. Neighbouring blocks take neighbouring rows of the same columns.
struct Unit {
    int row_tile, column_tile;
    __device__ Unit(const HopperCall& call, int number)
        : row_tile(number % call.row_tiles), column_tile(number / call.row_tiles) {}
};

// The two rows of a thread within its group's 64, and its columns: 8 j + 2 (lane % 4) and the next.
struct ThreadPlace {
    int lane, warp;
    RowPlace rows[2];
    __device__ ThreadPlace(const LayerCall& call, int first_row) : lane(threadIdx.x % 32), warp(threadIdx.x / 32 % 4), rows{} {
        for (int half = 0; half < 2; ++half) rows[half] = place_of_row(call, first_row + warp * 16 + lane / 4 + half * 8);
    }
};

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

}  // namespace convscope::cuda::device
