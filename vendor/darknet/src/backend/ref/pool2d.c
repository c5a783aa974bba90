/* pool2d.c — the largest value or the mean of the cells of a size × size window that lie inside the image; its top left
 * corner is at (i·stride_y − pad_y, j·stride_x − pad_x). An empty window gives −FLT_MAX (argmax −1) or 0. */
#include <float.h>

#include "backend/ref/ref.h"

/* A range of rows or columns inside the image; empty when end <= begin. */
typedef struct range {
    int begin, end;
} range;

static int clamp(int64_t value, int limit) {
    if (value < 0) return 0;
    return value < limit ? (int)value : limit;
}

static range window(int index, int stride, int pad, int size, int limit) {
    const int64_t start = (int64_t)index * stride - pad;
    return (range){clamp(start, limit), clamp(start + size, limit)};
}

/* Index in the plane, -1 when the window is empty. The first of equal values wins. */
static int largest_in(const float *x, int width, range rows, range columns) {
    int best = -1;
    for (int r = rows.begin; r < rows.end; r++) {
        for (int k = r * width + columns.begin; k < r * width + columns.end; k++) {
            if (best < 0 || x[k] > x[best]) best = k;
        }
    }
    return best;
}

static float mean_of(const float *x, int width, range rows, range columns) {
    double sum = 0.0;
    for (int r = rows.begin; r < rows.end; r++) {
        for (int k = r * width + columns.begin; k < r * width + columns.end; k++) sum += (double)x[k];
    }
    const int64_t cells = (int64_t)(rows.end - rows.begin) * (columns.end - columns.begin);
    return rows.end > rows.begin && columns.end > columns.begin ? (float)(sum / (double)cells) : 0.0F;
}

void dn_ref_pool2d(const dn_ref_call *call) {
    const dn_op_pool2d *const p = &call->op->as.pool2d;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    int32_t *argmax = call->op->output_count > 1 ? (int32_t *)(void *)call->outputs[1].data : NULL;
    float *y = call->outputs[0].data;
    for (int k = 0; k < out.n * out.c; k++) {
        const int first = k % out.c * in.h * in.w; /* index of the plane in the image */
        const float *const x = call->inputs[0].data + (size_t)k * (size_t)in.h * (size_t)in.w;
        for (int i = 0; i < out.h; i++) {
            const range rows = window(i, p->stride_y, p->pad_y, p->size, in.h);
            for (int j = 0; j < out.w; j++, y++) {
                const range columns = window(j, p->stride_x, p->pad_x, p->size, in.w);
                if (p->average) {
                    *y = mean_of(x, in.w, rows, columns);
                    continue;
                }
                const int best = largest_in(x, in.w, rows, columns);
                *y = best < 0 ? -FLT_MAX : x[best];
                if (argmax != NULL) *argmax++ = best < 0 ? -1 : first + best;
            }
        }
    }
}
