/* device.h — what the files of the emulated device share. Everything happens under one lock. */
#ifndef EMULATED_DEVICE_H
#define EMULATED_DEVICE_H

#include <functional>
#include <mutex>

#include "cuda_runtime_api.h"
#include "emulated.h"

#if defined(__SANITIZE_ADDRESS__)
#define EMULATED_ASAN 1
#else
#define EMULATED_ASAN 0
#endif

namespace emulated {

using work = std::function<void()>;

std::recursive_mutex &mutex();
struct locked {
    std::lock_guard<std::recursive_mutex> guard{mutex()};
};

/* Says on the error stream what is wrong, and remembers the status: what the caller does is wrong, whatever CUDA would
 * make of it. Also inside of work that runs later. */
cudaError_t fault(cudaError_t status, const char *format, ...) __attribute__((format(printf, 2, 3)));
cudaError_t remember(cudaError_t status); /* for cudaGetLastError; gives the status back */
cudaError_t pending();                    /* the failure of earlier work, which everything after it repeats */

/* ---- memory: device.cpp ---- */

/* Whether all of `bytes` lie in one allocation of the device; none of them. */
bool on_device(const void *address, size_t bytes);
bool off_device(const void *address, size_t bytes);
bool is_pinned(const void *address, size_t bytes);
/* on_device, or a fault that names `what`. */
bool check_device(const void *address, size_t bytes, const char *what);

/* While one lives, the processor may touch the device's memory; otherwise that ends the program, as far as the sizes
 * allow. Work is run under one. */
struct reachable {
    reachable();
    ~reachable();
};

/* ---- streams: stream.cpp ---- */

/* Behind everything that waits in the stream, or into the graph that is being captured from it. */
cudaError_t enqueue(cudaStream_t stream, work job);
cudaError_t forbid_capture(const char *what); /* of calls that must not be made while anything is captured */
bool capturing(cudaStream_t stream);
cudaError_t finish(cudaStream_t stream); /* runs what waits */
void finish_device();

/* ---- figures, and what is set ---- */

struct settings {
    int devices = 1;
    size_t memory = (size_t)8 << 30;
    bool convolutions = true;
    int fail_launch = -1;
    size_t launches = 0, graph_launches = 0, copied = 0;
};
settings &set();

} // namespace emulated

#endif
