/* linear_data.c — dx[n,i] = Σ_o w[o,i] · dy[n,o]; transposed: w[i,o]. */
#include "backend/ref/accumulate.h"

void dn_ref_linear_data(const dn_ref_call *call) {
    const size_t outputs = (size_t)dn_shape_image(call->inputs[0].shape);
    const size_t inputs = (size_t)dn_shape_image(call->outputs[0].shape);
    const bool transposed = call->op->as.linear_data.transposed;
    const size_t across = transposed ? outputs : 1, down = transposed ? 1 : inputs;
    dn_ref_begin(call, &call->outputs[0]);
    for (size_t n = 0; n < (size_t)call->outputs[0].shape.n; n++) {
        const float *const dy = call->inputs[0].data + n * outputs;
        float *const dx = call->outputs[0].data + n * inputs;
        for (size_t o = 0; o < outputs; o++) {
            const float *const w = call->inputs[1].data + o * down;
            for (size_t i = 0; i < inputs; i++) dx[i] += w[i * across] * dy[o];
        }
    }
}
