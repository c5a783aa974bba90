/* activation.cuh — the formulas of op/activation.c on the device: f(x), and f'(x) given x and y = f(x), for every kind
 * that is computed value by value; the kinds across channels (activation.cu) count as f(x) = x here.
 *
 * In float, in the order of operations of op/activation.c: compile without --use_fast_math. */
#ifndef DN_BACKEND_CUDA_ACTIVATION_CUH
#define DN_BACKEND_CUDA_ACTIVATION_CUH

#include "backend/cuda/common.cuh"

namespace dn_formula {

__device__ inline float logistic(float x) { return 1.0F / (1.0F + expf(-x)); }

/* Comparisons are such that not-a-number stays one. */
__device__ inline float clamp(float x, float low, float high) {
    if (x < low) return low;
    return x > high ? high : x;
}

__device__ inline float relu(float x) { return x < 0.0F ? 0.0F : x; }

__device__ inline float slope_below_zero(float x, float slope) { return x > 0.0F ? x : slope * x; }

__device__ inline float selu(float x) { return x >= 0.0F ? 1.0507F * x : 1.0507F * 1.6732F * (expf(x) - 1.0F); }

__device__ inline float gelu(float x) { return 0.5F * x * (1.0F + tanhf(0.797885F * x + 0.035677F * x * x * x)); }

__device__ inline float plse(float x) {
    if (x < -4.0F) return 0.01F * (x + 4.0F);
    if (x > 4.0F) return 0.01F * (x - 4.0F) + 1.0F;
    return 0.125F * x + 0.5F;
}

__device__ inline float stair(float x) {
    const float whole = floorf(x), half = floorf(x / 2.0F);
    return whole - 2.0F * floorf(whole / 2.0F) == 0.0F ? half : x - whole + half;
}

__device__ inline float lhtan(float x) {
    if (x < 0.0F) return 0.001F * x;
    if (x > 1.0F) return 0.001F * (x - 1.0F) + 1.0F;
    return x;
}

/* Beyond ±20 it is x or e^x to the last bit. */
__device__ inline float softplus(float x) {
    if (x < -20.0F) return expf(x);
    return x <= 20.0F ? log1pf(expf(x)) : x;
}

__device__ inline float mish(float x) { return x * tanhf(softplus(x)); }

__device__ inline float hard_mish(float x) {
    if (x > 0.0F) return x;
    return x <= -2.0F ? 0.0F : x * x / 2.0F + x;
}

/* ---- derivatives ---- */

__device__ inline float between(float value, float low, float high, float inside, float outside) {
    return value > low && value < high ? inside : outside;
}

__device__ inline float selu_slope(float y) { return y >= 0.0F ? 1.0507F : y + 1.0507F * 1.6732F; }

__device__ inline float gelu_slope(float x) {
    const float t = tanhf(0.797885F * x + 0.035677F * x * x * x);
    return 0.5F * (1.0F + t) + 0.5F * x * (1.0F - t * t) * (0.797885F + 0.107031F * x * x);
}

__device__ inline float swish_slope(float x, float y) { return y + logistic(x) * (1.0F - y); }

__device__ inline float mish_slope(float x) {
    const float t = tanhf(softplus(x));
    return t + x * (1.0F - t * t) * logistic(x);
}

__device__ inline float hard_mish_slope(float x) {
    if (x > 0.0F) return 1.0F;
    return x > -2.0F ? x + 1.0F : 0.0F;
}

} // namespace dn_formula

/* f(x) */
__device__ inline float activate(dn_activation kind, float x) {
    using namespace dn_formula;
    switch (kind) {
    case DN_LOGISTIC:
        return logistic(x);
    case DN_LOGGY:
        return 2.0F / (1.0F + expf(-x)) - 1.0F;
    case DN_RELU:
        return relu(x);
    case DN_RELU6:
        return clamp(x, 0.0F, 6.0F);
    case DN_ELU:
        return x >= 0.0F ? x : expf(x) - 1.0F;
    case DN_SELU:
        return selu(x);
    case DN_GELU:
        return gelu(x);
    case DN_RELIE:
        return slope_below_zero(x, 0.01F);
    case DN_RAMP:
        return relu(x) + 0.1F * x;
    case DN_TANH:
        return tanhf(x);
    case DN_PLSE:
        return plse(x);
    case DN_LEAKY:
    case DN_REVLEAKY:
        return slope_below_zero(x, 0.1F);
    case DN_STAIR:
        return stair(x);
    case DN_HARDTAN:
        return clamp(x, -1.0F, 1.0F);
    case DN_LHTAN:
        return lhtan(x);
    case DN_SWISH:
        return x * logistic(x);
    case DN_MISH:
        return mish(x);
    case DN_HARD_MISH:
        return hard_mish(x);
    default:
        return x;
    }
}

/* f'(x) as the reference computes it, given y = f(x). */
__device__ inline float activation_slope(dn_activation kind, float x, float y) {
    using namespace dn_formula;
    switch (kind) {
    case DN_LOGISTIC:
        return (1.0F - y) * y;
    case DN_LOGGY:
        return 0.5F * (1.0F - y) * (1.0F + y);
    case DN_RELU:
        return y > 0.0F ? 1.0F : 0.0F;
    case DN_RELU6:
        return between(y, 0.0F, 6.0F, 1.0F, 0.0F);
    case DN_ELU:
        return y >= 0.0F ? 1.0F : y + 1.0F;
    case DN_SELU:
        return selu_slope(y);
    case DN_GELU:
        return gelu_slope(x);
    case DN_RELIE:
        return y > 0.0F ? 1.0F : 0.01F;
    case DN_RAMP:
        return y > 0.0F ? 1.1F : 0.1F;
    case DN_TANH:
        return 1.0F - y * y;
    case DN_PLSE:
        return y < 0.0F || y > 1.0F ? 0.01F : 0.125F;
    case DN_LEAKY:
    case DN_REVLEAKY:
        return y > 0.0F ? 1.0F : 0.1F;
    case DN_STAIR:
        return floorf(y) == y ? 0.0F : 1.0F;
    case DN_HARDTAN:
        return between(y, -1.0F, 1.0F, 1.0F, 0.0F);
    case DN_LHTAN:
        return between(y, 0.0F, 1.0F, 1.0F, 0.001F);
    case DN_SWISH:
        return swish_slope(x, y);
    case DN_MISH:
        return mish_slope(x);
    case DN_HARD_MISH:
        return hard_mish_slope(x);
    default:
        return 1.0F;
    }
}

#endif
