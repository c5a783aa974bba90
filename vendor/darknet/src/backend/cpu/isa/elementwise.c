/* elementwise.c — sums, products and affine maps over dense runs. The activations that follow convolutions and
 * shortcuts most often are applied in registers; the others in a second pass over a piece that is still in the cache. */
#include "backend/cpu/isa/isa.h"
#include "backend/cpu/isa/math.h"

#define PIECE ((size_t)1024) /* floats; a multiple of every DN_LANES */

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Calls run(kind, …, piece) where the kind is applied in registers, else run(DN_LINEAR, …) and activate. */
#define DN_IN_PIECES(kind, y, count, run)                                                                              \
    switch (kind) {                                                                                                    \
    case DN_LINEAR:                                                                                                    \
        run(DN_LINEAR, (size_t)0, count);                                                                              \
        return;                                                                                                        \
    case DN_RELU:                                                                                                      \
        run(DN_RELU, (size_t)0, count);                                                                                \
        return;                                                                                                        \
    case DN_LEAKY:                                                                                                     \
        run(DN_LEAKY, (size_t)0, count);                                                                               \
        return;                                                                                                        \
    default:                                                                                                           \
        for (size_t start = 0; start < (count); start += PIECE) {                                                      \
            const size_t piece = smaller(PIECE, (count) - start);                                                      \
            run(DN_LINEAR, start, piece);                                                                              \
            DN_ISA_NAME(activate)(kind, (y) + start, (y) + start, piece);                                              \
        }                                                                                                              \
    }

/* ---- add ---- */

DN_INLINE void add_run(dn_activation kind, const float *a, const float *b, float *y, size_t count) {
    size_t i = 0;
    for (; i + DN_LANES <= count; i += DN_LANES) {
        vec_store(y + i, vec_activate(kind, vec_add(vec_load(a + i), vec_load(b + i))));
    }
    const int rest = (int)(count - i);
    if (rest == 0) return;
    const vec sum = vec_add(vec_load_first(a + i, rest), vec_load_first(b + i, rest));
    vec_store_first(y + i, vec_activate(kind, sum), rest);
}

void DN_ISA_NAME(add)(dn_activation kind, const float *a, const float *b, float *y, size_t count){
#define RUN(KIND, START, COUNT) add_run(KIND, a + (START), b + (START), y + (START), COUNT)
    DN_IN_PIECES(kind, y, count, RUN)
#undef RUN
}

/* ---- scale ---- */

DN_INLINE void scale_run(dn_activation kind, const float *x, vec scale, vec offset, float *y, size_t count) {
    size_t i = 0;
    for (; i + DN_LANES <= count; i += DN_LANES) {
        vec_store(y + i, vec_activate(kind, vec_fma(vec_load(x + i), scale, offset)));
    }
    const int rest = (int)(count - i);
    if (rest == 0) return;
    vec_store_first(y + i, vec_activate(kind, vec_fma(vec_load_first(x + i, rest), scale, offset)), rest);
}

void DN_ISA_NAME(scale)(dn_activation kind, const float *x, float scale, float offset, float *y, size_t count) {
    const vec s = vec_set(scale), o = vec_set(offset);
#define RUN(KIND, START, COUNT) scale_run(KIND, x + (START), s, o, y + (START), COUNT)
    DN_IN_PIECES(kind, y, count, RUN)
#undef RUN
}

void DN_ISA_NAME(scale_blocked)(dn_activation kind, const float *x, const float *scale, const float *offset, float *y,
                                size_t pixels) {
    const vec s = vec_load(scale), o = vec_load(offset);
    const size_t count = pixels * DN_LANES;
#define RUN(KIND, START, COUNT) scale_run(KIND, x + (START), s, o, y + (START), COUNT)
    DN_IN_PIECES(kind, y, count, RUN)
#undef RUN
}

/* ---- mul ---- */

void DN_ISA_NAME(mul)(const float *a, const float *b, float *y, size_t count) {
    size_t i = 0;
    for (; i + DN_LANES <= count; i += DN_LANES) vec_store(y + i, vec_mul(vec_load(a + i), vec_load(b + i)));
    const int rest = (int)(count - i);
    if (rest > 0) vec_store_first(y + i, vec_mul(vec_load_first(a + i, rest), vec_load_first(b + i, rest)), rest);
}
