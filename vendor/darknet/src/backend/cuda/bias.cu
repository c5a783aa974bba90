/* bias.cu — y[n,c,i,j] = f(x[n,c,i,j] + b[c]), f the activation that was fused; y may be x.
 *
 * One thread a value; neighbours read and write neighbours. */
#include "backend/cuda/activation.cuh"
#include "backend/cuda/forward.cuh"

template <typename T>
static __global__ void bias_each(size_t count, T *y, const T *x, const float *biases, dn_shape shape,
                                 dn_activation kind) {
    EACH(i, count) {
        const float bias = biases == nullptr ? 0.0F : biases[place_of(i, shape).c];
        store(y, i, activate(kind, load(x, i) + bias));
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_cuda_tensor *const y = &call->outputs[0];
    const void *const biases = call->state->biases != nullptr ? call->state->biases : call->inputs[1].data;
    dn_cuda_each(call, dn_cuda_count(y), bias_each<T>, y->data, call->inputs[0].data, biases, y->shape,
                 call->state->activation);
}

extern "C" void dn_cuda_bias(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
