/* pool2d_gradient.cu — max: dx[argmax] gets dy; average: every cell of a window gets dy / cells. One thread a value of
 * dx, which looks at the windows that contain it, in the order of y: nothing is written by two threads. */
#include "backend/cuda/deltas.cuh"

/* One axis of a pooling. */
typedef struct pool_axis {
    int in, out, stride, pad, size;
} pool_axis;

typedef struct pool_range {
    int first, last; /* none: last < first */
} pool_range;

/* Windows that contain row or column `at`: at + pad − size < i · stride <= at + pad. */
__device__ static pool_range windows_of(pool_axis axis, int at) {
    const int64_t reach = (int64_t)at + axis.pad;
    if (reach < 0) return {0, -1};
    const unsigned past = (unsigned)reach, size = (unsigned)axis.size, stride = (unsigned)axis.stride;
    const unsigned first = past < size ? 0 : (past - size) / stride + 1, last = past / stride;
    const unsigned limit = (unsigned)axis.out - 1;
    return {(int)(first <= limit ? first : limit + 1), (int)(last < limit ? last : limit)};
}

/* Cells of window `index` that lie inside. */
__device__ static int cells_of(pool_axis axis, int index) {
    const int64_t start = (int64_t)index * axis.stride - axis.pad, end = start + axis.size;
    return (int)((end < axis.in ? end : axis.in) - (start > 0 ? start : 0));
}

static __global__ void gather_max(size_t count, float *dx, const float *dy, const int32_t *argmax, pool_axis rows,
                                  pool_axis columns, unsigned channels, bool add) {
    const unsigned plane = (unsigned)rows.in * (unsigned)columns.in;
    const size_t out_plane = (size_t)rows.out * (size_t)columns.out;
    EACH(k, count) {
        const unsigned cell = (unsigned)k % plane, image_plane = (unsigned)k / plane;
        const int here = (int)((unsigned)k % (plane * channels));
        const pool_range i = windows_of(rows, (int)(cell / (unsigned)columns.in));
        const pool_range j = windows_of(columns, (int)(cell % (unsigned)columns.in));
        float sum = add ? dx[k] : 0.0F;
        for (int r = i.first; r <= i.last; r++) {
            const size_t row = image_plane * out_plane + (size_t)r * (size_t)columns.out;
            for (int c = j.first; c <= j.last; c++) {
                if (argmax[row + (size_t)c] == here) sum += dy[row + (size_t)c];
            }
        }
        dx[k] = sum;
    }
}

/* `area`: what dy is divided by, 0: the cells of the window that lie inside. */
static __global__ void gather_average(size_t count, float *dx, const float *dy, pool_axis rows, pool_axis columns,
                                      float area, bool add) {
    const unsigned plane = (unsigned)rows.in * (unsigned)columns.in;
    const size_t out_plane = (size_t)rows.out * (size_t)columns.out;
    EACH(k, count) {
        const unsigned cell = (unsigned)k % plane, image_plane = (unsigned)k / plane;
        const pool_range i = windows_of(rows, (int)(cell / (unsigned)columns.in));
        const pool_range j = windows_of(columns, (int)(cell % (unsigned)columns.in));
        float sum = add ? dx[k] : 0.0F;
        for (int r = i.first; r <= i.last; r++) {
            const size_t row = image_plane * out_plane + (size_t)r * (size_t)columns.out;
            for (int c = j.first; c <= j.last; c++) {
                const float cells = area > 0.0F ? area : (float)cells_of(rows, r) * (float)cells_of(columns, c);
                sum += dy[row + (size_t)c] / cells;
            }
        }
        dx[k] = sum;
    }
}

extern "C" void dn_cuda_pool2d_gradient(const dn_cuda_call *call) {
    const dn_op_pool2d *const p = &call->op->as.pool2d_gradient;
    const dn_shape out = call->inputs[0].shape, in = call->outputs[0].shape;
    const pool_axis rows = {in.h, out.h, p->stride_y, p->pad_y, p->size};
    const pool_axis columns = {in.w, out.w, p->stride_x, p->pad_x, p->size};
    float *const dx = dn_cuda_floats(&call->outputs[0]);
    const float *const dy = dn_cuda_floats(&call->inputs[0]);
    const size_t count = dn_cuda_count(&call->outputs[0]);
    if (p->average) {
        const float area = p->approximate ? (float)((int64_t)p->size * p->size) : 0.0F;
        dn_cuda_each(call, count, gather_average, dx, dy, rows, columns, area, call->op->accumulate);
        return;
    }
    const int32_t *const argmax = static_cast<const int32_t *>(call->inputs[1].data);
    dn_cuda_each(call, count, gather_max, dx, dy, argmax, rows, columns, (unsigned)in.c, call->op->accumulate);
}
