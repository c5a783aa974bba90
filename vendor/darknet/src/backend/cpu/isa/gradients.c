/* gradients.c — deltas through activations, pools, copies and upsampling. Formulas: backend/ref. */
#include <float.h>

#include "backend/cpu/isa/isa.h"
#include "backend/cpu/isa/math.h"

static int smaller(int a, int b) { return a < b ? a : b; }
static int greater(int a, int b) { return a > b ? a : b; }

/* ---- activations: op/activation.c ---- */

DN_INLINE vec one(void) { return vec_set(1.0F); }
DN_INLINE vec above(vec y, float limit, float yes, float no) {
    return vec_select(vec_gt(y, vec_set(limit)), vec_set(yes), vec_set(no));
}

/* low < y < high: 1, else outside */
DN_INLINE vec between(vec y, float low, float high, float outside) {
    const vec below = vec_select(vec_lt(y, vec_set(high)), one(), vec_set(outside));
    return vec_select(vec_gt(y, vec_set(low)), below, vec_set(outside));
}

DN_INLINE vec gelu_slope(vec x) {
    const vec square = vec_mul(x, x);
    const vec inner = vec_mul(x, vec_fma(square, vec_set(0.035677F), vec_set(0.797885F)));
    const vec t = vec_tanh(inner), outer = vec_fma(square, vec_set(0.107031F), vec_set(0.797885F));
    const vec half = vec_mul(vec_set(0.5F), vec_add(one(), t));
    return vec_fma(vec_mul(vec_mul(vec_set(0.5F), x), vec_fnma(t, t, one())), outer, half);
}

/* t + x · (1 − t²) · logistic(x), t = tanh(softplus(x)) */
DN_INLINE vec mish_slope(vec x) {
    const vec e = vec_exp(vec_min(vec_set(20.0F), x));
    const vec ratio = vec_mul(e, vec_add(e, vec_set(2.0F))), below = vec_add(ratio, vec_set(2.0F));
    const vec t = vec_div(ratio, below);
    /* 1 − t² = (2 / below) · (1 + t), without the difference */
    const vec rest = vec_mul(vec_div(vec_set(2.0F), below), vec_add(one(), t));
    return vec_fma(vec_mul(x, rest), vec_logistic(x), t);
}

DN_INLINE vec hard_mish_slope(vec x) {
    const vec below = vec_select(vec_gt(x, vec_set(-2.0F)), vec_add(x, one()), vec_zero());
    return vec_select(vec_gt(x, vec_zero()), one(), below);
}

DN_INLINE vec stair_slope(vec y) {
    const vec whole = vec_floor(y);
    return vec_select(vec_gt(y, whole), one(), vec_zero());
}

DN_INLINE vec slope(dn_activation kind, vec x, vec y) {
    switch (kind) {
    case DN_LOGISTIC:
        return vec_mul(vec_sub(one(), y), y);
    case DN_LOGGY:
        return vec_mul(vec_mul(vec_set(0.5F), vec_sub(one(), y)), vec_add(one(), y));
    case DN_RELU:
        return above(y, 0.0F, 1.0F, 0.0F);
    case DN_RELU6:
        return between(y, 0.0F, 6.0F, 0.0F);
    case DN_ELU:
        return vec_select(vec_ge(y, vec_zero()), one(), vec_add(y, one()));
    case DN_SELU:
        return vec_select(vec_ge(y, vec_zero()), vec_set(1.0507F), vec_add(y, vec_set(1.0507F * 1.6732F)));
    case DN_GELU:
        return gelu_slope(x);
    case DN_RELIE:
        return above(y, 0.0F, 1.0F, 0.01F);
    case DN_RAMP:
        return above(y, 0.0F, 1.1F, 0.1F);
    case DN_TANH:
        return vec_fnma(y, y, one());
    case DN_PLSE:
        return vec_select(vec_lt(y, vec_zero()), vec_set(0.01F), above(y, 1.0F, 0.01F, 0.125F));
    case DN_LEAKY:
    case DN_REVLEAKY:
        return above(y, 0.0F, 1.0F, 0.1F);
    case DN_STAIR:
        return stair_slope(y);
    case DN_HARDTAN:
        return between(y, -1.0F, 1.0F, 0.0F);
    case DN_LHTAN:
        return between(y, 0.0F, 1.0F, 0.001F);
    case DN_SWISH:
        return vec_fma(vec_logistic(x), vec_sub(one(), y), y);
    case DN_MISH:
        return mish_slope(x);
    case DN_HARD_MISH:
        return hard_mish_slope(x);
    default:
        return one();
    }
}

