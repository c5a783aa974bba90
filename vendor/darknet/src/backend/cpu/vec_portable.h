/* vec_portable.h — vec.h in plain C with the vector extension that GCC and Clang share: 8 lanes as two 128-bit halves,
 * each of which is one register on SSE2 and NEON. (One 32-byte vector would be kept in memory there.) */
#ifndef DN_BACKEND_CPU_VEC_PORTABLE_H
#define DN_BACKEND_CPU_VEC_PORTABLE_H

#define DN_LANES 8
#if defined(__aarch64__)
#define DN_REGISTERS 16 /* pairs of 32 */
#else
#define DN_REGISTERS 8 /* pairs of 16 */
#endif

typedef float dn_four __attribute__((vector_size(16)));
typedef int32_t dn_four_int __attribute__((vector_size(16)));
typedef float dn_four_unaligned __attribute__((vector_size(16), aligned(4), may_alias));
typedef float dn_four_aligned __attribute__((vector_size(16), aligned(16), may_alias));

typedef struct vec {
    dn_four low, high;
} vec;
typedef struct vec_mask {
    dn_four_int low, high;
} vec_mask;

/* A function of each half. */
#define DN_HALVES_1(f, a)    ((vec){f((a).low), f((a).high)})
#define DN_HALVES_2(f, a, b) ((vec){f((a).low, (b).low), f((a).high, (b).high)})
#define DN_MASKS_2(f, a, b)  ((vec_mask){f((a).low, (b).low), f((a).high, (b).high)})

DN_INLINE dn_four dn_four_set(float s) { return (dn_four){s, s, s, s}; }
DN_INLINE dn_four dn_four_select(dn_four_int mask, dn_four a, dn_four b) {
    return (dn_four)(((dn_four_int)a & mask) | ((dn_four_int)b & ~mask));
}
DN_INLINE dn_four dn_four_add(dn_four a, dn_four b) { return a + b; }
DN_INLINE dn_four dn_four_sub(dn_four a, dn_four b) { return a - b; }
DN_INLINE dn_four dn_four_mul(dn_four a, dn_four b) { return a * b; }
DN_INLINE dn_four dn_four_div(dn_four a, dn_four b) { return a / b; }
DN_INLINE dn_four_int dn_four_lt(dn_four a, dn_four b) { return a < b; }
DN_INLINE dn_four_int dn_four_le(dn_four a, dn_four b) { return a <= b; }
DN_INLINE dn_four_int dn_four_gt(dn_four a, dn_four b) { return a > b; }
DN_INLINE dn_four_int dn_four_ge(dn_four a, dn_four b) { return a >= b; }
DN_INLINE dn_four dn_four_min(dn_four a, dn_four b) { return dn_four_select(a < b, a, b); }
DN_INLINE dn_four dn_four_max(dn_four a, dn_four b) { return dn_four_select(a > b, a, b); }
DN_INLINE dn_four dn_four_abs(dn_four a) { return (dn_four)((dn_four_int)a & INT32_MAX); }
DN_INLINE dn_four dn_four_neg(dn_four a) { return -a; }

/* From 2²³ on every float is integral. Below, adding and taking away 2²³ with the sign of a leaves a rounded. */
DN_INLINE dn_four dn_four_round(dn_four a) {
    const dn_four limit = dn_four_set(8388608.0F);
    const dn_four big = (dn_four)((dn_four_int)limit | ((dn_four_int)a & INT32_MIN));
    return dn_four_select(dn_four_abs(a) < limit, (a + big) - big, a);
}
DN_INLINE dn_four dn_four_floor(dn_four a) {
    const dn_four near = dn_four_round(a);
    return near - (dn_four)((dn_four_int)dn_four_set(1.0F) & (near > a));
}

/* 2ⁿ as two factors, so that neither leaves the range of normal numbers. The sum with 1.5·2²³ has n in its low bits. */
DN_INLINE dn_four dn_four_scale2(dn_four a, dn_four n) {
    const dn_four magic = dn_four_set(12582912.0F);
    const dn_four_int whole = (dn_four_int)(n + magic) - (dn_four_int)magic;
    const dn_four_int half = whole >> 1;
    return a * (dn_four)((half + 127) << 23) * (dn_four)((whole - half + 127) << 23);
}

