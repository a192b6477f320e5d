// The kernel for few columns: a block copies the inputs of all its rows, and all weights, once. `tensor_kernel` would copy every
// input again for each tap, and what few columns are multiplied by is soon done: it waits for copies.
#pragma once

#include "cuda/calls.h"
#include "cuda/device/instructions.cuh"
#include "cuda/device/tensor.cuh"

namespace convscope::cuda::device {

template <bool is_split>
using WindowTile = TensorTile<32, 1, is_split>;

// The tile's rows belong to one sample, and step is 1: row q reads positions q + first offset to q + last offset.
template <class Tile>
__global__ void __launch_bounds__(Tile::threads, 1) window_kernel(const LayerCall call) {
    CONVSCOPE_SHARED_MEMORY(shared);
    const DeviceTile tile = call.tiles[0];
    const int first_offset = call.offsets[tile.first_offset];
    const int rows = Tile::rows + call.offsets[tile.first_offset + tile.offset_count - 1] - first_offset;
    const int channel_blocks = call.in_stride / Tile::depth;
    const int image_halves = rows * call.in_stride, weight_halves = tile.blocks * Tile::images * Tile::columns * Tile::depth;
    Half* const inputs = reinterpret_cast<Half*>(shared);  // (images, channel blocks, rows, 64)
    Half* const weights = inputs + Tile::images * image_halves;

    const int first_row = blockIdx.x * Tile::rows, sample = first_row / call.rows;
    const int first_position = first_row - sample * call.rows + first_offset;
    const std::int64_t of_sample = static_cast<std::int64_t>(sample) * call.in_length;
    for (int i = threadIdx.x; i < rows * channel_blocks * Tile::chunks; i += Tile::threads) {
        const int chunk = i % Tile::chunks, channel_block = i / Tile::chunks % channel_blocks,
                  row = i / Tile::chunks / channel_blocks;
        const int position = first_position + row;
        const bool exists = position >= 0 && position < call.in_length;
        const std::int64_t from = exists ? (of_sample + position) * call.in_stride + channel_block * Tile::depth + chunk * 8 : 0;
        Half* const to = inputs + (channel_block * rows + row) * Tile::depth + (chunk ^ row % 8) * 8;
        for (int image = 0; image < Tile::images; ++image)
            copy_chunk(to + image * image_halves, call.input[image] + from, exists);
    }
    for (int i = threadIdx.x * 8; i < weight_halves; i += Tile::threads * 8)
        copy_chunk(weights + i, call.weights + tile.weights + i, true);
    end_copies();
    wait_for_copies<0>();
    __syncthreads();

    const int warp = threadIdx.x / 32;
    const int warp_row = warp / 2 * Tile::warp_rows, warp_column = warp % 2 * Tile::warp_columns;
    Sums<Tile> sums{};
    for (int block = 0; block < tile.blocks; ++block) {
        const int which = block / channel_blocks, channel_block = block - which * channel_blocks;
        StepOperands<Tile> operands{};
        operands.shift = call.offsets[tile.first_offset + which] - first_offset;
        for (int image = 0; image < Tile::images; ++image) {
            operands.rows[image] = inputs + image * image_halves + channel_block * rows * Tile::depth;
            operands.columns[image] = weights + (block * Tile::images + image) * Tile::columns * Tile::depth;
        }
        multiply_step<Tile>(operands, warp_row, warp_column, sums);
        if constexpr (Tile::is_split)
            if (block % 2 == 1) promote<Tile>(sums);
    }
    if constexpr (Tile::is_split) promote<Tile>(sums);
    __syncthreads();  // the inputs are not needed any more
    finish_tile<Tile>(call, tile, warp_row, warp_column, sums, reinterpret_cast<float*>(shared));
}

}  // namespace convscope::cuda::device
