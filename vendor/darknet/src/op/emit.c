/* emit.c — appends tensors and ops to the graph of a plan, after checking that their shapes fit. */
#include "op/emit.h"

#include <string.h>

#include "op/activation.h"
#include "op/append.h"

/* ---- tensors ---- */

static bool is_tensor(const dn_emit *emit, int tensor) {
    return tensor >= 0 && (size_t)tensor < emit->graph->tensor_count;
}

static int64_t elements(const dn_emit *emit, int tensor) {
    return is_tensor(emit, tensor) ? dn_shape_count(emit->graph->tensors[tensor].shape) : 0;
}

dn_shape dn_emit_shape(const dn_emit *emit, int tensor) {
    return is_tensor(emit, tensor) ? emit->graph->tensors[tensor].shape : (dn_shape){0, 0, 0, 0};
}

dn_status dn_emit_tensor(dn_emit *emit, dn_shape shape, dn_dtype dtype, int *out) {
    dn_graph_builder *graph = emit->graph;
    if (!dn_shape_valid(shape)) {
        return dn_fail(emit->err, DN_E_SHAPE, "a tensor of %d x %d x %d x %d values is empty or too large", shape.n,
                       shape.c, shape.h, shape.w);
    }
    void *tensors = graph->tensors;
    DN_TRY(dn_zone_grow(graph->zone, &tensors, graph->tensor_count, &graph->tensor_room, sizeof *graph->tensors,
                        emit->err));
    graph->tensors = tensors;
    graph->tensors[graph->tensor_count] = (dn_tensor_info){.shape = shape,
                                                           .dtype = dtype,
                                                           .role = DN_ROLE_ACTIVATION,
                                                           .layer = emit->layer,
                                                           .slot = -1,
                                                           .of = -1,
                                                           .delta = -1};
    *out = (int)graph->tensor_count++;
    return DN_OK;
}

dn_status dn_emit_output(dn_emit *emit, int tensor) {
    if (emit->output >= 0) return dn_fail(emit->err, DN_E_SHAPE, "the layer has two outputs");
    if (!is_tensor(emit, tensor) || elements(emit, tensor) != dn_shape_count(emit->output_shape)) {
        return dn_fail(emit->err, DN_E_SHAPE, "the layer's output has %lld values in place of %lld",
                       (long long)elements(emit, tensor), (long long)dn_shape_count(emit->output_shape));
    }
    emit->output = tensor;
    return DN_OK;
}

/* ---- ops ---- */

static dn_status mismatch(dn_emit *emit, dn_op_kind kind, const char *what) {
    return dn_fail(emit->err, DN_E_SHAPE, "%s: %s", dn_op_name(kind), what);
}

static dn_status copy_ints(dn_emit *emit, const int *values, int count, const int **out) {
    void *copy;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &copy, (size_t)count + 1, sizeof(int), emit->err));
    if (count > 0) memcpy(copy, values, (size_t)count * sizeof(int));
    *out = copy;
    return DN_OK;
}

/* Kinds whose inputs may be -1. */
static bool may_lack(dn_op_kind kind) {
    return kind == DN_OP_host || kind == DN_OP_batchnorm || kind == DN_OP_batchnorm_train ||
           kind == DN_OP_pool2d_gradient;
}

/* A state keeps no history: what the last run left in it is a constant. */
static void mark_trained(dn_graph_builder *graph, const dn_op *op) {
    bool trains = false;
    for (int k = 0; k < op->input_count; k++) trains |= op->inputs[k] >= 0 && graph->tensors[op->inputs[k]].trains;
    for (int k = 0; k < op->output_count; k++) {
        const int y = op->outputs[k];
        if (y >= 0 && graph->tensors[y].role == DN_ROLE_ACTIVATION) graph->tensors[y].trains |= trains;
    }
}

dn_status dn_emit_append(dn_emit *emit, dn_op op, const int *inputs, int input_count, const int *outputs,
                         int output_count) {
    dn_graph_builder *graph = emit->graph;
    for (int k = 0; k < input_count; k++) {
        const bool absent = inputs[k] == -1 && may_lack(op.kind);
        if (!absent && !is_tensor(emit, inputs[k])) return mismatch(emit, op.kind, "an input is no tensor");
    }
    void *ops = graph->ops;
    DN_TRY(dn_zone_grow(graph->zone, &ops, graph->op_count, &graph->op_room, sizeof *graph->ops, emit->err));
    graph->ops = ops;
    op.layer = emit->layer;
    op.input_count = input_count;
    op.output_count = output_count;
    DN_TRY(copy_ints(emit, inputs, input_count, &op.inputs));
    DN_TRY(copy_ints(emit, outputs, output_count, &op.outputs));
    graph->ops[graph->op_count++] = op;
    mark_trained(graph, &graph->ops[graph->op_count - 1]);
    return DN_OK;
}

