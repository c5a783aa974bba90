/* pool_depth.c — y[n,k,i,j] = max over the channels c of x with c mod (channels of y) = k; −FLT_MAX where there is
 * none. */
#include <float.h>

#include "backend/ref/ref.h"

void dn_ref_pool_depth(const dn_ref_call *call) {
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    const size_t plane = (size_t)out.h * (size_t)out.w;
    for (size_t n = 0; n < (size_t)out.n; n++) {
        const float *const x = call->inputs[0].data + n * (size_t)in.c * plane;
        float *const y = call->outputs[0].data + n * (size_t)out.c * plane;
        for (size_t i = 0; i < (size_t)out.c * plane; i++) y[i] = -FLT_MAX;
        for (int c = 0; c < in.c; c++) {
            const float *const from = x + (size_t)c * plane;
            float *const to = y + (size_t)(c % out.c) * plane;
            for (size_t i = 0; i < plane; i++) to[i] = from[i] > to[i] ? from[i] : to[i];
        }
    }
}
