/* softmax.c — y_i = e^{x_i / T} / Σ_k e^{x_k / T} over a list of values: a group, a level of a tree, or the channels of
 * one position. The largest value is subtracted first, so that nothing overflows. */
#include <math.h>

#include "backend/ref/ref.h"

/* `count` values, `step` apart. */
static void softmax_list(const float *x, float *y, size_t count, size_t step, float temperature) {
    float largest = x[0];
    for (size_t i = 1; i < count; i++) largest = fmaxf(largest, x[i * step]);
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        y[i * step] = expf((x[i * step] - largest) / temperature);
        sum += (double)y[i * step];
    }
    for (size_t i = 0; i < count; i++) y[i * step] = (float)((double)y[i * step] / sum);
}

static void softmax_group(const dn_op_softmax *p, const float *x, float *y, size_t count) {
    if (p->sizes == NULL) {
        softmax_list(x, y, count, 1, p->temperature);
        return;
    }
    for (int k = 0; k < p->size_count; k++) {
        softmax_list(x, y, (size_t)p->sizes[k], 1, p->temperature);
        x += p->sizes[k];
        y += p->sizes[k];
    }
}

void dn_ref_softmax(const dn_ref_call *call) {
    const dn_op_softmax *const p = &call->op->as.softmax;
    const dn_shape shape = call->outputs[0].shape;
    const size_t image = (size_t)dn_shape_image(shape), plane = (size_t)shape.h * (size_t)shape.w;
    for (size_t n = 0; n < (size_t)shape.n; n++) {
        const float *const x = call->inputs[0].data + n * image;
        float *const y = call->outputs[0].data + n * image;
        if (p->spatial) {
            for (size_t i = 0; i < plane; i++) softmax_list(x + i, y + i, (size_t)shape.c, plane, p->temperature);
            continue;
        }
        const size_t groups = (size_t)p->groups, count = image / groups;
        for (size_t g = 0; g < groups; g++) softmax_group(p, x + g * count, y + g * count, count);
    }
}
