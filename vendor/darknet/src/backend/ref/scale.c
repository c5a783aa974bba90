/* scale.c — y = factor · x */
#include "backend/ref/accumulate.h"

void dn_ref_scale(const dn_ref_call *call) {
    const size_t count = (size_t)dn_shape_count(call->outputs[0].shape);
    dn_ref_put(call, call->outputs[0].data, call->inputs[0].data, count, call->op->as.scale.factor);
}
