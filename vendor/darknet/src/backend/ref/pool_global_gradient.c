/* pool_global_gradient.c — dx[n,c,i,j] = dy[n,c] / (h · w) */
#include "backend/ref/accumulate.h"

void dn_ref_pool_global_gradient(const dn_ref_call *call) {
    const dn_shape in = call->outputs[0].shape;
    const size_t plane = (size_t)in.h * (size_t)in.w;
    float *dx = call->outputs[0].data;
    dn_ref_begin(call, &call->outputs[0]);
    for (size_t k = 0; k < (size_t)in.n * (size_t)in.c; k++, dx += plane) {
        const float each = call->inputs[0].data[k] / (float)plane;
        for (size_t i = 0; i < plane; i++) dx[i] += each;
    }
}
