/* conv2d.cu — y[n,f,i,j] = activation(b[f] + Σ_{c,u,v} w[f,c,u,v] · x[n,c,r,k]) with r = i·stride_y − pad + u·dilation
 * and k = j·stride_x − pad + v·dilation: by cuDNN, or, where it does not (dnn.c) and for xnor, by one thread a value of
 * y. Neighbouring threads read neighbouring columns of x (stride 1) and the same weights.
 *
 * Cells of x outside the image are left out; xnor: x counts as +1 where x > 0 and as −1 elsewhere, and as the state's
 * pad_value outside. */
#include <type_traits>

#include "backend/cuda/epilogue.cuh"
#include "backend/cuda/window.cuh"

/* What channel c of x gives to one value of y; w: of that channel. */
template <typename T, bool XNOR>
static __device__ float channel_sum(const dn_cuda_window &g, const T *x, const T *w, int i, int j, float pad_value) {
    float sum = 0.0F;
    for (int u = 0; u < g.size; u++) {
        const int64_t row = row_under(g, i, u);
        for (int v = 0; v < g.size; v++, w++) {
            const int64_t column = column_under(g, j, v);
            if (row >= 0 && row < g.in.h && column >= 0 && column < g.in.w) {
                const float value = load(x, (size_t)(row * g.in.w + column));
                sum += load(w, 0) * (XNOR ? (value > 0.0F ? 1.0F : -1.0F) : value);
            } else if (XNOR) {
                sum += load(w, 0) * pad_value;
            }
        }
    }
    return sum;
}

template <typename T, bool XNOR>
static __global__ void convolve(size_t count, dn_cuda_window g, const T *x, const T *weights, T *y, float pad_value) {
    const size_t cells = (size_t)g.size * (size_t)g.size;
    EACH(k, count) {
        const dn_cuda_place at = place_of(k, g.out);
        const int i = row_of(at, g.out), j = column_of(at, g.out);
        const T *w = weights + (size_t)at.c * (size_t)g.channels * cells;
        const T *plane = x + plane_at(g.in, at.n, at.c / (unsigned)g.filters * (unsigned)g.channels);
        float sum = 0.0F;
        for (int c = 0; c < g.channels; c++, w += cells, plane += (size_t)g.in.h * (size_t)g.in.w) {
            sum += channel_sum<T, XNOR>(g, plane, w, i, j, pad_value);
        }
        store(y, k, sum);
    }
}

static void convolve_directly(const dn_cuda_call *call) {
    const dn_op_conv2d *const p = &call->op->as.conv2d;
    const dn_cuda_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    const void *const weights = call->state->weights != NULL ? call->state->weights : call->inputs[1].data;
    const dn_cuda_window g = dn_cuda_window_of(p, x->shape, y->shape);
    dn_cuda_typed(call, [&](auto *t) {
        using T = std::remove_pointer_t<decltype(t)>;
        const auto kernel = p->binary == DN_BINARY_XNOR ? convolve<T, true> : convolve<T, false>;
        dn_cuda_each(call, dn_cuda_count(y), kernel, g, (const T *)x->data, (const T *)weights, (T *)y->data,
                     call->state->pad_value);
    });
}

extern "C" void dn_cuda_conv2d(const dn_cuda_call *call) {
    if (!dn_cuda_dnn_forward(call)) convolve_directly(call);
    const dn_cuda_tensor *const y = &call->outputs[0];
    dn_cuda_finish(call, y->data, y->data, call->state->biases, y->shape);
}
