/* pool_depth_gradient.cu — dx gets dy at the channel that was the largest of those that y's channel k is the maximum of
 * (c mod y's channels = k), the first of equals; 0 elsewhere. One thread a value of dy, which writes all these channels:
 * neighbouring threads neighbouring cells. */
#include "backend/cuda/deltas.cuh"

typedef struct depth_shapes {
    unsigned plane, in_channels, out_channels;
} depth_shapes;

static __global__ void give_to_largest(size_t count, float *dx, const float *x, const float *dy, depth_shapes s,
                                       bool add) {
    EACH(i, count) {
        const unsigned cell = (unsigned)i % s.plane, row = (unsigned)i / s.plane, first = row % s.out_channels;
        const size_t image = (size_t)(row / s.out_channels) * s.in_channels * s.plane + cell;
        unsigned best = first;
        for (unsigned c = first; c < s.in_channels; c += s.out_channels) {
            if (x[image + (size_t)c * s.plane] > x[image + (size_t)best * s.plane]) best = c;
        }
        for (unsigned c = first; c < s.in_channels; c += s.out_channels) {
            if (c == best || !add) put_delta(dx, image + (size_t)c * s.plane, add, c == best ? dy[i] : 0.0F);
        }
    }
}

extern "C" void dn_cuda_pool_depth_gradient(const dn_cuda_call *call) {
    const dn_shape in = call->inputs[0].shape, out = call->inputs[1].shape;
    const depth_shapes shapes = {(unsigned)in.h * (unsigned)in.w, (unsigned)in.c, (unsigned)out.c};
    dn_cuda_each(call, dn_cuda_count(&call->inputs[1]), give_to_largest, dn_cuda_floats(&call->outputs[0]),
                 dn_cuda_floats(&call->inputs[0]), dn_cuda_floats(&call->inputs[1]), shapes, call->op->accumulate);
}
