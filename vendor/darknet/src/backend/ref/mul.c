/* mul.c — y = x · s; s has the shape of x, or one value per channel (n, c, 1, 1), or one per position (n, 1, h, w). */
#include "backend/ref/ref.h"

void dn_ref_mul(const dn_ref_call *call) {
    const dn_shape shape = call->outputs[0].shape, scale = call->inputs[1].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    const size_t channel_step = scale.c == 1 ? 0 : (size_t)scale.h * (size_t)scale.w;
    const size_t cell_step = scale.h == 1 && scale.w == 1 ? 0 : 1;
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    for (int n = 0; n < shape.n; n++) {
        const float *s = call->inputs[1].data + (size_t)n * (size_t)dn_shape_image(scale);
        for (int c = 0; c < shape.c; c++, x += plane, y += plane, s += channel_step) {
            for (size_t i = 0; i < plane; i++) y[i] = x[i] * s[i * cell_step];
        }
    }
}
