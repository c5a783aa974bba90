/* bias.c — y[n,c,i,j] = x[n,c,i,j] + b[c] */
#include "backend/ref/ref.h"

void dn_ref_bias(const dn_ref_call *call) {
    const dn_shape shape = call->outputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    for (int k = 0; k < shape.n * shape.c; k++, x += plane, y += plane) {
        const float b = call->inputs[1].data[k % shape.c];
        for (size_t i = 0; i < plane; i++) y[i] = x[i] + b;
    }
}
