/* blas.c — row-major products of matrices by cuBLAS, whose matrices are column-major: a row-major matrix read that way
 * is its transpose, and Cᵀ = op(B)ᵀ · op(A)ᵀ, so that A and B change places and nothing is transposed by hand. Sums are
 * float32; the factors of float32 products are rounded to tf32 where the context allows it. */
#include "backend/cuda/cuda.h"

static cudaDataType_t data_type(const dn_cuda_context *context) {
    switch (context->type) {
    case DN_CUDA_F16:
        return CUDA_R_16F;
    case DN_CUDA_BF16:
        return CUDA_R_16BF;
    default:
        return CUDA_R_32F;
    }
}

static cublasOperation_t operation(bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; }

void dn_cuda_multiply(dn_cuda_context *context, const dn_cuda_gemm *gemm) {
    const cudaDataType_t type = data_type(context);
    const bool tf32 = context->type == DN_CUDA_F32 && context->tf32;
    const cublasStatus_t status =
        cublasGemmEx(context->blas, operation(gemm->transpose_b), operation(gemm->transpose_a), gemm->n, gemm->m,
                     gemm->k, &gemm->alpha, gemm->b, type, gemm->ldb, gemm->a, type, gemm->lda, &gemm->beta, gemm->c,
                     type, gemm->ldc, tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
    (void)dn_cuda_blas_ok(context, status, "cublasGemmEx");
}
