/* step_batchnorm_train.c — batch norm in training, forward and backward. A unit is one block of channels of all images:
 * first its sums, then its values. Formulas: backend/ref/batchnorm_train.c, batchnorm_gradient.c. */
#include <math.h>

#include "backend/cpu/program.h"
#include "backend/fold.h"

#define GRADIENT_EPSILON 1e-5 /* whatever forward's is, as in the reference */

static dn_cpu_place place_of(const dn_cpu_compile *compile, const dn_op *op, int k) {
    if (k >= op->output_count || op->outputs[k] < 0) return (dn_cpu_place){.tensor = -1, .copy = -1};
    return dn_cpu_home(compile, op->outputs[k]);
}

static void split(const dn_cpu_compile *compile, dn_cpu_step *step, double nanoseconds) {
    const dn_shape shape = step->x[0].shape;
    step->whole = true;
    step->units = dn_cpu_blocks(shape.c, compile->block);
    step->grain = 1;
    step->cost = (double)shape.c * shape.h * shape.w * nanoseconds;
    step->as.batchnorm.one = place_of(compile, step->op, 1);
    step->as.batchnorm.two = place_of(compile, step->op, 2);
}

static const float *parameter(const dn_cpu_call *call, int k) {
    const int tensor = k < call->step->op->input_count ? call->step->op->inputs[k] : -1;
    return tensor < 0 ? NULL : call->program->parameters[call->program->graph.tensors[tensor].slot];
}

typedef struct block { /* of one unit */
    size_t pixels, at; /* floats from an image's start */
    int channel, lanes, images;
    double count;
} block;

static block block_of(const dn_cpu_call *call, int unit) {
    const dn_cpu_place *x = &call->step->x[0];
    const int lanes = call->program->kernels->block;
    block b = {.pixels = (size_t)x->shape.h * (size_t)x->shape.w, .channel = unit * lanes};
    b.at = (size_t)unit * b.pixels * (size_t)lanes;
    b.lanes = x->shape.c - b.channel < lanes ? x->shape.c - b.channel : lanes;
    b.images = x->shape.n / call->program->graph.batch * call->images;
    b.count = (double)b.images * (double)b.pixels;
    return b;
}

static float *data_of(const dn_cpu_call *call, const dn_cpu_place *place, const block *b, int image) {
    return dn_cpu_data(call, place, image) + b->at;
}

/* ---- forward ---- */

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    return op->kind == DN_OP_batchnorm_train && dn_cpu_constant(compile, op, 1) && op->input_count >= 2 &&
           op->inputs[1] >= 0 && dn_cpu_input(compile, group, 0) >= 0 && op->output_count == 3 && op->outputs[0] >= 0 &&
           op->outputs[1] >= 0 && op->outputs[2] >= 0;
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_BLOCKED;
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    split(compile, step, 0.3);
    return DN_OK;
}

static void normalize(const dn_cpu_call *call, const block *b, const double *mean, const double *apart) {
    const dn_cpu_step *step = call->step;
    const float *scales = parameter(call, 1), *biases = parameter(call, 2);
    float *means = dn_cpu_data(call, &step->as.batchnorm.one, 0) + b->channel,
          *variances = dn_cpu_data(call, &step->as.batchnorm.two, 0) + b->channel;
    float m[DN_CPU_BLOCK_MAX] = {0}, factor[DN_CPU_BLOCK_MAX] = {0}, bias[DN_CPU_BLOCK_MAX] = {0};
    for (int k = 0; k < b->lanes; k++) {
        m[k] = means[k] = (float)mean[k];
        variances[k] = b->count > 1.0 ? (float)(apart[k] / (b->count - 1.0)) : 0.0F;
        factor[k] = scales[b->channel + k] / dn_batchnorm_divisor(&step->op->as.batchnorm_train, variances[k]);
        if (biases) bias[k] = biases[b->channel + k];
    }
    for (int n = 0; n < b->images; n++) {
        call->program->kernels->normalize(data_of(call, &step->x[0], b, n), m, factor, bias,
                                          data_of(call, &step->y, b, n), b->pixels);
    }
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)row, (void)thread;
    for (int unit = first; unit < last; unit++) {
        const block b = block_of(call, unit);
        double mean[DN_CPU_BLOCK_MAX] = {0}, apart[DN_CPU_BLOCK_MAX] = {0};
        for (int n = 0; n < b.images; n++) {
            call->program->kernels->moments(data_of(call, &call->step->x[0], &b, n), b.pixels,
                                            (double)n * (double)b.pixels, mean, apart);
        }
        normalize(call, &b, mean, apart);
    }
}

