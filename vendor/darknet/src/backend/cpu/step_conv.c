/* step_conv.c — conv2d with its folded batchnorm or bias, activation and residual, by the kernels of the instruction
 * set. One unit of work is one task of the kernel. */
#include "backend/cpu/program.h"

/* An input with so few channels is read as it is: a block of it would be mostly empty. */
#define FEW_CHANNELS 4

static dn_cpu_conv describe(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    const dn_op_conv2d *params = &op->as.conv2d;
    const dn_shape x = dn_cpu_shape(compile, op->inputs[0]), y = dn_cpu_shape(compile, op->outputs[0]);
    const dn_pool *pool = compile->program->pool;
    return (dn_cpu_conv){
        .in_channels = x.c,
        .in_height = x.h,
        .in_width = x.w,
        .filters = y.c,
        .out_height = y.h,
        .out_width = y.w,
        .groups = params->groups,
        .size = params->size,
        .stride_x = params->stride_x,
        .stride_y = params->stride_y,
        .pad = params->pad,
        .dilation = params->dilation,
        .threads = pool ? dn_pool_threads(pool) : 1,
        .in_layout = DN_CPU_BLOCKED,
        .out_layout = DN_CPU_BLOCKED,
        .epilogue = {.activation = group->activation, .residual = group->residual >= 0, .after = group->after},
    };
}

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_conv2d || op->as.conv2d.binary != DN_BINARY_NONE || !dn_cpu_constant(compile, op, 1)) {
        return false;
    }
    dn_cpu_conv conv = describe(compile, group);
    return compile->program->kernels->conv_choose(&conv);
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    if (k == DN_CPU_RESIDUAL) return DN_CPU_WANT_SAME;
    if (k == DN_CPU_OUTPUT) return DN_CPU_WANT_BLOCKED;
    const int x = dn_cpu_input(compile, group, 0);
    return dn_cpu_shape(compile, x).c <= FEW_CHANNELS ? DN_CPU_WANT_ANY : DN_CPU_WANT_BLOCKED;
}

static size_t per_filter(const dn_cpu_conv *conv) {
    return (size_t)(conv->in_channels / conv->groups) * (size_t)conv->size * (size_t)conv->size;
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_conv *conv = &step->as.conv;
    *conv = describe(compile, step->group);
    conv->in_layout = step->x[0].layout;
    conv->out_layout = step->y.layout;
    if (!compile->program->kernels->conv_choose(conv)) {
        return dn_fail(compile->err, DN_E_UNSUPPORTED, "no kernel convolves %d × %d × %d with %d filters of size %d",
                       conv->in_channels, conv->in_height, conv->in_width, conv->filters, conv->size);
    }
    const double outputs = (double)conv->filters * conv->out_height * conv->out_width;
    const double sums = (double)conv->in_channels / conv->groups * conv->size * conv->size;
    step->units = conv->tasks;
    step->grain = 1;
    step->cost = outputs * (sums * 0.03 + 0.3);
    step->packed_floats = conv->packed_floats;
    step->scratch_floats = conv->scratch_floats;
    step->pack_parts = (conv->filters + conv->pack_filters - 1) / conv->pack_filters;
    step->spare_floats = dn_cpu_fold_floats(compile, step, conv->pack_filters, per_filter(conv));
    return DN_OK;
}

static void pack(const dn_cpu_program *program, const dn_cpu_step *step, const float *const *parameters, int part,
                 float *spare, float *packed) {
    const dn_cpu_conv *conv = &step->as.conv;
    const int first = part * conv->pack_filters, left = conv->filters - first;
    const int count = left < conv->pack_filters ? left : conv->pack_filters;
    const dn_cpu_filters own = dn_cpu_fold(program, step, parameters, first, count, per_filter(conv), spare);
    program->kernels->conv_pack(conv, part, own.weights, own.bias, packed);
}

static bool packs_alike(const dn_cpu_step *a, const dn_cpu_step *b) {
    const dn_cpu_conv *p = &a->as.conv, *q = &b->as.conv;
    return p->in_channels == q->in_channels && p->filters == q->filters && p->groups == q->groups &&
           p->size == q->size && p->in_layout == q->in_layout && p->algorithm == q->algorithm &&
           p->packed_floats == q->packed_floats && p->pack_filters == q->pack_filters;
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    const dn_cpu_step *step = call->step;
    int taken;
    dn_cpu_conv_call conv = {.conv = &step->as.conv,
                             .x = dn_cpu_view_of(call, &step->x[0], row),
                             .y = dn_cpu_view_of(call, &step->y, row),
                             .packed = dn_cpu_packed(call),
                             .scratch = dn_cpu_scratch_take(call, thread, &taken)};
    if (step->group->residual >= 0) conv.residual = dn_cpu_view_of(call, &step->x[step->x_count - 1], row);
    for (int task = first; task < last; task++) call->program->kernels->conv_run(&conv, task);
    dn_cpu_scratch_give(call, taken);
}

const dn_cpu_method dn_cpu_method_conv = {.name = "conv2d",
                                          .accepts = accepts,
                                          .want = want,
                                          .bind = bind,
                                          .pack = pack,
                                          .packs_alike = packs_alike,
                                          .work = work};
