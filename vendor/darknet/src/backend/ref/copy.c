/* copy.c — y = x: the same values in the same order, under another shape. */
#include "backend/ref/accumulate.h"

void dn_ref_copy(const dn_ref_call *call) {
    const size_t count = (size_t)dn_shape_count(call->outputs[0].shape);
    dn_ref_put(call, call->outputs[0].data, call->inputs[0].data, count, 1.0F);
}
