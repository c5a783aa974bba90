/* step_concat.c — the parts of a concatenation that do not lie in it already (place.c). A unit is one row of one part;
 * flat: one part. Parts that share a block of channels write different lanes of it. */
#include <string.h>

#include "backend/cpu/program.h"

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_concat) return false;
    const dn_op_concat *concat = &op->as.concat;
    const dn_shape y = dn_cpu_shape(compile, op->outputs[0]);
    int64_t channels = 0;
    for (int k = 0; k < op->input_count; k++) {
        if (dn_cpu_input(compile, group, k) < 0) return false;
        const dn_shape x = dn_cpu_shape(compile, op->inputs[k]);
        if (!concat->flat && (x.h != y.h || x.w != y.w || concat->first[k] + concat->channels[k] > x.c)) return false;
        if (concat->flat && (concat->first[k] != 0 || concat->channels[k] != dn_shape_image(x))) return false;
        channels += concat->channels[k];
    }
    return channels == (concat->flat ? dn_shape_image(y) : y.c);
}

/* First channel of input k in the output. */
static int start_of(const dn_op *op, int k) {
    int at = 0;
    for (int i = 0; i < k; i++) at += op->as.concat.channels[i];
    return at;
}

static bool in_place_already(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    const dn_op *op = &compile->graph->ops[group->op];
    const int x = op->inputs[k], y = group->output;
    if (compile->tensors[y].parent == x) return true; /* a view */
    const dn_shape shape = dn_cpu_shape(compile, y);
    const size_t pixels = op->as.concat.flat ? 1 : (size_t)shape.h * (size_t)shape.w;
    return compile->tensors[x].parent == y && compile->tensors[x].offset == (size_t)start_of(op, k) * pixels &&
           op->as.concat.first[k] == 0;
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    const dn_op *op = &compile->graph->ops[group->op];
    const dn_op_concat *concat = &op->as.concat;
    if (concat->flat && (k == DN_CPU_OUTPUT || !compile->placed)) return DN_CPU_WANT_PLANAR;
    if (k == DN_CPU_OUTPUT || !compile->placed) return DN_CPU_WANT_SAME;
    if (in_place_already(compile, group, k)) return DN_CPU_WANT_NOTHING;
    if (concat->flat) return DN_CPU_WANT_PLANAR;
    if (compile->tensors[group->output].home == DN_CPU_PLANAR) return DN_CPU_WANT_ANY;
    const bool whole_blocks = start_of(op, k) % compile->block == 0 &&
                              (concat->channels[k] % compile->block == 0 || k + 1 == op->input_count);
    return whole_blocks ? DN_CPU_WANT_ANY : DN_CPU_WANT_BLOCKED;
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    const dn_op_concat *concat = &step->op->as.concat;
    const size_t inputs = (size_t)step->op->input_count;
    dn_cpu_part *parts = NULL;
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&parts, inputs, sizeof *parts, compile->err));
    int count = 0;
    double channels = 0;
    for (int k = 0; k < step->op->input_count; k++) {
        if (in_place_already(compile, step->group, k)) continue;
        parts[count++] = (dn_cpu_part){k, concat->first[k], concat->channels[k], start_of(step->op, k)};
        channels += concat->channels[k];
    }
    step->as.concat.parts = parts;
    step->as.concat.count = count;
    if (count == 0) return DN_OK;
    const double row = channels / count * (concat->flat ? 1 : step->y.shape.w) * 0.2;
    dn_cpu_split(compile, step, count * (concat->flat ? 1 : step->y.shape.h), row);
    return DN_OK;
}

static void copy_planar(dn_cpu_view x, int first, dn_cpu_view y, int row0, int row1) {
    const size_t width = (size_t)x.width, plane = (size_t)x.height * width, floats = (size_t)(row1 - row0) * width;
    const float *from = x.data + (size_t)first * plane + (size_t)row0 * width;
    float *to = y.data + (size_t)row0 * width;
    for (int c = 0; c < y.channels; c++, from += plane, to += plane) memcpy(to, from, floats * sizeof(float));
}

static void copy_part(const dn_cpu_call *call, const dn_cpu_part *part, int row, int row0, int row1) {
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_cpu_place *from = &step->x[part->input];
    const dn_cpu_view x = dn_cpu_view_of(call, from, row), y = dn_cpu_view_of(call, &step->y, row);
    if (from->layout == DN_CPU_BLOCKED && step->y.layout == DN_CPU_BLOCKED) {
        kernels->copy_blocked(x, part->first, y, part->at, part->channels, row0, row1);
        return;
    }
    dn_cpu_view into = y; /* the part's channels of y: they start with a block where y has blocks */
    into.data += (size_t)part->at * (size_t)y.height * (size_t)y.width;
    into.channels = part->channels;
    if (from->layout == DN_CPU_BLOCKED) {
        kernels->to_planar(x, part->first, into, row0, row1);
    } else if (step->y.layout == DN_CPU_BLOCKED) {
        kernels->to_blocked(x, part->first, into, row0, row1);
    } else {
        copy_planar(x, part->first, into, row0, row1);
    }
}

static void copy_flat(const dn_cpu_call *call, const dn_cpu_part *part, int row) {
    const float *x = dn_cpu_data(call, &call->step->x[part->input], row);
    memcpy(dn_cpu_data(call, &call->step->y, row) + part->at, x, (size_t)part->channels * sizeof(float));
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const int height = step->y.shape.h;
    if (step->op->as.concat.flat) {
        for (int unit = first; unit < last; unit++) copy_flat(call, &step->as.concat.parts[unit], row);
        return;
    }
    for (int unit = first; unit < last;) {
        const int part = unit / height, end = (part + 1) * height < last ? (part + 1) * height : last;
        const int row0 = unit - part * height;
        copy_part(call, &step->as.concat.parts[part], row, row0, row0 + end - unit);
        unit = end;
    }
}

const dn_cpu_method dn_cpu_method_concat = {
    .name = "concat", .accepts = accepts, .want = want, .bind = bind, .work = work};
