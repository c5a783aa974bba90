/* step_conv_data.c — dx of a convolution, by the kernels of the convolution itself.
 *
 * Stride 1: dx is dy convolved with the filters turned by half and with channels and filters exchanged,
 *   dx[c] = Σ_{f,u,v} w[f, c, size−1−u, size−1−v] · dy[f, r − pad' + u·dilation, …],  pad' = (size−1)·dilation − pad.
 * Stride s: rows r = s·m + p of one phase p are such a convolution too, of the taps with u ≡ p + pad (mod s), which
 * read dy at m + (p + pad − u) / s. All s² phases together are one convolution with s² times the filters, whose size is
 * the span of those offsets; dn_cpu_method_phases puts its results where they belong. */
#include "backend/cpu/program.h"

/* ---- geometry ---- */

typedef struct phases {      /* along one side */
    int stride, first, size; /* offsets first … first+size-1 from m */
} phases;

static phases phases_of(const dn_op_conv2d *params) {
    const int s = params->stride_x, last = (s - 1 + params->pad) / s;
    const int least = (params->pad - (params->size - 1)) / s; /* towards 0: a multiple of s that some tap has */
    const int first = least < 0 ? least : 0;
    return (phases){s, first, last - first + 1};
}

static bool strided(const dn_op_conv2d *params) { return params->stride_x > 1 || params->stride_y > 1; }

static int padded_channels(const dn_cpu_compile *compile, int channels) {
    return dn_cpu_blocks(channels, compile->block) * compile->block;
}

static dn_shape x_shape(const dn_cpu_compile *compile, const dn_op *op) {
    return dn_cpu_shape(compile, op->outputs[0]);
}

dn_shape dn_cpu_phases_shape(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (group->method != &dn_cpu_method_conv_data || !strided(&op->as.conv2d_data)) return (dn_shape){0};
    const int s = op->as.conv2d_data.stride_x;
    const dn_shape x = x_shape(compile, op);
    return (dn_shape){x.n, s * s * padded_channels(compile, x.c), (x.h + s - 1) / s, (x.w + s - 1) / s};
}

static dn_cpu_conv describe(const dn_cpu_compile *compile, const dn_op *op) {
    const dn_op_conv2d *params = &op->as.conv2d_data;
    const dn_shape dy = dn_cpu_shape(compile, op->inputs[0]), x = x_shape(compile, op);
    const dn_pool *pool = compile->program->pool;
    dn_cpu_conv conv = {
        .in_channels = dy.c,
        .in_height = dy.h,
        .in_width = dy.w,
        .filters = x.c,
        .out_height = x.h,
        .out_width = x.w,
        .groups = params->groups,
        .size = params->size,
        .stride_x = 1,
        .stride_y = 1,
        .pad = (params->size - 1) * params->dilation - params->pad,
        .dilation = params->dilation,
        .threads = pool ? dn_pool_threads(pool) : 1,
        .in_layout = DN_CPU_BLOCKED,
        .out_layout = DN_CPU_BLOCKED,
        .epilogue = {.residual = op->accumulate},
    };
    if (!strided(params)) return conv;
    const phases p = phases_of(params);
    conv.filters = p.stride * p.stride * padded_channels(compile, x.c);
    conv.out_height = (x.h + p.stride - 1) / p.stride;
    conv.out_width = (x.w + p.stride - 1) / p.stride;
    conv.size = p.size;
    conv.pad = -p.first;
    conv.epilogue.residual = false;
    return conv;
}

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_conv2d_data || !dn_cpu_constant(compile, op, 1)) return false;
    const dn_op_conv2d *params = &op->as.conv2d_data;
    if (params->binary != DN_BINARY_NONE || dn_cpu_input(compile, group, 0) < 0 || op->outputs[0] < 0) return false;
    if (strided(params) && (params->stride_x != params->stride_y || params->dilation != 1 || params->groups != 1)) {
        return false;
    }
    dn_cpu_conv conv = describe(compile, op);
    return conv.pad >= 0 && compile->program->kernels->conv_choose(&conv);
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_BLOCKED;
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_conv *conv = &step->as.conv;
    *conv = describe(compile, step->op);
    if (!compile->program->kernels->conv_choose(conv)) {
        return dn_fail(compile->err, DN_E_UNSUPPORTED, "no kernel carries deltas back to %d channels of %d × %d",
                       conv->filters, conv->out_height, conv->out_width);
    }
    const double outputs = (double)conv->filters * conv->out_height * conv->out_width;
    const size_t taps = (size_t)conv->size * (size_t)conv->size;
    step->units = conv->tasks;
    step->grain = 1;
    step->cost = outputs * ((double)conv->in_channels / conv->groups * (double)taps * 0.03 + 0.3);
    step->packed_floats = conv->packed_floats;
    step->scratch_floats = conv->scratch_floats;
    step->pack_parts = (conv->filters + conv->pack_filters - 1) / conv->pack_filters;
    step->spare_floats = (size_t)conv->pack_filters * (size_t)(conv->in_channels / conv->groups) * taps;
    return DN_OK;
}

/* ---- weights ---- */

typedef struct turning {
    const dn_op_conv2d *params;
    const dn_cpu_conv *conv;
    const float *weights; /* of the forward convolution */
    int channels;         /* of x                       */
    int padded;           /* filters of one phase       */
} turning;

