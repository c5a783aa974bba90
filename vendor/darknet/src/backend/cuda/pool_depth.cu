/* pool_depth.cu — y[n,k,i,j] = max over the channels c of x with c mod (channels of y) = k; −FLT_MAX (in 16 bits: −∞)
 * where there is none.
 *
 * One thread a value of y, which walks through its channels of x: neighbours read neighbours. */
#include "backend/cuda/forward.cuh"

template <typename T>
static __global__ void pool_depth_each(size_t count, T *y, const T *x, dn_shape in, dn_shape out) {
    const size_t step = (size_t)out.c * (size_t)out.h * (size_t)out.w;
    EACH(index, count) {
        const dn_cuda_place at = place_of(index, out);
        float largest = -FLT_MAX;
        size_t from = plane_at(in, at.n, at.c) + at.cell;
        for (unsigned c = at.c; c < (unsigned)in.c; c += (unsigned)out.c, from += step) {
            const float value = load(x, from);
            largest = value > largest ? value : largest;
        }
        store(y, index, largest);
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_cuda_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    dn_cuda_each(call, dn_cuda_count(y), pool_depth_each<T>, y->data, x->data, x->shape, y->shape);
}

extern "C" void dn_cuda_pool_depth(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
