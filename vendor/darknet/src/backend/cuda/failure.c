/* failure.c — the first failure of a run, in the words of the library that it happened in. A failed launch leaves its
 * output as it was; the run goes on to its end and reports the failure there. */
#include <stdio.h>

#include "backend/cuda/cuda.h"

/* "what: text", unless there is one already. */
static void note(dn_cuda_context *context, const char *what, const char *text) {
    if (context->failure[0] != '\0') return;
    (void)snprintf(context->failure, sizeof context->failure, "%s: %s", what, text);
}

bool dn_cuda_ok(dn_cuda_context *context, cudaError_t status, const char *what) {
    if (status == cudaSuccess) return true;
    note(context, what, cudaGetErrorString(status));
    return false;
}

bool dn_cuda_blas_ok(dn_cuda_context *context, cublasStatus_t status, const char *what) {
    if (status == CUBLAS_STATUS_SUCCESS) return true;
    note(context, what, cublasGetStatusString(status));
    return false;
}

bool dn_cuda_dnn_ok(dn_cuda_context *context, cudnnStatus_t status, const char *what) {
    if (status == CUDNN_STATUS_SUCCESS) return true;
    note(context, what, cudnnGetErrorString(status));
    return false;
}
