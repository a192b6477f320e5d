// The one operation of the engine, as a contract that every backend keeps.
//
//   y[b, q*S + p, c] = act( bias[p, c] + sum over taps j of phase p:  x[b, q*step + offset_j, :] . w[slot_j][:, c] )
//   series[b, k, q*S + p] = reduce over c of y[b, q*S + p, c]          (or of the value before the activation)
//
// x is (B, L, P) channels-last and zero outside the sample, y is (B, M, C). A transposed convolution of stride s has
// S = s phases and step 1; a strided convolution has one phase and step s; a dense layer that is reshaped to M positions
// has S = M phases over one input position; a dense layer on a flattened map has one tap per input position. A kernel tap
// that no phase needs costs nothing. tests/reference/conv_block.py is the same definition in float64 NumPy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace convscope {

using index = std::ptrdiff_t;

enum class Activation : std::int32_t { identity, relu, leaky_relu, tanh, sigmoid };

// What becomes of the C channels at one position. `readout` is a fixed matrix R (K, C): series = R y.
enum class Reduction : std::int32_t { none, mean, rms, max, readout };

struct Tap {
    index phase;   // which of the S output positions of a row it feeds
    index offset;  // input position relative to q * step; may lie outside the sample
    index slot;    // which weight matrix (P, C)

    // Whole steps from a row's own position; what is left is the input phase.
    index steps(index step) const { return offset >= 0 ? offset / step : -((step - 1 - offset) / step); }
};

struct ConvBlock {
    index in_length = 0;     // L
    index in_channels = 0;   // P
    index out_length = 0;    // M <= rows * S
    index out_channels = 0;  // C
    index step = 1;
    index phases = 1;  // S
    std::vector<Tap> taps;

    index rows() const { return (out_length + phases - 1) / phases; }  // q = 0 .. rows - 1
};

struct Epilogue {
    Activation activation = Activation::identity;
    float scale = 1.0f;  // multiplies the activation's result
    Reduction reduction = Reduction::none;
    bool before_activation = false;
    index readouts = 1;  // K; 1 for mean, rms and max
};

// The larger of two, NaN if either is, as torch's amax has it. Always inlined: kernels of every instruction set use it, and none
// may call a copy compiled for another.
[[gnu::always_inline]] constexpr float larger(float a, float b) { return a > b || a != a ? a : b; }

}  // namespace convscope
