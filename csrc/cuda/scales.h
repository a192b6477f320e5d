// Powers of two that bring each channel of a map into the middle of what half numbers can be: normal from 2^-14, finite below
// 2^16. How large a channel's values are is expected from the weights, as if inputs were independent: true within a few
// binary digits where they are not, and the middle leaves seven below and sixteen above.
#pragma once

#include <span>
#include <vector>

#include "core/layer.h"

namespace convscope::cuda {

struct Moments {
    double mean = 0, variance = 0;
};

struct Expected {
    std::vector<Moments> values;     // of each output channel, over all positions
    std::vector<double> magnitudes;  // root mean square of each before the activation; at most 1 where that saturates
};

Expected expected_outputs(const Layer& layer, std::span<const Moments> inputs);

// Latents and sound alike: 2^-12 to 2^11 of it are exact to a half's or two halves' digits.
inline constexpr float input_scale = 0x1p4f;
inline constexpr Moments expected_input{0, 1.0 / 16};

// Takes a value of this magnitude to 2^-5 or more and below 2^-4; 1 for zero. `require`s it to be finite.
double map_scale(double magnitude);

// Of each output channel's weights when inputs come scaled: the largest is 2^13 or more and below 2^14.
std::vector<double> weight_scales(const Layer& layer, std::span<const double> input_scales);

}  // namespace convscope::cuda
