// What kernels are told. Maps are halves (samples, positions, padded channels), each channel times a power of two of its own;
// with float32 accuracy each is two, x = (upper + 2^-11 lower) / scale.
#pragma once

#include <cstdint>

#include "cuda/half.h"

namespace convscope::cuda {

// The input of the first layer as it comes: floats, channel by channel and in any order.
struct InputCall {
    const float* from;
    std::int64_t sample_stride, channel_stride, position_stride;  // floats
    std::int32_t samples, length, channels;
    std::int32_t out_stride;  // padded channels
    float scale;
    Half* to[2];  // the second null unless maps are two
};

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

    const float* unscale;  // (channels,), takes the sums to what they are
    const float* bias;     // (phases, channels)
    const float* slope;    // (channels,), or null unless the activation is leaky_relu
    std::int32_t activation;
    float factor;     // of the activation's result
    Half* output[2];  // null: nobody reads the map
    std::int32_t out_stride;
    const float* out_scale;  // (channels,)

    std::int32_t reduction;
    bool before_activation;
    std::int32_t readouts;
    const float* readout;  // (readouts, channels), or null
    float* partials;       // (samples, rows * phases, slots, readouts), or null: not probed
    std::int32_t slots;    // tiles that share a phase
};

// From partials to series (samples, readouts, out_length).
struct FoldCall {
    const float* partials;
    std::int32_t samples, positions, slots, readouts;  // positions of a sample in `partials`
    std::int32_t out_length, channels, reduction;
    float* series;
};

}  // namespace convscope::cuda
