/* vec_portable.h — vec.h in plain C with the vector extension that GCC and Clang share: 8 lanes, which the compiler
 * maps to two 128-bit registers (SSE2, NEON) or to whatever the target has. */
#ifndef DN_BACKEND_CPU_VEC_PORTABLE_H
#define DN_BACKEND_CPU_VEC_PORTABLE_H

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* every function here is inlined: no vector crosses a call */
#endif

#define DN_LANES 8
#if defined(__aarch64__)
#define DN_REGISTERS 16 /* pairs of 32 */
#else
#define DN_REGISTERS 8 /* pairs of 16 */
#endif

typedef float vec __attribute__((vector_size(32)));
typedef int32_t vec_mask __attribute__((vector_size(32)));
typedef float dn_vec_unaligned __attribute__((vector_size(32), aligned(4), may_alias));
typedef float dn_vec_aligned __attribute__((vector_size(32), aligned(32), may_alias));

DN_INLINE vec vec_zero(void) { return (vec){0}; }
DN_INLINE vec vec_set(float s) { return (vec){s, s, s, s, s, s, s, s}; }
DN_INLINE vec vec_load(const float *p) { return *(const dn_vec_unaligned *)(const void *)p; }
DN_INLINE vec vec_load_aligned(const float *p) { return *(const dn_vec_aligned *)(const void *)p; }
DN_INLINE void vec_store(float *p, vec v) { *(dn_vec_unaligned *)(void *)p = v; }
DN_INLINE void vec_store_aligned(float *p, vec v) { *(dn_vec_aligned *)(void *)p = v; }
DN_INLINE vec vec_load_first(const float *p, int n) {
    vec v = {0};
    for (int i = 0; i < n; ++i) v[i] = p[i];
    return v;
}
DN_INLINE void vec_store_first(float *p, vec v, int n) {
    for (int i = 0; i < n; ++i) p[i] = v[i];
}

DN_INLINE vec_mask vec_lt(vec a, vec b) { return a < b; }
DN_INLINE vec_mask vec_le(vec a, vec b) { return a <= b; }
DN_INLINE vec_mask vec_gt(vec a, vec b) { return a > b; }
DN_INLINE vec_mask vec_ge(vec a, vec b) { return a >= b; }
DN_INLINE vec vec_select(vec_mask mask, vec a, vec b) { return (vec)(((vec_mask)a & mask) | ((vec_mask)b & ~mask)); }

DN_INLINE vec vec_add(vec a, vec b) { return a + b; }
DN_INLINE vec vec_sub(vec a, vec b) { return a - b; }
DN_INLINE vec vec_mul(vec a, vec b) { return a * b; }
DN_INLINE vec vec_div(vec a, vec b) { return a / b; }
DN_INLINE vec vec_fma(vec a, vec b, vec c) { return a * b + c; }
DN_INLINE vec vec_fnma(vec a, vec b, vec c) { return c - a * b; }
DN_INLINE vec vec_min(vec a, vec b) { return vec_select(a < b, a, b); }
DN_INLINE vec vec_max(vec a, vec b) { return vec_select(a > b, a, b); }
DN_INLINE vec vec_abs(vec a) { return (vec)((vec_mask)a & 0x7fffffff); }
DN_INLINE vec vec_neg(vec a) { return -a; }

/* From 2²³ on every float is integral. Below, adding and taking away 2²³ with the sign of a leaves a rounded. */
DN_INLINE vec vec_round(vec a) {
    const vec_mask sign = (vec_mask)a & INT32_MIN;
    const vec big = (vec)((vec_mask)vec_set(8388608.0F) | sign);
    return vec_select(vec_abs(a) < vec_set(8388608.0F), (a + big) - big, a);
}
DN_INLINE vec vec_floor(vec a) {
    const vec near = vec_round(a);
    return near - (vec)((vec_mask)vec_set(1.0F) & (near > a));
}

/* 2ⁿ as two factors, so that neither leaves the range of normal numbers. */
DN_INLINE vec vec_scale2(vec a, vec n) {
    const vec_mask whole = __builtin_convertvector(n, vec_mask);
    const vec_mask half = whole >> 1;
    const vec first = (vec)((half + 127) << 23);
    const vec second = (vec)((whole - half + 127) << 23);
    return a * first * second;
}

DN_INLINE float vec_sum(vec a) { return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7])); }
DN_INLINE float dn_larger(float a, float b) { return a > b ? a : b; }
DN_INLINE float vec_largest(vec a) {
    const float even = dn_larger(dn_larger(a[0], a[2]), dn_larger(a[4], a[6]));
    const float odd = dn_larger(dn_larger(a[1], a[3]), dn_larger(a[5], a[7]));
    return dn_larger(even, odd);
}

DN_INLINE void vec_transpose(vec rows[DN_LANES]) {
    for (int i = 0; i < DN_LANES; ++i) {
        for (int j = i + 1; j < DN_LANES; ++j) {
            const float swapped = rows[i][j];
            rows[i][j] = rows[j][i];
            rows[j][i] = swapped;
        }
    }
}

#endif
