/* cross_norm.c — batch norm of training by the statistics of all mini-batches of an iteration so far (cbn=1).
 *
 *   a = 1 / k in the k-th mini-batch     m, v: mean and variance of x in this one (v over N − 1, where N > 1)
 *   M = a · m + (1 − a) · M'             S = a · (v + m²) + (1 − a) · S'        M', S': after the one before
 *   V = max(S − M², 0)                   y = scale[c] · (x − M) / d(V) + bias[c]
 * so that the first mini-batch is normalized as by batchnorm_train. Earlier mini-batches are constants to the derivative:
 *   dM/dx = a / N     dV/dx = 2a · ((x − m) / (N − 1) + (m − M) / N) */
#include "op/cross_norm.h"

#include <math.h>

#include "op/append.h"

enum { X, SCALES, BIASES, STATE, CLOCK, INPUTS };
enum { Y, MEAN, VARIANCE, FRESH, OUTPUTS };

typedef struct channels {
    size_t images, image, plane, count; /* count: N */
} channels;

static channels channels_of(dn_shape shape) {
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    return (channels){(size_t)shape.n, (size_t)dn_shape_image(shape), plane, (size_t)shape.n * plane};
}

static double mean_of(const channels *s, const float *x) {
    double sum = 0.0;
    for (size_t n = 0; n < s->images; n++) {
        for (size_t i = 0; i < s->plane; i++) sum += (double)x[n * s->image + i];
    }
    return sum / (double)s->count;
}

static double variance_of(const channels *s, const float *x, double mean) {
    double sum = 0.0;
    for (size_t n = 0; n < s->images; n++) {
        for (size_t i = 0; i < s->plane; i++) {
            const double apart = (double)x[n * s->image + i] - mean;
            sum += apart * apart;
        }
    }
    return s->count > 1 ? sum / (double)(s->count - 1) : 0.0;
}

/* 1 / k. */
static double share_of(const dn_host_tensor *clock) {
    const double first = (double)dn_clock(clock, 0, DN_CLOCK_IMAGE);
    return 1.0 / (floor(first / (double)clock->shape.n) + 1.0);
}

static double divisor_of(const dn_op_batchnorm *p, double variance) {
    return p->outside ? sqrt(variance) + (double)p->epsilon : sqrt(variance + (double)p->epsilon);
}

static void cross_norm(const dn_host_call *call) {
    const dn_op_batchnorm *const p = call->params;
    const dn_host_tensor *const in = call->inputs, *const out = call->outputs;
    const channels s = channels_of(in[X].shape);
    const size_t count = (size_t)in[X].shape.c;
    const double a = share_of(&in[CLOCK]);
    for (size_t c = 0; c < count; c++) {
        const float *const x = in[X].data + c * s.plane, *const before = in[STATE].data;
        float *const y = out[Y].data + c * s.plane, *const fresh = out[FRESH].data;
        const double m = mean_of(&s, x), square = variance_of(&s, x, m) + m * m;
        const double mean = a * m + (1.0 - a) * (double)before[c];
        const double squares = a * square + (1.0 - a) * (double)before[count + c];
        const double variance = fmax(squares - mean * mean, 0.0);
        const double factor = (double)in[SCALES].data[c] / divisor_of(p, variance);
        const double bias = in[BIASES].data ? (double)in[BIASES].data[c] : 0.0;
        for (size_t n = 0; n < s.images; n++) {
            for (size_t i = n * s.image; i < n * s.image + s.plane; i++) {
                y[i] = (float)(factor * ((double)x[i] - mean) + bias);
            }
        }
        out[MEAN].data[c] = fresh[c] = (float)mean;
        out[VARIANCE].data[c] = (float)variance;
        fresh[count + c] = (float)squares;
    }
}

typedef struct sums {
    double dy, dy_apart; /* Σ dy, Σ dy · (x − M) */
} sums;

