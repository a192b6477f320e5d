// The general kernel: a tile of 128 rows and some columns by mma.sync, for compute capability 8.0 and later.
//
// Eight warps, four along the rows and two along the columns. Every step of the sum copies 64 halves for each row and column,
// some steps ahead of their use; a row's chunks come from where its taps lie, or are zero beyond the sample. With `is_split`
// each number is upper + 2^-11 lower: the product of the upper halves is taken over into float sums every 128 halves, because
// tensor cores cut off what they add; the mixed products have sums of their own.
#pragma once

#include "core/error.h"
#include "cuda/calls.h"
#include "cuda/device/epilogue.cuh"
#include "cuda/device/instructions.cuh"
#include "cuda/plan.h"

namespace convscope::cuda::device {

template <int columns_, int stages_, bool is_split_>
struct TensorTile {
    static constexpr int rows = 128, columns = columns_, stages = stages_, threads = 256;
    static constexpr bool is_split = is_split_;
    static constexpr int depth = 64, chunks = 8, images = is_split ? 2 : 1;
    static constexpr int stage_halves = images * (rows + columns) * depth;
    static constexpr int sums_stride = columns + 1;  // odd, so that rows do not meet in a bank
    static constexpr int sums_bytes = rows * sums_stride * 4;
    static constexpr int shared_bytes = stages * stage_halves * 2 > sums_bytes ? stages * stage_halves * 2 : sums_bytes;
    static constexpr int warp_rows = 32, warp_columns = columns / 2;
    static constexpr int row_parts = warp_rows / 16, column_parts = warp_columns / 8;
};

// Copies one step of the sum: the rows' inputs, then the columns' weights.
template <class Tile>
__device__ inline void copy_step(const LayerCall& call, const DeviceTile& tile, int block, Half* stage) {
    const int chunk = threadIdx.x % Tile::chunks, first = threadIdx.x / Tile::chunks;
    constexpr int rows_at_once = Tile::threads / Tile::chunks;
    const int position_chunks = call.in_stride / 8, number = block * Tile::chunks + chunk;
    const int which = number / position_chunks, channel = (number - which * position_chunks) * 8;
    const bool is_needed = which < tile.offset_count;
    const int offset = is_needed ? call.offsets[tile.first_offset + which] : 0;
    for (int image = 0; image < Tile::images; ++image, stage += (Tile::rows + Tile::columns) * Tile::depth) {
        for (int row = first; row < Tile::rows; row += rows_at_once) {
            const RowPlace place = place_of_row(call, blockIdx.x * Tile::rows + row);
            const int position = place.q * call.step + offset;
            const bool exists = is_needed && place.exists && position >= 0 && position < call.in_length;
            const std::int64_t from =
                exists ? (static_cast<std::int64_t>(place.sample) * call.in_length + position) * call.in_stride + channel : 0;
            copy_chunk(stage + row * Tile::depth + (chunk ^ row % 8) * 8, call.input[image] + from, exists);
        }
        const Half* const weights =
            call.weights + tile.weights + (static_cast<std::int64_t>(block) * Tile::images + image) * Tile::columns * Tile::depth;
        Half* const to = stage + Tile::rows * Tile::depth;
        for (int i = threadIdx.x; i < Tile::columns * Tile::chunks; i += Tile::threads)
            copy_chunk(to + i * 8, weights + i * 8, true);
    }
}

// A warp's share of the products of one step.
template <class Tile>
struct Sums {
    float upper[Tile::row_parts][Tile::column_parts][4];
    float mixed[Tile::is_split ? Tile::row_parts : 1][Tile::is_split ? Tile::column_parts : 1][4];
    float total[Tile::is_split ? Tile::row_parts : 1][Tile::is_split ? Tile::column_parts : 1][4];
};

// What one step multiplies: both parts of each number. Row i of the tile is row i + shift of `rows`.
template <class Tile>
struct StepOperands {
    const Half* rows[Tile::images];
    const Half* columns[Tile::images];
    int shift;
};

template <class Tile>
__device__ inline void multiply_step(const StepOperands<Tile>& operands, int warp_row, int warp_column, Sums<Tile>& sums) {
    const int lane = threadIdx.x % 32;
    for (int k = 0; k < Tile::depth / 16; ++k) {
        unsigned rows[Tile::images][Tile::row_parts][4];
        unsigned columns[Tile::images][Tile::column_parts / 2][4];
#pragma unroll
        for (int image = 0; image < Tile::images; ++image) {
            const Half *const of_rows = operands.rows[image], *const of_columns = operands.columns[image];
#pragma unroll
            for (int i = 0; i < Tile::row_parts; ++i) {
                const int row = operands.shift + warp_row + i * 16 + lane % 16, chunk = k * 2 + lane / 16;
                load_matrices(rows[image][i], of_rows + row * Tile::depth + (chunk ^ row % 8) * 8);
            }
#pragma unroll
            for (int j = 0; j < Tile::column_parts / 2; ++j) {
                const int column = warp_column + j * 16 + lane / 16 * 8 + lane % 8, chunk = k * 2 + lane / 8 % 2;
                load_matrices(columns[image][j], of_columns + column * Tile::depth + (chunk ^ column % 8) * 8);
            }
        }
#pragma unroll
        for (int i = 0; i < Tile::row_parts; ++i)
#pragma unroll
            for (int j = 0; j < Tile::column_parts; ++j) {
                const unsigned upper[2] = {columns[0][j / 2][j % 2 * 2], columns[0][j / 2][j % 2 * 2 + 1]};
                multiply_matrices(sums.upper[i][j], rows[0][i], upper);
                if constexpr (Tile::is_split) {
                    const unsigned lower[2] = {columns[1][j / 2][j % 2 * 2], columns[1][j / 2][j % 2 * 2 + 1]};
                    multiply_matrices(sums.mixed[i][j], rows[0][i], lower);
                    multiply_matrices(sums.mixed[i][j], rows[1][i], upper);
                }
            }
    }
}

template <class Tile>
__device__ inline void promote(Sums<Tile>& sums) {
#pragma unroll
    for (int i = 0; i < Tile::row_parts; ++i)
#pragma unroll
        for (int j = 0; j < Tile::column_parts; ++j)
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                sums.total[i][j][e] += sums.upper[i][j][e];
                sums.upper[i][j][e] = 0.0f;
            }
}

