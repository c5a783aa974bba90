/* step_copy.c — y = x: the op, where neither lies in the other (place.c), and the reorders that bind.c adds. */
#include <string.h>

#include "backend/cpu/program.h"

/* ---- copy ---- */

static bool same_shapes(const dn_cpu_compile *compile, const dn_op *op) {
    return dn_shape_equal(dn_cpu_shape(compile, op->inputs[0]), dn_cpu_shape(compile, op->outputs[0]));
}

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    return op->kind == DN_OP_copy && dn_cpu_input(compile, group, 0) >= 0 &&
           dn_shape_image(dn_cpu_shape(compile, op->inputs[0])) ==
               dn_shape_image(dn_cpu_shape(compile, op->outputs[0]));
}

static bool joined(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const int x = dn_cpu_input(compile, group, 0), y = group->output;
    return compile->tensors[y].parent == x || compile->tensors[x].parent == y;
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    if (k != DN_CPU_OUTPUT && compile->placed && joined(compile, group)) return DN_CPU_WANT_NOTHING;
    return same_shapes(compile, &compile->graph->ops[group->op]) ? DN_CPU_WANT_SAME : DN_CPU_WANT_PLANAR;
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    if (!joined(compile, step->group)) dn_cpu_split_lines(compile, step, 0.2);
    return DN_OK;
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const size_t line = dn_cpu_line_floats(&step->y, call->program->kernels->block), start = line * (size_t)first;
    memcpy(dn_cpu_data(call, &step->y, row) + start, dn_cpu_data(call, &step->x[0], row) + start,
           line * (size_t)(last - first) * sizeof(float));
}

const dn_cpu_method dn_cpu_method_copy = {
    .name = "copy", .in_place = true, .accepts = accepts, .want = want, .bind = bind, .work = work};

/* ---- reorder: a unit is one row of all channels ---- */

static dn_status reorder_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    const dn_shape shape = step->y.shape;
    dn_cpu_split(compile, step, shape.h, (double)shape.c * shape.w * 0.3);
    return DN_OK;
}

/* Dense images from ones that lie apart. */
static void close_gaps(dn_cpu_view x, dn_cpu_view y, int first, int last) {
    const size_t width = (size_t)x.width, plane = (size_t)x.height * width, start = (size_t)first * width;
    for (size_t c = 0; c < (size_t)x.channels; c++) {
        memcpy(y.data + c * plane + start, x.data + c * plane + start, (size_t)(last - first) * width * sizeof(float));
    }
}

static void reorder_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_view x = dn_cpu_view_of(call, &step->x[0], row), y = dn_cpu_view_of(call, &step->y, row);
    if (step->y.layout == DN_CPU_BLOCKED) {
        call->program->kernels->to_blocked(x, 0, y, first, last);
    } else if (step->x[0].layout == DN_CPU_BLOCKED) {
        call->program->kernels->to_planar(x, 0, y, first, last);
    } else {
        close_gaps(x, y, first, last);
    }
}

const dn_cpu_method dn_cpu_method_reorder = {.name = "reorder", .bind = reorder_bind, .work = reorder_work};
