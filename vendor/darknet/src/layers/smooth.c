/* smooth.c — smooth= of [convolutional]: a pull of every output towards its neighbours, in training.
 *
 *   delta of y[n,c,i,j] += rate · Σ_{|u| ≤ 2, |v| ≤ 2}  y[n,c,i+u,j+v] − y[n,c,i,j]     places inside of the image
 *
 * minus the derivative of rate / 2 · Σ (a − b)² over all pairs of neighbours a, b. pjreddie's program has it on GPUs. */
#include "layers/smooth.h"

#include <string.h>

enum { REACH = 2 };

static void pass_on(const dn_host_call *call) {
    memcpy(call->outputs[0].data, call->inputs[0].data, (size_t)dn_shape_count(call->inputs[0].shape) * sizeof(float));
}

static float pull(const float *plane, dn_shape shape, int i, int j) {
    const float middle = plane[(int64_t)i * shape.w + j];
    float sum = 0.0F;
    for (int u = i - REACH; u <= i + REACH; u++) {
        for (int v = j - REACH; v <= j + REACH; v++) {
            if (u >= 0 && u < shape.h && v >= 0 && v < shape.w) sum += plane[(int64_t)u * shape.w + v] - middle;
        }
    }
    return sum;
}

/* inputs: x, y, dy */
static void smooth_back(const dn_host_call *call) {
    const float rate = *(const float *)call->params;
    const dn_shape shape = call->inputs[0].shape;
    const float *x = call->inputs[0].data, *dy = call->inputs[2].data;
    float *dx = call->outputs[0].data;
    if (dx == NULL || dy == NULL) return;
    const int64_t planes = (int64_t)shape.n * shape.c, cells = (int64_t)shape.h * shape.w;
    for (int64_t k = 0; k < planes; k++, x += cells) {
        for (int i = 0; i < shape.h; i++) {
            for (int j = 0; j < shape.w; j++) *dx++ += *dy++ + rate * pull(x, shape, i, j);
        }
    }
}

dn_status dn_emit_smooth(dn_emit *emit, int x, const float *rate, int *out) {
    const dn_shape shape = dn_emit_shape(emit, x);
    return dn_emit_host_trained(emit, "smooth", pass_on, smooth_back, rate, &x, 1, &shape, 1, out);
}
