/* pool2d.cu — the largest value or the mean of the cells of a size × size window that lie inside the image; its top left
 * corner is at (i·stride_y − pad_y, j·stride_x − pad_x). An empty window gives −FLT_MAX (in 16 bits: −∞; argmax −1), or
 * 0. The first of equal values wins.
 *
 * One thread a window; windows of neighbours overlap or touch, so that what they read comes from the cache. */
#include "backend/cuda/forward.cuh"

/* A range of rows or columns inside the image; empty when end <= begin. */
struct range {
    int begin, end;
};

__device__ static int clamp(int64_t value, int limit) {
    if (value < 0) return 0;
    return value < limit ? (int)value : limit;
}

__device__ static range window(unsigned index, int stride, int pad, int size, int limit) {
    const int64_t start = (int64_t)index * stride - pad;
    return {clamp(start, limit), clamp(start + size, limit)};
}

struct cells {
    range rows, columns;
    size_t plane; /* index of the first value of the plane of x */
    int first;    /* … within its image */
};

__device__ static cells cells_of(size_t index, const dn_op_pool2d &params, dn_shape in, dn_shape out) {
    const dn_cuda_place at = place_of(index, out);
    const unsigned i = at.cell / (unsigned)out.w, j = at.cell - i * (unsigned)out.w;
    return {window(i, params.stride_y, params.pad_y, params.size, in.h),
            window(j, params.stride_x, params.pad_x, params.size, in.w), plane_at(in, at.n, at.c),
            (int)at.c * in.h * in.w};
}

template <typename T>
static __global__ void largest_each(size_t count, T *y, int32_t *argmax, const T *x, dn_op_pool2d params, dn_shape in,
                                    dn_shape out) {
    EACH(index, count) {
        const cells of = cells_of(index, params, in, out);
        float largest = -FLT_MAX;
        int best = -1;
        for (int r = of.rows.begin; r < of.rows.end; r++) {
            for (int k = of.columns.begin; k < of.columns.end; k++) {
                const int cell = r * in.w + k;
                const float value = load(x, of.plane + (size_t)cell);
                if (best >= 0 && !(value > largest)) continue;
                largest = value;
                best = cell;
            }
        }
        store(y, index, largest);
        if (argmax != nullptr) argmax[index] = best < 0 ? -1 : of.first + best;
    }
}

template <typename T>
static __global__ void mean_each(size_t count, T *y, const T *x, dn_op_pool2d params, dn_shape in, dn_shape out) {
    EACH(index, count) {
        const cells of = cells_of(index, params, in, out);
        double sum = 0.0;
        int present = 0;
        for (int r = of.rows.begin; r < of.rows.end; r++) {
            for (int k = of.columns.begin; k < of.columns.end; k++, present++) {
                sum += (double)load(x, of.plane + (size_t)(r * in.w + k));
            }
        }
        store(y, index, present > 0 ? (float)(sum / (double)present) : 0.0F);
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_op_pool2d *const params = &call->op->as.pool2d;
    const dn_cuda_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    if (params->average) {
        dn_cuda_each(call, dn_cuda_count(y), mean_each<T>, y->data, x->data, *params, x->shape, y->shape);
        return;
    }
    void *const argmax = call->op->output_count > 1 ? call->outputs[1].data : nullptr;
    dn_cuda_each(call, dn_cuda_count(y), largest_each<T>, y->data, argmax, x->data, *params, x->shape, y->shape);
}

extern "C" void dn_cuda_pool2d(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
