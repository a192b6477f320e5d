// Eight lanes, AVX2 with FMA.
#pragma once

#include <immintrin.h>

namespace convscope::CONVSCOPE_ISA {

struct Vec {
    static constexpr int lanes = 8;
    static constexpr int tile_rows = 6, tile_vectors = 2;  // 12 accumulators, 2 weights, 1 input of 16 registers

    __m256 value;

    static Vec zero() { return {_mm256_setzero_ps()}; }
    static Vec broadcast(float x) { return {_mm256_set1_ps(x)}; }
    static Vec load(const float* from) { return {_mm256_loadu_ps(from)}; }
    void store(float* to) const { _mm256_storeu_ps(to, value); }
};

inline Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.value, b.value)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.value, b.value)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.value, b.value)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.value, b.value)}; }
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return {_mm256_fmadd_ps(a.value, b.value, sum.value)}; }
inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.value, b.value)}; }
inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.value, b.value)}; }

inline Vec select_smaller(Vec x, float bound, Vec yes, Vec no) {
    const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x.value);
    return {_mm256_blendv_ps(no.value, yes.value, _mm256_cmp_ps(magnitude, _mm256_set1_ps(bound), _CMP_LT_OQ))};
}
inline Vec round(Vec x) { return {_mm256_round_ps(x.value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline Vec power_of_two(Vec whole) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(whole.value), _mm256_set1_epi32(127));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23))};
}

inline float sum(Vec x) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(x.value), _mm256_extractf128_ps(x.value, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

}  // namespace convscope::CONVSCOPE_ISA
