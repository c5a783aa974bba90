/* conv_tiles.c — register tiles of the direct convolution, one function per shape.
 *
 * F·P accumulators live in registers over the whole sum. Each step of the innermost loop (one input channel of one tap)
 * loads F vectors of weights, which come in order of use, and broadcasts P input values; 2·14 multiply-adds to 16
 * loads, so the two multiply-add units are the limit. The inputs of a tile are a few kilobytes per input block and stay
 * in L1; the weights stream from L2 at F·B·4 bytes per P·F/2 cycles (9 bytes per cycle at 2·14).
 *
 * Blocked input: the innermost loop runs over the channels of a block. Planar input: over the taps of a row.
 * Left and right edges of the image take away the first or the last pixel of a tap column: one choice per block and
 * tap, outside the innermost loop. */
#include "backend/cpu/isa/conv.h"

#define UNROLL _Pragma("GCC unroll 16")
#define ROLLED _Pragma("GCC unroll 1") /* unrolled, the loads move ahead of their use and registers run out */

/* `count` steps of the innermost loop for pixels first … end-1. Constants: all but x, weights, count. */
DN_INLINE void steps(vec sums[2][DN_TILE_PIXELS], const float *x, const float *weights, int count, size_t x_step,
                     const float *ahead, size_t pixel, int blocks, int first, int end) {
    ROLLED for (int k = 0; k < count; ++k, x += x_step, weights += blocks * DN_LANES, ahead += DN_LANES) {
        vec_fetch(ahead);
        const vec w0 = vec_load_aligned(weights);
        const vec w1 = blocks == 2 ? vec_load_aligned(weights + DN_LANES) : w0;
        UNROLL for (int p = first; p < end; ++p) {
            const vec value = vec_set(x[(size_t)p * pixel]);
            sums[0][p] = vec_fma(w0, value, sums[0][p]);
            if (blocks == 2) sums[1][p] = vec_fma(w1, value, sums[1][p]);
        }
    }
}

DN_INLINE void store(const dn_conv_tile *tile, vec sums[2][DN_TILE_PIXELS], int blocks, int pixels) {
    const vec slope = vec_set(tile->slope);
    UNROLL for (int f = 0; f < blocks; ++f) {
        UNROLL for (int p = 0; p < pixels; ++p) {
            const vec sum = sums[f][p];
            vec_store_aligned(tile->y + (size_t)f * tile->y_block + p * DN_LANES, vec_max(vec_mul(sum, slope), sum));
        }
    }
}

DN_INLINE void start(const dn_conv_tile *tile, vec sums[2][DN_TILE_PIXELS], int blocks, int pixels) {
    UNROLL for (int f = 0; f < blocks; ++f) {
        UNROLL for (int p = 0; p < pixels; ++p) sums[f][p] = vec_load_aligned(tile->bias + f * DN_LANES);
    }
    if (!tile->resume) return;
    UNROLL for (int f = 0; f < blocks; ++f) {
        UNROLL for (int p = 0; p < pixels; ++p) {
            sums[f][p] = vec_load_aligned(tile->y + (size_t)f * tile->y_block + p * DN_LANES);
        }
    }
}

DN_INLINE void blocked_tile(const dn_conv_tile *tile, size_t pixel, int blocks, int pixels) {
    const size_t step = (size_t)blocks * DN_LANES * DN_LANES;
    const size_t row_weights = (size_t)tile->size * step;
    const float *weights = tile->weights;
    const float *ahead = tile->ahead ? tile->ahead : weights;
    vec sums[2][DN_TILE_PIXELS];
    start(tile, sums, blocks, pixels);
    for (int c = 0; c < tile->channels;
         ++c, ahead += DN_LANES * DN_LANES, weights += (size_t)tile->size * row_weights) {
        const int lanes = c + 1 < tile->channels ? DN_LANES : tile->last_lanes;
        for (int u = tile->u_first; u < tile->u_end; ++u) {
            const float *w = weights + (size_t)u * row_weights;
            for (int v = 0; v < tile->size; ++v, w += step) {
                const ptrdiff_t at = tile->at + (ptrdiff_t)((size_t)c * tile->x_channel + (size_t)u * tile->x_row +
                                                            (size_t)v * tile->x_column);
                const int reach = tile->reach ? tile->reach[v] : DN_TAP_ALL;
                if (reach == DN_TAP_ALL) {
                    steps(sums, tile->x + at, w, lanes, 1, ahead, pixel, blocks, 0, pixels);
                } else if (reach == DN_TAP_NOT_FIRST) {
                    steps(sums, tile->x + at, w, lanes, 1, ahead, pixel, blocks, 1, pixels);
                } else if (reach == DN_TAP_NOT_LAST) {
                    steps(sums, tile->x + at, w, lanes, 1, ahead, pixel, blocks, 0, pixels - 1);
                }
            }
        }
    }
    store(tile, sums, blocks, pixels);
}

/* One row of three taps: each input is broadcast once for all the pixels that it belongs to, so that the loads of one
 * filter block do not outnumber its multiply-adds. */
DN_INLINE void three_taps(vec sums[DN_TILE_PIXELS], const float *x, const float *weights, size_t stride, int pixels) {
    const vec w[3] = {vec_load_aligned(weights), vec_load_aligned(weights + DN_LANES),
                      vec_load_aligned(weights + 2 * DN_LANES)};
    const int step = (int)stride, columns = (pixels - 1) * step + 3;
    _Pragma("GCC unroll 32") for (int j = 0; j < columns; ++j) {
        const vec value = vec_set(x[j]);
        UNROLL for (int v = 0; v < 3; ++v) {
            if (j < v || (j - v) % step != 0 || (j - v) / step >= pixels) continue;
            sums[(j - v) / step] = vec_fma(w[v], value, sums[(j - v) / step]);
        }
    }
}

