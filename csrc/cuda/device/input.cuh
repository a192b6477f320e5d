// A batch as it comes, floats, to the first map. One thread for eight channels of a position.
#pragma once

#include "cuda/calls.h"
#include "cuda/device/instructions.cuh"

namespace convscope::cuda::device {

inline constexpr int input_threads = 256;

__global__ void __launch_bounds__(input_threads) input_kernel(const InputCall call) {
    const int chunks = call.out_stride / 8;
    const std::int64_t number = static_cast<std::int64_t>(blockIdx.x) * input_threads + threadIdx.x;
    const std::int64_t row = number / chunks, sample = row / call.length, position = row - sample * call.length;
    if (sample >= call.samples) return;
    const int first_channel = static_cast<int>(number - row * chunks) * 8;
    const float* const from = call.from + sample * call.sample_stride + position * call.position_stride;
    float values[8];
    for (int e = 0; e < 8; ++e) {
        const int channel = first_channel + e;
        values[e] = channel < call.channels ? call.scale * from[channel * call.channel_stride] : 0.0f;
    }
    store_halves(call.to, row * call.out_stride + first_channel, values);
}

}  // namespace convscope::cuda::device
