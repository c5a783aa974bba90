/* activate.c — y = f(x) over a dense run: four vectors at a time, so that the long chains of exp overlap. */
#include "backend/cpu/isa/isa.h"
#include "backend/cpu/isa/math.h"

DN_INLINE void activate_run(dn_activation kind, const float *x, float *y, size_t count) {
    size_t i = 0;
    for (; i + 4 * DN_LANES <= count; i += 4 * DN_LANES) {
        vec v[4];
        for (size_t k = 0; k < 4; ++k) v[k] = vec_load(x + i + k * DN_LANES);
        for (size_t k = 0; k < 4; ++k) v[k] = vec_activate(kind, v[k]);
        for (size_t k = 0; k < 4; ++k) vec_store(y + i + k * DN_LANES, v[k]);
    }
    for (; i + DN_LANES <= count; i += DN_LANES) vec_store(y + i, vec_activate(kind, vec_load(x + i)));
    const int rest = (int)(count - i);
    if (rest > 0) vec_store_first(y + i, vec_activate(kind, vec_load_first(x + i, rest)), rest);
}

#define ACTIVATE(KIND)                                                                                                 \
    case KIND:                                                                                                         \
        activate_run(KIND, x, y, count);                                                                               \
        return;

void DN_ISA_NAME(activate)(dn_activation kind, const float *x, float *y, size_t count) {
    switch (kind) {
        DN_FOR_EACH_ACTIVATION(ACTIVATE)
    default:
        return;
    }
}
