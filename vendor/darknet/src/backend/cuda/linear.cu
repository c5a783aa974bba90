/* linear.cu — y[n,o] = activation(b[o] + Σ_i w[o,i] · x[n,i]), w (outputs, inputs), or (inputs, outputs) when
 * transposed: Y = X · Wᵀ or X · W by cuBLAS, then biases and activation in place. */
#include "backend/cuda/epilogue.cuh"

extern "C" void dn_cuda_linear(const dn_cuda_call *call) {
    const dn_cuda_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    const int inputs = (int)dn_shape_image(x->shape), outputs = (int)dn_shape_image(y->shape);
    const bool transposed = call->op->as.linear.transposed;
    dn_cuda_gemm gemm = {};
    gemm.transpose_b = !transposed;
    gemm.m = y->shape.n;
    gemm.n = outputs;
    gemm.k = inputs;
    gemm.a = x->data;
    gemm.b = call->state->weights != NULL ? call->state->weights : call->inputs[1].data;
    gemm.c = y->data;
    gemm.lda = inputs;
    gemm.ldb = transposed ? outputs : inputs;
    gemm.ldc = outputs;
    gemm.alpha = 1.0F;
    dn_cuda_multiply(call->context, &gemm);
    dn_cuda_finish(call, y->data, y->data, call->state->biases, {y->shape.n, outputs, 1, 1});
}
