// What the tiles of a position left, added up in their order. One thread for a series value.
#pragma once

#include "core/ops/conv_block.h"
#include "cuda/calls.h"
#include "cuda/device/instructions.cuh"

namespace convscope::cuda::device {

inline constexpr int fold_threads = 256;

__global__ void __launch_bounds__(fold_threads) fold_kernel(const FoldCall call) {
    const std::int64_t number = static_cast<std::int64_t>(blockIdx.x) * fold_threads + threadIdx.x;
    const std::int64_t line = number / call.out_length, sample = line / call.readouts;
    if (sample >= call.samples) return;
    const std::int64_t position = number - line * call.out_length, k = line - sample * call.readouts;
    const float* const parts = call.partials + (sample * call.positions + position) * call.slots * call.readouts + k;
    const auto reduction = static_cast<Reduction>(call.reduction);
    float total = parts[0];
    for (int slot = 1; slot < call.slots; ++slot) {
        const float part = parts[slot * call.readouts];
        total = reduction == Reduction::max ? larger(total, part) : total + part;
    }
    if (reduction == Reduction::mean) total /= static_cast<float>(call.channels);
    if (reduction == Reduction::rms) total = sqrtf(total / static_cast<float>(call.channels));
    call.series[number] = total;
}

}  // namespace convscope::cuda::device
