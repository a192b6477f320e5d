// Four lanes, ARMv8-A NEON: 32 registers.
#pragma once

#include <arm_neon.h>

namespace convscope::CONVSCOPE_ISA {

struct Vec {
    static constexpr int lanes = 4;
    static constexpr int tile_rows = 8, tile_vectors = 2;  // 16 accumulators of 32 registers

    float32x4_t value;

    static Vec zero() { return {vdupq_n_f32(0.0f)}; }
    static Vec broadcast(float x) { return {vdupq_n_f32(x)}; }
    static Vec load(const float* from) { return {vld1q_f32(from)}; }
    void store(float* to) const { vst1q_f32(to, value); }
};

inline Vec operator+(Vec a, Vec b) { return {vaddq_f32(a.value, b.value)}; }
inline Vec operator-(Vec a, Vec b) { return {vsubq_f32(a.value, b.value)}; }
inline Vec operator*(Vec a, Vec b) { return {vmulq_f32(a.value, b.value)}; }
inline Vec operator/(Vec a, Vec b) { return {vdivq_f32(a.value, b.value)}; }
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return {vfmaq_f32(sum.value, a.value, b.value)}; }
inline Vec max(Vec a, Vec b) { return {vmaxq_f32(a.value, b.value)}; }  // NaN if either is: stronger than needed
inline Vec min(Vec a, Vec b) { return {vminq_f32(a.value, b.value)}; }

inline Vec select_smaller(Vec x, float bound, Vec yes, Vec no) {
    return {vbslq_f32(vcaltq_f32(x.value, vdupq_n_f32(bound)), yes.value, no.value)};
}
inline Vec round(Vec x) { return {vrndnq_f32(x.value)}; }
inline Vec power_of_two(Vec whole) {
    const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(whole.value), vdupq_n_s32(127));
    return {vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23))};
}

inline float sum(Vec x) { return vaddvq_f32(x.value); }

}  // namespace convscope::CONVSCOPE_ISA
