// A short convolution with few products. For windows of n inputs, T taps and m = n - T + 1 outputs,
//
//     y[i] = sum over d of x[i + d] w[d]   =   C ((G w) . (A x)),      A (R, n), G (R, T), C (m, R),
//
// where R is far smaller than m T. The matrices evaluate the polynomials of y and w at n points: the roots of unity of a
// circle, whose conjugate pairs take three real products each, and a few real points, which take one each. A circle alone is
// overlap-save by the discrete Fourier transform.
//
// Source: Winograd, Arithmetic Complexity of Computations (1980), chapters III and IV; Blahut, Fast Algorithms for Signal
// Processing (2010), chapter 5. Which points keep the error of float32: docs/design/0004-spectral.md.
#pragma once

#include <vector>

#include "core/ops/conv_block.h"

namespace convscope {

// The points of a window: `circle` roots of unity and the first `extra` of 0, infinity, 2, -1/2, -2, 1/2.
struct Window {
    index circle = 0;
    index extra = 0;

    index inputs() const { return circle + extra; }
    index products() const { return circle + (circle - 1) / 2 + extra; }
};

inline constexpr index most_extra_points = 6;

// Matrices row by row. The rows of A and G have a norm between 1/2 and 2: no product overflows that the direct form would not.
struct ShortConvolution {
    index inputs = 0, taps = 0, outputs = 0, products = 0;
    std::vector<double> input_matrix;   // A (products, inputs)
    std::vector<double> tap_matrix;     // G (products, taps)
    std::vector<double> output_matrix;  // C (outputs, products)
};

// Throws std::invalid_argument for a window without room for an output.
ShortConvolution short_convolution(const Window& window, index taps);

}  // namespace convscope
