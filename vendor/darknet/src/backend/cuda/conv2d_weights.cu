/* conv2d_weights.cu — dw[f,c,u,v] += Σ_{n,i,j} dy[n,f,i,j] · x[n,c,r,k] with r = i·stride_y − pad + u·dilation and
 * k = j·stride_x − pad + v·dilation inside the image: by cuDNN, or by one block a weight, whose threads share n, i and j
 * among them: neighbouring threads read neighbouring columns. */
#include "backend/cuda/window.cuh"

/* One product of the sum: of the weight (f, c, u, v), at value `index` of (n, i, j). */
static __device__ float product_at(const dn_cuda_window &g, const float *x, const float *dy, dn_cuda_place weight,
                                   size_t index) {
    const dn_cuda_place at = place_of(index, {g.out.n, 1, g.out.h, g.out.w});
    const int u = (int)weight.cell / g.size, v = (int)weight.cell % g.size;
    const int64_t row = row_under(g, row_of(at, g.out), u), column = column_under(g, column_of(at, g.out), v);
    if (row < 0 || row >= g.in.h || column < 0 || column >= g.in.w) return 0.0F;
    const unsigned channel = weight.n / (unsigned)g.filters * (unsigned)g.channels + weight.c;
    const float *const plane = x + plane_at(g.in, at.n, channel);
    const float *const delta = dy + plane_at(g.out, at.n, weight.n);
    return delta[at.cell] * plane[row * g.in.w + column];
}

static __global__ void correlate(size_t count, dn_cuda_window g, const float *x, const float *dy, float *dw) {
    const size_t products = (size_t)g.out.n * (size_t)g.out.h * (size_t)g.out.w;
    for (size_t k = blockIdx.x; k < count; k += gridDim.x) {
        const dn_cuda_place weight = place_of(k, {g.out.c, g.channels, g.size, g.size});
        float sum = 0.0F;
        for (size_t i = threadIdx.x; i < products; i += blockDim.x) sum += product_at(g, x, dy, weight, i);
        sum = block_sum(sum);
        if (threadIdx.x == 0) dw[k] += sum;
    }
}

extern "C" void dn_cuda_conv2d_weights(const dn_cuda_call *call) {
    const dn_cuda_tensor *const x = &call->inputs[0], *const dy = &call->inputs[1], *const dw = &call->outputs[0];
    if (dw->data == NULL || dn_cuda_dnn_weights(call)) return;
    const dn_cuda_window g = dn_cuda_window_of(&call->op->as.conv2d_weights, x->shape, dy->shape);
    const size_t weights = (size_t)g.out.c * (size_t)g.channels * (size_t)g.size * (size_t)g.size;
    dn_cuda_blocks(call, weights, correlate, g, (const float *)x->data, (const float *)dy->data, (float *)dw->data);
}
