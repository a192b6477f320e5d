// A fused layer (cuda/fused.h) in the kernel for compute capability 9.0: the tile that has just been activated, 64 rows of a
// group, times the next layer's weights. A thread's sums lie where the matrix units expect its share of their left side.
#pragma once

#include "cuda/device/hopper_tile.cuh"

namespace convscope::cuda::device {

inline constexpr int fused_sums = fused_outputs / 2;  // of a thread

// Weights for a column tile, which both groups read: called by both, when a block comes to the first of its tiles.
template <class Tile>
__device__ inline void load_fused_weights(const HopperCall& call, const HopperShared<Tile>& shared, int column_tile,
                                          unsigned& phase) {
    constexpr int bytes = Tile::fused_halves * sizeof(Half);
    wait_for_threads(3, 2 * Tile::group_threads);  // nobody needs those before
    if (threadIdx.x == Tile::group_threads) {
        arrive_expecting(shared.fused, bytes);
        copy_bulk(shared.boxes, call.fused.weights + static_cast<std::int64_t>(column_tile) * Tile::fused_halves, bytes,
                  shared.fused);
    }
    wait(shared.fused, phase);
    phase ^= 1;
}

template <class Tile>
__device__ inline void multiply_next(const DeviceTile& tile, const Half* weights, const float (&sums)[Tile::sums],
                                     float (&next)[fused_sums]) {
    constexpr int image_halves = fused_outputs * Tile::depth;
    constexpr int mixed_sums = Tile::is_split ? fused_sums : 1;
    float mixed[mixed_sums];
    // Pinned, or the compiler sets registers of a product after the product has begun.
#pragma unroll
    for (int i = 0; i < fused_sums; ++i) pin(next[i] = 0.0f);
#pragma unroll
    for (int i = 0; i < mixed_sums; ++i) pin(mixed[i] = 0.0f);
#pragma unroll
    for (int part = 0; part < Tile::columns; part += Tile::depth) {
        if (part >= tile.columns) break;
        unsigned rows[Tile::images][4][4];
#pragma unroll
        for (int i = 0; i < 16; ++i) {
            const float* const pair = &sums[part / 2 + i / 4 * 8 + i % 4 / 2 * 4 + i % 2 * 2];
            pin(rows[0][i / 4][i % 4] = upper_halves(pair[0], pair[1]));
            if constexpr (Tile::is_split) pin(rows[1][i / 4][i % 4] = lower_halves(pair[0], pair[1]));
        }
        const Half* const image = weights + part / Tile::depth * Tile::images * image_halves;
        const std::uint64_t columns = describe_matrix(image);
        begin_products();
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            multiply(next, rows[0][k], further(columns, 16 * k), true);
            if constexpr (Tile::is_split) {
                multiply(mixed, rows[0][k], further(describe_matrix(image + image_halves), 16 * k), true);
                multiply(mixed, rows[1][k], further(columns, 16 * k), true);
            }
        }
        end_products();
        wait_for_products<0>();
    }
#pragma unroll
    for (int i = 0; i < fused_sums; ++i) {
        pin(next[i]);
        if constexpr (Tile::is_split) {
            pin(mixed[i]);
            next[i] += 0x1p-11f * mixed[i];
        }
    }
}

// What this group's rows add to the outputs around them.
template <class Tile>
__device__ inline void store_next(const HopperCall& call, const Unit& unit, const ThreadPlace& place,
                                  const float (&next)[fused_sums]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const RowPlace& row = place.rows[half];
        if (!row.exists) continue;
        const std::int64_t number = static_cast<std::int64_t>(row.sample) * call.layer.rows + row.q;
        float* const to = call.fused.parts + (number * call.column_tiles + unit.column_tile) * fused_outputs + place.lane % 4 * 2;
#pragma unroll
        for (int j = 0; j < fused_sums / 4; ++j)
            *reinterpret_cast<Pair*>(to + j * 8) = {next[4 * j + 2 * half], next[4 * j + 2 * half + 1]};
    }
}

}  // namespace convscope::cuda::device
