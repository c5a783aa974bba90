/* fill.cu — y = 0, by the driver: no bit set is 0 in every type. */
#include "backend/cuda/forward.cuh"

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_cuda_tensor *const y = &call->outputs[0];
    dn_cuda_ok(call->context, cudaMemsetAsync(y->data, 0, dn_cuda_count(y) * sizeof(T), call->context->stream),
               "zeros on the device");
}

extern "C" void dn_cuda_fill(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
