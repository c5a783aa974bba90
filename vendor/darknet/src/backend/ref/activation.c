/* activation.c — y = f(x), value by value (op/activation.c), or over the channels c at one (i, j):
 *   normalize_channels                  y_c = max(x_c, 0) / (Σ max(x, 0) + 0.0001)
 *   normalize_channels_softmax          y_c = e^{x_c} / (Σ e^x + 0.0001)
 *   normalize_channels_softmax_maxval   the same with x − max(x) */
#include <math.h>

#include "backend/ref/ref.h"
#include "op/activation.h"

static float term(dn_activation kind, float x, float largest) {
    if (kind == DN_NORMALIZE_CHANNELS) return x > 0.0F ? x : 0.0F;
    return expf(x - largest);
}

/* The c values of one position are `plane` apart. */
static void normalize_position(dn_activation kind, int channels, size_t plane, const float *x, float *y) {
    float largest = 0.0F;
    if (kind == DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL) {
        largest = x[0];
        for (size_t c = 1; c < (size_t)channels; c++) largest = fmaxf(largest, x[c * plane]);
    }
    double sum = 0.0001;
    for (size_t c = 0; c < (size_t)channels; c++) {
        y[c * plane] = term(kind, x[c * plane], largest);
        sum += (double)y[c * plane];
    }
    for (size_t c = 0; c < (size_t)channels; c++) y[c * plane] = (float)((double)y[c * plane] / sum);
}

void dn_ref_activation(const dn_ref_call *call) {
    const dn_activation kind = call->op->as.activation.kind;
    const dn_shape shape = call->outputs[0].shape;
    const float *const x = call->inputs[0].data;
    float *const y = call->outputs[0].data;
    if (!dn_activation_across_channels(kind)) {
        const size_t count = (size_t)dn_shape_count(shape);
        for (size_t i = 0; i < count; i++) y[i] = dn_activate(kind, x[i]);
        return;
    }
    const size_t plane = (size_t)shape.h * (size_t)shape.w, image = (size_t)dn_shape_image(shape);
    for (size_t n = 0; n < (size_t)shape.n; n++) {
        for (size_t i = 0; i < plane; i++) {
            normalize_position(kind, shape.c, plane, x + n * image + i, y + n * image + i);
        }
    }
}
