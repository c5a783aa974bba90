/* backend.c — the "cuda" backend as a library: devices, handles, errors. */
#include <stdio.h>
#include <unistd.h>

#include "backend/cuda/program.h"
#include "base/block.h"

#define OLDEST 75 /* compute capability of the oldest device that there is code for, times 10 */

static dn_status fail(dn_error *err, const char *what, cudaError_t status) {
    return dn_fail(err, DN_E_DEVICE, "%s: %s", what, cudaGetErrorString(status));
}

/* ---- devices ---- */

dn_status dn_cuda_devices(int *count, dn_error *err) {
    const cudaError_t status = cudaGetDeviceCount(count);
    if (status == cudaSuccess) return DN_OK;
    (void)cudaGetLastError();
    *count = 0;
    if (status == cudaErrorNoDevice) return DN_OK;
    if (status == cudaErrorInsufficientDriver) {
        return dn_fail(err, DN_E_DEVICE,
                       "NVIDIA's driver is missing, or older than CUDA %d.%d that this library was built with",
                       CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    }
    return fail(err, "the devices cannot be counted", status);
}

static dn_status check_number(int device, dn_error *err) {
    int count = 0;
    DN_TRY(dn_cuda_devices(&count, err));
    if (count == 0) return dn_fail(err, DN_E_DEVICE, "there is no CUDA device");
    if (device >= 0 && device < count) return DN_OK;
    return dn_fail(err, DN_E_DEVICE, "there is no CUDA device %d: %d, numbered from 0, can be seen", device, count);
}

dn_status dn_cuda_look(int device, dn_device *out, dn_error *err) {
    DN_TRY(check_number(device, err));
    struct cudaDeviceProp properties;
    cudaError_t status = cudaGetDeviceProperties(&properties, device);
    if (status != cudaSuccess) return fail(err, "the device cannot be looked at", status);
    (void)snprintf(out->name, sizeof out->name, "%s", properties.name);
    out->major = properties.major;
    out->minor = properties.minor;
    out->memory = properties.totalGlobalMem;
    if (properties.major * 10 + properties.minor < OLDEST) {
        return dn_fail(err, DN_E_DEVICE, "%s has compute capability %d.%d; %d.%d is the least there is code for",
                       properties.name, properties.major, properties.minor, OLDEST / 10, OLDEST % 10);
    }
    size_t available = 0, total = 0;
    int before = device; /* looking changes nothing for other users of CUDA on this thread */
    (void)cudaGetDevice(&before);
    status = cudaSetDevice(device);
    if (status == cudaSuccess) status = cudaMemGetInfo(&available, &total);
    (void)cudaSetDevice(before);
    out->available = available;
    return status == cudaSuccess ? DN_OK : fail(err, "the device cannot be used", status);
}

/* ---- open, close ---- */

static dn_status open_handles(dn_cuda_backend *backend, dn_error *err) {
    const cudaError_t status = cudaStreamCreateWithFlags(&backend->stream, cudaStreamNonBlocking);
    if (status != cudaSuccess) return fail(err, "no stream", status);
    const cublasStatus_t blas = cublasCreate(&backend->blas);
    if (blas != CUBLAS_STATUS_SUCCESS) return dn_fail(err, DN_E_DEVICE, "cuBLAS: %s", cublasGetStatusString(blas));
    const cudnnStatus_t dnn = cudnnCreate(&backend->dnn);
    if (dnn != CUDNN_STATUS_SUCCESS) return dn_fail(err, DN_E_DEVICE, "cuDNN: %s", cudnnGetErrorString(dnn));
    if (cublasSetStream(backend->blas, backend->stream) != CUBLAS_STATUS_SUCCESS ||
        cudnnSetStream(backend->dnn, backend->stream) != CUDNN_STATUS_SUCCESS) {
        return dn_fail(err, DN_E_DEVICE, "cuBLAS and cuDNN do not take the stream");
    }
    return DN_OK;
}

void dn_cuda_close(dn_backend *base) {
    if (!base) return;
    dn_cuda_backend *backend = dn_cuda_backend_get(base);
    const dn_allocator allocator = backend->base.allocator;
    int before;
    if (dn_cuda_enter(base, &before, NULL) == DN_OK) {
        if (backend->dnn) (void)cudnnDestroy(backend->dnn);
        if (backend->blas) (void)cublasDestroy(backend->blas);
        if (backend->stream) (void)cudaStreamDestroy(backend->stream);
        dn_cuda_leave(before);
    }
    if (backend->base.pool) dn_pool_release(backend->base.pool);
    dn_free(&allocator, backend);
}

dn_status dn_cuda_open(dn_backend **out, const dn_options *options, int device, dn_error *err) {
    dn_device found = {0};
    device = device < 0 ? 0 : device;
    DN_TRY(dn_cuda_look(device, &found, err));
    const dn_allocator allocator = dn_allocator_or_default(options);
    dn_cuda_backend *backend = NULL;
    DN_TRY(dn_alloc(&allocator, (void **)&backend, 1, sizeof *backend, "backend", err));
    backend->base = (dn_backend_base){&dn_backend_cuda, allocator, options ? options->pool : NULL, DN_ISA_PORTABLE};
    if (backend->base.pool) dn_pool_retain(backend->base.pool);
    backend->device = device;
    backend->process = (int)getpid();
    *out = (dn_backend *)(void *)backend;
    int before;
    dn_status status = dn_cuda_enter(*out, &before, err);
    if (status == DN_OK) {
        status = open_handles(backend, err);
        dn_cuda_leave(before);
    }
    if (status == DN_OK) return DN_OK;
    dn_cuda_close(*out);
    *out = NULL;
    return status;
}

dn_status dn_cuda_enter(const dn_backend *base, int *before, dn_error *err) {
    const dn_cuda_backend *backend = (const dn_cuda_backend *)(const void *)base;
    if (backend->process != (int)getpid()) {
        return dn_fail(err, DN_E_DEVICE,
                       "this process was forked: a network on a CUDA device only works in the process that made it");
    }
    if (cudaGetDevice(before) != cudaSuccess) *before = backend->device;
    const cudaError_t status = cudaSetDevice(backend->device);
    return status == cudaSuccess ? DN_OK : fail(err, "the device cannot be used", status);
}

void dn_cuda_leave(int before) { (void)cudaSetDevice(before); }

dn_status dn_cuda_check(dn_cuda_program *program, dn_error *err) {
    dn_cuda_context *context = &program->context;
    if (context->failure[0] == '\0') return DN_OK;
    const dn_status status = dn_fail(err, DN_E_DEVICE, "%s", context->failure);
    context->failure[0] = '\0';
    (void)cudaGetLastError();
    return status;
}
