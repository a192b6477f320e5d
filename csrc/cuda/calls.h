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

inline constexpr std::int32_t fused_outputs = 40;  // that a row of the layer before adds to, at most; a multiple of eight

// A fused layer (cuda/fused.h), in the kernel of the layer before it.
struct FusedCall {
    const Half* weights;  // null: the next layer is not fused
    float* parts;         // (samples, rows, column tiles, fused_outputs)
};

// What it left, to the layer's series.
struct GatherCall {
    LayerCall layer;  // has neither tiles nor maps
    const float* parts;
    std::int32_t rows, column_tiles;  // of the layer before
    std::int32_t first, period;
    float* series;  // (samples, readouts, out_length)
};

// From partials to series (samples, readouts, out_length).
struct FoldCall {
    const float* partials;
    std::int32_t samples, positions, slots, readouts;  // positions of a sample in `partials`
    std::int32_t out_length, channels, reduction;
    float* series;
};

}  // namespace convscope::cuda
