/* stack.cu — the rows of every input, one input after the other: all time steps. Copies by the driver. */
#include "backend/cuda/forward.cuh"

template <typename T> static void run(const dn_cuda_call *call, T *) {
    T *y = static_cast<T *>(call->outputs[0].data);
    for (int k = 0; k < call->op->input_count; k++) {
        const size_t count = dn_cuda_count(&call->inputs[k]);
        dn_cuda_put(call, y, static_cast<const T *>(call->inputs[k].data), count, 1.0F);
        y += count;
    }
}

extern "C" void dn_cuda_stack(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
