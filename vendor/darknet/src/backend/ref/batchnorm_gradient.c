/* batchnorm_gradient.c — the reference's backward of batch norm. With x̂ = (x − m) / d, g = scale · dy, N values a channel:
 *   dbias += Σ dy      dscale += Σ dy · x̂
 *   dm = −Σ g / sqrt(v + ε)
 *   dv = −½ · (v + ε)^−1.5 · Σ g · (x − m)
 *   dx = g / (sqrt(v) + ε) + dv · 2 · (x − m) / N + dm / N
 * The first term of dx has the ε outside the root where forward has it inside, and inside where forward has it outside;
 * forward divided Σ (x − m)² by N − 1: so it is not the exact derivative. ε is 1e-5 whatever forward's is. */
#include <math.h>

#include "backend/fold.h"
#include "backend/ref/accumulate.h"

#define EPSILON 1e-5F

typedef struct sums {
    double dy, dy_apart; /* Σ dy, Σ dy · (x − m) */
} sums;

static sums sum_up(const float *x, const float *dy, dn_shape shape, float mean) {
    const size_t plane = (size_t)shape.h * (size_t)shape.w, image = (size_t)dn_shape_image(shape);
    sums s = {0.0, 0.0};
    for (size_t n = 0; n < (size_t)shape.n; n++) {
        for (size_t i = n * image; i < n * image + plane; i++) {
            s.dy += (double)dy[i];
            s.dy_apart += (double)dy[i] * ((double)x[i] - (double)mean);
        }
    }
    return s;
}

/* dx = a · dy + b · (x − mean) + c */
typedef struct line {
    float a, b, c, mean;
} line;

static line line_of(const dn_op_batchnorm *p, sums s, float scale, float mean, float variance, double count) {
    const double v = (double)variance + (double)EPSILON;
    const double mean_delta = -(double)scale * s.dy / sqrt(v);
    const double variance_delta = -0.5 * pow(v, -1.5) * (double)scale * s.dy_apart;
    return (line){.a = scale / (p->outside ? sqrtf(variance + EPSILON) : sqrtf(variance) + EPSILON),
                  .b = (float)(2.0 * variance_delta / count),
                  .c = (float)(mean_delta / count),
                  .mean = mean};
}

static void put_line(const dn_ref_call *call, line l, const float *x, const float *dy, float *dx) {
    const dn_shape shape = call->inputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w, image = (size_t)dn_shape_image(shape);
    const bool add = call->op->accumulate;
    for (size_t n = 0; n < (size_t)shape.n; n++) {
        for (size_t i = n * image; i < n * image + plane; i++) {
            dx[i] = (add ? dx[i] : 0.0F) + l.a * dy[i] + l.b * (x[i] - l.mean) + l.c;
        }
    }
}

void dn_ref_batchnorm_gradient(const dn_ref_call *call) {
    const dn_op_batchnorm *const p = &call->op->as.batchnorm_gradient;
    const dn_shape shape = call->inputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    const double count = (double)shape.n * (double)plane;
    for (size_t c = 0; c < (size_t)shape.c; c++) {
        const float *const x = call->inputs[0].data + c * plane, *const dy = call->inputs[4].data + c * plane;
        const float mean = call->inputs[1].data[c], variance = call->inputs[2].data[c];
        const sums s = sum_up(x, dy, shape, mean);
        const double divisor = (double)dn_batchnorm_divisor(p, variance);
        if (call->outputs[1].data != NULL) call->outputs[1].data[c] += (float)(s.dy_apart / divisor);
        if (call->outputs[2].data != NULL) call->outputs[2].data[c] += (float)s.dy;
        if (call->outputs[0].data == NULL) continue;
        const line l = line_of(p, s, call->inputs[3].data[c], mean, variance, count);
        put_line(call, l, x, dy, call->outputs[0].data + c * plane);
    }
}
