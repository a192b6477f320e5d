// A fused layer's series from what the rows before it added to each output, always in the order of the rows and their tiles. One
// thread for an output.
#pragma once

#include "cuda/calls.h"
#include "cuda/device/epilogue.cuh"

namespace convscope::cuda::device {

inline constexpr int gather_threads = 256;

// Of the only channel.
__device__ inline float reduced(const LayerCall& call, float x, int k) {
    switch (static_cast<Reduction>(call.reduction)) {
        case Reduction::none:
        case Reduction::mean:
        case Reduction::max: break;
        case Reduction::rms: return fabsf(x);
        case Reduction::readout: return call.readout[k] * x;
    }
    return x;
}

__global__ void __launch_bounds__(gather_threads) gather_kernel(const GatherCall call) {
    const LayerCall& layer = call.layer;
    const std::int64_t number = static_cast<std::int64_t>(blockIdx.x) * gather_threads + threadIdx.x;
    const std::int64_t sample = number / layer.out_length;
    if (sample >= layer.samples) return;
    const int position = static_cast<int>(number - sample * layer.out_length), from = position - call.first;
    const int last_row = from / call.period < call.rows ? from / call.period : call.rows - 1;
    const int first_row = from > fused_outputs ? (from - fused_outputs) / call.period : 0;
    float total = 0.0f;
    for (int row = first_row; row <= last_row; ++row) {
        const int r = from - row * call.period;
        if (r < 0 || r >= fused_outputs) continue;
        const float* const parts = call.parts + (sample * call.rows + row) * call.column_tiles * fused_outputs + r;
        for (int tile = 0; tile < call.column_tiles; ++tile) total += parts[tile * fused_outputs];
    }
    const float x = total * layer.unscale[0] + layer.bias[position % layer.phases];
    const float value = layer.before_activation ? x : activated(layer, x, 0);
    for (int k = 0; k < layer.readouts; ++k)
        call.series[(sample * layer.readouts + k) * layer.out_length + position] = reduced(layer, value, k);
}

}  // namespace convscope::cuda::device
