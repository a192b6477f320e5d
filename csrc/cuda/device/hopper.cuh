// The kernel for compute capability 9.0: tiles of 128 rows and 256 columns, or of 128 with float32 accuracy.
//
// Three warpgroups: one thread of the first keeps the copy engine busy, the other two multiply 64 rows each. Inputs come as
// boxes of 64 channels by 128 rows, zero where a row's tap lies beyond its sample; weights as they are packed, half of them by
// each of the two blocks that run together, which have the same columns. Blocks stay, and take one tile after the other, those of
// most taps first. Sums leave the matrix units in registers, and are there when the bias, the activation and the sums over
// channels are made; only the map itself goes through shared memory, back to the copy engine.
#pragma once

#include "cuda/device/fused.cuh"
#include "cuda/device/hopper_epilogue.cuh"
#include "cuda/device/hopper_tile.cuh"
#include "cuda/plan.h"

namespace convscope::cuda::device {

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

template <class Tile>
__device__ inline void copy_tiles(const HopperCall& call, const HopperShared<Tile>& shared) {
    constexpr int share = Tile::column_halves / Tile::cluster_blocks;
    const int of_this_block = static_cast<int>(cluster_rank()) * share;
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
            copy_bulk_to_all<Tile::cluster_blocks>(stage + Tile::row_halves + of_this_block, weights + of_this_block,
                                                   share * sizeof(Half), shared.full + turn.stage);
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

// This group has multiplied what is in the stage, of its own block and of those that share its weights.
template <class Tile>
__device__ inline void release(const HopperShared<Tile>& shared, int stage) {
    const int thread = threadIdx.x % Tile::group_threads;
    if (thread < Tile::cluster_blocks) arrive_at(shared.empty + stage, static_cast<unsigned>(thread));
}

// The sums of one tile, this group's 64 rows.
template <class Tile>
__device__ inline void multiply_tile(const HopperShared<Tile>& shared, int blocks, int group, Turn<Tile>& turn,
                                     float (&sums)[Tile::sums]) {
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
                release(shared, last_stage);
                last_stage = turn.stage;
                turn.advance();
            }
            wait_for_products<0>();
            release(shared, last_stage);
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
            if (before >= 0) release(shared, before);
            before = turn.stage;
        }
        wait_for_products<0>();
        if (before >= 0) release(shared, before);
#pragma unroll
        for (int i = 0; i < Tile::sums; ++i) pin(sums[i]);
    }
}

// What one group carries from tile to tile.
template <class Tile>
struct Group {
    int number;
    Turn<Tile> turn = {};
    int next_box = 0, fused_tile = -1;
    unsigned fused_phase = 0;
};

template <class Tile>
__device__ inline void finish_tile(const HopperCall& call, const HopperShared<Tile>& shared, const Unit& unit, Group<Tile>& group,
                                   float (&sums)[Tile::sums]) {
    const LayerCall& layer = call.layer;
    const DeviceTile tile = layer.tiles[unit.column_tile];
    const int first_row = unit.row_tile * Tile::rows + group.number * Tile::group_rows;
    const ThreadPlace place(layer, first_row);
    add_bias<Tile>(layer, tile, place, sums);
    const bool is_probed = layer.partials != nullptr;
    if (is_probed && layer.before_activation) reduce_tile<Tile>(layer, tile, place, sums);
    activate_tile<Tile>(layer, tile, place, sums);
    if (is_probed && !layer.before_activation) reduce_tile<Tile>(layer, tile, place, sums);
    if constexpr (Tile::is_fused) {
        scale_tile<Tile>(layer, tile, place, sums);
        float next[fused_sums];
        multiply_next<Tile>(tile, shared.boxes, sums, next);
        store_next<Tile>(call, unit, place, next);
    } else if (layer.output[0] != nullptr) {
        scale_tile<Tile>(layer, tile, place, sums);
        Half* const boxes = shared.boxes + group.number * Tile::boxes * Tile::box_halves;
        store_tile<Tile>(call, tile, place, group.number, first_row, boxes, group.next_box, sums);
    }
}

template <class Tile>
__device__ inline void compute_tiles(const HopperCall& call, const HopperShared<Tile>& shared) {
    Group<Tile> group{static_cast<int>(threadIdx.x) / Tile::group_threads - 1};
    const int units = call.row_tiles * call.column_tiles;
    for (int number = blockIdx.x; number < units; number += gridDim.x) {
        const Unit unit(call, number);
        if constexpr (Tile::is_fused)
            if (unit.column_tile != group.fused_tile) {
                group.fused_tile = unit.column_tile;
                load_fused_weights<Tile>(call, shared, unit.column_tile, group.fused_phase);
            }
        float sums[Tile::sums];
        multiply_tile<Tile>(shared, call.layer.tiles[unit.column_tile].blocks, group.number, group.turn, sums);
        finish_tile<Tile>(call, shared, unit, group, sums);
    }
    if (threadIdx.x % Tile::group_threads == 0) wait_until_stored();
}

template <class Tile>
__global__ void __cluster_dims__(hopper_cluster, 1, 1) __launch_bounds__(Tile::threads, 1)
    hopper_kernel(const __grid_constant__ HopperCall call) {
    CONVSCOPE_SHARED_MEMORY(bytes);
    const HopperShared<Tile> shared(bytes);
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < Tile::stages; ++stage) {
            make_barrier(shared.full + stage, 1);
            make_barrier(shared.empty + stage, 2 * Tile::cluster_blocks);
        }
        make_barrier(shared.fused, 1);
        publish_barriers();
    }
    wait_for_cluster();
    if (threadIdx.x / Tile::group_threads == 0) {
        give_registers<56>();
        if (threadIdx.x == 0) copy_tiles<Tile>(call, shared);
    } else {
        take_registers<224>();
        compute_tiles<Tile>(call, shared);
    }
    wait_for_cluster();  // nobody leaves whose memory another block still reaches
}

// Calls `use` with the tile that there is a kernel for.
template <class Use>
void with_hopper_tile(const HopperCall& call, Precision precision, Use use) {
    const bool is_fused = call.fused.weights != nullptr;
    if (precision == Precision::float32) return is_fused ? use(HopperTile<true, true>{}) : use(HopperTile<true, false>{});
    return is_fused ? use(HopperTile<false, true>{}) : use(HopperTile<false, false>{});
}

}  // namespace convscope::cuda::device
