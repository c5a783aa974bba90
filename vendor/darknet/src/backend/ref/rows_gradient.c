/* rows_gradient.c — dx[step · m + n] = dy[n], m the rows of dy; other rows of dx stay as they are. */
#include "backend/ref/accumulate.h"

void dn_ref_rows_gradient(const dn_ref_call *call) {
    const size_t count = (size_t)dn_shape_count(call->inputs[0].shape);
    float *const dx = call->outputs[0].data + count * (size_t)call->op->as.rows_gradient.step;
    dn_ref_put(call, dx, call->inputs[0].data, count, 1.0F);
}
