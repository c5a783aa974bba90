/* step_conv_weights.c — dw of a convolution, added to the gradient. A unit is one task of the kernel, which covers all
 * images. */
#include "backend/cpu/program.h"

static dn_cpu_conv_weights describe(const dn_cpu_compile *compile, const dn_op *op) {
    const dn_op_conv2d *params = &op->as.conv2d_weights;
    const dn_shape x = dn_cpu_shape(compile, op->inputs[0]), dy = dn_cpu_shape(compile, op->inputs[1]);
    const dn_pool *pool = compile->program->pool;
    return (dn_cpu_conv_weights){
        .in_channels = x.c,
        .in_height = x.h,
        .in_width = x.w,
        .filters = dy.c,
        .out_height = dy.h,
        .out_width = dy.w,
        .groups = params->groups,
        .size = params->size,
        .stride_x = params->stride_x,
        .stride_y = params->stride_y,
        .pad = params->pad,
        .dilation = params->dilation,
        .threads = pool ? dn_pool_threads(pool) : 1,
    };
}

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_conv2d_weights || op->as.conv2d_weights.binary != DN_BINARY_NONE) return false;
    if (dn_cpu_input(compile, group, 0) < 0 || dn_cpu_input(compile, group, 1) < 0 || op->outputs[0] < 0) return false;
    return compile->graph->tensors[op->outputs[0]].role == DN_ROLE_GRADIENT;
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group;
    return k == DN_CPU_OUTPUT ? DN_CPU_WANT_DENSE : DN_CPU_WANT_BLOCKED;
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_conv_weights *params = &step->as.conv_weights.params;
    step->as.conv_weights.to = step->y;
    *params = describe(compile, step->op);
    compile->program->kernels->conv_weights_choose(params);
    step->y = (dn_cpu_place){.tensor = -1, .copy = -1}; /* the rows are those of x */
    step->whole = true;
    step->units = params->tasks;
    step->grain = 1;
    step->cost = (double)params->filters * params->in_channels / params->groups * params->size * params->size *
                 params->out_height * params->out_width * 0.03;
    step->scratch_floats = params->scratch_floats;
    return DN_OK;
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)row;
    const dn_cpu_step *step = call->step;
    int taken;
    const dn_cpu_conv_weights_call job = {.conv = &step->as.conv_weights.params,
                                          .x = dn_cpu_data(call, &step->x[0], 0),
                                          .dy = dn_cpu_data(call, &step->x[1], 0),
                                          .x_image = step->x[0].image,
                                          .dy_image = step->x[1].image,
                                          .images = step->x[0].shape.n / call->program->graph.batch * call->images,
                                          .dw = dn_cpu_data(call, &step->as.conv_weights.to, 0),
                                          .scratch = dn_cpu_scratch_take(call, thread, &taken)};
    for (int task = first; task < last; task++) call->program->kernels->conv_weights_run(&job, task);
    dn_cpu_scratch_give(call, taken);
}

const dn_cpu_method dn_cpu_method_conv_weights = {
    .name = "conv2d_weights", .accepts = accepts, .want = want, .bind = bind, .work = work};