/* The same with fresh output tensors of `shapes`. */
static dn_status append(dn_emit *emit, dn_op op, const int *inputs, int input_count, const dn_shape *shapes,
                        int output_count, int *outs) {
    for (int k = 0; k < output_count; k++) DN_TRY(dn_emit_tensor(emit, shapes[k], DN_F32, &outs[k]));
    return dn_emit_append(emit, op, inputs, input_count, outs, output_count);
}

static dn_status append_one(dn_emit *emit, dn_op op, const int *inputs, int input_count, dn_shape shape, int *out) {
    int tensor = -1;
    DN_TRY(append(emit, op, inputs, input_count, &shape, 1, &tensor));
    *out = tensor;
    return DN_OK;
}

dn_status dn_emit_conv2d(dn_emit *emit, int x, int weights, dn_shape shape, dn_op_conv2d params, int *out) {
    const dn_shape in = dn_emit_shape(emit, x);
    if (params.groups < 1 || params.size < 1 || params.stride_x < 1 || params.stride_y < 1 || params.dilation < 1) {
        return mismatch(emit, DN_OP_conv2d, "groups, size, strides and dilation must be 1 or more");
    }
    if (in.n != shape.n || in.c % params.groups != 0 || shape.c % params.groups != 0) {
        return mismatch(emit, DN_OP_conv2d, "images differ, or channels cannot be split into groups");
    }
    const int64_t count = (int64_t)shape.c * (in.c / params.groups) * params.size * params.size;
    if (elements(emit, weights) != count) return mismatch(emit, DN_OP_conv2d, "the weights have another size");
    if (params.binary == DN_BINARY_XNOR && emit->training && !emit->graph->full_precision) {
        DN_TRY(dn_emit_signs(emit, x, &x));
        params.binary = DN_BINARY_NONE;
    }
    const int inputs[] = {x, weights};
    return append_one(emit, (dn_op){.kind = DN_OP_conv2d, .as.conv2d = params}, inputs, 2, shape, out);
}

dn_status dn_emit_linear(dn_emit *emit, int x, int weights, int outputs, dn_op_linear params, int *out) {
    const dn_shape in = dn_emit_shape(emit, x);
    if (elements(emit, weights) != dn_shape_image(in) * outputs) {
        return mismatch(emit, DN_OP_linear, "the weights have another size");
    }
    const int inputs[] = {x, weights};
    const dn_shape shape = {in.n, outputs, 1, 1};
    return append_one(emit, (dn_op){.kind = DN_OP_linear, .as.linear = params}, inputs, 2, shape, out);
}

dn_status dn_emit_bias(dn_emit *emit, int x, int biases, int *out) {
    const dn_shape shape = dn_emit_shape(emit, x);
    if (elements(emit, biases) != shape.c) return mismatch(emit, DN_OP_bias, "there is not one bias a channel");
    const int inputs[] = {x, biases};
    return append_one(emit, (dn_op){.kind = DN_OP_bias}, inputs, 2, shape, out);
}

/* inputs: x, scales, rolling_mean, rolling_variance, biases */
static dn_status batchnorm_train(dn_emit *emit, const int *inputs, dn_op_batchnorm params, int *out) {
    dn_graph_builder *graph = emit->graph;
    const dn_shape shape = dn_emit_shape(emit, inputs[0]), row = {graph->batch, shape.c, 1, 1};
    const dn_shape shapes[] = {shape, row, row};
    const int read[] = {inputs[0], inputs[1], inputs[4]};
    const dn_op op = {.kind = DN_OP_batchnorm_train, .as.batchnorm_train = params};
    int outs[3];
    DN_TRY(append(emit, op, read, 3, shapes, 3, outs));
    *out = outs[0];
    return dn_emit_roll(emit, outs[1], outs[2], inputs[2], inputs[3]);
}

