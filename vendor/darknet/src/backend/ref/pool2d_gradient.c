/* pool2d_gradient.c — max: dx[argmax] gets dy; average: every cell of a window gets dy / cells. */
#include "backend/ref/accumulate.h"

static int clamp(int64_t value, int limit) {
    if (value < 0) return 0;
    return value < limit ? (int)value : limit;
}

static void spread(const dn_op_pool2d *p, float *dx, dn_shape in, int i, int j, float dy) {
    const int64_t top = (int64_t)i * p->stride_y - p->pad_y, left = (int64_t)j * p->stride_x - p->pad_x;
    const int rows[] = {clamp(top, in.h), clamp(top + p->size, in.h)};
    const int columns[] = {clamp(left, in.w), clamp(left + p->size, in.w)};
    const int64_t inside = (int64_t)(rows[1] - rows[0]) * (columns[1] - columns[0]);
    const int64_t cells = p->approximate ? (int64_t)p->size * p->size : inside;
    if (rows[1] <= rows[0] || columns[1] <= columns[0]) return;
    for (int r = rows[0]; r < rows[1]; r++) {
        for (int c = columns[0]; c < columns[1]; c++) dx[(size_t)r * (size_t)in.w + (size_t)c] += dy / (float)cells;
    }
}

void dn_ref_pool2d_gradient(const dn_ref_call *call) {
    const dn_op_pool2d *const p = &call->op->as.pool2d_gradient;
    const dn_shape out = call->inputs[0].shape, in = call->outputs[0].shape;
    const float *dy = call->inputs[0].data;
    const int32_t *argmax = (const int32_t *)(const void *)call->inputs[1].data;
    dn_ref_begin(call, &call->outputs[0]);
    for (size_t n = 0; n < (size_t)out.n; n++) {
        float *const image = call->outputs[0].data + n * (size_t)dn_shape_image(in);
        for (int c = 0; c < out.c; c++) {
            float *const plane = image + (size_t)c * (size_t)in.h * (size_t)in.w;
            for (int k = 0; k < out.h * out.w; k++, dy++) {
                if (p->average) {
                    spread(p, plane, in, k / out.w, k % out.w, *dy);
                } else {
                    if (*argmax >= 0) image[*argmax] += *dy;
                    argmax++;
                }
            }
        }
    }
}
