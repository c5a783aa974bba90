/* math.h — exponentials and activations on vectors. Formulas: op/activation.c.
 *
 * Errors against the exact value over all finite floats, as tests/engine/test_kernels.c measures them: below 3e-7
 * relative, or 3e-37 where that is more (where e^-x overflows, logistic, swish and gelu are 0). Two cannot do better
 * than their formula in float: gelu's error grows with its exponent, to 2e-5 at the end of its left tail, and lines
 * that cross zero away from x = 0 (plse, stair, hard_mish) have it relative to the terms they subtract.
 * Nothing finite gives not-a-number; not-a-number stays one. exp underflows to 0 gradually and overflows to inf. */
#ifndef DN_BACKEND_CPU_ISA_MATH_H
#define DN_BACKEND_CPU_ISA_MATH_H

#include "backend/cpu/vec.h"
#include "op/op.h"

/* x = n·ln 2 + r with |r| <= ln 2 / 2. ln 2 in two parts, the first short enough that n times it is exact. x comes
 * second in min and max, so that not-a-number passes. */
DN_INLINE vec vec_reduce_ln2(vec x, float low, float high, vec *n) {
    x = vec_max(vec_set(low), vec_min(vec_set(high), x));
    *n = vec_round(vec_mul(x, vec_set(1.44269504F)));
    const vec r = vec_fnma(*n, vec_set(0.693359375F), x);
    return vec_fnma(*n, vec_set(-2.12194440e-4F), r);
}

/* (eʳ − 1 − r) / r² for |r| <= ln 2 / 2: Taylor's series to r⁵; the next term is 3e-9 of eʳ. */
DN_INLINE vec vec_exp_tail(vec r) {
    vec tail = vec_set(1.0F / 5040.0F);
    tail = vec_fma(tail, r, vec_set(1.0F / 720.0F));
    tail = vec_fma(tail, r, vec_set(1.0F / 120.0F));
    tail = vec_fma(tail, r, vec_set(1.0F / 24.0F));
    tail = vec_fma(tail, r, vec_set(1.0F / 6.0F));
    return vec_fma(tail, r, vec_set(0.5F));
}

DN_INLINE vec vec_exp(vec x) {
    vec n;
    const vec r = vec_reduce_ln2(x, -104.0F, 89.0F, &n);
    const vec tail = vec_exp_tail(r);
    const vec mantissa = vec_add(vec_fma(vec_mul(r, r), tail, r), vec_set(1.0F));
    return vec_scale2(mantissa, n);
}

/* eˣ − 1 without the loss of digits near 0, for x up to 88: 2ⁿ·(eʳ − 1) + (2ⁿ − 1). */
DN_INLINE vec vec_expm1(vec x) {
    vec n;
    const vec r = vec_reduce_ln2(x, -30.0F, 88.0F, &n);
    const vec part = vec_fma(vec_mul(r, r), vec_exp_tail(r), r);
    const vec power = vec_scale2(vec_set(1.0F), n);
    return vec_fma(power, part, vec_sub(power, vec_set(1.0F)));
}

DN_INLINE vec vec_logistic(vec x) { return vec_div(vec_set(1.0F), vec_add(vec_set(1.0F), vec_exp(vec_neg(x)))); }

/* (e²ˣ − 1) / (e²ˣ + 1); 1 to the last bit from 10 on. */
DN_INLINE vec vec_tanh(vec x) {
    const vec e = vec_expm1(vec_max(vec_set(-20.0F), vec_min(vec_set(20.0F), vec_add(x, x))));
    return vec_div(e, vec_add(e, vec_set(2.0F)));
}

DN_INLINE vec vec_swish(vec x) { return vec_div(x, vec_add(vec_set(1.0F), vec_exp(vec_neg(x)))); }

/* x·(1 + tanh u)/2 = x·logistic(2u), which keeps its digits where tanh u nears −1. */
DN_INLINE vec vec_gelu(vec x) {
    const vec cubic = vec_fma(vec_mul(x, x), vec_set(2.0F * 0.035677F), vec_set(2.0F * 0.797885F));
    return vec_div(x, vec_add(vec_set(1.0F), vec_exp(vec_neg(vec_mul(cubic, x)))));
}

/* tanh(ln(1 + e)) = e(e + 2) / (e(e + 2) + 2) with e = eˣ; 1 to the last bit from x = 20 on. */
DN_INLINE vec vec_mish(vec x) {
    const vec e = vec_exp(vec_min(vec_set(20.0F), x));
    const vec ratio = vec_mul(e, vec_add(e, vec_set(2.0F)));
    return vec_mul(x, vec_div(ratio, vec_add(ratio, vec_set(2.0F))));
}

