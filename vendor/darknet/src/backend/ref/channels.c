/* channels.c — dx[to + k] = dy[from + k] for 0 <= k < count; other channels of dx stay as they are. */
#include "backend/ref/accumulate.h"

void dn_ref_channels(const dn_ref_call *call) {
    const dn_op_channels *const p = &call->op->as.channels;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    const size_t plane = p->flat ? 1 : (size_t)out.h * (size_t)out.w;
    const size_t from = (size_t)p->from * plane, to = (size_t)p->to * plane, count = (size_t)p->count * plane;
    for (size_t n = 0; n < (size_t)out.n; n++) {
        const float *const dy = call->inputs[0].data + n * (size_t)dn_shape_image(in) + from;
        dn_ref_put(call, call->outputs[0].data + n * (size_t)dn_shape_image(out) + to, dy, count, 1.0F);
    }
}
