// Sixteen lanes, AVX-512 (F, DQ, VL).
#pragma once

#include <immintrin.h>

namespace convscope::CONVSCOPE_ISA {

struct Vec {
    static constexpr int lanes = 16;
    // 16 accumulators: twice what hides 2 ports x 4 cycles; 8 divides every length of the networks, and the ten loads
    // per step stay below the eight cycles of its products. 12 and 14 rows and 64 columns were measured: none faster.
    static constexpr int tile_rows = 8, tile_vectors = 2;

    __m512 value;

    static Vec zero() { return {_mm512_setzero_ps()}; }
    static Vec broadcast(float x) { return {_mm512_set1_ps(x)}; }
    static Vec load(const float* from) { return {_mm512_loadu_ps(from)}; }
    void store(float* to) const { _mm512_storeu_ps(to, value); }
};

inline Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.value, b.value)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.value, b.value)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.value, b.value)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.value, b.value)}; }
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return {_mm512_fmadd_ps(a.value, b.value, sum.value)}; }
inline Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.value, b.value)}; }
inline Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.value, b.value)}; }

inline Vec select_smaller(Vec x, float bound, Vec yes, Vec no) {
    const __mmask16 smaller = _mm512_cmp_ps_mask(_mm512_abs_ps(x.value), _mm512_set1_ps(bound), _CMP_LT_OQ);
    return {_mm512_mask_blend_ps(smaller, no.value, yes.value)};
}
inline Vec round(Vec x) { return {_mm512_roundscale_ps(x.value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline Vec power_of_two(Vec whole) {
    const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(whole.value), _mm512_set1_epi32(127));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23))};
}

inline __m256 lower_half(__m512 x) { return _mm512_castps512_ps256(x); }
inline __m256 upper_half(__m512 x) { return _mm512_extractf32x8_ps(x, 1); }

inline float sum(Vec x) {
    const __m256 eight = _mm256_add_ps(lower_half(x.value), upper_half(x.value));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

}  // namespace convscope::CONVSCOPE_ISA
