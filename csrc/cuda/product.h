// A layer as the matrix product that GPU kernels compute. Rows are (sample, q), columns (phase, channel), and the sum runs over
// the input positions around q * step and their channels, eight channels at a time:
//
//     y[(b, q), (p, c)] = sum over chunks j:  x[b, q*step + offset_j, channels of j] . w[channels of j, (p, c)]
//
// Host code, like all of this folder but device/.
#pragma once

#include <span>
#include <vector>

#include "core/ops/conv_block.h"
#include "cuda/half.h"

namespace convscope::cuda {

inline constexpr index chunk_channels = 8;  // 16 bytes of halves: what one copy moves
inline constexpr index block_chunks = 8;    // of one step of the sum: 128 bytes for each row and each column

// Columns that one block of threads computes: of one phase, or of some whole phases where they are narrow.
struct ColumnTile {
    index first, count;          // of (phase, channel)
    std::vector<index> offsets;  // input positions that any of its columns needs, ascending
};

// Of `width` columns at most.
std::vector<ColumnTile> column_tiles(const ConvBlock& block, index width);

// Channels of a position in memory: whole chunks, zero beyond the layer's own.
constexpr index padded_channels(index channels) { return (channels + chunk_channels - 1) / chunk_channels * chunk_channels; }

// Steps of a tile's sum; the chunks of the last one may end before it.
index tile_blocks(const ConvBlock& block, const ColumnTile& tile);

// By which a weight is multiplied: that of its output channel over that of its input channel.
struct Scales {
    std::span<const double> inputs, outputs;
};

// Sets element k of a row, in the image of one step: (rows, 64) halves, chunk j of the row at place j ^ (row mod 8), so that
// neither copies nor matrix loads meet in a bank. With `is_split` a second image follows: 2^11 times what rounding left, rounded.
void set_weight(Half* image, index rows, index row, index k, double weight, bool is_split);

// A tile's scaled weights, one step's image after the other, with a row for each of `width` columns. Zero where a column has no
// such tap.
std::vector<Half> pack_tile(const ConvBlock& block, const std::vector<float>& kernel, const ColumnTile& tile, index width,
                            const Scales& scales, bool is_split);

}  // namespace convscope::cuda
