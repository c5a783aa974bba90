/* linear.c — y[n,o] = b[o] + Σ_i w[o,i] · x[n,i], w (outputs, inputs), or (inputs, outputs) when transposed. Summed in
 * double. */
#include "backend/ref/ref.h"

void dn_ref_linear(const dn_ref_call *call) {
    const dn_host_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    const float *const weights = call->state->weights != NULL ? call->state->weights : call->inputs[1].data;
    const float *const biases = call->state->biases;
    const size_t inputs = (size_t)dn_shape_image(x->shape), outputs = (size_t)dn_shape_image(y->shape);
    const bool transposed = call->op->as.linear.transposed;
    const size_t step = transposed ? outputs : 1, row = transposed ? 1 : inputs;
    for (size_t n = 0; n < (size_t)y->shape.n; n++) {
        const float *const in = x->data + n * inputs;
        for (size_t o = 0; o < outputs; o++) {
            const float *const w = weights + o * row;
            double sum = biases != NULL ? (double)biases[o] : 0.0;
            for (size_t i = 0; i < inputs; i++) sum += (double)w[i * step] * (double)in[i];
            y->data[n * outputs + o] = (float)sum;
        }
    }
}
