// The vector abstraction in its plain form: four lanes and loops. It is the specification of the others, and the
// `baseline` instruction set (the compiler turns the loops into SSE2 or NEON where it can). No fused multiply-add.
#pragma once

namespace convscope::CONVSCOPE_ISA {

struct Vec {
    static constexpr int lanes = 4;
    static constexpr int tile_rows = 4, tile_vectors = 2;  // 8 accumulators of 16 registers

    float lane[lanes];

    static Vec zero() { return broadcast(0.0f); }
    static Vec broadcast(float value) { return {{value, value, value, value}}; }
    static Vec load(const float* from) { return {{from[0], from[1], from[2], from[3]}}; }
    void store(float* to) const {
        for (int i = 0; i < lanes; ++i) to[i] = lane[i];
    }
};

inline Vec operator+(Vec a, Vec b) {
    for (int i = 0; i < Vec::lanes; ++i) a.lane[i] += b.lane[i];
    return a;
}
inline Vec operator-(Vec a, Vec b) {
    for (int i = 0; i < Vec::lanes; ++i) a.lane[i] -= b.lane[i];
    return a;
}
inline Vec operator*(Vec a, Vec b) {
    for (int i = 0; i < Vec::lanes; ++i) a.lane[i] *= b.lane[i];
    return a;
}
inline Vec operator/(Vec a, Vec b) {
    for (int i = 0; i < Vec::lanes; ++i) a.lane[i] /= b.lane[i];
    return a;
}
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return a * b + sum; }

// The second operand where either is NaN, so that max(zero, x) keeps a NaN of x.
inline Vec max(Vec a, Vec b) {
    for (int i = 0; i < Vec::lanes; ++i) a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}
inline Vec min(Vec a, Vec b) {
    for (int i = 0; i < Vec::lanes; ++i) a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}

// |x| < bound ? yes : no, lane by lane (`no` for NaN).
inline Vec select_smaller(Vec x, float bound, Vec yes, Vec no) {
    for (int i = 0; i < Vec::lanes; ++i) yes.lane[i] = x.lane[i] < bound && x.lane[i] > -bound ? yes.lane[i] : no.lane[i];
    return yes;
}
// Nearest whole number, and 2 to the power of a whole number in -126 ... 127.
inline Vec round(Vec x) {
    for (int i = 0; i < Vec::lanes; ++i) x.lane[i] = __builtin_rintf(x.lane[i]);
    return x;
}
inline Vec power_of_two(Vec whole) {
    for (int i = 0; i < Vec::lanes; ++i) {
        const int bits = (static_cast<int>(whole.lane[i]) + 127) << 23;
        __builtin_memcpy(&whole.lane[i], &bits, sizeof(float));
    }
    return whole;
}

inline float sum(Vec x) { return (x.lane[0] + x.lane[2]) + (x.lane[1] + x.lane[3]); }

}  // namespace convscope::CONVSCOPE_ISA
