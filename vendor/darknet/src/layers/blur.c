/* blur.c — the fixed smoothing that antialiasing= puts in place of a stride.
 *
 *   y[n,c,i,j] = Σ_{u,v < size}  k[u] · k[v] · x[n, c, i·stride_y − pad + u, j·stride_x − pad + v]
 *   size 3: k = (1/4, 1/2, 1/4), pad 1;  size 2: k = (1/2, 1/2), pad 0;  x outside the image counts as 0
 *
 * A host op: the weights are constants, so that there is no parameter to convolve with. */
#include "layers/blur.h"

#include "layers/common.h"

dn_blur dn_blur_make(int antialiasing, int stride_x, int stride_y) {
    const int size = antialiasing == 0 ? 0 : antialiasing == 2 ? 2 : 3;
    return (dn_blur){size, size == 3 ? 1 : 0, stride_x, stride_y};
}

dn_status dn_blur_shape(const dn_blur *blur, dn_shape in, dn_shape *out, dn_error *err) {
    return dn_shape_make(out, in.n, in.c, dn_window_places(in.h, 2 * blur->pad, blur->size, blur->stride_y),
                         dn_window_places(in.w, 2 * blur->pad, blur->size, blur->stride_x), err);
}

static const float weights[2][3] = {{0.5F, 0.5F, 0.0F}, {0.25F, 0.5F, 0.25F}};

/* The smoothed value of the window at (top, left) of one channel. */
static float blur_cell(const dn_blur *blur, const float *x, dn_shape shape, int top, int left) {
    const float *k = weights[blur->size - 2];
    float sum = 0.0F;
    for (int u = 0; u < blur->size; u++) {
        for (int v = 0; v < blur->size; v++) {
            const int i = top + u, j = left + v;
            if (i < 0 || i >= shape.h || j < 0 || j >= shape.w) continue;
            sum += k[u] * k[v] * x[(int64_t)i * shape.w + j];
        }
    }
    return sum;
}

static void blur_all(const dn_host_call *call) {
    const dn_blur *blur = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    for (int64_t plane = 0; plane < (int64_t)out.n * out.c; plane++, x += (int64_t)in.h * in.w) {
        for (int i = 0; i < out.h; i++) {
            for (int j = 0; j < out.w; j++) {
                *y++ = blur_cell(blur, x, in, i * blur->stride_y - blur->pad, j * blur->stride_x - blur->pad);
            }
        }
    }
}

static void spread_cell(const dn_blur *blur, float *dx, dn_shape shape, int top, int left, float dy) {
    const float *k = weights[blur->size - 2];
    for (int u = 0; u < blur->size; u++) {
        for (int v = 0; v < blur->size; v++) {
            const int i = top + u, j = left + v;
            if (i < 0 || i >= shape.h || j < 0 || j >= shape.w) continue;
            dx[(int64_t)i * shape.w + j] += k[u] * k[v] * dy;
        }
    }
}

/* dx[i·stride_y − pad + u, j·stride_x − pad + v] += k[u] · k[v] · dy[i, j]; inputs: x, y, dy. */
static void spread_all(const dn_host_call *call) {
    const dn_blur *blur = call->params;
    const dn_shape in = call->outputs[0].shape, out = call->inputs[2].shape;
    const float *dy = call->inputs[2].data;
    float *dx = call->outputs[0].data;
    for (int64_t plane = 0; dx && plane < (int64_t)out.n * out.c; plane++, dx += (int64_t)in.h * in.w) {
        for (int i = 0; i < out.h; i++) {
            for (int j = 0; j < out.w; j++) {
                spread_cell(blur, dx, in, i * blur->stride_y - blur->pad, j * blur->stride_x - blur->pad, *dy++);
            }
        }
    }
}

dn_status dn_emit_blur(dn_emit *emit, int x, const dn_blur *blur, dn_shape shape, int *out) {
    return dn_emit_host_trained(emit, "blur", blur_all, spread_all, blur, &x, 1, &shape, 1, out);
}
