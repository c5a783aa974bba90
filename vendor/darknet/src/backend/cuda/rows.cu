/* rows.cu — y[n] (+)= x[step · m + n], m the rows of y: one time step. A copy by the driver, or one thread a value:
 * forward.cuh. */
#include "backend/cuda/forward.cuh"

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const size_t count = dn_cuda_count(&call->outputs[0]);
    const T *const x = static_cast<const T *>(call->inputs[0].data) + count * (size_t)call->op->as.rows.step;
    dn_cuda_put(call, static_cast<T *>(call->outputs[0].data), x, count, 1.0F);
}

extern "C" void dn_cuda_rows(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
