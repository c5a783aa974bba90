/* activation.cuh — the formulas of op/activation_formulas.inc on the device: activate(kind, x) and
 * activation_slope(kind, x, y) for every kind that is computed value by value; the kinds across channels (activation.cu)
 * count as f(x) = x here. In the same order of operations: compile without --use_fast_math. */
#ifndef DN_BACKEND_CUDA_ACTIVATION_CUH
#define DN_BACKEND_CUDA_ACTIVATION_CUH

#include "backend/cuda/common.cuh"

#define DN_FORMULA __device__ inline
namespace dn_formula {
#include "op/activation_formulas.inc"
}
using dn_formula::activate;
using dn_formula::activation_slope;

#endif
