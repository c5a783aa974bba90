/* cuda_runtime.h — a stand-in: the words of CUDA C++ that the kernels use. One block runs at a time, its threads one
 * after the other, each until it waits at a barrier or ends (threads.cpp). */
#ifndef EMULATED_CUDA_RUNTIME_H
#define EMULATED_CUDA_RUNTIME_H

#include "cuda_runtime_api.h"

#define __global__
#define __device__
#define __host__
#define __shared__      static
#define __forceinline__ inline
#define __launch_bounds__(...)

struct emulated_index {
    unsigned x, y, z;
};

extern emulated_index threadIdx, blockIdx, blockDim, gridDim;

void __syncthreads();

#endif
