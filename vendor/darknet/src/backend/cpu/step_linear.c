/* step_linear.c — linear with its folded batchnorm or bias and activation. Rows lie one after the other; tasks of the
 * kernel cover all rows at once. */
#include "backend/cpu/program.h"

static dn_cpu_linear describe(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    const dn_shape x = dn_cpu_shape(compile, op->inputs[0]), y = dn_cpu_shape(compile, op->outputs[0]);
    const dn_pool *pool = compile->program->pool;
    return (dn_cpu_linear){.rows = y.n,
                           .inputs = (int)dn_shape_image(x),
                           .outputs = (int)dn_shape_image(y),
                           .threads = pool ? dn_pool_threads(pool) : 1,
                           .transposed = op->as.linear.transposed,
                           .epilogue = {.activation = group->activation}};
}

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_linear || !dn_cpu_constant(compile, op, 1)) return false;
    const dn_shape y = dn_cpu_shape(compile, op->outputs[0]);
    if (y.h != 1 || y.w != 1) return false; /* a bias is per channel, the kernel's per output */
    dn_cpu_linear linear = describe(compile, group);
    return compile->program->kernels->linear_choose(&linear);
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_DENSE;
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_linear *linear = &step->as.linear;
    *linear = describe(compile, step->group);
    if (!compile->program->kernels->linear_choose(linear)) {
        return dn_fail(compile->err, DN_E_UNSUPPORTED, "no kernel multiplies %d inputs to %d outputs", linear->inputs,
                       linear->outputs);
    }
    step->whole = true;
    step->units = linear->tasks;
    step->grain = 1;
    step->cost = (double)linear->inputs * linear->outputs * 0.1; /* of one row; the weights come from memory */
    step->packed_floats = linear->packed_floats;
    step->scratch_floats = linear->scratch_floats;
    step->pack_parts = (linear->outputs + linear->pack_outputs - 1) / linear->pack_outputs;
    step->spare_floats = dn_cpu_fold_floats(compile, step, linear->pack_outputs, (size_t)linear->inputs);
    return DN_OK;
}

/* Transposed weights have no batchnorm folded in (fuse.c), and one output's lie `outputs` apart. */
static void pack(const dn_cpu_program *program, const dn_cpu_step *step, const float *const *parameters, int part,
                 float *spare, float *packed) {
    const dn_cpu_linear *linear = &step->as.linear;
    const int first = part * linear->pack_outputs, left = linear->outputs - first;
    const int count = left < linear->pack_outputs ? left : linear->pack_outputs;
    const size_t each = linear->transposed ? 1 : (size_t)linear->inputs;
    const dn_cpu_filters own = dn_cpu_fold(program, step, parameters, first, count, each, spare);
    program->kernels->linear_pack(linear, part, own.weights, own.bias, packed);
}

static bool packs_alike(const dn_cpu_step *a, const dn_cpu_step *b) {
    const dn_cpu_linear *p = &a->as.linear, *q = &b->as.linear;
    return p->inputs == q->inputs && p->outputs == q->outputs && p->transposed == q->transposed;
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    const dn_cpu_step *step = call->step;
    int taken;
    float *scratch = dn_cpu_scratch_take(call, thread, &taken);
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row);
    for (int task = first; task < last; task++) {
        call->program->kernels->linear_run(&step->as.linear, x, dn_cpu_packed(call), y, call->rows, scratch, task);
    }
    dn_cpu_scratch_give(call, taken);
}

const dn_cpu_method dn_cpu_method_linear = {.name = "linear",
                                            .accepts = accepts,
                                            .want = want,
                                            .bind = bind,
                                            .pack = pack,
                                            .packs_alike = packs_alike,
                                            .work = work};
