/* activation_gradient.c — dx = f'(x) · dy, value by value (op/activation.c), or over the channels c at one (i, j), with
 * g = Σ_c dy_c · y_c:
 *   normalize_channels            dx_c = (dy_c − g) / (Σ max(x, 0) + 0.0001) where x_c > 0, else 0
 *   normalize_channels_softmax*   dx_c = (dy_c − g) · y_c; the largest x, where it is subtracted from all before the
 *                                 small term is added, also gets −g · (1 − Σ y), so that the sum over c is 0
 *   approximate, any of them      dx_c = dy_c · g; normalize_channels: dy_c where y_c is 0
 *   approximate gelu              f'(y) · dy */
#include "backend/ref/accumulate.h"
#include "op/activation.h"

typedef struct position { /* values of one (i, j), `plane` apart */
    const float *x, *y, *dy;
    float *dx;
    size_t channels, plane;
    bool add;
} position;

static void put(const position *p, size_t at, double value) { p->dx[at] = (p->add ? p->dx[at] : 0.0F) + (float)value; }

static void back_approximately(dn_activation kind, const position *p, double g) {
    for (size_t at = 0; at < p->channels * p->plane; at += p->plane) {
        const bool kept = kind == DN_NORMALIZE_CHANNELS && !(p->y[at] > 0.0F);
        put(p, at, (double)p->dy[at] * (kept ? 1.0 : g));
    }
}

static void back_position(dn_activation kind, const position *p, bool approximate) {
    double g = 0.0, sum = 0.0001, rest = 1.0;
    size_t largest = 0;
    for (size_t at = 0; at < p->channels * p->plane; at += p->plane) {
        g += (double)p->dy[at] * (double)p->y[at];
        if (p->x[at] > 0.0F) sum += (double)p->x[at];
        if (p->x[at] > p->x[largest]) largest = at;
        rest -= (double)p->y[at];
    }
    if (approximate) {
        back_approximately(kind, p, g);
        return;
    }
    for (size_t at = 0; at < p->channels * p->plane; at += p->plane) {
        const double by_sum = p->x[at] > 0.0F ? 1.0 / sum : 0.0;
        put(p, at, ((double)p->dy[at] - g) * (kind == DN_NORMALIZE_CHANNELS ? by_sum : (double)p->y[at]));
    }
    if (kind == DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL) p->dx[largest] -= (float)(g * rest);
}

static void across_channels(const dn_ref_call *call) {
    const dn_op_activation *const op = &call->op->as.activation_gradient;
    const dn_shape shape = call->outputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w, image = (size_t)dn_shape_image(shape);
    for (size_t n = 0; n < (size_t)shape.n; n++) {
        for (size_t at = n * image; at < n * image + plane; at++) {
            const position p = {call->inputs[0].data + at,  call->inputs[1].data + at, call->inputs[2].data + at,
                                call->outputs[0].data + at, (size_t)shape.c,           plane,
                                call->op->accumulate};
            back_position(op->kind, &p, op->approximate);
        }
    }
}

void dn_ref_activation_gradient(const dn_ref_call *call) {
    const dn_activation kind = call->op->as.activation_gradient.kind;
    const float *const x = call->inputs[0].data, *const y = call->inputs[1].data, *const dy = call->inputs[2].data;
    float *const dx = call->outputs[0].data;
    if (dn_activation_across_channels(kind)) {
        across_channels(call);
        return;
    }
    const float *const at = kind == DN_GELU && call->op->as.activation_gradient.approximate ? y : x;
    const size_t count = (size_t)dn_shape_count(call->outputs[0].shape);
    for (size_t i = 0; i < count; i++) {
        const float value = dn_activation_slope(kind, at[i], y[i]) * dy[i];
        dx[i] = (call->op->accumulate ? dx[i] : 0.0F) + value;
    }
}
