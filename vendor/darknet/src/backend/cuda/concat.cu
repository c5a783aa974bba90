/* concat.cu — channels first[k] … first[k]+channels[k]−1 of every input k, one after the other; flat: an input counts as
 * one row of c·h·w channels of one cell.
 *
 * One launch an input, one thread a value; neighbours read and write neighbours. */
#include "backend/cuda/common.cuh"

/* `part` values of each image: x starts at the first of them, y where the first goes; images are so far apart. */
template <typename T>
static __global__ void concat_each(size_t count, T *y, const T *x, size_t part, size_t out_image, size_t in_image) {
    EACH(i, count) {
        const size_t n = (unsigned)i / (unsigned)part, at = i - n * part; /* DN_ELEMENTS_MAX: 32 bits are enough */
        y[n * out_image + at] = x[n * in_image + at];
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_op_concat *const params = &call->op->as.concat;
    const dn_shape out = call->outputs[0].shape;
    const size_t plane = params->flat ? 1 : (size_t)out.h * (size_t)out.w;
    T *y = static_cast<T *>(call->outputs[0].data);
    for (int k = 0; k < call->op->input_count; k++) {
        const size_t first = (size_t)params->first[k] * plane, part = (size_t)params->channels[k] * plane;
        const T *const x = static_cast<const T *>(call->inputs[k].data) + first;
        dn_cuda_each(call, (size_t)out.n * part, concat_each<T>, y, x, part, (size_t)dn_shape_image(out),
                     (size_t)dn_shape_image(call->inputs[k].shape));
        y += part;
    }
}

extern "C" void dn_cuda_concat(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
