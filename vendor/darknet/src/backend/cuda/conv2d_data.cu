/* conv2d_data.cu — dx[n,c,r,k] = Σ w[f,c,u,v] · dy[n,f,i,j] over all (f, u, v, i, j) with r = i·stride_y − pad +
 * u·dilation and k = j·stride_x − pad + v·dilation: by cuDNN, or by one thread a value of dx, which looks for the (i, j)
 * that every (u, v) belongs to. */
#include "backend/cuda/window.cuh"

/* The i with i · stride = distance and 0 <= i < count, or -1. */
static __device__ int position(int64_t distance, int stride, int count) {
    if (distance < 0 || distance % stride != 0) return -1;
    const int64_t i = distance / stride;
    return i < count ? (int)i : -1;
}

/* What filter f gives to value (r, k) of channel c; w: of that filter and channel. */
static __device__ float filter_sum(const dn_cuda_window &g, const float *dy, const float *w, int r, int k) {
    float sum = 0.0F;
    for (int u = 0; u < g.size; u++) {
        const int i = position((int64_t)r + g.pad - (int64_t)u * g.dilation, g.stride_y, g.out.h);
        if (i < 0) continue;
        for (int v = 0; v < g.size; v++) {
            const int j = position((int64_t)k + g.pad - (int64_t)v * g.dilation, g.stride_x, g.out.w);
            if (j >= 0) sum += w[u * g.size + v] * dy[(size_t)i * (size_t)g.out.w + (size_t)j];
        }
    }
    return sum;
}

static __global__ void gather(size_t count, dn_cuda_window g, const float *dy, const float *weights, float *dx,
                              bool accumulate) {
    const size_t cells = (size_t)g.size * (size_t)g.size;
    EACH(index, count) {
        const dn_cuda_place at = place_of(index, g.in);
        const unsigned channels = (unsigned)g.channels, first = at.c / channels * (unsigned)g.filters;
        const float *w = weights + ((size_t)first * channels + at.c % channels) * cells;
        const float *plane = dy + plane_at(g.out, at.n, first);
        float sum = 0.0F;
        for (int f = 0; f < g.filters; f++, w += channels * cells) {
            sum += filter_sum(g, plane, w, row_of(at, g.in), column_of(at, g.in));
            plane += (size_t)g.out.h * (size_t)g.out.w;
        }
        dx[index] = accumulate ? dx[index] + sum : sum;
    }
}

extern "C" void dn_cuda_conv2d_data(const dn_cuda_call *call) {
    const dn_cuda_tensor *const dy = &call->inputs[0], *const dx = &call->outputs[0];
    if (dx->data == NULL || dn_cuda_dnn_data(call)) return;
    const void *const weights = call->state->weights != NULL ? call->state->weights : call->inputs[1].data;
    const dn_cuda_window g = dn_cuda_window_of(&call->op->as.conv2d_data, dx->shape, dy->shape);
    dn_cuda_each(call, dn_cuda_count(dx), gather, g, (const float *)dy->data, (const float *)weights, (float *)dx->data,
                 call->op->accumulate);
}
