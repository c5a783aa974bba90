/* cuda.h — the "cuda" backend from inside: what its C files and its kernels share.
 *
 * Everything that lives on the device lies in one piece of memory that compile plans before it asks for it: the
 * activations by lifetime, parameters, tables of ops, the workspace of cuDNN. The caller's addresses are host memory:
 * a run uploads what it reads of it (the input, truth, states, deltas and gradients that people may have written),
 * launches its ops on the backend's stream, and downloads what is kept. The network's input may also be device memory.
 *
 *   compile   program.c   groups of ops, places, the arena
 *   refresh   refresh.c   parameters as the kernels read them
 *   run       run.c       uploads, launches (replayed as a CUDA graph where nothing in between runs on the host),
 *                         downloads
 *
 * An op is one file <op>.cu with `void dn_cuda_<op>(const dn_cuda_call *)`: launches on call->context->stream, neither
 * waits nor allocates, and may be captured into a CUDA graph. */
#ifndef DN_BACKEND_CUDA_CUDA_H
#define DN_BACKEND_CUDA_CUDA_H

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "backend/backend.h"

/* What activations and the weights of convolutions and linear ops are stored as; sums are float32. TF32 is float32 in
 * memory. */
typedef enum dn_cuda_type { DN_CUDA_F32, DN_CUDA_F16, DN_CUDA_BF16 } dn_cuda_type;

/* Bytes of workspace of a graph with gradients: at least, and for each channel of a batch norm. */
#define DN_CUDA_WORKSPACE_MIN     ((size_t)1 << 20)
#define DN_CUDA_WORKSPACE_CHANNEL ((size_t)32)

typedef struct dn_cuda_context {
    cudaStream_t stream;
    cublasHandle_t blas;
    cudnnHandle_t dnn;
    dn_cuda_type type;
    bool tf32;       /* float32 products may be rounded to tf32                                              */
    bool training;   /* the graph has gradients: algorithms are deterministic                                */
    void *workspace; /* of cuDNN, and of sums that several blocks add up (sums.cuh)                          */
    size_t workspace_bytes;
    char failure[160]; /* the first of this run, "cudnnConvolutionForward: …"; empty: none                     */
} dn_cuda_context;

/* A tensor of this run on the device; shape.n is that of the run's rows. Activations: the context's type; parameters,
 * deltas, gradients, statistics: float32; argmax: int32. data is NULL where the op's tensor index is -1. */
typedef struct dn_cuda_tensor {
    void *data;
    dn_shape shape;
} dn_cuda_tensor;

/* What an op reads beside its tensors. {0} but for what is named. */
typedef struct dn_cuda_state {
    const void *weights;       /* conv2d, linear and their _data ops: in the context's type, batch norm folded in,
                                  ±mean|w| for xnor; NULL: inputs[1], which is an activation                       */
    const float *biases;       /* conv2d, linear, bias: added per filter before `activation`; NULL: none           */
    const float *coefficients; /* add, add_gradient: a_k, (terms, c); NULL when PLAIN                              */
    dn_activation activation;  /* conv2d, linear, bias, batchnorm, add: computed after it, in place; scalar kinds  */
    float pad_value;           /* xnor conv2d: what cells outside of the image count as                            */
    const void *table;         /* softmax: dn_cuda_part[] of one group; channel_map: dn_channel_rule[]; NULL: none */
    int table_count;
    int algorithm; /* conv2d and its gradients: cuDNN's, by a run of `rows` images; -1: our own kernel */
    int rows;
    size_t workspace_bytes; /* that the algorithm needs                                                         */
} dn_cuda_state;

typedef struct dn_cuda_part { /* softmax: of the values of a group */
    int first, count;
} dn_cuda_part;

typedef struct dn_cuda_call {
    const dn_op *op;
    const dn_cuda_tensor *inputs, *outputs; /* as in dn_ref_call                                          */
    dn_cuda_state *state;                   /* algorithm, rows and workspace_bytes may be chosen anew     */
    dn_cuda_context *context;
} dn_cuda_call;

#define DN_OP(id) void dn_cuda_##id(const dn_cuda_call *call);
#include "op/op.inc"
#undef DN_OP

/* ---- conversions, convert.cu ---- */

/* `count` float32 values to the context's type, or back; the same address is not allowed but for float32. */
void dn_cuda_to_type(dn_cuda_context *context, void *to, const float *from, size_t count);
void dn_cuda_from_type(dn_cuda_context *context, float *to, const void *from, size_t count);

/* ---- convolutions: dnn.c ---- */

/* Bytes of workspace that the op will want for `rows` images, which also chooses state->algorithm: conv2d, conv2d_data,
 * conv2d_weights. Descriptors are made at every launch: they are small. */
size_t dn_cuda_choose_algorithm(dn_cuda_context *context, const dn_op *op, dn_shape x, dn_shape y,
                                dn_cuda_state *state);
/* False: the shapes are not cuDNN's (state->algorithm < 0), nothing was launched. accumulate: y += … */
bool dn_cuda_dnn_forward(const dn_cuda_call *call);
bool dn_cuda_dnn_data(const dn_cuda_call *call);
bool dn_cuda_dnn_weights(const dn_cuda_call *call);

/* ---- products of matrices: blas.c ---- */

/* Row-major C (m, n) = alpha · op(A) op(B) + beta · C; A is (m, k) or, transposed, (k, m); B likewise; rows of A, B, C
 * are lda, ldb, ldc apart. All three are in the context's type (float32 when training). */
typedef struct dn_cuda_gemm {
    bool transpose_a, transpose_b;
    int m, n, k;
    const void *a, *b;
    void *c;
    int lda, ldb, ldc;
    float alpha, beta;
} dn_cuda_gemm;
void dn_cuda_multiply(dn_cuda_context *context, const dn_cuda_gemm *gemm);

/* ---- of the backend's type: memory.c ---- */

dn_status dn_cuda_read(int device, void *into, const void *from, size_t bytes, dn_error *err);
dn_status dn_cuda_wait(int device, uintptr_t stream, dn_error *err);
int dn_cuda_whose(const void *data);

/* ---- failures: failure.c ---- */

/* Note the first failure of a run; later ones change nothing. The status codes of the three libraries. */
bool dn_cuda_ok(dn_cuda_context *context, cudaError_t status, const char *what);
bool dn_cuda_blas_ok(dn_cuda_context *context, cublasStatus_t status, const char *what);
bool dn_cuda_dnn_ok(dn_cuda_context *context, cudnnStatus_t status, const char *what);

#ifdef __cplusplus
}
#endif

#endif
