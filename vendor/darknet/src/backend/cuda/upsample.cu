/* upsample.cu — y[n,c,i,j] (+)= scale · x[n,c,i/stride,j/stride], 0 where x has no such cell; reverse: scale · Σ of the
 * stride × stride cells of x that belong to (i, j).
 *
 * One thread a value of y: neighbours write neighbours, and read the same cell or (reverse) neighbouring blocks. */
#include "backend/cuda/forward.cuh"

/* A rest of rows and columns that stride does not divide is left out. */
template <typename T> __device__ static float sum_of_block(const T *x, size_t first, int width, int stride) {
    double sum = 0.0;
    for (int r = 0; r < stride; r++) {
        for (int k = 0; k < stride; k++) sum += (double)load(x, first + (size_t)r * (size_t)width + (size_t)k);
    }
    return (float)sum;
}

template <typename T>
__device__ static float value_of(const T *x, dn_op_upsample params, dn_shape in, size_t plane, unsigned i, unsigned j) {
    const unsigned stride = (unsigned)params.stride;
    const size_t width = (size_t)in.w;
    if (params.reverse) return sum_of_block(x, plane + ((size_t)i * width + j) * stride, in.w, params.stride);
    const unsigned row = i / stride, column = j / stride;
    return row < (unsigned)in.h && column < (unsigned)in.w ? load(x, plane + row * width + column) : 0.0F;
}

template <typename T>
static __global__ void upsample_each(size_t count, T *y, const T *x, dn_op_upsample params, dn_shape in, dn_shape out,
                                     bool accumulate) {
    EACH(index, count) {
        const dn_cuda_place at = place_of(index, out);
        const unsigned i = at.cell / (unsigned)out.w, j = at.cell - i * (unsigned)out.w;
        const float value = value_of(x, params, in, plane_at(in, at.n, at.c), i, j);
        store(y, index, (accumulate ? load(y, index) : 0.0F) + params.scale * value);
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_cuda_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    dn_cuda_each(call, dn_cuda_count(y), upsample_each<T>, y->data, x->data, call->op->as.upsample, x->shape, y->shape,
                 call->op->accumulate);
}

extern "C" void dn_cuda_upsample(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