dn_status dn_emit_roll(dn_emit *emit, int mean, int variance, int rolling_mean, int rolling_variance) {
    dn_graph_builder *graph = emit->graph;
    void *rollings = graph->rollings;
    DN_TRY(dn_zone_grow(graph->zone, &rollings, graph->rolling_count, &graph->rolling_room, sizeof *graph->rollings,
                        emit->err));
    graph->rollings = rollings;
    graph->rollings[graph->rolling_count++] =
        (dn_rolling){emit->layer, mean, variance, rolling_mean, rolling_variance, 0.0F};
    return DN_OK;
}

dn_status dn_emit_batchnorm(dn_emit *emit, int x, int scales, int mean, int variance, int biases,
                            dn_op_batchnorm params, int *out) {
    const dn_shape shape = dn_emit_shape(emit, x);
    const int inputs[] = {x, scales, mean, variance, biases};
    for (int k = 1; k < 5; k++) {
        if (k == 4 && biases == -1) break;
        if (elements(emit, inputs[k]) != shape.c) {
            return mismatch(emit, DN_OP_batchnorm, "a parameter does not have one value a channel");
        }
    }
    if (emit->training && !emit->graph->frozen) return batchnorm_train(emit, inputs, params, out);
    return append_one(emit, (dn_op){.kind = DN_OP_batchnorm, .as.batchnorm = params}, inputs, 5, shape, out);
}

dn_status dn_emit_activation(dn_emit *emit, int x, dn_activation kind, int *out) {
    if (kind == DN_LINEAR && is_tensor(emit, x)) {
        *out = x;
        return DN_OK;
    }
    const dn_op op = {.kind = DN_OP_activation, .as.activation = {.kind = kind}};
    return append_one(emit, op, &x, 1, dn_emit_shape(emit, x), out);
}

dn_status dn_emit_pool2d(dn_emit *emit, int x, dn_shape shape, dn_op_pool2d params, int *out) {
    const dn_shape in = dn_emit_shape(emit, x);
    if (in.n != shape.n || in.c != shape.c || params.size < 1 || params.stride_x < 1 || params.stride_y < 1) {
        return mismatch(emit, DN_OP_pool2d, "images or channels differ, or the window is empty");
    }
    const dn_op op = {.kind = DN_OP_pool2d, .as.pool2d = params};
    if (!emit->training || params.average) return append_one(emit, op, &x, 1, shape, out);
    int outs[2];
    DN_TRY(dn_emit_tensor(emit, shape, DN_F32, &outs[0]));
    DN_TRY(dn_emit_tensor(emit, shape, DN_I32, &outs[1]));
    *out = outs[0];
    return dn_emit_append(emit, op, &x, 1, outs, 2);
}

dn_status dn_emit_pool_depth(dn_emit *emit, int x, int out_channels, int *out) {
    const dn_shape in = dn_emit_shape(emit, x);
    if (out_channels < 1 || out_channels > in.c) {
        return mismatch(emit, DN_OP_pool_depth, "there are fewer channels than outputs");
    }
    const dn_shape shape = {in.n, out_channels, in.h, in.w};
    return append_one(emit, (dn_op){.kind = DN_OP_pool_depth}, &x, 1, shape, out);
}

dn_status dn_emit_pool_global(dn_emit *emit, int x, int *out) {
    const dn_shape in = dn_emit_shape(emit, x);
    const dn_shape shape = {in.n, in.c, 1, 1};
    return append_one(emit, (dn_op){.kind = DN_OP_pool_global}, &x, 1, shape, out);
}

/* Fills the channel ranges of one input of concat and checks them. */
static dn_status concat_range(dn_emit *emit, int x, bool flat, dn_shape shape, int *first, int *channels) {
    const dn_shape in = dn_emit_shape(emit, x);
    const int64_t all = flat ? dn_shape_image(in) : in.c;
    if (*channels < 0) *channels = (int)all;
    const bool whole = *first == 0 && *channels == all;
    if (in.n != shape.n || (flat ? !whole : in.h != shape.h || in.w != shape.w)) {
        return mismatch(emit, DN_OP_concat, "images, rows or columns differ");
    }
    if (*first < 0 || *channels < 1 || *first > all - *channels) {
        return mismatch(emit, DN_OP_concat, "an input has fewer channels");
    }
    return DN_OK;
}

