/* rows_gradient.cu — dx[step · m + n] = dy[n], m the rows of dy; other rows of dx stay as they are. One thread a value of
 * dy, in memory order. */
#include "backend/cuda/deltas.cuh"

static __global__ void put_rows(size_t count, float *dx, const float *dy, bool add) {
    EACH(i, count) put_delta(dx, i, add, dy[i]);
}

extern "C" void dn_cuda_rows_gradient(const dn_cuda_call *call) {
    const size_t count = dn_cuda_count(&call->inputs[0]);
    float *const dx = dn_cuda_floats(&call->outputs[0]) + count * (size_t)call->op->as.rows_gradient.step;
    dn_cuda_each(call, count, put_rows, dx, dn_cuda_floats(&call->inputs[0]), call->op->accumulate);
}