const dn_cpu_method dn_cpu_method_batchnorm_train = {
    .name = "batchnorm_train", .blocked = true, .accepts = accepts, .want = want, .bind = bind, .work = work};

/* ---- backward: inputs x, m, v, scales, dy ---- */

static bool gradient_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    return op->kind == DN_OP_batchnorm_gradient && op->input_count == 5 && op->output_count == 3 &&
           dn_cpu_input(compile, group, 0) >= 0 && dn_cpu_input(compile, group, 1) >= 0 &&
           dn_cpu_input(compile, group, 2) >= 0 && dn_cpu_input(compile, group, 4) >= 0 && op->inputs[3] >= 0 &&
           compile->graph->tensors[op->inputs[3]].role == DN_ROLE_PARAMETER;
}

static dn_cpu_want gradient_want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group;
    return k == 1 || k == 2 ? DN_CPU_WANT_DENSE : DN_CPU_WANT_BLOCKED;
}

static dn_status gradient_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    split(compile, step, 0.5);
    return DN_OK;
}

typedef struct lines {
    float a[DN_CPU_BLOCK_MAX], b[DN_CPU_BLOCK_MAX], c[DN_CPU_BLOCK_MAX], mean[DN_CPU_BLOCK_MAX];
    float variance[DN_CPU_BLOCK_MAX];
} lines;

static void line_of(lines *l, int k, bool outside, double scale, double sum, double apart, double count) {
    const float epsilon = (float)GRADIENT_EPSILON, variance = l->variance[k];
    const double v = (double)variance + GRADIENT_EPSILON;
    const double mean_delta = -scale * sum / sqrt(v), variance_delta = -0.5 * pow(v, -1.5) * scale * apart;
    l->a[k] = (float)scale / (outside ? sqrtf(variance + epsilon) : sqrtf(variance) + epsilon);
    l->b[k] = (float)(2.0 * variance_delta / count);
    l->c[k] = (float)(mean_delta / count);
}

static void add_sums(const dn_cpu_call *call, const block *b, const lines *l, const double *sum, const double *apart) {
    const dn_cpu_step *step = call->step;
    const dn_cpu_place *scales = &step->as.batchnorm.one, *biases = &step->as.batchnorm.two;
    float *dscales = scales->tensor < 0 ? NULL : dn_cpu_data(call, scales, 0) + b->channel;
    float *dbiases = biases->tensor < 0 ? NULL : dn_cpu_data(call, biases, 0) + b->channel;
    for (int k = 0; k < b->lanes; k++) {
        const double divisor = (double)dn_batchnorm_divisor(&step->op->as.batchnorm_gradient, l->variance[k]);
        if (dscales) dscales[k] += (float)(apart[k] / divisor);
        if (dbiases) dbiases[k] += (float)sum[k];
    }
}

static void gradient_unit(const dn_cpu_call *call, const block *b) {
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const float *scales = parameter(call, 3) + b->channel;
    double sum[DN_CPU_BLOCK_MAX] = {0}, apart[DN_CPU_BLOCK_MAX] = {0};
    lines l = {.mean = {0}};
    for (int k = 0; k < b->lanes; k++) {
        l.mean[k] = dn_cpu_data(call, &step->x[1], 0)[b->channel + k];
        l.variance[k] = dn_cpu_data(call, &step->x[2], 0)[b->channel + k];
    }
    for (int n = 0; n < b->images; n++) {
        kernels->delta_sums(data_of(call, &step->x[4], b, n), data_of(call, &step->x[0], b, n), l.mean, b->pixels, sum,
                            apart);
    }
    add_sums(call, b, &l, sum, apart);
    if (step->y.tensor < 0 && step->y.copy < 0) return;
    const bool outside = step->op->as.batchnorm_gradient.outside;
    for (int k = 0; k < b->lanes; k++) line_of(&l, k, outside, (double)scales[k], sum[k], apart[k], b->count);
    const dn_cpu_line line = {l.a, l.b, l.c, l.mean};
    for (int n = 0; n < b->images; n++) {
        kernels->batchnorm_line(&line, data_of(call, &step->x[0], b, n), data_of(call, &step->x[4], b, n),
                                step->op->accumulate, data_of(call, &step->y, b, n), b->pixels);
    }
}

static void gradient_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)row, (void)thread;
    for (int unit = first; unit < last; unit++) {
        const block b = block_of(call, unit);
        gradient_unit(call, &b);
    }
}

const dn_cpu_method dn_cpu_method_batchnorm_gradient = {.name = "batchnorm_gradient",
                                                        .blocked = true,
                                                        .accepts = gradient_accepts,
                                                        .want = gradient_want,
                                                        .bind = gradient_bind,
                                                        .work = gradient_work};
