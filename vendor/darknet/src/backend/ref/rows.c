/* rows.c — y[n] = x[step · m + n], m the rows of y: one time step. */
#include <string.h>

#include "backend/ref/ref.h"

void dn_ref_rows(const dn_ref_call *call) {
    const size_t count = (size_t)dn_shape_count(call->outputs[0].shape);
    memcpy(call->outputs[0].data, call->inputs[0].data + count * (size_t)call->op->as.rows.step, count * sizeof(float));
}
