/* linear_weights.cu — dw[o,i] += Σ_n dy[n,o] · x[n,i]; transposed: dw[i,o]. dW += dYᵀ · X or Xᵀ · dY by cuBLAS. */
#include "backend/cuda/common.cuh"

extern "C" void dn_cuda_linear_weights(const dn_cuda_call *call) {
    const bool transposed = call->op->as.linear_weights.transposed;
    const dn_cuda_tensor *const rows = &call->inputs[transposed ? 0 : 1]; /* of dw: x or dy */
    const dn_cuda_tensor *const columns = &call->inputs[transposed ? 1 : 0];
    if (call->outputs[0].data == NULL) return;
    dn_cuda_gemm gemm = {};
    gemm.transpose_a = true;
    gemm.m = (int)dn_shape_image(rows->shape);
    gemm.n = (int)dn_shape_image(columns->shape);
    gemm.k = rows->shape.n;
    gemm.a = rows->data;
    gemm.b = columns->data;
    gemm.c = call->outputs[0].data;
    gemm.lda = gemm.m;
    gemm.ldb = gemm.n;
    gemm.ldc = gemm.n;
    gemm.alpha = 1.0F;
    gemm.beta = 1.0F;
    dn_cuda_multiply(call->context, &gemm);
}
