// What the values of a layer can be, by interval arithmetic from what comes in: the powers of two by which maps are scaled so
// that half numbers never overflow.
#pragma once

#include <span>
#include <vector>

#include "core/operation.h"

namespace convscope::cuda {

struct Range {
    double low = 0, high = 0;
};

// Of each output channel, over all positions, the activation's factor included; positions beyond a sample's ends are zero.
std::vector<Range> output_ranges(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights,
                                 std::span<const Range> inputs);

// The largest power of two that keeps all of them within half of what a half number can be; 1 if all are zero.
double scale_of(std::span<const Range> ranges);

}  // namespace convscope::cuda
