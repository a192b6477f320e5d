// A short convolution with few products. A window of n inputs and T taps has m = n - T + 1 outputs,
//
//     y[i] = sum over d of x[i + d] w[d]   =   C ((G w) . (A x)),      A (F, n), G (S, T), C (m, R),
//
// with F = R = S = 1.5 n - 2 forms of the inputs, products and stored weights instead of m T. The polynomials of y and w are
// evaluated at N = n - 2 roots of unity, at zero and at infinity: overlap-save by the discrete Fourier transform, with two more
// inputs for one product each. A conjugate pair of roots takes three real products, and one of their three weights is the
// difference of the other two: it need not be stored. Or it takes four real products with two weights, for factors whose sums and
// differences would be rounded: then each product is a sum over two forms and two weights, R = S = n. These points keep the error
// of float32; others were measured (docs/design/0005-spectral.md).
//
// N is a multiple of four. The points come in fours z, iz, -z, -iz, where sums over every fourth input differ by powers of i
// alone: A and C are a small matrix for each residue of the position, and sums and differences (cpu/transforms.cpp).
//
// Source: Winograd, Arithmetic Complexity of Computations (1980), chapters III and IV; Blahut, Fast Algorithms for Signal
// Processing (2010), chapter 5.
#pragma once

#include <vector>

#include "cpu/kernels.h"

namespace convscope {

struct ShortConvolution {
    // A product is a sum over `parts` forms, from `form`, and as many rows of G, from `tap_row`.
    struct Product {
        index point, form, tap_row, parts;
        bool is_difference;  // whether its row of G is that of the product two before it less that of the one before it
    };

    PairProducts pairs = PairProducts::three;
    index inputs = 0, taps = 0, outputs = 0, forms = 0;
    std::vector<Product> products;
    std::vector<double> tap_matrix;  // G

    // A and C, as the kernels take them.
    index quarter = 0, fours = 0;
    std::vector<float> input_rows[4], output_rows[4];
    Transforms transforms() const;  // points into this
};

// Throws std::invalid_argument unless the window is 2 more than a multiple of four and has room for an output.
ShortConvolution short_convolution(index window, index taps, PairProducts pairs = PairProducts::three);

}  // namespace convscope