// What becomes of a tile of sums, by way of shared memory that nobody uses any more.
template <class Tile>
__device__ inline void finish_tile(const LayerCall& call, const DeviceTile& tile, int warp_row, int warp_column,
                                   const Sums<Tile>& sums, float* values) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < Tile::row_parts; ++i)
#pragma unroll
        for (int j = 0; j < Tile::column_parts; ++j)
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                const int row = warp_row + i * 16 + e / 2 * 8 + lane / 4, column = warp_column + j * 8 + lane % 4 * 2 + e % 2;
                float x = sums.upper[i][j][e];
                if constexpr (Tile::is_split) x = sums.total[i][j][e] + 0x1p-11f * sums.mixed[i][j][e];
                if (column < tile.columns) {
                    const int of_all = tile.first_column + column;
                    x = x * call.unscale[of_all % call.out_channels] + call.bias[of_all];
                }
                values[row * Tile::sums_stride + column] = x;
            }
    __syncthreads();
    const TileSums of_tile{values, Tile::sums_stride, static_cast<int>(blockIdx.x) * Tile::rows, Tile::rows};
    if (call.partials != nullptr) reduce_rows(call, tile, of_tile, threadIdx.x, Tile::threads);
    if (call.output[0] != nullptr) store_rows(call, tile, of_tile, threadIdx.x, Tile::threads);
}

template <class Tile>
__global__ void __launch_bounds__(Tile::threads, 1) tensor_kernel(const LayerCall call) {
    CONVSCOPE_SHARED_MEMORY(shared);
    Half* const stages = reinterpret_cast<Half*>(shared);
    const DeviceTile tile = call.tiles[blockIdx.y];
    const int warp = threadIdx.x / 32;
    const int warp_row = warp / 2 * Tile::warp_rows, warp_column = warp % 2 * Tile::warp_columns;

    for (int block = 0; block < Tile::stages - 1; ++block) {
        if (block < tile.blocks) copy_step<Tile>(call, tile, block, stages + block * Tile::stage_halves);
        end_copies();
    }
    Sums<Tile> sums{};
    for (int block = 0; block < tile.blocks; ++block) {
        wait_for_copies<Tile::stages - 2>();
        __syncthreads();
        const int next = block + Tile::stages - 1;
        if (next < tile.blocks) copy_step<Tile>(call, tile, next, stages + next % Tile::stages * Tile::stage_halves);
        end_copies();
        StepOperands<Tile> operands{};
        for (int image = 0; image < Tile::images; ++image) {
            const Half* const stage = stages + block % Tile::stages * Tile::stage_halves;
            operands.rows[image] = stage + image * (Tile::rows + Tile::columns) * Tile::depth;
            operands.columns[image] = operands.rows[image] + Tile::rows * Tile::depth;
        }
        multiply_step<Tile>(operands, warp_row, warp_column, sums);
        if constexpr (Tile::is_split)
            if (block % 2 == 1) promote<Tile>(sums);
    }
    if constexpr (Tile::is_split) promote<Tile>(sums);
    wait_for_copies<0>();
    __syncthreads();  // the stages are free

    finish_tile<Tile>(call, tile, warp_row, warp_column, sums, reinterpret_cast<float*>(shared));
}

// Calls `use` with the tile of that width: as many stages as 96 kB of shared memory hold.
template <class Use>
void with_tile(Precision precision, index width, Use use) {
    const bool is_split = precision == Precision::float32;
    if (is_split && width == 64) return use(TensorTile<64, 2, true>{});
    if (is_split && width == 32) return use(TensorTile<32, 2, true>{});
    if (!is_split && width == 128) return use(TensorTile<128, 3, false>{});
    if (!is_split && width == 64) return use(TensorTile<64, 4, false>{});
    if (!is_split && width == 32) return use(TensorTile<32, 4, false>{});
    throw_invalid("cuda", "no tile of ", width, " columns");
}

}  // namespace convscope::cuda::device
