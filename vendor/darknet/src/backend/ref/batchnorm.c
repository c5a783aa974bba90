/* batchnorm.c — y = scale[c] · (x − mean[c]) / d[c] + bias[c]; d: backend/fold.h. */
#include "backend/fold.h"
#include "backend/ref/ref.h"

void dn_ref_batchnorm(const dn_ref_call *call) {
    const dn_op_batchnorm *const p = &call->op->as.batchnorm;
    const dn_shape shape = call->outputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    const dn_host_tensor *const in = call->inputs;
    const float *x = in[0].data;
    float *y = call->outputs[0].data;
    for (int k = 0; k < shape.n * shape.c; k++, x += plane, y += plane) {
        const int c = k % shape.c;
        const float scale = in[1].data[c], mean = in[2].data[c];
        const float divisor = dn_batchnorm_divisor(p, in[3].data[c]);
        const float bias = in[4].data != NULL ? in[4].data[c] : 0.0F;
        for (size_t i = 0; i < plane; i++) y[i] = scale * ((x[i] - mean) / divisor) + bias;
    }
}
