/* step_pool_train.c — max pooling in training. Which cell of its window a result came from is a matter between these
 * two methods: the argmax tensor holds it BLOCKED, as floats. */
#include "backend/cpu/program.h"

static bool max_of_planes(const dn_cpu_compile *compile, const dn_op *op, int x, int y) {
    return !op->as.pool2d.average && dn_cpu_shape(compile, x).c == dn_cpu_shape(compile, y).c;
}

/* Whether everything that writes or reads the tensor is of these two kinds. */
static bool private(const dn_cpu_compile *compile, int argmax) {
    if (compile->options->keep[argmax] || compile->graph->tensors[argmax].role != DN_ROLE_ACTIVATION) return false;
    for (int i = 0; i < compile->graph->op_count; i++) {
        const dn_op *op = &compile->graph->ops[i];
        for (int k = 0; k < op->output_count; k++) {
            if (op->outputs[k] != argmax) continue;
            const bool ours = op->kind == DN_OP_pool2d && k == 1 && op->inputs[0] >= 0 && op->outputs[0] >= 0;
            if (!ours || !max_of_planes(compile, op, op->inputs[0], op->outputs[0])) return false;
        }
        for (int k = 0; k < op->input_count; k++) {
            if (op->inputs[k] != argmax) continue;
            const bool ours = op->kind == DN_OP_pool2d_gradient && k == 1 && op->inputs[0] >= 0 && op->outputs[0] >= 0;
            if (!ours || !max_of_planes(compile, op, op->inputs[0], op->outputs[0])) return false;
        }
    }
    return true;
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_BLOCKED;
}

/* ---- forward: outputs y, argmax ---- */

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    return op->kind == DN_OP_pool2d && op->output_count == 2 && op->outputs[0] >= 0 && op->outputs[1] >= 0 &&
           dn_cpu_input(compile, group, 0) >= 0 && private(compile, op->outputs[1]);
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    const int size = step->op->as.pool2d.size;
    step->as.sums = dn_cpu_home(compile, step->op->outputs[1]);
    dn_cpu_split_lines(compile, step, (double)size * size * 0.1 + 0.3);
    return DN_OK;
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_shape in = step->x[0].shape, out = step->y.shape;
    const size_t x_plane = dn_cpu_line_floats(&step->x[0], kernels->block) * (size_t)in.h;
    const size_t line = dn_cpu_line_floats(&step->y, kernels->block);
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row), *cell = dn_cpu_data(call, &step->as.sums, row);
    for (int unit = first; unit < last; unit++) {
        kernels->pool2d_train(&step->op->as.pool2d, x + (size_t)(unit / out.h) * x_plane, in.h, in.w, unit % out.h,
                              y + (size_t)unit * line, cell + (size_t)unit * line, out.w);
    }
}

const dn_cpu_method dn_cpu_method_pool2d_train = {
    .name = "pool2d_train", .blocked = true, .accepts = accepts, .want = want, .bind = bind, .work = work};

/* ---- backward: inputs dy, argmax. A unit is a block: windows may overlap ---- */

static bool gradient_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    return op->kind == DN_OP_pool2d_gradient && op->input_count == 2 && op->inputs[1] >= 0 && op->outputs[0] >= 0 &&
           dn_cpu_input(compile, group, 0) >= 0 && private(compile, op->inputs[1]);
}

static dn_cpu_want gradient_want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group;
    return k == 1 ? DN_CPU_WANT_ANY : DN_CPU_WANT_BLOCKED;
}

static dn_status gradient_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    const int size = step->op->as.pool2d_gradient.size;
    const double plane = (double)step->x[0].shape.h * step->x[0].shape.w * compile->block;
    dn_cpu_split(compile, step, dn_cpu_planes(&step->y, compile->block), plane * size * size * 0.2);
    return DN_OK;
}

static void gradient_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_shape out = step->x[0].shape, in = step->y.shape;
    const size_t lanes = (size_t)kernels->block;
    const size_t from = (size_t)out.h * (size_t)out.w * lanes, to = (size_t)in.h * (size_t)in.w * lanes;
    const float *dy = dn_cpu_data(call, &step->x[0], row), *cell = dn_cpu_data(call, &step->x[1], row);
    float *dx = dn_cpu_data(call, &step->y, row);
    for (size_t unit = (size_t)first; unit < (size_t)last; unit++) {
        kernels->pool2d_gradient(&step->op->as.pool2d_gradient, dy + unit * from, cell + unit * from, out.h, out.w,
                                 step->op->accumulate, dx + unit * to, in.h, in.w);
    }
}

const dn_cpu_method dn_cpu_method_pool2d_gradient = {.name = "pool2d_gradient",
                                                     .blocked = true,
                                                     .accepts = gradient_accepts,
                                                     .want = gradient_want,
                                                     .bind = gradient_bind,
                                                     .work = gradient_work};
