// Layers of every kind for the tests of the GPU's functions, and their activations in double.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/ops/conv_block.h"

namespace convscope {

struct NamedBlock {
    std::string name;
    ConvBlock block;
};

inline ConvBlock shaped(index length, index in_channels, index out_channels, index step, index phases) {
    ConvBlock block;
    block.in_length = length;
    block.in_channels = in_channels;
    block.out_length = length * phases / step;
    block.out_channels = out_channels;
    block.step = step;
    block.phases = phases;
    return block;
}

// 25 taps, and what WaveGAN's layers make of them.
inline ConvBlock transposed(index length, index in_channels, index out_channels) {
    ConvBlock block = shaped(length, in_channels, out_channels, 1, 4);
    for (index k = 0; k < 25; ++k) {
        const index output = k - 11;
        const index phase = (output % 4 + 4) % 4;
        block.taps.push_back({phase, -((output - phase) / 4), k});
    }
    return block;
}

inline ConvBlock strided(index length, index in_channels, index out_channels) {
    ConvBlock block = shaped(length, in_channels, out_channels, 4, 1);
    for (index k = 0; k < 25; ++k) block.taps.push_back({0, k - 11, k});
    return block;
}

// A latent vector to positions, each with weights of its own.
inline ConvBlock dense(index inputs, index positions, index channels) {
    ConvBlock block = shaped(1, inputs, channels, 1, positions);
    for (index s = 0; s < positions; ++s) block.taps.push_back({s, 0, s});
    return block;
}

inline std::vector<NamedBlock> blocks_of_every_kind() {
    ConvBlock gaps = shaped(30, 12, 20, 1, 2);
    gaps.taps = {{0, -6, 0}, {0, 3, 1}, {1, 3, 0}, {1, 40, 2}};
    ConvBlock no_taps_in_a_phase = shaped(9, 8, 8, 1, 3);
    no_taps_in_a_phase.taps = {{0, 0, 0}, {2, 1, 1}};
    return {{"wide transposed", transposed(8, 72, 136)},
            {"last", transposed(40, 64, 1)},
            {"narrow", transposed(32, 16, 24)},
            {"strided", strided(64, 24, 70)},
            {"first", strided(64, 1, 64)},
            {"dense", dense(100, 16, 33)},
            {"gaps", gaps},
            {"a phase without taps", no_taps_in_a_phase}};
}

inline double activated_exactly(double x, const Epilogue& epilogue, double slope) {
    switch (epilogue.activation) {
        case Activation::identity: break;
        case Activation::relu: x = x > 0 ? x : 0; break;
        case Activation::leaky_relu: x = x > 0 ? x : slope * x; break;
        case Activation::tanh: x = std::tanh(x); break;
        case Activation::sigmoid: x = 1 / (1 + std::exp(-x)); break;
    }
    return epilogue.scale * x;
}

inline index slots(const ConvBlock& block) {
    index count = 0;
    for (const Tap& tap : block.taps) count = tap.slot >= count ? tap.slot + 1 : count;
    return count;
}

}  // namespace convscope