DN_INLINE vec vec_set(float s) { return (vec){dn_four_set(s), dn_four_set(s)}; }
DN_INLINE vec vec_zero(void) { return vec_set(0.0F); }
DN_INLINE vec vec_load(const float *p) {
    const dn_four_unaligned *halves = (const dn_four_unaligned *)(const void *)p;
    return (vec){halves[0], halves[1]};
}
DN_INLINE vec vec_load_aligned(const float *p) {
    const dn_four_aligned *halves = (const dn_four_aligned *)(const void *)p;
    return (vec){halves[0], halves[1]};
}
DN_INLINE void vec_store(float *p, vec v) {
    dn_four_unaligned *halves = (dn_four_unaligned *)(void *)p;
    halves[0] = v.low;
    halves[1] = v.high;
}
DN_INLINE void vec_store_aligned(float *p, vec v) {
    dn_four_aligned *halves = (dn_four_aligned *)(void *)p;
    halves[0] = v.low;
    halves[1] = v.high;
}
DN_INLINE vec vec_load_first(const float *p, int n) {
    float lanes[DN_LANES] = {0};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return vec_load(lanes);
}
DN_INLINE void vec_store_first(float *p, vec v, int n) {
    float lanes[DN_LANES];
    vec_store(lanes, v);
    for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

DN_INLINE vec_mask vec_lt(vec a, vec b) { return DN_MASKS_2(dn_four_lt, a, b); }
DN_INLINE vec_mask vec_le(vec a, vec b) { return DN_MASKS_2(dn_four_le, a, b); }
DN_INLINE vec_mask vec_gt(vec a, vec b) { return DN_MASKS_2(dn_four_gt, a, b); }
DN_INLINE vec_mask vec_ge(vec a, vec b) { return DN_MASKS_2(dn_four_ge, a, b); }
DN_INLINE vec vec_select(vec_mask mask, vec a, vec b) {
    return (vec){dn_four_select(mask.low, a.low, b.low), dn_four_select(mask.high, a.high, b.high)};
}

DN_INLINE void vec_fetch(const float *p) { __builtin_prefetch(p, 0, 2); }
DN_INLINE vec vec_add(vec a, vec b) { return DN_HALVES_2(dn_four_add, a, b); }
DN_INLINE vec vec_sub(vec a, vec b) { return DN_HALVES_2(dn_four_sub, a, b); }
DN_INLINE vec vec_mul(vec a, vec b) { return DN_HALVES_2(dn_four_mul, a, b); }
DN_INLINE vec vec_div(vec a, vec b) { return DN_HALVES_2(dn_four_div, a, b); }
DN_INLINE vec vec_fma(vec a, vec b, vec c) { return (vec){a.low * b.low + c.low, a.high * b.high + c.high}; }
DN_INLINE vec vec_fnma(vec a, vec b, vec c) { return (vec){c.low - a.low * b.low, c.high - a.high * b.high}; }
DN_INLINE vec vec_min(vec a, vec b) { return DN_HALVES_2(dn_four_min, a, b); }
DN_INLINE vec vec_max(vec a, vec b) { return DN_HALVES_2(dn_four_max, a, b); }
DN_INLINE vec vec_abs(vec a) { return DN_HALVES_1(dn_four_abs, a); }
DN_INLINE vec vec_neg(vec a) { return DN_HALVES_1(dn_four_neg, a); }
DN_INLINE vec vec_round(vec a) { return DN_HALVES_1(dn_four_round, a); }
DN_INLINE vec vec_floor(vec a) { return DN_HALVES_1(dn_four_floor, a); }
DN_INLINE vec vec_scale2(vec a, vec n) { return DN_HALVES_2(dn_four_scale2, a, n); }

DN_INLINE float vec_sum(vec a) {
    const dn_four sum = a.low + a.high;
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}
DN_INLINE float vec_largest(vec a) {
    const dn_four pairs = dn_four_max(a.low, a.high);
    const float even = pairs[0] > pairs[2] ? pairs[0] : pairs[2];
    const float odd = pairs[1] > pairs[3] ? pairs[1] : pairs[3];
    return even > odd ? even : odd;
}

DN_INLINE void vec_transpose(vec rows[DN_LANES]) {
    float cells[DN_LANES][DN_LANES];
    for (int i = 0; i < DN_LANES; ++i) {
        float lanes[DN_LANES];
        vec_store(lanes, rows[i]);
        for (int j = 0; j < DN_LANES; ++j) cells[j][i] = lanes[j];
    }
    for (int i = 0; i < DN_LANES; ++i) rows[i] = vec_load(cells[i]);
}

#endif
