/* step_linear_train.c — backward of fully connected layers, row of weights by row of weights:
 *   dx[n,i] = Σ_o w[o,i] · dy[n,o]      a unit is a piece of the inputs of one image
 *   dw[o,i] += Σ_n dy[n,o] · x[n,i]     a unit is one output, of all images
 * Weights that are stored the other way round exchange the parts of x and dy in the second. */
#include <string.h>

#include "backend/cpu/program.h"

#define PIECE 512 /* inputs */

static size_t image_of(const dn_cpu_place *place) { return (size_t)dn_shape_image(place->shape); }

static dn_cpu_want want_dense(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_DENSE;
}

static bool float_rows(const dn_cpu_compile *compile, int a, int b) {
    const dn_tensor_info *x = &compile->graph->tensors[a], *y = &compile->graph->tensors[b];
    return x->dtype == DN_F32 && y->dtype == DN_F32 && x->shape.n == y->shape.n;
}

/* ---- dx: inputs dy, w ---- */

static bool data_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_linear_data || op->as.linear_data.transposed || !dn_cpu_constant(compile, op, 1))
        return false;
    return dn_cpu_input(compile, group, 0) >= 0 && op->outputs[0] >= 0 &&
           compile->graph->tensors[op->outputs[0]].role == DN_ROLE_DELTA &&
           float_rows(compile, op->inputs[0], op->outputs[0]);
}

static dn_status data_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    const size_t pieces = (image_of(&step->y) + PIECE - 1) / PIECE;
    dn_cpu_split(compile, step, (int)pieces, (double)image_of(&step->x[0]) * PIECE * 0.1);
    return DN_OK;
}

static void data_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const size_t inputs = image_of(&step->y), outputs = image_of(&step->x[0]);
    const float *w = call->program->parameters[call->program->graph.tensors[step->op->inputs[1]].slot];
    const float *dy = dn_cpu_data(call, &step->x[0], row);
    float *dx = dn_cpu_data(call, &step->y, row);
    const size_t begin = (size_t)first * PIECE, end = (size_t)last * PIECE < inputs ? (size_t)last * PIECE : inputs;
    for (size_t at = begin; at < end; at += PIECE) {
        const size_t count = end - at < PIECE ? end - at : PIECE;
        for (size_t o = 0; o < outputs; o++) {
            kernels->accumulate(dy[o], w + o * inputs + at, o > 0 || step->op->accumulate, dx + at, count);
        }
    }
}

const dn_cpu_method dn_cpu_method_linear_data = {
    .name = "linear_data", .accepts = data_accepts, .want = want_dense, .bind = data_bind, .work = data_work};

/* ---- dw: inputs x, dy ---- */

static bool weights_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_linear_weights || dn_cpu_input(compile, group, 0) < 0) return false;
    return dn_cpu_input(compile, group, 1) >= 0 && op->outputs[0] >= 0 &&
           compile->graph->tensors[op->outputs[0]].role == DN_ROLE_GRADIENT &&
           float_rows(compile, op->inputs[0], op->inputs[1]);
}

static const dn_cpu_place *rows_by(const dn_cpu_step *step) {
    return &step->x[step->op->as.linear_weights.transposed ? 0 : 1];
}

static dn_status weights_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    const size_t columns = image_of(&step->x[step->op->as.linear_weights.transposed ? 1 : 0]);
    step->as.sums = step->y;
    step->y = (dn_cpu_place){.tensor = -1, .copy = -1}; /* the rows are those of x */
    dn_cpu_split(compile, step, (int)image_of(rows_by(step)), (double)columns * 0.1);
    step->whole = true;
    return DN_OK;
}

static void weights_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)row, (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_place *rows = rows_by(step), *columns = rows == &step->x[0] ? &step->x[1] : &step->x[0];
    const size_t width = image_of(columns);
    const int images = rows->shape.n / call->program->graph.batch * call->images;
    float *dw = dn_cpu_data(call, &step->as.sums, 0);
    for (int unit = first; unit < last; unit++) {
        for (int n = 0; n < images; n++) {
            const float factor = dn_cpu_data(call, rows, n)[unit];
            call->program->kernels->accumulate(factor, dn_cpu_data(call, columns, n), true, dw + (size_t)unit * width,
                                               width);
        }
    }
}

const dn_cpu_method dn_cpu_method_linear_weights = {.name = "linear_weights",
                                                    .accepts = weights_accepts,
                                                    .want = want_dense,
                                                    .bind = weights_bind,
                                                    .work = weights_work};