static sums sum_up(const channels *s, const float *x, const float *dy, double mean) {
    sums sum = {0.0, 0.0};
    for (size_t n = 0; n < s->images; n++) {
        for (size_t i = n * s->image; i < n * s->image + s->plane; i++) {
            sum.dy += (double)dy[i];
            sum.dy_apart += (double)dy[i] * ((double)x[i] - mean);
        }
    }
    return sum;
}

/* Of one channel. d(V) by V: half of 1 / sqrt(V [+ ε]). */
static void hand_back(const dn_host_call *call, const channels *s, size_t c, sums sum, double a) {
    const dn_op_batchnorm *const p = call->params;
    const dn_host_tensor *const in = call->inputs;
    const double mean = (double)in[INPUTS + MEAN].data[c], variance = (double)in[INPUTS + VARIANCE].data[c];
    const float *const x = in[X].data + c * s->plane, *const dy = in[INPUTS + OUTPUTS + Y].data + c * s->plane;
    float *const dx = call->outputs[X].data + c * s->plane;
    const double d = divisor_of(p, variance), scale = (double)in[SCALES].data[c], own = mean_of(s, x);
    const double root = p->outside ? sqrt(variance) : d, slope = root > 0.0 ? 0.5 / root : 0.0;
    const double by_mean = -scale / d * sum.dy * a / (double)s->count;
    const double by_variance = variance > 0.0 ? -scale * sum.dy_apart / (d * d) * slope * 2.0 * a : 0.0;
    const double rest = s->count > 1 ? (double)(s->count - 1) : 1.0, offset = (own - mean) / (double)s->count;
    for (size_t n = 0; n < s->images; n++) {
        for (size_t i = n * s->image; i < n * s->image + s->plane; i++) {
            const double through = by_variance * (((double)x[i] - own) / rest + offset);
            dx[i] += (float)(scale / d * (double)dy[i] + by_mean + through);
        }
    }
}

static void cross_norm_gradient(const dn_host_call *call) {
    const dn_host_tensor *const in = call->inputs;
    const channels s = channels_of(in[X].shape);
    const double a = share_of(&in[CLOCK]);
    if (!in[INPUTS + OUTPUTS + Y].data) return;
    for (size_t c = 0; c < (size_t)in[X].shape.c; c++) {
        const double mean = (double)in[INPUTS + MEAN].data[c];
        const sums sum = sum_up(&s, in[X].data + c * s.plane, in[INPUTS + OUTPUTS + Y].data + c * s.plane, mean);
        const double d = divisor_of(call->params, (double)in[INPUTS + VARIANCE].data[c]);
        if (call->outputs[SCALES].data) call->outputs[SCALES].data[c] += (float)(sum.dy_apart / d);
        if (call->outputs[BIASES].data) call->outputs[BIASES].data[c] += (float)sum.dy;
        if (call->outputs[X].data) hand_back(call, &s, c, sum, a);
    }
}

dn_status dn_emit_cross_norm(dn_emit *emit, int x, int scales, int mean, int variance, int biases,
                             const dn_op_batchnorm *params, int *out) {
    const dn_shape shape = dn_emit_shape(emit, x), row = {emit->graph->batch, shape.c, 1, 1};
    const dn_shape kept = {emit->graph->batch, 2 * shape.c, 1, 1}, shapes[OUTPUTS] = {shape, row, row, kept};
    int state, outs[OUTPUTS];
    DN_TRY(dn_emit_tensor(emit, kept, DN_F32, &state));
    emit->graph->tensors[state].role = DN_ROLE_STATE;
    const int inputs[INPUTS] = {x, scales, biases, state, emit->clock};
    DN_TRY(dn_emit_host_trained(emit, "cross_norm", cross_norm, cross_norm_gradient, params, inputs, INPUTS, shapes,
                                OUTPUTS, outs));
    DN_TRY(dn_emit_store(emit, outs[FRESH], state));
    *out = outs[Y];
    return dn_emit_roll(emit, outs[MEAN], outs[VARIANCE], mean, variance);
}
