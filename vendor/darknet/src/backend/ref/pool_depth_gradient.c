/* pool_depth_gradient.c — dx gets dy at the channel that was the largest of its group, the first of equals. */
#include "backend/ref/accumulate.h"

void dn_ref_pool_depth_gradient(const dn_ref_call *call) {
    const dn_shape in = call->inputs[0].shape, out = call->inputs[1].shape;
    const size_t plane = (size_t)in.h * (size_t)in.w, image = (size_t)dn_shape_image(in);
    const float *dy = call->inputs[1].data;
    dn_ref_begin(call, &call->outputs[0]);
    for (size_t n = 0; n < (size_t)out.n; n++) {
        const float *const x = call->inputs[0].data + n * image;
        for (int k = 0; k < out.c; k++) {
            for (size_t i = 0; i < plane; i++, dy++) {
                int best = k;
                for (int c = k; c < in.c; c += out.c) {
                    if (x[(size_t)c * plane + i] > x[(size_t)best * plane + i]) best = c;
                }
                call->outputs[0].data[n * image + (size_t)best * plane + i] += *dy;
            }
        }
    }
}
