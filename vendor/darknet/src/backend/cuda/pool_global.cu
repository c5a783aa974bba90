/* pool_global.cu — y[n,c] = mean of x[n,c] over rows and columns.
 *
 * One block a plane: its threads read neighbouring values and add up in a fixed order. */
#include "backend/cuda/common.cuh"

template <typename T> static __global__ void pool_global_blocks(size_t count, T *y, const T *x, size_t plane) {
    for (size_t k = blockIdx.x; k < count; k += gridDim.x) {
        float sum = 0.0F;
        for (size_t i = threadIdx.x; i < plane; i += blockDim.x) sum += load(x, k * plane + i);
        sum = block_sum(sum);
        if (threadIdx.x == 0) store(y, k, sum / (float)plane);
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_shape in = call->inputs[0].shape;
    const size_t planes = (size_t)in.n * (size_t)in.c, plane = (size_t)in.h * (size_t)in.w;
    dn_cuda_blocks(call, planes, pool_global_blocks<T>, call->outputs[0].data, call->inputs[0].data, plane);
}

extern "C" void dn_cuda_pool_global(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
