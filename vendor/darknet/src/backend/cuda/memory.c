/* memory.c — for people outside of the engine who have memory of a device: a copy to the host, a wait for a stream,
 * and whose an address is. The thread's current device is the caller's again afterwards. */
#include "backend/cuda/cuda.h"

/* The device of before, or -1. */
static int change_device(int device) {
    int before = -1;
    if (cudaGetDevice(&before) != cudaSuccess) before = -1;
    return cudaSetDevice(device) == cudaSuccess ? before : -1;
}

static dn_status changed_back(int before, cudaError_t status, const char *what, dn_error *err) {
    if (before >= 0) (void)cudaSetDevice(before);
    if (status == cudaSuccess) return DN_OK;
    (void)cudaGetLastError(); /* it is reported here, not once more by whoever asks next */
    return dn_fail(err, DN_E_DEVICE, "%s: %s", what, cudaGetErrorString(status));
}

dn_status dn_cuda_read(int device, void *into, const void *from, size_t bytes, dn_error *err) {
    const int before = change_device(device);
    return changed_back(before, cudaMemcpy(into, from, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy", err);
}

dn_status dn_cuda_wait(int device, uintptr_t stream, dn_error *err) {
    const int before = change_device(device);
    return changed_back(before, cudaStreamSynchronize((cudaStream_t)stream), "cudaStreamSynchronize", err);
}

int dn_cuda_whose(const void *data) {
    struct cudaPointerAttributes found;
    if (cudaPointerGetAttributes(&found, data) != cudaSuccess) {
        (void)cudaGetLastError();
        return -1;
    }
    return found.type == cudaMemoryTypeDevice || found.type == cudaMemoryTypeManaged ? found.device : -1;
}
