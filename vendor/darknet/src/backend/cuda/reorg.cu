/* reorg.cu — the reference's reordering: the deep side (C, H, W) and the wide side (C/s², H·s, W·s) of the same values,
 *     deep (k, i, j)  ↔  wide (k mod C/s², i·s + (k / (C/s²)) / s, j·s + (k / (C/s²)) mod s)
 * where (C, H, W) is the input's shape in both directions, or the output's (by_output): see backend/ref/reorg.c.
 *
 * One thread a value of the deep side, in which neighbours are neighbours; on the wide side they are s apart. */
#include "backend/cuda/forward.cuh"

/* Index on the wide side of the value whose index on the deep side is `index`. */
__device__ static size_t wide_index(size_t index, dn_shape deep, unsigned stride) {
    const dn_cuda_place at = place_of(index, deep);
    const unsigned i = at.cell / (unsigned)deep.w, j = at.cell - i * (unsigned)deep.w;
    const unsigned wide_c = (unsigned)deep.c / (stride * stride), offset = at.c / wide_c;
    const unsigned row = i * stride + offset / stride, column = j * stride + offset % stride;
    const size_t height = (size_t)deep.h * stride, width = (size_t)deep.w * stride;
    const size_t image = (size_t)deep.c * (size_t)deep.h * (size_t)deep.w;
    return at.n * image + ((at.c % wide_c) * height + row) * width + column;
}

template <typename T>
static __global__ void reorg_each(size_t count, T *y, const T *x, dn_shape deep, dn_op_reorg params, bool accumulate) {
    EACH(index, count) {
        const size_t wide = wide_index(index, deep, (unsigned)params.stride);
        const size_t from = params.reverse ? index : wide, to = params.reverse ? wide : index;
        store(y, to, accumulate ? load(y, to) + load(x, from) : load(x, from));
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_op_reorg params = call->op->as.reorg;
    const dn_cuda_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    const dn_shape deep = params.by_output ? y->shape : x->shape;
    dn_cuda_each(call, (size_t)dn_shape_count(deep), reorg_each<T>, y->data, x->data, deep, params,
                 call->op->accumulate);
}

extern "C" void dn_cuda_reorg(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
