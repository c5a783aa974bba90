/* linear_weights.c — dw[o,i] += Σ_n dy[n,o] · x[n,i]; transposed: dw[i,o]. */
#include "backend/ref/ref.h"

void dn_ref_linear_weights(const dn_ref_call *call) {
    const size_t inputs = (size_t)dn_shape_image(call->inputs[0].shape);
    const size_t outputs = (size_t)dn_shape_image(call->inputs[1].shape);
    const bool transposed = call->op->as.linear_weights.transposed;
    const size_t across = transposed ? outputs : 1, down = transposed ? 1 : inputs;
    for (size_t n = 0; n < (size_t)call->inputs[0].shape.n; n++) {
        const float *const x = call->inputs[0].data + n * inputs;
        const float *const dy = call->inputs[1].data + n * outputs;
        for (size_t o = 0; o < outputs; o++) {
            float *const dw = call->outputs[0].data + o * down;
            for (size_t i = 0; i < inputs; i++) dw[i * across] += dy[o] * x[i];
        }
    }
}
