// One layer of a call, as kernels take it. Maps are halves (samples, positions, padded channels); with float32 accuracy each is
// two, x = (upper + 2^-11 lower) / scale.
#pragma once

#include <cstdint>

#include "cuda/half.h"

namespace convscope::cuda {

// What a block of threads needs of its columns (cuda/product.h).
struct DeviceTile {
    std::int32_t first_column, columns;
    std::int32_t slot;                        // among the tiles of its phase
    std::int32_t first_offset, offset_count;  // among the layer's
    std::int32_t blocks;
    std::int64_t weights;  // halves from the layer's first
};

struct LayerCall {
    const Half* input[2];
    const Half* weights;
    const DeviceTile* tiles;
    const std::int32_t* offsets;
    std::int32_t samples, in_length, in_stride, step, rows;  // rows of a sample
    std::int32_t out_length, out_channels, phases;

    float unscale;       // takes the sums to what they are
    const float* bias;   // (phases, channels)
    const float* slope;  // (channels,), or null unless the activation is leaky_relu
    std::int32_t activation;
    float factor;     // of the activation's result
    Half* output[2];  // null: nobody reads the map
    std::int32_t out_stride;
    float out_scale;

    std::int32_t reduction;
    bool before_activation;
    std::int32_t readouts;
    const float* readout;  // (readouts, channels), or null
    float* partials;       // (samples, rows * phases, slots, readouts), or null: not probed
    std::int32_t slots;    // tiles that share a phase
};

}  // namespace convscope::cuda
