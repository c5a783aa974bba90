/* vec_avx512.h — vec.h for AVX-512 F, BW, DQ, VL: 16 lanes, 32 registers, masks in their own registers. */
#ifndef DN_BACKEND_CPU_VEC_AVX512_H
#define DN_BACKEND_CPU_VEC_AVX512_H

#include <immintrin.h>

#define DN_LANES     16
#define DN_REGISTERS 32

typedef __m512 vec;
typedef __mmask16 vec_mask;

DN_INLINE vec vec_zero(void) { return _mm512_setzero_ps(); }
DN_INLINE vec vec_set(float s) { return _mm512_set1_ps(s); }
DN_INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
DN_INLINE vec vec_load_aligned(const float *p) { return _mm512_load_ps(p); }
DN_INLINE void vec_store(float *p, vec v) { _mm512_storeu_ps(p, v); }
DN_INLINE void vec_store_aligned(float *p, vec v) { _mm512_store_ps(p, v); }
DN_INLINE vec_mask vec_first(int n) { return (vec_mask)((1U << n) - 1U); }
DN_INLINE vec vec_load_first(const float *p, int n) { return _mm512_maskz_loadu_ps(vec_first(n), p); }
DN_INLINE void vec_store_first(float *p, vec v, int n) { _mm512_mask_storeu_ps(p, vec_first(n), v); }

DN_INLINE void vec_fetch(const float *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }
DN_INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
DN_INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
DN_INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
DN_INLINE vec vec_div(vec a, vec b) { return _mm512_div_ps(a, b); }
DN_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
DN_INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
DN_INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
DN_INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
DN_INLINE vec vec_abs(vec a) { return _mm512_abs_ps(a); }
DN_INLINE vec vec_neg(vec a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0F)); }
DN_INLINE vec vec_round(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
DN_INLINE vec vec_floor(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
DN_INLINE vec vec_scale2(vec a, vec n) { return _mm512_scalef_ps(a, n); }

DN_INLINE vec_mask vec_lt(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
DN_INLINE vec_mask vec_le(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
DN_INLINE vec_mask vec_gt(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
DN_INLINE vec_mask vec_ge(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
DN_INLINE vec vec_select(vec_mask mask, vec a, vec b) { return _mm512_mask_blend_ps(mask, b, a); }

DN_INLINE float vec_sum(vec a) { return _mm512_reduce_add_ps(a); }
DN_INLINE float vec_largest(vec a) { return _mm512_reduce_max_ps(a); }

/* Pairs of rows, then of pairs within 128-bit quarters, then two rounds of whole quarters. */
DN_INLINE void vec_transpose(vec rows[DN_LANES]) {
    vec t[16];
    for (int i = 0; i < 16; i += 4) {
        const vec ab_low = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
        const vec ab_high = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
        const vec cd_low = _mm512_unpacklo_ps(rows[i + 2], rows[i + 3]);
        const vec cd_high = _mm512_unpackhi_ps(rows[i + 2], rows[i + 3]);
        t[i] = _mm512_shuffle_ps(ab_low, cd_low, 0x44);
        t[i + 1] = _mm512_shuffle_ps(ab_low, cd_low, 0xee);
        t[i + 2] = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
        t[i + 3] = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
    }
    for (int i = 0; i < 4; ++i) {
        const vec even_low = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
        const vec odd_low = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
        const vec even_high = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
        const vec odd_high = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
        rows[i] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
        rows[i + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
        rows[i + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
        rows[i + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
}

#endif
