/* deltas.cuh — what the kernels that carry deltas share: their tensors are float32, and "=" writes or, where the op
 * accumulates, adds. */
#ifndef DN_BACKEND_CUDA_DELTAS_CUH
#define DN_BACKEND_CUDA_DELTAS_CUH

#include "backend/cuda/common.cuh"

static inline float *dn_cuda_floats(const dn_cuda_tensor *tensor) { return static_cast<float *>(tensor->data); }

/* to (+)= value */
__device__ inline void put_delta(float *to, size_t at, bool add, float value) {
    to[at] = (add ? to[at] : 0.0F) + value;
}

#endif
