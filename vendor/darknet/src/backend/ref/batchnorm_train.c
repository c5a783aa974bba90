/* batchnorm_train.c — y = scale[c] · (x − m[c]) / d[c] + bias[c], with the statistics of this run:
 *   m[c] = Σ x / N     v[c] = Σ (x − m)² / (N − 1)     N = images · rows · columns; N = 1: v = 0 */
#include "backend/fold.h"
#include "backend/ref/ref.h"

typedef struct channel {
    const float *x;
    float *y;
    size_t images, image, plane;
} channel;

static double mean_of(const channel *c) {
    double sum = 0.0;
    for (size_t n = 0; n < c->images; n++) {
        for (size_t i = 0; i < c->plane; i++) sum += (double)c->x[n * c->image + i];
    }
    return sum / (double)(c->images * c->plane);
}

static double variance_of(const channel *c, double mean) {
    double sum = 0.0;
    for (size_t n = 0; n < c->images; n++) {
        for (size_t i = 0; i < c->plane; i++) {
            const double apart = (double)c->x[n * c->image + i] - mean;
            sum += apart * apart;
        }
    }
    const size_t count = c->images * c->plane;
    return count > 1 ? sum / (double)(count - 1) : 0.0;
}

void dn_ref_batchnorm_train(const dn_ref_call *call) {
    const dn_op_batchnorm *const p = &call->op->as.batchnorm_train;
    const dn_shape shape = call->inputs[0].shape;
    const float *const scales = call->inputs[1].data, *const biases = call->inputs[2].data;
    channel c = {
        .images = (size_t)shape.n, .image = (size_t)dn_shape_image(shape), .plane = (size_t)shape.h * (size_t)shape.w};
    for (size_t k = 0; k < (size_t)shape.c; k++) {
        c.x = call->inputs[0].data + k * c.plane;
        c.y = call->outputs[0].data + k * c.plane;
        const double mean = mean_of(&c);
        const float m = (float)mean, v = (float)variance_of(&c, mean);
        const float factor = scales[k] / dn_batchnorm_divisor(p, v), bias = biases == NULL ? 0.0F : biases[k];
        for (size_t n = 0; n < c.images; n++) {
            for (size_t i = 0; i < c.plane; i++) c.y[n * c.image + i] = factor * (c.x[n * c.image + i] - m) + bias;
        }
        call->outputs[1].data[k] = m;
        call->outputs[2].data[k] = v;
    }
}