/* Weights of filter `k` of the backward convolution, by tap of its own. */
static void turn_plain(const turning *t, int k, float *to) {
    const int per_group = t->channels / t->params->groups, inputs = t->conv->in_channels / t->conv->groups;
    const size_t taps = (size_t)t->params->size * (size_t)t->params->size;
    const int first = k / per_group * inputs;
    for (int f = first; f < first + inputs; f++, to += taps) {
        const float *from = t->weights + ((size_t)f * (size_t)per_group + (size_t)(k % per_group)) * taps;
        for (size_t i = 0; i < taps; i++) to[i] = from[taps - 1 - i];
    }
}

/* The forward tap that offset number i of phase p stands for, or -1. */
static int tap_of(const turning *t, phases p, int phase, int i) {
    const int u = phase + t->params->pad - (p.first + i) * p.stride;
    return u >= 0 && u < t->params->size ? u : -1;
}

static void turn_phase(const turning *t, int k, float *to) {
    const phases p = phases_of(t->params);
    const int phase = k / t->padded, c = k % t->padded, size = t->params->size;
    for (int f = 0; f < t->conv->in_channels; f++) {
        const float *from = t->weights + ((size_t)f * (size_t)t->channels + (size_t)c) * (size_t)size * (size_t)size;
        for (int i = 0; i < p.size; i++) {
            for (int j = 0; j < p.size; j++) {
                const int u = tap_of(t, p, phase / p.stride, i), v = tap_of(t, p, phase % p.stride, j);
                *to++ = u < 0 || v < 0 || c >= t->channels ? 0.0F : from[u * size + v];
            }
        }
    }
}

static void pack(const dn_cpu_program *program, const dn_cpu_step *step, const float *const *parameters, int part,
                 float *spare, float *packed) {
    const dn_cpu_conv *conv = &step->as.conv;
    turning t = {.params = &step->op->as.conv2d_data, .conv = conv};
    t.weights = dn_cpu_parameter(program, parameters, step->op->inputs[1]);
    t.channels = program->graph.tensors[step->op->outputs[0]].shape.c;
    t.padded = dn_cpu_blocks(t.channels, program->kernels->block) * program->kernels->block;
    const size_t each = (size_t)(conv->in_channels / conv->groups) * (size_t)conv->size * (size_t)conv->size;
    const int first = part * conv->pack_filters, left = conv->filters - first;
    for (int k = 0; k < conv->pack_filters && k < left; k++) {
        float *to = spare + (size_t)k * each;
        if (strided(t.params)) {
            turn_phase(&t, first + k, to);
        } else {
            turn_plain(&t, first + k, to);
        }
    }
    program->kernels->conv_pack(conv, part, spare, NULL, packed);
}

static bool packs_alike(const dn_cpu_step *a, const dn_cpu_step *b) {
    const dn_cpu_conv *p = &a->as.conv, *q = &b->as.conv;
    return p->in_channels == q->in_channels && p->filters == q->filters && p->groups == q->groups &&
           p->size == q->size && p->pad == q->pad && p->algorithm == q->algorithm &&
           p->packed_floats == q->packed_floats && p->pack_filters == q->pack_filters &&
           a->op->as.conv2d_data.stride_x == b->op->as.conv2d_data.stride_x;
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    const dn_cpu_step *step = call->step;
    int taken;
    dn_cpu_conv_call conv = {.conv = &step->as.conv,
                             .x = dn_cpu_view_of(call, &step->x[0], row),
                             .y = dn_cpu_view_of(call, &step->y, row),
                             .packed = dn_cpu_packed(call),
                             .scratch = dn_cpu_scratch_take(call, thread, &taken)};
    if (step->as.conv.epilogue.residual) conv.residual = conv.y;
    for (int task = first; task < last; task++) call->program->kernels->conv_run(&conv, task);
    dn_cpu_scratch_give(call, taken);
}

const dn_cpu_method dn_cpu_method_conv_data = {.name = "conv2d_data",
                                               .blocked = true,
                                               .accepts = accepts,
                                               .want = want,
                                               .bind = bind,
                                               .pack = pack,
                                               .packs_alike = packs_alike,
                                               .work = work};

/* ---- phases to dx: a unit is a line ---- */

static dn_status phases_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_split_lines(compile, step, 0.3);
    return DN_OK;
}

static void put_line(const dn_cpu_kernels *kernels, const dn_cpu_step *step, const float *x, int plane, int row,
                     float *y) {
    const int s = step->op->as.conv2d_data.stride_x, width = step->y.shape.w;
    const size_t lanes = (size_t)kernels->block, x_line = (size_t)step->x[0].shape.w * lanes;
    const size_t x_plane = (size_t)step->x[0].shape.h * x_line;
    const size_t planes = (size_t)dn_cpu_blocks(step->y.shape.c, kernels->block);
    for (int column = 0; column < width; column++) {
        const size_t phase = (size_t)(row % s * s + column % s);
        const float *from = x + (phase * planes + (size_t)plane) * x_plane + (size_t)(row / s) * x_line;
        kernels->accumulate(1.0F, from + (size_t)(column / s) * lanes, step->op->accumulate, y + (size_t)column * lanes,
                            lanes);
    }
}

static void phases_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const size_t line = dn_cpu_line_floats(&step->y, kernels->block);
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row);
    for (int unit = first; unit < last; unit++) {
        put_line(kernels, step, x, unit / step->y.shape.h, unit % step->y.shape.h, y + (size_t)unit * line);
    }
}

const dn_cpu_method dn_cpu_method_phases = {.name = "phases", .bind = phases_bind, .work = phases_work};
