/* step_gradients.c — deltas through what is done value by value: activations, copies, ranges of channels, upsampling,
 * and the sums that are a bias's gradient. Either layout will do; a unit is a line of the result. */
#include <string.h>

#include "backend/cpu/program.h"

static dn_cpu_want want_same(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_SAME;
}

static bool same_shape(const dn_cpu_compile *compile, int a, int b) {
    return dn_shape_equal(dn_cpu_shape(compile, a), dn_cpu_shape(compile, b));
}

/* A float32 result that is passed on, from a float32 tensor of as many rows. */
static bool passes(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    const dn_op *op = &compile->graph->ops[group->op];
    const int x = dn_cpu_input(compile, group, k), y = op->output_count == 1 ? op->outputs[0] : -1;
    if (x < 0 || y < 0) return false;
    const dn_tensor_info *to = &compile->graph->tensors[y], *from = &compile->graph->tensors[x];
    if (to->role != DN_ROLE_ACTIVATION && to->role != DN_ROLE_DELTA) return false;
    return from->role != DN_ROLE_STATE && to->dtype == DN_F32 && from->dtype == DN_F32 && to->shape.n == from->shape.n;
}

static dn_status bind_lines(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_split_lines(compile, step, 0.3);
    return DN_OK;
}

/* ---- activation_gradient: inputs x, y, dy ---- */

static bool slope_of_x(dn_activation kind) {
    return kind == DN_GELU || kind == DN_SWISH || kind == DN_MISH || kind == DN_HARD_MISH;
}

static bool activation_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_activation_gradient || op->input_count != 3) return false;
    const dn_op_activation *params = &op->as.activation_gradient;
    if (dn_activation_across_channels(params->kind)) return false;
    if (params->approximate && params->kind == DN_GELU) return false;
    return passes(compile, group, 0) && passes(compile, group, 1) && passes(compile, group, 2) &&
           same_shape(compile, op->inputs[0], op->outputs[0]) && same_shape(compile, op->inputs[1], op->outputs[0]) &&
           same_shape(compile, op->inputs[2], op->outputs[0]);
}

static dn_cpu_want activation_want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    const dn_activation kind = compile->graph->ops[group->op].as.activation_gradient.kind;
    return k == 0 && !slope_of_x(kind) ? DN_CPU_WANT_NOTHING : DN_CPU_WANT_SAME;
}

static dn_status activation_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    const dn_activation kind = step->op->as.activation_gradient.kind;
    dn_cpu_split_lines(compile, step, slope_of_x(kind) ? 1.0 : 0.3);
    return DN_OK;
}

static void activation_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_activation kind = step->op->as.activation_gradient.kind;
    const size_t line = dn_cpu_line_floats(&step->y, kernels->block), start = line * (size_t)first;
    const float *y = dn_cpu_data(call, &step->x[1], row) + start, *dy = dn_cpu_data(call, &step->x[2], row) + start;
    const float *x = slope_of_x(kind) ? dn_cpu_data(call, &step->x[0], row) + start : y;
    kernels->activation_gradient(kind, x, y, dy, step->op->accumulate, dn_cpu_data(call, &step->y, row) + start,
                                 line * (size_t)(last - first));
}

const dn_cpu_method dn_cpu_method_activation_gradient = {.name = "activation_gradient",
                                                         .accepts = activation_accepts,
                                                         .want = activation_want,
                                                         .bind = activation_bind,
                                                         .work = activation_work};

/* ---- copy and scale ---- */

static bool copy_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_copy && op->kind != DN_OP_scale) return false;
    return passes(compile, group, 0) && same_shape(compile, op->inputs[0], op->outputs[0]);
}

static void copy_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const size_t line = dn_cpu_line_floats(&step->y, kernels->block), start = line * (size_t)first;
    const float factor = step->op->kind == DN_OP_scale ? step->op->as.scale.factor : 1.0F;
    kernels->accumulate(factor, dn_cpu_data(call, &step->x[0], row) + start, step->op->accumulate,
                        dn_cpu_data(call, &step->y, row) + start, line * (size_t)(last - first));
}

