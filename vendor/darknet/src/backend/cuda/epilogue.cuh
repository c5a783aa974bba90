/* epilogue.cuh — what follows a product, in place: y = f(y + b[c]). One thread a value. */
#ifndef DN_BACKEND_CUDA_EPILOGUE_CUH
#define DN_BACKEND_CUDA_EPILOGUE_CUH

#include <type_traits>

#include "backend/cuda/activation.cuh"
#include "backend/cuda/common.cuh"

template <typename T>
static __global__ void finish(size_t count, T *y, unsigned channels, unsigned plane, const float *biases,
                              dn_activation kind) {
    EACH(i, count) {
        const float bias = biases != NULL ? biases[(unsigned)i / plane % channels] : 0.0F;
        store(y, i, activate(kind, load(y, i) + bias));
    }
}

/* The call's first output: an image is `channels` planes, each with its bias. */
static void dn_cuda_finish(const dn_cuda_call *call, int channels) {
    const dn_cuda_tensor *const y = &call->outputs[0];
    const dn_cuda_state *const state = call->state;
    if (state->biases == NULL && state->activation == DN_LINEAR) return;
    const unsigned plane = (unsigned)(dn_shape_image(y->shape) / channels);
    dn_cuda_typed(call, [&](auto *t) {
        using T = std::remove_pointer_t<decltype(t)>;
        dn_cuda_each(call, dn_cuda_count(y), finish<T>, (T *)y->data, (unsigned)channels, plane, state->biases,
                     state->activation);
    });
}

#endif
