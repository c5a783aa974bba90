/* scale.cu — y (+)= factor · x, under any shape; one thread a value: forward.cuh. */
#include "backend/cuda/forward.cuh"

template <typename T> static void run(const dn_cuda_call *call, T *) {
    dn_cuda_put(call, static_cast<T *>(call->outputs[0].data), static_cast<const T *>(call->inputs[0].data),
                dn_cuda_count(&call->outputs[0]), call->op->as.scale.factor);
}

extern "C" void dn_cuda_scale(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
