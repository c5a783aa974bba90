/* common.cuh — what every kernel is written with.
 *
 * Two shapes of kernel:
 *   each<…>     one thread a result, any number of them: a grid-stride loop over `count` (dn_cuda_each)
 *   blocks      one block of DN_CUDA_THREADS threads a result, which shares memory and adds up in a fixed order
 *               (dn_cuda_blocks, block_sum, block_max): results repeat to the bit
 *
 * The same sources are compiled for the processor by the tests (tests/engine/cuda/emulated), with fakes of CUDA's
 * headers: therefore kernels are launched through the two functions below and use nothing but threadIdx, blockIdx,
 * blockDim, gridDim, __shared__, __syncthreads and the math of <math.h>. */
#ifndef DN_BACKEND_CUDA_COMMON_CUH
#define DN_BACKEND_CUDA_COMMON_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/cuda/cuda.h"

#define DN_CUDA_THREADS 256
#ifndef DN_CUDA_GRID_MAX /* the emulated device has fewer, so that threads of its tests take several turns */
#define DN_CUDA_GRID_MAX 65535
#endif

/* ---- launches ---- */

/* Kernel of the form __global__ void k(size_t count, …) with `for (size_t i : each(count))`'s loop: EACH(i, count). */
#define EACH(i, count)                                                                                                 \
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x, i##_step = (size_t)gridDim.x * blockDim.x;          \
         i < (count); i += i##_step)

#ifdef DN_CUDA_EMULATED
#include "emulated_launch.h" /* dn_cuda_launch */
#else
template <typename... Parameters, typename... Arguments>
static void dn_cuda_launch(dn_cuda_context *context, unsigned blocks, void (*kernel)(Parameters...),
                           Arguments... arguments) {
    kernel<<<blocks, DN_CUDA_THREADS, 0, context->stream>>>(arguments...);
    dn_cuda_ok(context, cudaGetLastError(), "a kernel's launch");
}
#endif

/* kernel(count, arguments…): one thread for each of `count` results, fewer threads than results where there are many. */
template <typename... Parameters, typename... Arguments>
static void dn_cuda_each(const dn_cuda_call *call, size_t count, void (*kernel)(size_t, Parameters...),
                         Arguments... arguments) {
    if (count == 0) return;
    const size_t blocks = (count + DN_CUDA_THREADS - 1) / DN_CUDA_THREADS;
    dn_cuda_launch(call->context, (unsigned)(blocks < DN_CUDA_GRID_MAX ? blocks : DN_CUDA_GRID_MAX), kernel, count,
                   static_cast<Parameters>(arguments)...);
}

/* kernel(count, arguments…): one block for each of `count` results: for (size_t r = blockIdx.x; r < count; r +=
 * gridDim.x). All threads of a block take the same number of turns. */
template <typename... Parameters, typename... Arguments>
static void dn_cuda_blocks(const dn_cuda_call *call, size_t count, void (*kernel)(size_t, Parameters...),
                           Arguments... arguments) {
    if (count == 0) return;
    dn_cuda_launch(call->context, (unsigned)(count < DN_CUDA_GRID_MAX ? count : DN_CUDA_GRID_MAX), kernel, count,
                   static_cast<Parameters>(arguments)...);
}

/* ---- values ---- */

__device__ inline float load(const float *p, size_t i) { return p[i]; }
__device__ inline float load(const __half *p, size_t i) { return __half2float(p[i]); }
__device__ inline float load(const __nv_bfloat16 *p, size_t i) { return __bfloat162float(p[i]); }
__device__ inline void store(float *p, size_t i, float value) { p[i] = value; }
__device__ inline void store(__half *p, size_t i, float value) { p[i] = __float2half(value); }
__device__ inline void store(__nv_bfloat16 *p, size_t i, float value) { p[i] = __float2bfloat16(value); }

/* Calls `body` with a null pointer of the context's type:  dn_cuda_typed(call, [&](auto *t) { using T = …; }). */
template <typename Body> static void dn_cuda_typed(const dn_cuda_call *call, Body body) {
    switch (call->context->type) {
    case DN_CUDA_F32:
        body((float *)nullptr);
        break;
    case DN_CUDA_F16:
        body((__half *)nullptr);
        break;
    case DN_CUDA_BF16:
        body((__nv_bfloat16 *)nullptr);
        break;
    }
}

/* ---- sums of a block ---- */

/* The sum of every thread's `value`, to all threads, always in the same order. Called by all threads of a block. */
__device__ inline float block_sum(float value) {
    __shared__ float parts[DN_CUDA_THREADS];
    parts[threadIdx.x] = value;
    __syncthreads();
    for (unsigned half = DN_CUDA_THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    const float sum = parts[0];
    __syncthreads();
    return sum;
}

__device__ inline float block_max(float value) {
    __shared__ float parts[DN_CUDA_THREADS];
    parts[threadIdx.x] = value;
    __syncthreads();
    for (unsigned half = DN_CUDA_THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] = fmaxf(parts[threadIdx.x], parts[threadIdx.x + half]);
        __syncthreads();
    }
    const float largest = parts[0];
    __syncthreads();
    return largest;
}

/* ---- resolved tensors ---- */

static inline size_t dn_cuda_count(const dn_cuda_tensor *tensor) { return (size_t)dn_shape_count(tensor->shape); }

#endif
