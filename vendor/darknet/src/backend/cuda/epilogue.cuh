/* epilogue.cuh — what follows a product: y[n,c,i,j] = f(x[n,c,i,j] + b[c]); y may be x. One thread a value; neighbours
 * read and write neighbours. */
#ifndef DN_BACKEND_CUDA_EPILOGUE_CUH
#define DN_BACKEND_CUDA_EPILOGUE_CUH

#include <type_traits>

#include "backend/cuda/activation.cuh"
#include "backend/cuda/forward.cuh"

template <typename T>
static __global__ void finish_each(size_t count, T *y, const T *x, const float *biases, dn_shape shape,
                                   dn_activation kind) {
    EACH(i, count) {
        const float bias = biases == nullptr ? 0.0F : biases[place_of(i, shape).c];
        store(y, i, activate(kind, load(x, i) + bias));
    }
}

/* f is the state's activation; biases may be NULL. */
static void dn_cuda_finish(const dn_cuda_call *call, void *y, const void *x, const float *biases, dn_shape shape) {
    const dn_activation kind = call->state->activation;
    if (y == x && biases == nullptr && kind == DN_LINEAR) return;
    dn_cuda_typed(call, [&](auto *type) {
        using T = std::remove_pointer_t<decltype(type)>;
        dn_cuda_each(call, (size_t)dn_shape_count(shape), finish_each<T>, y, x, biases, shape, kind);
    });
}

#endif
