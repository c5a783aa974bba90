/* step_pool.c — pool2d, pool_global and upsample. A unit is a plane, one channel (PLANAR) or block (BLOCKED); of
 * pool2d a line, one row of it. */
#include <string.h>

#include "backend/cpu/program.h"

static dn_cpu_want want_same(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_SAME;
}

static size_t plane_floats(const dn_cpu_place *place, int block) {
    return dn_cpu_line_floats(place, block) * (size_t)place->shape.h;
}

/* ---- pool2d ---- */

static bool pool2d_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    return op->kind == DN_OP_pool2d &&
           dn_cpu_shape(compile, op->inputs[0]).c == dn_cpu_shape(compile, op->outputs[0]).c;
}

static dn_status pool2d_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    step->as.pool2d = (dn_cpu_pool2d){step->op->as.pool2d, step->y.layout};
    const int size = step->op->as.pool2d.size;
    step->scratch_floats = compile->program->kernels->pool2d_scratch(&step->as.pool2d, step->x[0].shape.w);
    const double cells = step->scratch_floats > 0 ? 2.0 * size : (double)size * size;
    dn_cpu_split_lines(compile, step, cells * 0.03 + 0.1);
    return DN_OK;
}

static void pool2d_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_shape in = step->x[0].shape, out = step->y.shape;
    const size_t x_plane = plane_floats(&step->x[0], kernels->block),
                 line = dn_cpu_line_floats(&step->y, kernels->block);
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row);
    int taken;
    float *scratch = dn_cpu_scratch_take(call, thread, &taken);
    for (int unit = first; unit < last; unit++) {
        kernels->pool2d(&step->as.pool2d, x + (size_t)(unit / out.h) * x_plane, in.h, in.w, unit % out.h,
                        y + (size_t)unit * line, out.w, scratch);
    }
    dn_cpu_scratch_give(call, taken);
}

const dn_cpu_method dn_cpu_method_pool2d = {
    .name = "pool2d", .accepts = pool2d_accepts, .want = want_same, .bind = pool2d_bind, .work = pool2d_work};

/* ---- pool_global ---- */

static bool global_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_pool_global) return false;
    const dn_shape x = dn_cpu_shape(compile, op->inputs[0]), y = dn_cpu_shape(compile, op->outputs[0]);
    return y.c == x.c && y.h == 1 && y.w == 1;
}

/* One value per channel comes out, in the order of channels in either layout, so that x may be read as it is. */
static dn_cpu_want global_want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group;
    return k == DN_CPU_OUTPUT ? DN_CPU_WANT_SAME : DN_CPU_WANT_ANY;
}

static dn_status global_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_split(compile, step, dn_cpu_planes(&step->x[0], compile->block),
                 (double)plane_floats(&step->x[0], compile->block) * 0.1);
    return DN_OK;
}

static void clear_unused_lanes(const dn_cpu_place *place, int block, float *y) {
    if (place->layout != DN_CPU_BLOCKED) return;
    const int end = dn_cpu_blocks(place->shape.c, block) * block;
    for (int c = place->shape.c; c < end; c++) y[c] = 0.0F;
}

static void global_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_cpu_layout layout = step->x[0].layout;
    const dn_shape in = step->x[0].shape;
    const int lanes = layout == DN_CPU_BLOCKED ? kernels->block : 1;
    const size_t plane = plane_floats(&step->x[0], kernels->block);
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row);
    for (int unit = first; unit < last; unit++) {
        float mean[DN_CPU_BLOCK_MAX];
        kernels->pool_global(layout, x + (size_t)unit * plane, (size_t)in.h * (size_t)in.w, mean);
        const int channel = unit * lanes, left = in.c - channel;
        memcpy(y + channel, mean, (size_t)(left < lanes ? left : lanes) * sizeof(float));
    }
    if (last == step->units) clear_unused_lanes(&step->y, kernels->block, y);
}

const dn_cpu_method dn_cpu_method_pool_global = {
    .name = "pool_global", .accepts = global_accepts, .want = global_want, .bind = global_bind, .work = global_work};

/* ---- upsample ---- */

static bool upsample_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_upsample || op->as.upsample.reverse) return false;
    const dn_shape x = dn_cpu_shape(compile, op->inputs[0]), y = dn_cpu_shape(compile, op->outputs[0]);
    return y.c == x.c && y.h == x.h * op->as.upsample.stride && y.w == x.w * op->as.upsample.stride;
}

static dn_status upsample_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_split(compile, step, dn_cpu_planes(&step->y, compile->block),
                 (double)plane_floats(&step->y, compile->block) * 0.2);
    return DN_OK;
}

static void upsample_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_op_upsample *params = &step->op->as.upsample;
    const size_t x_plane = plane_floats(&step->x[0], kernels->block), y_plane = plane_floats(&step->y, kernels->block);
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row);
    for (int plane = first; plane < last; plane++) {
        kernels->upsample(step->y.layout, x + (size_t)plane * x_plane, step->x[0].shape.h, step->x[0].shape.w,
                          params->stride, params->scale, y + (size_t)plane * y_plane);
    }
}

const dn_cpu_method dn_cpu_method_upsample = {
    .name = "upsample", .accepts = upsample_accepts, .want = want_same, .bind = upsample_bind, .work = upsample_work};
