/* accumulate.h — "=" of the kernels that carry deltas: writes, or adds where the op says so. */
#ifndef DN_BACKEND_REF_ACCUMULATE_H
#define DN_BACKEND_REF_ACCUMULATE_H

#include "backend/ref/ref.h"

/* to (+)= factor · from */
static inline void dn_ref_put(const dn_ref_call *call, float *to, const float *from, size_t count, float factor) {
    if (call->op->accumulate) {
        for (size_t i = 0; i < count; i++) to[i] += factor * from[i];
    } else {
        for (size_t i = 0; i < count; i++) to[i] = factor * from[i];
    }
}

/* Zero, unless the op adds to what is there. */
static inline void dn_ref_begin(const dn_ref_call *call, const dn_host_tensor *tensor) {
    const size_t count = tensor->data == NULL || call->op->accumulate ? 0 : (size_t)dn_shape_count(tensor->shape);
    for (size_t i = 0; i < count; i++) tensor->data[i] = 0.0F;
}

#endif
