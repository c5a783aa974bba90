/* batchnorm.cu — y = f(scale[c] · (x − mean[c]) / d[c] + bias[c]), f the activation that was fused;
 * d = sqrt(variance + epsilon), or sqrt(variance) + epsilon when outside. y may be x.
 *
 * One thread a value; neighbours read and write neighbours, the parameters of a channel come from the cache. */
#include "backend/cuda/activation.cuh"
#include "backend/cuda/batchnorm.cuh"
#include "backend/cuda/forward.cuh"

struct statistics {
    const float *scales, *mean, *variance, *biases; /* biases: NULL = none */
};

template <typename T>
static __global__ void batchnorm_each(size_t count, T *y, const T *x, statistics of, dn_op_batchnorm params,
                                      dn_shape shape, dn_activation kind) {
    EACH(i, count) {
        const unsigned c = place_of(i, shape).c;
        const float bias = of.biases == nullptr ? 0.0F : of.biases[c];
        const float value =
            of.scales[c] * ((load(x, i) - of.mean[c]) / batchnorm_divisor(params, of.variance[c])) + bias;
        store(y, i, activate(kind, value));
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_cuda_tensor *const in = call->inputs, *const y = &call->outputs[0];
    const statistics of = {static_cast<const float *>(in[1].data), static_cast<const float *>(in[2].data),
                           static_cast<const float *>(in[3].data), static_cast<const float *>(in[4].data)};
    dn_cuda_each(call, dn_cuda_count(y), batchnorm_each<T>, y->data, in[0].data, of, call->op->as.batchnorm, y->shape,
                 call->state->activation);
}

extern "C" void dn_cuda_batchnorm(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
