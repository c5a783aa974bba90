/* pool_global_gradient.cu — dx[n,c,i,j] = dy[n,c] / (h · w). One thread a value of dx, in memory order. */
#include "backend/cuda/deltas.cuh"

static __global__ void spread_means(size_t count, float *dx, const float *dy, unsigned plane, bool add) {
    EACH(i, count) put_delta(dx, i, add, dy[(unsigned)i / plane] / (float)plane);
}

extern "C" void dn_cuda_pool_global_gradient(const dn_cuda_call *call) {
    const dn_shape in = call->outputs[0].shape;
    dn_cuda_each(call, dn_cuda_count(&call->outputs[0]), spread_means, dn_cuda_floats(&call->outputs[0]),
                 dn_cuda_floats(&call->inputs[0]), (unsigned)in.h * (unsigned)in.w, call->op->accumulate);
}