DN_INLINE vec vec_clamp(vec x, float low, float high) { return vec_max(vec_set(low), vec_min(vec_set(high), x)); }

DN_INLINE vec vec_slope_below_zero(vec x, float slope) { return vec_max(vec_mul(x, vec_set(slope)), x); }

DN_INLINE vec vec_elu(vec x, float scale, float slope) {
    const vec below = vec_mul(vec_expm1(vec_min(vec_zero(), x)), vec_set(slope));
    return vec_select(vec_ge(x, vec_zero()), vec_mul(x, vec_set(scale)), below);
}

/* A middle line with flat continuations of slope `outer` beyond low and high, where it is 0 and 1. */
DN_INLINE vec vec_three_lines(vec x, vec middle, float low, float high, float outer) {
    const vec below = vec_mul(vec_set(outer), vec_sub(x, vec_set(low)));
    const vec above = vec_fma(vec_set(outer), vec_sub(x, vec_set(high)), vec_set(1.0F));
    const vec upper = vec_select(vec_gt(x, vec_set(high)), above, middle);
    return vec_select(vec_lt(x, vec_set(low)), below, upper);
}

DN_INLINE vec vec_stair(vec x) {
    const vec whole = vec_floor(x);
    const vec half = vec_floor(vec_mul(x, vec_set(0.5F)));
    const vec even = vec_mul(vec_floor(vec_mul(whole, vec_set(0.5F))), vec_set(2.0F));
    return vec_select(vec_gt(whole, even), vec_add(vec_sub(x, whole), half), half);
}

DN_INLINE vec vec_hard_mish(vec x) {
    const vec parabola = vec_fma(vec_mul(x, vec_set(0.5F)), x, x);
    const vec below = vec_select(vec_le(x, vec_set(-2.0F)), vec_zero(), parabola);
    return vec_select(vec_gt(x, vec_zero()), x, below);
}

/* f(x). With a constant kind only its own case remains. */
DN_INLINE vec vec_activate(dn_activation kind, vec x) {
    switch (kind) {
    case DN_LOGISTIC:
        return vec_logistic(x);
    case DN_LOGGY:
        return vec_tanh(vec_mul(x, vec_set(0.5F)));
    case DN_RELU:
        return vec_max(vec_zero(), x);
    case DN_RELU6:
        return vec_clamp(x, 0.0F, 6.0F);
    case DN_ELU:
        return vec_elu(x, 1.0F, 1.0F);
    case DN_SELU:
        return vec_elu(x, 1.0507F, 1.0507F * 1.6732F);
    case DN_GELU:
        return vec_gelu(x);
    case DN_RELIE:
        return vec_slope_below_zero(x, 0.01F);
    case DN_RAMP:
        return vec_fma(x, vec_set(0.1F), vec_max(vec_zero(), x));
    case DN_TANH:
        return vec_tanh(x);
    case DN_PLSE:
        return vec_three_lines(x, vec_fma(x, vec_set(0.125F), vec_set(0.5F)), -4.0F, 4.0F, 0.01F);
    case DN_LEAKY:
        return vec_slope_below_zero(x, 0.1F);
    case DN_STAIR:
        return vec_stair(x);
    case DN_HARDTAN:
        return vec_clamp(x, -1.0F, 1.0F);
    case DN_LHTAN:
        return vec_three_lines(x, x, 0.0F, 1.0F, 0.001F);
    case DN_SWISH:
        return vec_swish(x);
    case DN_MISH:
        return vec_mish(x);
    case DN_HARD_MISH:
        return vec_hard_mish(x);
    case DN_REVLEAKY:
        return vec_slope_below_zero(x, 0.1F);
    default:
        return x; /* linear; normalize_channels has no scalar form */
    }
}

/* Calls CASE(kind) for every kind with a scalar form: a switch that turns a kind into a constant before a loop. */
/* clang-format off */
#define DN_FOR_EACH_ACTIVATION(CASE)                                                                                   \
    CASE(DN_LINEAR) CASE(DN_LOGISTIC) CASE(DN_LOGGY) CASE(DN_RELU) CASE(DN_RELU6) CASE(DN_ELU) CASE(DN_SELU)           \
    CASE(DN_GELU) CASE(DN_RELIE) CASE(DN_RAMP) CASE(DN_TANH) CASE(DN_PLSE) CASE(DN_LEAKY) CASE(DN_STAIR)               \
    CASE(DN_HARDTAN) CASE(DN_LHTAN) CASE(DN_SWISH) CASE(DN_MISH) CASE(DN_HARD_MISH) CASE(DN_REVLEAKY)
/* clang-format on */

#endif