const dn_cpu_method dn_cpu_method_delta_copy = {
    .name = "copy of a delta", .accepts = copy_accepts, .want = want_same, .bind = bind_lines, .work = copy_work};

/* ---- fill ---- */

static bool fill_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_fill || op->output_count != 1 || op->outputs[0] < 0 || op->accumulate) return false;
    const dn_tensor_info *to = &compile->graph->tensors[op->outputs[0]];
    return to->role == DN_ROLE_DELTA && to->dtype == DN_F32;
}

static void fill_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const size_t line = dn_cpu_line_floats(&step->y, call->program->kernels->block);
    memset(dn_cpu_data(call, &step->y, row) + line * (size_t)first, 0, line * (size_t)(last - first) * sizeof(float));
}

static dn_cpu_want fill_want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_BLOCKED;
}

const dn_cpu_method dn_cpu_method_delta_fill = {
    .name = "fill", .accepts = fill_accepts, .want = fill_want, .bind = bind_lines, .work = fill_work};

/* ---- channels: a unit is a plane of the channels that are copied ---- */

static bool channels_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_channels || !passes(compile, group, 0)) return false;
    const dn_shape x = dn_cpu_shape(compile, op->inputs[0]), y = dn_cpu_shape(compile, op->outputs[0]);
    const dn_op_channels *params = &op->as.channels;
    return (!params->flat || (x.h == 1 && x.w == 1 && y.h == 1 && y.w == 1)) && x.h == y.h && x.w == y.w &&
           params->from + params->count <= x.c && params->to + params->count <= y.c;
}

static dn_status channels_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    const bool blocked = step->y.layout == DN_CPU_BLOCKED;
    const int count = step->op->as.channels.count, units = blocked ? dn_cpu_blocks(count, compile->block) : count;
    const double plane = (double)dn_cpu_line_floats(&step->y, compile->block) * step->y.shape.h;
    dn_cpu_split(compile, step, units, plane * 0.3);
    return DN_OK;
}

/* Channels that begin in the middle of a block. */
static void move_lanes(const dn_cpu_call *call, const float *x, float *y, int first, int count) {
    const dn_cpu_step *step = call->step;
    const dn_op_channels *params = &step->op->as.channels;
    const size_t block = (size_t)call->program->kernels->block,
                 pixels = (size_t)step->y.shape.h * (size_t)step->y.shape.w;
    for (int k = first; k < first + count; k++) {
        const size_t from = (size_t)(params->from + k), to = (size_t)(params->to + k);
        const float *a = x + from / block * pixels * block + from % block;
        float *b = y + to / block * pixels * block + to % block;
        for (size_t i = 0; i < pixels * block; i += block) b[i] = (step->op->accumulate ? b[i] : 0.0F) + a[i];
    }
}

/* Lanes past the last channel are read, with weights of 0. */
static void clear_unused_lanes(const dn_cpu_call *call, float *y) {
    const dn_shape shape = call->step->y.shape;
    const size_t block = (size_t)call->program->kernels->block, pixels = (size_t)shape.h * (size_t)shape.w;
    const size_t used = (size_t)shape.c % block;
    float *last = y + (size_t)shape.c / block * pixels * block;
    if (used == 0) return;
    for (size_t i = 0; i < pixels; i++) memset(last + i * block + used, 0, (block - used) * sizeof(float));
}

static void channels_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_op_channels *params = &step->op->as.channels;
    const int lanes = step->y.layout == DN_CPU_BLOCKED ? kernels->block : 1;
    const size_t pixels = (size_t)step->y.shape.h * (size_t)step->y.shape.w;
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row);
    for (int unit = first; unit < last; unit++) {
        const int left = params->count - unit * lanes, count = left < lanes ? left : lanes;
        if (count < lanes || params->from % lanes != 0 || params->to % lanes != 0) {
            move_lanes(call, x, y, unit * lanes, count);
            continue;
        }
        kernels->accumulate(1.0F, x + (size_t)(params->from + unit * lanes) * pixels, step->op->accumulate,
                            y + (size_t)(params->to + unit * lanes) * pixels, pixels * (size_t)lanes);
    }
    const bool ends = last == step->units && params->to + params->count == step->y.shape.c;
    if (ends && lanes > 1 && !step->op->accumulate) clear_unused_lanes(call, y);
}