dn_status dn_emit_concat(dn_emit *emit, const int *xs, int count, const int *first, const int *channels, bool flat,
                         dn_shape shape, int *out) {
    void *ranges;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &ranges, 2 * (size_t)count, sizeof(int), emit->err));
    int *const firsts = ranges;
    int *const counts = firsts + count;
    int64_t total = 0;
    for (int k = 0; k < count; k++) {
        firsts[k] = first ? first[k] : 0;
        counts[k] = channels ? channels[k] : -1;
        DN_TRY(concat_range(emit, xs[k], flat, shape, &firsts[k], &counts[k]));
        total += counts[k];
    }
    if (count < 1 || total != (flat ? dn_shape_image(shape) : shape.c)) {
        return mismatch(emit, DN_OP_concat, "the channels do not add up");
    }
    const dn_op op = {.kind = DN_OP_concat, .as.concat = {flat, firsts, counts}};
    return append_one(emit, op, xs, count, shape, out);
}

dn_status dn_emit_add(dn_emit *emit, const int *xs, int weights, dn_op_add params, int *out) {
    const bool plain = params.weights == DN_ADD_PLAIN;
    if (params.terms < 1 || plain != (weights == -1) || (params.sampled && (params.terms != 2 || !plain))) {
        return mismatch(emit, DN_OP_add, "terms and weights do not fit");
    }
    const dn_shape shape = dn_emit_shape(emit, xs[0]);
    for (int k = 1; k < params.terms; k++) {
        const dn_shape in = dn_emit_shape(emit, xs[k]);
        if (in.n != shape.n || (!params.sampled && (in.h != shape.h || in.w != shape.w))) {
            return mismatch(emit, DN_OP_add, "images, rows or columns differ");
        }
    }
    const int64_t each = params.weights == DN_ADD_PER_CHANNEL ? shape.c : 1;
    if (!plain && elements(emit, weights) != params.terms * each) {
        return mismatch(emit, DN_OP_add, "the weights have another size");
    }
    void *list;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &list, (size_t)params.terms + 1, sizeof(int), emit->err));
    int *const inputs = list;
    memcpy(inputs, xs, (size_t)params.terms * sizeof(int));
    inputs[params.terms] = weights;
    const int count = params.terms + (plain ? 0 : 1);
    return append_one(emit, (dn_op){.kind = DN_OP_add, .as.add = params}, inputs, count, shape, out);
}

dn_status dn_emit_mul(dn_emit *emit, int x, int s, int *out) {
    const dn_shape shape = dn_emit_shape(emit, x), scale = dn_emit_shape(emit, s);
    const bool channels = scale.c == shape.c && scale.h == 1 && scale.w == 1;
    const bool places = scale.c == 1 && scale.h == shape.h && scale.w == shape.w;
    if (scale.n != shape.n || !(dn_shape_equal(shape, scale) || channels || places)) {
        return mismatch(emit, DN_OP_mul, "the factor has another shape");
    }
    const int inputs[] = {x, s};
    return append_one(emit, (dn_op){.kind = DN_OP_mul}, inputs, 2, shape, out);
}

dn_status dn_emit_upsample(dn_emit *emit, int x, dn_shape shape, dn_op_upsample params, int *out) {
    const dn_shape in = dn_emit_shape(emit, x);
    const dn_shape small = params.reverse ? shape : in, large = params.reverse ? in : shape;
    if (params.stride < 1 || in.n != shape.n || in.c != shape.c || large.h / params.stride != small.h ||
        large.w / params.stride != small.w) {
        return mismatch(emit, DN_OP_upsample, "the sides do not differ by the stride");
    }
    return append_one(emit, (dn_op){.kind = DN_OP_upsample, .as.upsample = params}, &x, 1, shape, out);
}

dn_status dn_emit_reorg(dn_emit *emit, int x, dn_shape shape, dn_op_reorg params, int *out) {
    const dn_shape in = dn_emit_shape(emit, x);
    if (params.stride < 1 || in.n != shape.n || dn_shape_image(in) != dn_shape_image(shape) ||
        in.c % (params.stride * params.stride) != 0) {
        return mismatch(emit, DN_OP_reorg, "the sizes or channels do not fit the stride");
    }
    return append_one(emit, (dn_op){.kind = DN_OP_reorg, .as.reorg = params}, &x, 1, shape, out);
}

