// A batch through a plan, some samples at a time, as kernels on one stream: no allocation, no synchronisation.
#pragma once

#include <span>

#include "cuda/launch.h"
#include "cuda/plan.h"
#include "cuda/workspace.h"

namespace convscope::cuda {

// Samples of (channels, length) floats in any order.
struct Input {
    const float* data;
    index sample_stride, channel_stride, position_stride;
};

// Addresses are the device's: `constants` of a copy of the plan's, `memory` of workspace(plan, chunk).bytes, both at multiples of
// 256; series[i] (batch, K, M) of layer i, null exactly where nothing is reduced.
void run(const Plan& plan, const std::byte* constants, std::byte* memory, index chunk, const Input& input, index batch,
         std::span<float* const> series, Stream stream);

}  // namespace convscope::cuda
