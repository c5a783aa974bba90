/* batchnorm.cuh — d of dn_op_batchnorm for one channel, on the device. */
#ifndef DN_BACKEND_CUDA_BATCHNORM_CUH
#define DN_BACKEND_CUDA_BATCHNORM_CUH

#include "backend/cuda/common.cuh"

__device__ inline float batchnorm_divisor(dn_op_batchnorm params, float variance) {
    return params.outside ? sqrtf(variance) + params.epsilon : sqrtf(variance + params.epsilon);
}

#endif
