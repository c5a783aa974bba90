/* activation_gradient.cu — dx = f'(x) · dy: one thread a value (activation.cuh), or, for the kinds across channels, one
 * thread a position (n, i, j), which goes through its channels: neighbouring threads neighbouring cells. Their
 * formulas, exact and approximate: backend/ref/activation_gradient.c. */
#include "backend/cuda/activation.cuh"
#include "backend/cuda/deltas.cuh"
#include "backend/cuda/sums.cuh"

static __global__ void value_by_value(size_t count, float *dx, const float *at, const float *y, const float *dy,
                                      dn_activation kind, bool add) {
    EACH(i, count) put_delta(dx, i, add, activation_slope(kind, at[i], y[i]) * dy[i]);
}

/* Values of one (i, j), `plane` apart. */
typedef struct activation_position {
    const float *x, *y, *dy;
    float *dx;
    size_t end, plane; /* end: channels · plane */
    bool add;
} activation_position;

/* dx = dy · g; `keeps`: where y is 0, dy. */
__device__ static void position_approximately(const activation_position &p, bool keeps) {
    dn_cuda_accumulator g;
    for (size_t at = 0; at < p.end; at += p.plane) g.add(p.dy[at] * p.y[at]);
    for (size_t at = 0; at < p.end; at += p.plane) {
        put_delta(p.dx, at, p.add, p.dy[at] * (keeps && !(p.y[at] > 0.0F) ? 1.0F : g.sum));
    }
}

__device__ static void position_by_sum(const activation_position &p) {
    dn_cuda_accumulator g, sum;
    sum.add(0.0001F);
    for (size_t at = 0; at < p.end; at += p.plane) {
        g.add(p.dy[at] * p.y[at]);
        if (p.x[at] > 0.0F) sum.add(p.x[at]);
    }
    for (size_t at = 0; at < p.end; at += p.plane) {
        put_delta(p.dx, at, p.add, p.x[at] > 0.0F ? (p.dy[at] - g.sum) / sum.sum : 0.0F);
    }
}

__device__ static void position_softmax(const activation_position &p, bool less_largest) {
    dn_cuda_accumulator g, rest;
    rest.add(1.0F);
    size_t largest = 0;
    for (size_t at = 0; at < p.end; at += p.plane) {
        g.add(p.dy[at] * p.y[at]);
        rest.add(-p.y[at]);
        if (p.x[at] > p.x[largest]) largest = at;
    }
    for (size_t at = 0; at < p.end; at += p.plane) put_delta(p.dx, at, p.add, (p.dy[at] - g.sum) * p.y[at]);
    if (less_largest) p.dx[largest] -= g.sum * rest.sum;
}

static __global__ void across_channels(size_t count, float *dx, const float *x, const float *y, const float *dy,
                                       dn_cuda_planes planes, dn_op_activation params, bool add) {
    EACH(i, count) {
        const unsigned n = (unsigned)i / planes.plane, cell = (unsigned)i % planes.plane;
        const size_t end = (size_t)planes.channels * planes.plane, first = n * end + cell;
        const activation_position p = {x + first, y + first, dy + first, dx + first, end, planes.plane, add};
        if (params.approximate) {
            position_approximately(p, params.kind == DN_NORMALIZE_CHANNELS);
        } else if (params.kind == DN_NORMALIZE_CHANNELS) {
            position_by_sum(p);
        } else {
            position_softmax(p, params.kind == DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL);
        }
    }
}

static bool is_across_channels(dn_activation kind) {
    return kind == DN_NORMALIZE_CHANNELS || kind == DN_NORMALIZE_CHANNELS_SOFTMAX ||
           kind == DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL;
}

extern "C" void dn_cuda_activation_gradient(const dn_cuda_call *call) {
    const dn_op_activation params = call->op->as.activation_gradient;
    const float *const x = dn_cuda_floats(&call->inputs[0]), *const y = dn_cuda_floats(&call->inputs[1]);
    const float *const dy = dn_cuda_floats(&call->inputs[2]);
    float *const dx = dn_cuda_floats(&call->outputs[0]);
    const bool add = call->op->accumulate;
    if (is_across_channels(params.kind)) {
        const dn_cuda_planes planes = dn_cuda_planes_of(call->outputs[0].shape);
        dn_cuda_each(call, (size_t)planes.images * planes.plane, across_channels, dx, x, y, dy, planes, params, add);
        return;
    }
    const float *const at = params.kind == DN_GELU && params.approximate ? y : x; /* as the reference has it */
    dn_cuda_each(call, dn_cuda_count(&call->outputs[0]), value_by_value, dx, at, y, dy, params.kind, add);
}
