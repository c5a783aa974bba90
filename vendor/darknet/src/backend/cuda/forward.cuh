/* forward.cuh — what the kernels that write one value a thread share: where an element lies, and y (+)= factor · x. */
#ifndef DN_BACKEND_CUDA_FORWARD_CUH
#define DN_BACKEND_CUDA_FORWARD_CUH

#include "backend/cuda/common.cuh"

/* ---- places ---- */

/* Of an element in a dense tensor: image, channel, and cell of the plane. 32 bits, in which a device divides faster,
 * are enough for an index: DN_ELEMENTS_MAX. */
struct dn_cuda_place {
    unsigned n, c, cell;
};

__device__ inline dn_cuda_place place_of(size_t index, dn_shape shape) {
    const unsigned element = (unsigned)index, plane = (unsigned)shape.h * (unsigned)shape.w;
    const unsigned k = element / plane, n = k / (unsigned)shape.c;
    return {n, k - n * (unsigned)shape.c, element - k * plane};
}

/* Index of image n's channel c in a dense tensor; planes have any size. */
__device__ inline size_t plane_at(dn_shape shape, unsigned n, unsigned c) {
    return ((size_t)n * (size_t)shape.c + c) * ((size_t)shape.h * (size_t)shape.w);
}

/* ---- moves ---- */

/* to (+)= factor · from; one thread a value, neighbours read and write neighbours. */
template <typename T>
static __global__ void dn_cuda_put_each(size_t count, T *to, const T *from, float factor, bool add) {
    EACH(i, count) store(to, i, (add ? load(to, i) : 0.0F) + factor * load(from, i));
}

/* to (+)= factor · from, as the op says; both are the same memory, or apart. */
template <typename T>
static void dn_cuda_put(const dn_cuda_call *call, T *to, const T *from, size_t count, float factor) {
    if (!call->op->accumulate && factor == 1.0F) {
        if (to == from) return;
        const cudaError_t status =
            cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyDeviceToDevice, call->context->stream);
        dn_cuda_ok(call->context, status, "a copy on the device");
        return;
    }
    dn_cuda_each(call, count, dn_cuda_put_each<T>, to, from, factor, call->op->accumulate);
}

#endif
