// A layer as the kernel for compute capability 9.0 takes it: its maps as boxes for the copy engine.
#pragma once

#include "core/ops/conv_block.h"
#include "cuda/calls.h"
#include "cuda/tensor_map.h"

namespace convscope::cuda {

inline constexpr int hopper_cluster = 2;  // blocks that run together

struct HopperCall {
    TensorMap input[2];   // (channels, step, rows, samples)
    TensorMap output[2];  // (channels, phases, rows, samples)
    LayerCall layer;
    FusedCall fused;
    std::int32_t row_tiles, column_tiles;  // rows in whole clusters, the last of which may be beyond all samples
};

}  // namespace convscope::cuda
