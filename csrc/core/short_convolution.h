// A short convolution with few products. A window of n inputs and T taps has m = n - T + 1 outputs,
//
//     y[i] = sum over d of x[i + d] w[d]   =   C ((G w) . (A x)),      A (R, n), G (R, T), C (m, R),
//
// with R = 1.5 n - 2 products instead of m T. The polynomials of y and w are evaluated at N = n - 2 roots of unity, at zero
// and at infinity: overlap-save by the discrete Fourier transform, with two more inputs for one product each. A conjugate pair
// of roots takes three real products. These points keep the error of float32; others were measured
// (docs/design/0005-spectral.md).
//
// The points come in pairs z, -z, so A and C need half the products: even and odd inputs apart, then sums and differences;
// sums and differences, then even and odd outputs apart.
//
// Source: Winograd, Arithmetic Complexity of Computations (1980), chapters III and IV; Blahut, Fast Algorithms for Signal
// Processing (2010), chapter 5.
#pragma once

#include <vector>

#include "cpu/kernels.h"

namespace convscope {

// A matrix row by row, each row with a value for every second input or output.
struct HalfMatrix {
    index rows = 0, columns = 0;
    std::vector<double> values;
};

struct ShortConvolution {
    index inputs = 0, taps = 0, outputs = 0, products = 0;

    // A: `sums_of[parity]` times the inputs of that parity, one after the other, then `products` combinations of them.
    HalfMatrix sums_of[2];
    std::vector<Combination> inputs_from_sums;

    HalfMatrix tap_matrix;  // G (products, taps), whole

    // C: combinations of products, then `outputs_from[parity]` (outputs of that parity, combinations).
    std::vector<Combination> combinations_for[2];
    HalfMatrix outputs_from[2];
};

// The window must be even and have room for an output: throws std::invalid_argument.
ShortConvolution short_convolution(index window, index taps);

}  // namespace convscope
