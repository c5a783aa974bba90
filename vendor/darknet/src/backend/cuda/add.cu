/* add.cu — y = f(Σ_k a_k · x_k), in the shape of x_0; an x_k adds to the channels that both have; f the activation that
 * was fused. a_k: state->coefficients, (terms, c), NULL = 1.
 *
 * sampled (two terms, heights and widths differ): with s = max(1, w_1 / w_0) and t = max(1, w_0 / w_1),
 * y[c, i·t, j·t] = x_0[c, i·t, j·t] + x_1[c, i·s, j·s] for the (i, j) that lie inside both; elsewhere y = x_0.
 *
 * One launch a term after the first, which takes the first two together; one thread a value, neighbours read and write
 * neighbours. */
#include "backend/cuda/activation.cuh"
#include "backend/cuda/forward.cuh"

/* What is added to; in the first launch x_0. */
template <typename T> struct sum_so_far {
    const T *values;
    const float *coefficients; /* (c); NULL = 1 */
};

template <typename T> struct added {
    const T *values; /* NULL = there is only one term */
    const float *coefficients;
    dn_shape shape;
    int read, write; /* s and t of sampled; 1, 1 */
    bool sampled;
};

__device__ static float coefficient(const float *coefficients, unsigned c) {
    return coefficients == nullptr ? 1.0F : coefficients[c];
}

/* Index in the plane of `shape`, -1 = it has no value for the cell. */
__device__ static int64_t sampled_cell(dn_shape shape, int read, int write, dn_shape out, unsigned cell) {
    const unsigned i = cell / (unsigned)out.w, j = cell - i * (unsigned)out.w;
    if (i % (unsigned)write != 0 || j % (unsigned)write != 0) return -1;
    const int64_t row = (int64_t)(i / (unsigned)write) * read, column = (int64_t)(j / (unsigned)write) * read;
    return row < shape.h && column < shape.w ? row * shape.w + column : -1;
}

template <typename T> __device__ static float value_of(const added<T> &x, dn_shape out, dn_cuda_place at) {
    if (x.values == nullptr || at.c >= (unsigned)x.shape.c) return 0.0F;
    const int64_t cell = x.sampled ? sampled_cell(x.shape, x.read, x.write, out, at.cell) : (int64_t)at.cell;
    if (cell < 0) return 0.0F;
    return coefficient(x.coefficients, at.c) * load(x.values, plane_at(x.shape, at.n, at.c) + (size_t)cell);
}

template <typename T>
static __global__ void add_each(size_t count, T *y, sum_so_far<T> sum, added<T> x, dn_shape out, dn_activation kind) {
    EACH(i, count) {
        const dn_cuda_place at = place_of(i, out);
        const float before = coefficient(sum.coefficients, at.c) * load(sum.values, i);
        store(y, i, activate(kind, before + value_of(x, out, at)));
    }
}

template <typename T> static added<T> term_of(const dn_cuda_call *call, int k) {
    const dn_op_add *const params = &call->op->as.add;
    if (k >= params->terms) return {};
    const dn_shape in = call->inputs[k].shape, out = call->outputs[0].shape;
    const float *const a = call->state->coefficients;
    return {static_cast<const T *>(call->inputs[k].data),
            a == nullptr ? nullptr : a + (size_t)k * (size_t)out.c,
            in,
            in.w / out.w > 1 ? in.w / out.w : 1,
            out.w / in.w > 1 ? out.w / in.w : 1,
            params->sampled};
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const int terms = call->op->as.add.terms;
    const dn_cuda_tensor *const y = &call->outputs[0];
    sum_so_far<T> sum = {static_cast<const T *>(call->inputs[0].data), call->state->coefficients};
    for (int k = 1; k == 1 || k < terms; k++) {
        const dn_activation kind = k + 1 < terms ? DN_LINEAR : call->state->activation;
        dn_cuda_each(call, dn_cuda_count(y), add_each<T>, y->data, sum, term_of<T>(call, k), y->shape, kind);
        sum = {static_cast<const T *>(y->data), nullptr};
    }
}

extern "C" void dn_cuda_add(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
