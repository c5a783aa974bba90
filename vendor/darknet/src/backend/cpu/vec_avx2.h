/* vec_avx2.h — vec.h for AVX2 with FMA: 8 lanes, 16 registers, masks are vectors of all-one or all-zero lanes. */
#ifndef DN_BACKEND_CPU_VEC_AVX2_H
#define DN_BACKEND_CPU_VEC_AVX2_H

#include <immintrin.h>

#define DN_LANES     8
#define DN_REGISTERS 16

typedef __m256 vec;
typedef __m256 vec_mask;

DN_INLINE vec vec_zero(void) { return _mm256_setzero_ps(); }
DN_INLINE vec vec_set(float s) { return _mm256_set1_ps(s); }
DN_INLINE vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
DN_INLINE vec vec_load_aligned(const float *p) { return _mm256_load_ps(p); }
DN_INLINE void vec_store(float *p, vec v) { _mm256_storeu_ps(p, v); }
DN_INLINE void vec_store_aligned(float *p, vec v) { _mm256_store_ps(p, v); }
DN_INLINE __m256i vec_first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
DN_INLINE vec vec_load_first(const float *p, int n) { return _mm256_maskload_ps(p, vec_first(n)); }
DN_INLINE void vec_store_first(float *p, vec v, int n) { _mm256_maskstore_ps(p, vec_first(n), v); }

DN_INLINE void vec_fetch(const float *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }
DN_INLINE vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
DN_INLINE vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
DN_INLINE vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
DN_INLINE vec vec_div(vec a, vec b) { return _mm256_div_ps(a, b); }
DN_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
DN_INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
DN_INLINE vec vec_min(vec a, vec b) { return _mm256_min_ps(a, b); }
DN_INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
DN_INLINE vec vec_abs(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a); }
DN_INLINE vec vec_neg(vec a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0F)); }
DN_INLINE vec vec_round(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
DN_INLINE vec vec_floor(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }

/* 2ⁿ as two factors, so that neither leaves the range of normal numbers. */
DN_INLINE vec vec_scale2(vec a, vec n) {
    const __m256i whole = _mm256_cvtps_epi32(n);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    const __m256i rest = _mm256_sub_epi32(whole, half);
    const __m256i bias = _mm256_set1_epi32(127);
    const vec first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
    const vec second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
    return _mm256_mul_ps(_mm256_mul_ps(a, first), second);
}

DN_INLINE vec_mask vec_lt(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
DN_INLINE vec_mask vec_le(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
DN_INLINE vec_mask vec_gt(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
DN_INLINE vec_mask vec_ge(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
DN_INLINE vec vec_select(vec_mask mask, vec a, vec b) { return _mm256_blendv_ps(b, a, mask); }

DN_INLINE float vec_sum(vec a) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
DN_INLINE float vec_largest(vec a) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* Pairs of rows, then of pairs within 128-bit halves, then the halves. */
DN_INLINE void vec_transpose(vec rows[DN_LANES]) {
    vec t[8];
    for (int i = 0; i < 8; i += 4) {
        const vec ab_low = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
        const vec ab_high = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
        const vec cd_low = _mm256_unpacklo_ps(rows[i + 2], rows[i + 3]);
        const vec cd_high = _mm256_unpackhi_ps(rows[i + 2], rows[i + 3]);
        t[i] = _mm256_shuffle_ps(ab_low, cd_low, 0x44);
        t[i + 1] = _mm256_shuffle_ps(ab_low, cd_low, 0xee);
        t[i + 2] = _mm256_shuffle_ps(ab_high, cd_high, 0x44);
        t[i + 3] = _mm256_shuffle_ps(ab_high, cd_high, 0xee);
    }
    for (int i = 0; i < 4; ++i) {
        rows[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        rows[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}

#endif