/* x is not read where the slope follows from y: a caller may pass y in its place. */
DN_INLINE void slope_run(dn_activation kind, const float *x, const float *y, const float *dy, bool accumulate,
                         float *dx, size_t count) {
    size_t i = 0;
    for (; i + DN_LANES <= count; i += DN_LANES) {
        const vec value = vec_mul(slope(kind, vec_load(x + i), vec_load(y + i)), vec_load(dy + i));
        vec_store(dx + i, accumulate ? vec_add(vec_load(dx + i), value) : value);
    }
    const int rest = (int)(count - i);
    if (rest == 0) return;
    const vec s = slope(kind, vec_load_first(x + i, rest), vec_load_first(y + i, rest));
    const vec value = vec_mul(s, vec_load_first(dy + i, rest));
    vec_store_first(dx + i, accumulate ? vec_add(vec_load_first(dx + i, rest), value) : value, rest);
}

#define SLOPE(KIND)                                                                                                    \
    case KIND:                                                                                                         \
        slope_run(KIND, x, y, dy, accumulate, dx, count);                                                              \
        return;

void DN_ISA_NAME(activation_gradient)(dn_activation kind, const float *x, const float *y, const float *dy,
                                      bool accumulate, float *dx, size_t count) {
    switch (kind) {
        DN_FOR_EACH_ACTIVATION(SLOPE)
    default:
        return;
    }
}

/* ---- copies ---- */

void DN_ISA_NAME(accumulate)(float factor, const float *x, bool accumulate, float *y, size_t count) {
    const vec f = vec_set(factor);
    size_t i = 0;
    for (; i + DN_LANES <= count; i += DN_LANES) {
        const vec value = vec_load(x + i);
        vec_store(y + i, accumulate ? vec_fma(f, value, vec_load(y + i)) : vec_mul(f, value));
    }
    const int rest = (int)(count - i);
    if (rest == 0) return;
    const vec value = vec_load_first(x + i, rest);
    vec_store_first(y + i, accumulate ? vec_fma(f, value, vec_load_first(y + i, rest)) : vec_mul(f, value), rest);
}

/* ---- max pool: each result remembers which cell of its window it came from ---- */

typedef struct span {
    int first, end; /* cells of the window that lie in the image */
} span;

static span window(int at, int stride, int pad, int size, int limit) {
    const int start = at * stride - pad;
    return (span){greater(0, -start), smaller(size, limit - start)};
}

void DN_ISA_NAME(pool2d_train)(const dn_op_pool2d *pool, const float *x, int in_height, int in_width, int row, float *y,
                               float *cell, int out_width) {
    const span us = window(row, pool->stride_y, pool->pad_y, pool->size, in_height);
    const int top = row * pool->stride_y - pool->pad_y;
    for (int j = 0; j < out_width; ++j, y += DN_LANES, cell += DN_LANES) {
        const span vs = window(j, pool->stride_x, pool->pad_x, pool->size, in_width);
        const int left = j * pool->stride_x - pool->pad_x;
        const bool empty = us.first >= us.end || vs.first >= vs.end;
        vec most = vec_set(-FLT_MAX), from = vec_set(-1.0F);
        if (!empty) { /* not-a-number stays one, as a window's first value */
            most = vec_load(x + ((ptrdiff_t)(top + us.first) * in_width + left + vs.first) * DN_LANES);
            from = vec_set((float)(us.first * pool->size + vs.first));
        }
        for (int u = us.first; u < us.end; ++u) {
            for (int v = vs.first; v < vs.end; ++v) {
                const vec value = vec_load(x + ((ptrdiff_t)(top + u) * in_width + left + v) * DN_LANES);
                const vec_mask larger = vec_gt(value, most);
                most = vec_select(larger, value, most);
                from = vec_select(larger, vec_set((float)(u * pool->size + v)), from);
            }
        }
        vec_store(y, most);
        vec_store(cell, from);
    }
}