dn_status dn_emit_softmax(dn_emit *emit, int x, dn_op_softmax params, int *out) {
    const dn_shape shape = dn_emit_shape(emit, x);
    const int64_t image = params.spatial ? shape.c : dn_shape_image(shape);
    if (params.groups < 1 || image % params.groups != 0) {
        return mismatch(emit, DN_OP_softmax, "the values cannot be split into groups");
    }
    int64_t total = 0;
    for (int k = 0; params.sizes && k < params.size_count; k++) total += params.sizes[k];
    if (params.sizes && total != image / params.groups) {
        return mismatch(emit, DN_OP_softmax, "the parts do not add up to a group");
    }
    return append_one(emit, (dn_op){.kind = DN_OP_softmax, .as.softmax = params}, &x, 1, shape, out);
}

dn_status dn_emit_channel_map(dn_emit *emit, int x, const dn_channel_rule *rules, int rule_count, int *out) {
    const dn_shape shape = dn_emit_shape(emit, x);
    int next = 0;
    for (int k = 0; k < rule_count; k++) {
        if (rules[k].first < next || rules[k].count < 1 || rules[k].first > shape.c - rules[k].count) {
            return mismatch(emit, DN_OP_channel_map, "the rules overlap or name absent channels");
        }
        next = rules[k].first + rules[k].count;
    }
    void *copy;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &copy, (size_t)rule_count + 1, sizeof *rules, emit->err));
    if (rule_count > 0) memcpy(copy, rules, (size_t)rule_count * sizeof *rules);
    const dn_op op = {.kind = DN_OP_channel_map, .as.channel_map = {copy, rule_count}};
    return append_one(emit, op, &x, 1, shape, out);
}

dn_status dn_emit_copy(dn_emit *emit, int x, dn_shape shape, int *out) {
    if (elements(emit, x) != dn_shape_count(shape)) return mismatch(emit, DN_OP_copy, "the sizes differ");
    return append_one(emit, (dn_op){.kind = DN_OP_copy}, &x, 1, shape, out);
}

dn_status dn_emit_rows(dn_emit *emit, int x, int step, int steps, int *out) {
    dn_shape shape = dn_emit_shape(emit, x);
    if (steps < 1 || step < 0 || step >= steps || shape.n % steps != 0) {
        return mismatch(emit, DN_OP_rows, "the rows are not so many time steps");
    }
    if (steps == 1) {
        *out = x;
        return DN_OK;
    }
    shape.n /= steps;
    return append_one(emit, (dn_op){.kind = DN_OP_rows, .as.rows = {step}}, &x, 1, shape, out);
}

dn_status dn_emit_stack(dn_emit *emit, const int *xs, int count, int *out) {
    if (count < 1) return mismatch(emit, DN_OP_stack, "there is no input");
    dn_shape shape = dn_emit_shape(emit, xs[0]);
    for (int k = 1; k < count; k++) {
        if (!dn_shape_equal(dn_emit_shape(emit, xs[k]), shape)) return mismatch(emit, DN_OP_stack, "shapes differ");
    }
    if (count == 1) {
        *out = xs[0];
        return DN_OK;
    }
    if (shape.n > INT32_MAX / count) return mismatch(emit, DN_OP_stack, "there are too many rows");
    shape.n *= count;
    return append_one(emit, (dn_op){.kind = DN_OP_stack}, xs, count, shape, out);
}

dn_status dn_emit_store(dn_emit *emit, int x, int state) {
    const bool is_state = is_tensor(emit, state) && emit->graph->tensors[state].role == DN_ROLE_STATE;
    if (!is_state || !dn_shape_equal(dn_emit_shape(emit, x), dn_emit_shape(emit, state))) {
        return mismatch(emit, DN_OP_copy, "the state has another shape");
    }
    return dn_emit_append(emit, (dn_op){.kind = DN_OP_copy}, &x, 1, &state, 1);
}

dn_status dn_emit_host(dn_emit *emit, const char *name, dn_host_fn function, const void *params, const int *xs,
                       int count, const dn_shape *shapes, int outputs, int *outs) {
    return dn_emit_host_trained(emit, name, function, NULL, params, xs, count, shapes, outputs, outs);
}

dn_status dn_emit_host_trained(dn_emit *emit, const char *name, dn_host_fn function, dn_host_fn gradient,
                               const void *params, const int *xs, int count, const dn_shape *shapes, int outputs,
                               int *outs) {
    const dn_op op = {.kind = DN_OP_host, .as.host = {function, gradient, params, name}};
    return append(emit, op, xs, count, shapes, outputs, outs);
}
