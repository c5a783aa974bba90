/* step_unary.c — one tensor, element by element: activation, and batchnorm or bias that no op before them took.
 *
 *   affine      y = f(x · scale[c] + offset[c]);   batchnorm: scale/d and bias − mean·scale/d,   bias: 1 and b
 *
 * A unit is a line: one row of one channel (PLANAR) or block (BLOCKED), as in memory. */
#include "backend/cpu/program.h"
#include "backend/fold.h"

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_SAME;
}

static bool same_shapes(const dn_cpu_compile *compile, const dn_op *op) {
    return dn_shape_equal(dn_cpu_shape(compile, op->inputs[0]), dn_cpu_shape(compile, op->outputs[0]));
}

/* ---- activation ---- */

static bool activation_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    return op->kind == DN_OP_activation && !dn_activation_across_channels(op->as.activation.kind) &&
           same_shapes(compile, op);
}

static dn_status activation_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_split_lines(compile, step, 0.5);
    return DN_OK;
}

static void activation_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const size_t line = dn_cpu_line_floats(&step->y, call->program->kernels->block), start = line * (size_t)first;
    call->program->kernels->activate(step->group->activation, dn_cpu_data(call, &step->x[0], row) + start,
                                     dn_cpu_data(call, &step->y, row) + start, line * (size_t)(last - first));
}

const dn_cpu_method dn_cpu_method_activation = {.name = "activation",
                                                .in_place = true,
                                                .accepts = activation_accepts,
                                                .want = want,
                                                .bind = activation_bind,
                                                .work = activation_work};

/* ---- affine ---- */

static bool affine_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    return (op->kind == DN_OP_batchnorm || op->kind == DN_OP_bias) && dn_cpu_constant(compile, op, 1) &&
           same_shapes(compile, op);
}

static size_t lanes(const dn_cpu_step *step, int block) {
    return (size_t)dn_cpu_blocks(step->y.shape.c, block) * (size_t)block;
}

static dn_status affine_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_split_lines(compile, step, 0.5);
    step->packed_floats = 2 * lanes(step, compile->block);
    step->pack_parts = 1;
    return DN_OK;
}

static void affine_pack(const dn_cpu_program *program, const dn_cpu_step *step, const float *const *parameters,
                        int part, float *spare, float *packed) {
    (void)part, (void)spare;
    const size_t channels = (size_t)step->y.shape.c;
    float *scale = packed, *offset = packed + lanes(step, program->kernels->block);
    const float *of[5] = {NULL};
    for (int k = 1; k < step->op->input_count; k++) of[k] = dn_cpu_parameter(program, parameters, step->op->inputs[k]);
    if (step->op->kind == DN_OP_batchnorm) {
        for (size_t c = 0; c < channels; c++) scale[c] = 1.0F;
        dn_fold_batchnorm(&step->op->as.batchnorm, (int)channels, 1, scale, of[1], of[2], of[3], of[4], scale, offset);
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        scale[c] = 1.0F;
        offset[c] = of[1][c];
    }
}

static bool affine_packs_alike(const dn_cpu_step *a, const dn_cpu_step *b) { return a->y.shape.c == b->y.shape.c; }

static void affine_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const int height = step->y.shape.h;
    const size_t line = dn_cpu_line_floats(&step->y, kernels->block), width = (size_t)step->y.shape.w;
    const float *scale = dn_cpu_packed(call), *offset = scale + lanes(step, kernels->block);
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row);
    for (int unit = first; unit < last;) {
        const int plane = unit / height, end = (plane + 1) * height < last ? (plane + 1) * height : last;
        const size_t start = line * (size_t)unit, rows = (size_t)(end - unit);
        if (step->y.layout == DN_CPU_PLANAR) {
            kernels->scale(step->group->activation, x + start, scale[plane], offset[plane], y + start, rows * width);
        } else {
            const size_t lane = (size_t)plane * (size_t)kernels->block;
            kernels->scale_blocked(step->group->activation, x + start, scale + lane, offset + lane, y + start,
                                   rows * width);
        }
        unit = end;
    }
}

const dn_cpu_method dn_cpu_method_affine = {.name = "batchnorm",
                                            .in_place = true,
                                            .accepts = affine_accepts,
                                            .want = want,
                                            .bind = affine_bind,
                                            .pack = affine_pack,
                                            .packs_alike = affine_packs_alike,
                                            .work = affine_work};
