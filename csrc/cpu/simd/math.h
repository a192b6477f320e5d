// tanh and sigmoid for a vector, within a few units in the last place of the exact value, NaN kept. A sigmoid below the
// smallest normal float (x < -87.3) stays at about that float.
//
// |x| < 0.625: x + x u P(u), u = x^2. Above: 1 - 2 / (exp(2|x|) + 1), where nothing cancels. exp is split into a power of
// two and a polynomial on [-ln2/2, ln2/2]. The coefficients are our own minimax fits (Lawson iteration in float64);
// their errors are 0.07 and 0.05 units in the last place.
#pragma once

#include "cpu/simd/vec.h"

namespace convscope::CONVSCOPE_ISA {

inline Vec exp_below_127(Vec x) {
    const Vec scaled = round(x * Vec::broadcast(1.44269504f));
    const Vec whole = select_smaller(scaled, 127.0f, scaled, Vec::zero());  // NaN must not reach the integer conversion
    // ln 2 in two parts: the first has few bits, so that whole * part is exact.
    Vec rest = multiply_add(whole, Vec::broadcast(-0.693359375f), x);
    rest = multiply_add(whole, Vec::broadcast(2.12194440e-4f), rest);
    Vec p = Vec::broadcast(0.0013950478751212358f);
    p = multiply_add(p, rest, Vec::broadcast(0.008368882350623608f));
    p = multiply_add(p, rest, Vec::broadcast(0.04166620597243309f));
    p = multiply_add(p, rest, Vec::broadcast(0.1666651964187622f));
    p = multiply_add(p, rest, Vec::broadcast(0.5f));
    const Vec one = Vec::broadcast(1.0f);
    return (multiply_add(p, rest * rest, rest) + one) * power_of_two(whole);
}

inline Vec tanh(Vec x) {
    const Vec u = x * x;
    Vec p = Vec::broadcast(-0.005705001298338175f);
    p = multiply_add(p, u, Vec::broadcast(0.02063910849392414f));
    p = multiply_add(p, u, Vec::broadcast(-0.053739726543426514f));
    p = multiply_add(p, u, Vec::broadcast(0.13331443071365356f));
    p = multiply_add(p, u, Vec::broadcast(-0.3333328068256378f));
    const Vec near_zero = multiply_add(p * u, x, x);

    const Vec bound = Vec::broadcast(9.2f);  // tanh rounds to 1 from 9.02 on
    const Vec clamped = max(Vec::zero() - bound, min(bound, x));
    const Vec magnitude = max(clamped, Vec::zero() - clamped);
    const Vec one = Vec::broadcast(1.0f), two = Vec::broadcast(2.0f);
    const Vec away = (one - two / (exp_below_127(magnitude * two) + one)) * (clamped / magnitude);
    return select_smaller(x, 0.625f, near_zero, away);
}

// exp(min(x, 0)) / (1 + exp(-|x|)): small values keep their digits, which (1 + tanh(x/2)) / 2 loses.
inline Vec sigmoid(Vec x) {
    const Vec bound = Vec::broadcast(87.3f);
    const Vec clamped = max(Vec::zero() - bound, min(bound, x));
    const Vec below = min(Vec::zero(), clamped);  // x where it is negative
    const Vec above = Vec::zero() - max(Vec::zero(), clamped);
    const Vec tail = exp_below_127(below + above);  // exp(-|x|)
    return exp_below_127(below) / (Vec::broadcast(1.0f) + tail);
}

}  // namespace convscope::CONVSCOPE_ISA