static void spread(const dn_op_pool2d *pool, vec dy, vec cell, span us, span vs, float *dx, int in_width) {
    for (int u = us.first; u < us.end; ++u) {
        for (int v = vs.first; v < vs.end; ++v) {
            float *to = dx + ((ptrdiff_t)u * in_width + v) * DN_LANES;
            const vec here = vec_set((float)(u * pool->size + v));
            const vec other = vec_select(vec_lt(cell, here), vec_zero(), dy);
            vec_store(to, vec_add(vec_load(to), vec_select(vec_gt(cell, here), vec_zero(), other)));
        }
    }
}

void DN_ISA_NAME(pool2d_gradient)(const dn_op_pool2d *pool, const float *dy, const float *cell, int out_height,
                                  int out_width, bool accumulate, float *dx, int in_height, int in_width) {
    if (!accumulate) memset(dx, 0, (size_t)in_height * (size_t)in_width * DN_LANES * sizeof(float));
    for (int i = 0; i < out_height; ++i) {
        const span us = window(i, pool->stride_y, pool->pad_y, pool->size, in_height);
        for (int j = 0; j < out_width; ++j, dy += DN_LANES, cell += DN_LANES) {
            const span vs = window(j, pool->stride_x, pool->pad_x, pool->size, in_width);
            const ptrdiff_t corner =
                (ptrdiff_t)(i * pool->stride_y - pool->pad_y) * in_width + j * pool->stride_x - pool->pad_x;
            spread(pool, vec_load(dy), vec_load(cell), us, vs, dx + corner * DN_LANES, in_width);
        }
    }
}

/* ---- upsampling, backward ---- */

static void sum_blocked(const float *x, size_t x_row, int stride, vec scale, bool accumulate, float *y, int out_width) {
    for (int j = 0; j < out_width; ++j, y += DN_LANES, x += stride * DN_LANES) {
        vec sum = vec_zero();
        for (int u = 0; u < stride; ++u) {
            for (int v = 0; v < stride; ++v) sum = vec_add(sum, vec_load(x + (size_t)u * x_row + v * DN_LANES));
        }
        vec_store(y, accumulate ? vec_fma(scale, sum, vec_load(y)) : vec_mul(scale, sum));
    }
}

static void sum_planar(const float *x, size_t x_row, int stride, float scale, bool accumulate, float *y,
                       int out_width) {
    for (int j = 0; j < out_width; ++j, x += stride) {
        float sum = 0.0F;
        for (int u = 0; u < stride; ++u) {
            for (int v = 0; v < stride; ++v) sum += x[(size_t)u * x_row + (size_t)v];
        }
        y[j] = (accumulate ? y[j] : 0.0F) + scale * sum;
    }
}

void DN_ISA_NAME(upsample_reverse)(dn_cpu_layout layout, const float *x, int stride, float scale, bool accumulate,
                                   int row, float *y, int out_width) {
    const size_t lanes = layout == DN_CPU_BLOCKED ? DN_LANES : 1;
    const size_t x_row = (size_t)out_width * (size_t)stride * lanes;
    const float *from = x + (size_t)row * (size_t)stride * x_row;
    float *to = y + (size_t)row * (size_t)out_width * lanes;
    if (layout == DN_CPU_BLOCKED) {
        sum_blocked(from, x_row, stride, vec_set(scale), accumulate, to, out_width);
    } else {
        sum_planar(from, x_row, stride, scale, accumulate, to, out_width);
    }
}
