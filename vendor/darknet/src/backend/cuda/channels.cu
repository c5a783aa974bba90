/* channels.cu — dx[to + k] = dy[from + k] for 0 <= k < count channels; other channels of dx stay as they are. One thread
 * a value; both sides are runs of consecutive values, image by image. */
#include "backend/cuda/deltas.cuh"

typedef struct channels_run { /* of one image */
    unsigned count;
    size_t from, from_image, to, to_image;
} channels_run;

static __global__ void copy_runs(size_t count, float *dx, const float *dy, channels_run run, bool add) {
    EACH(i, count) {
        const unsigned n = (unsigned)i / run.count, k = (unsigned)i % run.count;
        put_delta(dx, n * run.to_image + run.to + k, add, dy[n * run.from_image + run.from + k]);
    }
}

extern "C" void dn_cuda_channels(const dn_cuda_call *call) {
    const dn_op_channels *const p = &call->op->as.channels;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    const size_t plane = p->flat ? 1 : (size_t)out.h * (size_t)out.w;
    const channels_run run = {(unsigned)((size_t)p->count * plane), (size_t)p->from * plane, (size_t)dn_shape_image(in),
                              (size_t)p->to * plane, (size_t)dn_shape_image(out)};
    dn_cuda_each(call, (size_t)out.n * run.count, copy_runs, dn_cuda_floats(&call->outputs[0]),
                 dn_cuda_floats(&call->inputs[0]), run, call->op->accumulate);
}