const dn_cpu_method dn_cpu_method_delta_channels = {
    .name = "channels", .accepts = channels_accepts, .want = want_same, .bind = channels_bind, .work = channels_work};

/* ---- upsample, backward ---- */

static bool upsample_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_upsample || !op->as.upsample.reverse || !passes(compile, group, 0)) return false;
    const dn_shape x = dn_cpu_shape(compile, op->inputs[0]), y = dn_cpu_shape(compile, op->outputs[0]);
    const int stride = op->as.upsample.stride;
    return x.c == y.c && x.h == y.h * stride && x.w == y.w * stride;
}

static void upsample_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_op_upsample *params = &step->op->as.upsample;
    const size_t x_plane = dn_cpu_line_floats(&step->x[0], kernels->block) * (size_t)step->x[0].shape.h;
    const size_t y_plane = dn_cpu_line_floats(&step->y, kernels->block) * (size_t)step->y.shape.h;
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row);
    for (int unit = first; unit < last; unit++) {
        const size_t plane = (size_t)(unit / step->y.shape.h);
        kernels->upsample_reverse(step->y.layout, x + plane * x_plane, params->stride, params->scale,
                                  step->op->accumulate, unit % step->y.shape.h, y + plane * y_plane, step->y.shape.w);
    }
}

const dn_cpu_method dn_cpu_method_delta_upsample = {.name = "upsample, backward",
                                                    .accepts = upsample_accepts,
                                                    .want = want_same,
                                                    .bind = bind_lines,
                                                    .work = upsample_work};

/* ---- bias_gradient: a unit is a channel or a block of all images ---- */

static bool bias_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_bias_gradient || dn_cpu_input(compile, group, 0) < 0 || op->outputs[0] < 0) return false;
    return compile->graph->tensors[op->outputs[0]].role == DN_ROLE_GRADIENT;
}

static dn_cpu_want bias_want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group;
    return k == DN_CPU_OUTPUT ? DN_CPU_WANT_DENSE : DN_CPU_WANT_BLOCKED;
}

static dn_status bias_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    const dn_shape shape = step->x[0].shape;
    step->as.sums = step->y;
    step->y = (dn_cpu_place){.tensor = -1, .copy = -1}; /* the rows are those of x */
    step->whole = true;
    step->units = dn_cpu_blocks(shape.c, compile->block);
    step->grain = 1;
    step->cost = (double)shape.c * shape.h * shape.w * 0.1;
    return DN_OK;
}

static void bias_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)row, (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const dn_shape shape = step->x[0].shape;
    const size_t pixels = (size_t)shape.h * (size_t)shape.w;
    const int images = shape.n / call->program->graph.batch * call->images;
    float *db = dn_cpu_data(call, &step->as.sums, 0);
    for (int unit = first; unit < last; unit++) {
        double sum[DN_CPU_BLOCK_MAX] = {0};
        const int channel = unit * kernels->block, left = shape.c - channel;
        for (int n = 0; n < images; n++) {
            const float *dy = dn_cpu_data(call, &step->x[0], n) + (size_t)channel * pixels;
            kernels->delta_sums(dy, NULL, NULL, pixels, sum, NULL);
        }
        for (int k = 0; k < kernels->block && k < left; k++) db[channel + k] += (float)sum[k];
    }
}

const dn_cpu_method dn_cpu_method_bias_gradient = {
    .name = "bias_gradient", .accepts = bias_accepts, .want = bias_want, .bind = bias_bind, .work = bias_work};
