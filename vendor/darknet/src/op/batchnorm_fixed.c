/* batchnorm_fixed.c — backward of batch norm by given statistics, in plans whose parameters stay as they are:
 *   dx += scale[c] / d[c] · dy     d: op.h, dn_op_batchnorm */
#include <math.h>

#include "op/append.h"

/* inputs: scales, variance, dy; outputs: dx */
static void fixed_gradient(const dn_host_call *call) {
    const dn_op_batchnorm *const p = call->params;
    const dn_shape shape = call->outputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    const float *dy = call->inputs[2].data;
    float *dx = call->outputs[0].data;
    for (int k = 0; k < shape.n * shape.c; k++, dx += plane, dy += plane) {
        const int c = k % shape.c;
        const float variance = call->inputs[1].data[c];
        const float divisor = p->outside ? sqrtf(variance) + p->epsilon : sqrtf(variance + p->epsilon);
        const float factor = call->inputs[0].data[c] / divisor;
        for (size_t i = 0; i < plane; i++) dx[i] += factor * dy[i];
    }
}

dn_status dn_emit_batchnorm_fixed(dn_emit *emit, const dn_op *op, int dy) {
    if (!dn_emit_wants_delta(emit, op->inputs[0])) return DN_OK;
    void *params;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &params, 1, sizeof(dn_op_batchnorm), emit->err));
    *(dn_op_batchnorm *)params = op->as.batchnorm;
    const int inputs[] = {op->inputs[1], op->inputs[3], dy};
    dn_op back = {.kind = DN_OP_host, .as.host = {fixed_gradient, NULL, params, "batchnorm_fixed"}};
    int delta;
    DN_TRY(dn_emit_contribution(emit, op->inputs[0], true, &delta, &back.accumulate));
    return dn_emit_append(emit, back, inputs, 3, &delta, 1);
}
