// A last layer of one channel, sound, computed where the map that it reads is made (device/fused.cuh). A row of the layer before
// holds `phases` positions, and all that a row adds to is one stretch of outputs:
//
//     y[row * period + first + r] = sum over rows and their columns (phase, channel):  x[row, column] . w[column, r]
//
// A tile of x is multiplied by w out of registers; what several rows add to an output is added up by the kernel that follows.
#pragma once

#include <vector>

#include "core/ops/conv_block.h"
#include "cuda/calls.h"
#include "cuda/half.h"
#include "cuda/product.h"

namespace convscope::cuda {

struct FusedShape {
    index first, count, period;  // of r: the first, relative to its row's outputs, and how many
};
FusedShape fused_shape(const ConvBlock& before, const ConvBlock& last);

bool suits_fusion(const ConvBlock& before, const ConvBlock& last);

// The scaled weights of one tile of the layer before: (columns / 64, fused_outputs, 64) halves, swizzled and split as `pack_tile`
// has them.
std::vector<Half> pack_fused(const ConvBlock& before, const ColumnTile& tile, index width, const ConvBlock& last,
                             const std::vector<float>& kernel, const Scales& scales, bool is_split);

}  // namespace convscope::cuda
