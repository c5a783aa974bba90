/* linear_data.cu — dx[n,i] = Σ_o w[o,i] · dy[n,o]; transposed: w[i,o]. dX = dY · W or dY · Wᵀ by cuBLAS. */
#include "backend/cuda/common.cuh"

extern "C" void dn_cuda_linear_data(const dn_cuda_call *call) {
    const dn_cuda_tensor *const dy = &call->inputs[0], *const dx = &call->outputs[0];
    if (dx->data == NULL) return;
    const int inputs = (int)dn_shape_image(dx->shape), outputs = (int)dn_shape_image(dy->shape);
    const bool transposed = call->op->as.linear_data.transposed;
    dn_cuda_gemm gemm = {};
    gemm.transpose_b = transposed;
    gemm.m = dx->shape.n;
    gemm.n = inputs;
    gemm.k = outputs;
    gemm.a = dy->data;
    gemm.b = call->state->weights != NULL ? call->state->weights : call->inputs[1].data;
    gemm.c = dx->data;
    gemm.lda = outputs;
    gemm.ldb = transposed ? outputs : inputs;
    gemm.ldc = inputs;
    gemm.alpha = 1.0F;
    gemm.beta = call->op->accumulate ? 1.0F : 0.0F;
    dn_cuda_multiply(call->context, &gemm);
}