/* fixed: pixel is a constant, 1 or 2. */
DN_INLINE void planar_tile(const dn_conv_tile *tile, size_t pixel, int blocks, int pixels, bool fixed) {
    const float *weights = tile->weights;
    vec sums[2][DN_TILE_PIXELS];
    start(tile, sums, blocks, pixels);
    for (int c = 0; c < tile->channels; ++c) {
        const float *x = tile->x + tile->at + (size_t)c * tile->x_channel;
        for (int u = 0; u < tile->size; ++u, x += tile->x_row) {
            if (fixed && blocks == 1 && tile->size == 3 && tile->x_column == 1) {
                three_taps(sums[0], x, weights, pixel, pixels);
                weights += 3 * DN_LANES;
                continue;
            }
            steps(sums, x, weights, tile->size, tile->x_column, weights, pixel, blocks, 0, pixels);
            weights += tile->size * blocks * DN_LANES;
        }
    }
    store(tile, sums, blocks, pixels);
}

/* ---- one function per shape ---- */

#define TILE(NAME, F, P, BODY)                                                                                         \
    static void NAME##_##F##_##P(const dn_conv_tile *tile) { BODY; }

#define SHAPE(F, P)                                                                                                    \
    TILE(blocked1, F, P, blocked_tile(tile, DN_LANES, F, P))                                                           \
    TILE(blocked2, F, P, blocked_tile(tile, 2 * DN_LANES, F, P))                                                       \
    TILE(planar1, F, P, planar_tile(tile, 1, F, P, true))                                                              \
    TILE(planar2, F, P, planar_tile(tile, 2, F, P, true))

#define ANY_SHAPE(F, P)                                                                                                \
    TILE(blocked_any, F, P, blocked_tile(tile, tile->pixel, F, P))                                                     \
    TILE(planar_any, F, P, planar_tile(tile, tile->pixel, F, P, false))

#if DN_TILE_PIXELS == 14
/* clang-format off */
#define PIXELS(DO, F)                                                                                                  \
    DO(F, 1) DO(F, 2) DO(F, 3) DO(F, 4) DO(F, 5) DO(F, 6) DO(F, 7)                                                     \
    DO(F, 8) DO(F, 9) DO(F, 10) DO(F, 11) DO(F, 12) DO(F, 13) DO(F, 14)
/* clang-format on */
#elif DN_TILE_PIXELS == 6
#define PIXELS(DO, F) DO(F, 1) DO(F, 2) DO(F, 3) DO(F, 4) DO(F, 5) DO(F, 6)
#else
#define PIXELS(DO, F) DO(F, 1) DO(F, 2) DO(F, 3) DO(F, 4) DO(F, 5)
#endif
#define ANY_PIXELS(DO, F) DO(F, 1) DO(F, 2) DO(F, 3) DO(F, 4)
#define ANY_LIMIT         4

PIXELS(SHAPE, 1)
ANY_PIXELS(ANY_SHAPE, 1)
#if DN_UNIT_BLOCKS == 2
PIXELS(SHAPE, 2)
ANY_PIXELS(ANY_SHAPE, 2)
#endif

#define BLOCKED1(F, P)    blocked1_##F##_##P,
#define BLOCKED2(F, P)    blocked2_##F##_##P,
#define PLANAR1(F, P)     planar1_##F##_##P,
#define PLANAR2(F, P)     planar2_##F##_##P,
#define BLOCKED_ANY(F, P) blocked_any_##F##_##P,
#define PLANAR_ANY(F, P)  planar_any_##F##_##P,

#if DN_UNIT_BLOCKS == 2
#define ROWS(PIXELS, DO)                                                                                               \
    {                                                                                                                  \
        {PIXELS(DO, 1)}, { PIXELS(DO, 2) }                                                                             \
    }
#else
#define ROWS(PIXELS, DO)                                                                                               \
    {                                                                                                                  \
        {                                                                                                              \
            PIXELS(DO, 1)                                                                                              \
        }                                                                                                              \
    }
#endif

typedef dn_conv_tile_fn tile_table[DN_UNIT_BLOCKS][DN_TILE_PIXELS];
static const tile_table blocked1 = ROWS(PIXELS, BLOCKED1);
static const tile_table blocked2 = ROWS(PIXELS, BLOCKED2);
static const tile_table planar1 = ROWS(PIXELS, PLANAR1);
static const tile_table planar2 = ROWS(PIXELS, PLANAR2);
static const tile_table blocked_any = ROWS(ANY_PIXELS, BLOCKED_ANY);
static const tile_table planar_any = ROWS(ANY_PIXELS, PLANAR_ANY);

int DN_ISA_NAME(conv_tile_limit)(int stride) { return stride <= 2 ? DN_TILE_PIXELS : ANY_LIMIT; }

dn_conv_tile_fn DN_ISA_NAME(conv_tile)(dn_cpu_layout layout, int stride, int blocks, int pixels) {
    const tile_table *table;
    if (layout == DN_CPU_PLANAR) {
        table = stride == 1 ? &planar1 : stride == 2 ? &planar2 : &planar_any;
    } else {
        table = stride == 1 ? &blocked1 : stride == 2 ? &blocked2 : &blocked_any;
    }
    return (*table)[blocks - 1][pixels - 1];
}
