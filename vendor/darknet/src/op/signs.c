/* signs.c — what an xnor convolution reads in training: y = 1 where x > 0, else −1. Its derivative is taken as 1 for
 * −1 < x < 1 and 0 beyond (arXiv:1603.05279), so that dx = dy there. */
#include "op/append.h"

static void signs(const dn_host_call *call) {
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    for (int64_t i = 0; i < dn_shape_count(call->inputs[0].shape); i++) y[i] = x[i] > 0.0F ? 1.0F : -1.0F;
}

static void signs_gradient(const dn_host_call *call) {
    const float *x = call->inputs[0].data, *dy = call->inputs[2].data;
    float *dx = call->outputs[0].data;
    for (int64_t i = 0; dx && dy && i < dn_shape_count(call->inputs[0].shape); i++) {
        if (x[i] > -1.0F && x[i] < 1.0F) dx[i] += dy[i];
    }
}

dn_status dn_emit_signs(dn_emit *emit, int x, int *out) {
    const dn_shape shape = dn_emit_shape(emit, x);
    return dn_emit_host_trained(emit, "signs", signs, signs_gradient, NULL, &x, 1, &shape, 1, out);
}
