/* emulated_launch.h — the launch of a kernel for common.cuh: a call that waits in the context's stream. */
#ifndef EMULATED_LAUNCH_H
#define EMULATED_LAUNCH_H

#include <functional>

/* Calls `thread` blocks · threads times, with threadIdx and blockIdx set. */
cudaError_t emulated_launch(cudaStream_t stream, unsigned blocks, unsigned threads, std::function<void()> thread);

/* Addresses that a kernel gets are the device's, or null. */
void emulated_check_address(const void *address);
template <typename T> static inline void emulated_check_argument(const T &) {}
template <typename T> static inline void emulated_check_argument(T *const &address) { emulated_check_address(address); }

template <typename... Parameters, typename... Arguments>
static void dn_cuda_launch(dn_cuda_context *context, unsigned blocks, void (*kernel)(Parameters...),
                           Arguments... arguments) {
    (emulated_check_argument(arguments), ...);
    const cudaError_t status =
        emulated_launch(context->stream, blocks, DN_CUDA_THREADS, [=]() { kernel(arguments...); });
    dn_cuda_ok(context, status, "a kernel's launch");
}

#endif
