/* gradient.c — deltas: where they are, and which ops carry them from the outputs of an op to its inputs.
 *
 * Every op kind has its rule here, in one place: a layer that is made of ops trains without a backward of its own. What
 * the reference computes in another way than by the chain rule, the layer says in its backward. */
#include "op/append.h"

/* ---- where deltas are ---- */

bool dn_emit_wants_delta(const dn_emit *emit, int tensor) {
    return tensor >= 0 && (size_t)tensor < emit->graph->tensor_count && emit->graph->tensors[tensor].trains;
}

int dn_emit_delta(const dn_emit *emit, int tensor) {
    return tensor >= 0 && (size_t)tensor < emit->graph->tensor_count ? emit->graph->tensors[tensor].delta : -1;
}

static dn_status fresh_delta(dn_emit *emit, int tensor, int *out) {
    const dn_tensor_info of = emit->graph->tensors[tensor];
    const bool parameter = of.role == DN_ROLE_PARAMETER;
    DN_TRY(dn_emit_tensor(emit, of.shape, DN_F32, out));
    dn_tensor_info *info = &emit->graph->tensors[*out];
    info->role = parameter ? DN_ROLE_GRADIENT : DN_ROLE_DELTA;
    info->layer = of.layer;
    info->slot = parameter ? of.slot : -1;
    info->of = tensor;
    emit->graph->tensors[tensor].delta = *out;
    return DN_OK;
}

dn_status dn_emit_contribution(dn_emit *emit, int tensor, bool partial, int *delta, bool *accumulate) {
    *delta = dn_emit_delta(emit, tensor);
    *accumulate = *delta >= 0;
    if (*delta >= 0) return DN_OK;
    DN_TRY(fresh_delta(emit, tensor, delta));
    if (!partial || emit->graph->tensors[*delta].role == DN_ROLE_GRADIENT) return DN_OK;
    *accumulate = true;
    return dn_emit_append(emit, (dn_op){.kind = DN_OP_fill}, NULL, 0, delta, 1);
}

/* ---- rules ----
 *
 * Each appends what carries the delta of op->outputs[0] to the inputs that want it. `op` is a copy: the list of ops moves
 * while it grows. */

typedef struct reverse {
    dn_emit *emit;
    dn_op op;
    int dy; /* delta of outputs[0] */
} reverse;

static bool wants(const reverse *r, int input) {
    return input < r->op.input_count && dn_emit_wants_delta(r->emit, r->op.inputs[input]);
}

static dn_shape shape_of(const reverse *r, int tensor) { return dn_emit_shape(r->emit, tensor); }

/* The op that writes all of the delta of input number `input`, when that is wanted. */
static dn_status to_input(const reverse *r, int input, dn_op op, const int *inputs, int count) {
    if (!wants(r, input)) return DN_OK;
    int delta;
    DN_TRY(dn_emit_contribution(r->emit, r->op.inputs[input], false, &delta, &op.accumulate));
    return dn_emit_append(r->emit, op, inputs, count, &delta, 1);
}

/* A list of deltas, one per input, -1 where none is wanted; all are ready to be added to. */
static dn_status all_deltas(const reverse *r, int *deltas) {
    bool accumulate;
    for (int k = 0; k < r->op.input_count; k++) {
        deltas[k] = -1;
        if (wants(r, k)) DN_TRY(dn_emit_contribution(r->emit, r->op.inputs[k], true, &deltas[k], &accumulate));
    }
    return DN_OK;
}

static dn_status list_of(const reverse *r, int count, int **out) {
    void *list;
    DN_TRY(dn_zone_alloc(r->emit->graph->zone, &list, (size_t)count + 1, sizeof(int), r->emit->err));
    *out = list;
    return DN_OK;
}

/* The same for what in the reference's CPU code replaces the delta. */
static dn_status replace_input(const reverse *r, int input, dn_op op, const int *inputs, int count) {
    if (!wants(r, input)) return DN_OK;
    int delta;
    DN_TRY(dn_emit_contribution(r->emit, r->op.inputs[input], false, &delta, &op.accumulate));
    if (r->emit->graph->overwrites) op.accumulate = false;
    return dn_emit_append(r->emit, op, inputs, count, &delta, 1);
}

static dn_status reverse_conv2d(const reverse *r) {
    const int by_data[] = {r->dy, r->op.inputs[1]}, by_weights[] = {r->op.inputs[0], r->dy};
    dn_op data = {.kind = DN_OP_conv2d_data, .as.conv2d_data = r->op.as.conv2d};
    dn_op weights = {.kind = DN_OP_conv2d_weights, .as.conv2d_weights = r->op.as.conv2d};
    data.as.conv2d_data.binary = weights.as.conv2d_weights.binary = DN_BINARY_NONE; /* the input and weights given */
    DN_TRY(to_input(r, 1, weights, by_weights, 2));
    if (!wants(r, 0)) return DN_OK;
    int delta;
    DN_TRY(dn_emit_contribution(r->emit, r->op.inputs[0], false, &delta, &data.accumulate));
    const dn_graph_builder *graph = r->emit->graph;
    if (r->op.as.conv2d.size > 1 ? graph->overwrites : graph->overwrites_points) data.accumulate = false;
    return dn_emit_append(r->emit, data, by_data, 2, &delta, 1);
}

static dn_status reverse_linear(const reverse *r) {
    const int by_data[] = {r->dy, r->op.inputs[1]}, by_weights[] = {r->op.inputs[0], r->dy};
    const dn_op data = {.kind = DN_OP_linear_data, .as.linear_data = r->op.as.linear};
    const dn_op weights = {.kind = DN_OP_linear_weights, .as.linear_weights = r->op.as.linear};
    DN_TRY(to_input(r, 1, weights, by_weights, 2));
    return to_input(r, 0, data, by_data, 2);
}

static dn_status reverse_copy(const reverse *r) { return to_input(r, 0, (dn_op){.kind = DN_OP_copy}, &r->dy, 1); }

/* x and y may share their delta: nothing else has reached x's yet, and nothing reads y's later. */
static dn_status reverse_bias(const reverse *r) {
    DN_TRY(to_input(r, 1, (dn_op){.kind = DN_OP_bias_gradient}, &r->dy, 1));
    dn_tensor_info *x = &r->emit->graph->tensors[r->op.inputs[0]];
    if (!x->trains || x->delta >= 0) return reverse_copy(r);
    x->delta = r->dy;
    return DN_OK;
}

static dn_status reverse_batchnorm(const reverse *r) {
    const int *in = r->op.inputs;
    const int inputs[] = {in[0], r->op.outputs[1], r->op.outputs[2], in[1], r->dy};
    int outputs[3] = {-1, -1, -1};
    bool unused;
    dn_op op = {.kind = DN_OP_batchnorm_gradient, .as.batchnorm_gradient = r->op.as.batchnorm_train};
    if (wants(r, 0)) DN_TRY(dn_emit_contribution(r->emit, in[0], false, &outputs[0], &op.accumulate));
    if (wants(r, 1)) DN_TRY(dn_emit_contribution(r->emit, in[1], false, &outputs[1], &unused));
    const bool biases = wants(r, 2) && !r->emit->graph->biases_stay;
    if (biases) DN_TRY(dn_emit_contribution(r->emit, in[2], false, &outputs[2], &unused));
    return dn_emit_append(r->emit, op, inputs, 5, outputs, 3);
}

/* By the rolling statistics, which no gradient reaches. */
static dn_status reverse_batchnorm_fixed(const reverse *r) { return dn_emit_batchnorm_fixed(r->emit, &r->op, r->dy); }

static dn_status reverse_activation(const reverse *r) {
    const int inputs[] = {r->op.inputs[0], r->op.outputs[0], r->dy};
    dn_op op = {.kind = DN_OP_activation_gradient, .as.activation_gradient = r->op.as.activation};
    op.as.activation_gradient.approximate = r->emit->graph->approximates;
    return to_input(r, 0, op, inputs, 3);
}

static dn_status reverse_pool2d(const reverse *r) {
    const int inputs[] = {r->dy, r->op.output_count > 1 ? r->op.outputs[1] : -1};
    dn_op op = {.kind = DN_OP_pool2d_gradient, .as.pool2d_gradient = r->op.as.pool2d};
    op.as.pool2d_gradient.approximate = r->emit->graph->approximates;
    return to_input(r, 0, op, inputs, 2);
}

static dn_status reverse_pool_depth(const reverse *r) {
    const int inputs[] = {r->op.inputs[0], r->dy};
    return to_input(r, 0, (dn_op){.kind = DN_OP_pool_depth_gradient}, inputs, 2);
}

static dn_status reverse_pool_global(const reverse *r) {
    return to_input(r, 0, (dn_op){.kind = DN_OP_pool_global_gradient}, &r->dy, 1);
}

static dn_status add_channels(const reverse *r, int input, dn_op_channels params, bool whole) {
    if (!wants(r, input)) return DN_OK;
    dn_op op = {.kind = DN_OP_channels, .as.channels = params};
    int delta;
    DN_TRY(dn_emit_contribution(r->emit, r->op.inputs[input], !whole, &delta, &op.accumulate));
    return dn_emit_append(r->emit, op, &r->dy, 1, &delta, 1);
}

static dn_status reverse_concat(const reverse *r) {
    const dn_op_concat *concat = &r->op.as.concat;
    int at = 0;
    for (int k = 0; k < r->op.input_count; k++) {
        const dn_shape in = shape_of(r, r->op.inputs[k]);
        const int64_t all = concat->flat ? dn_shape_image(in) : in.c;
        const dn_op_channels part = {
            .from = at, .to = concat->first[k], .count = concat->channels[k], .flat = concat->flat};
        DN_TRY(add_channels(r, k, part, part.count == all));
        at += part.count;
    }
    return DN_OK;
}

/* A plain sum hands dy on, or the channels of it that x_k gave. */
static dn_status reverse_plain_add(const reverse *r) {
    const int channels = shape_of(r, r->op.outputs[0]).c;
    for (int k = 0; k < r->op.as.add.terms; k++) {
        const int c = shape_of(r, r->op.inputs[k]).c;
        if (c == channels) {
            DN_TRY(to_input(r, k, (dn_op){.kind = DN_OP_copy}, &r->dy, 1));
        } else {
            DN_TRY(add_channels(r, k, (dn_op_channels){.count = c < channels ? c : channels}, c < channels));
        }
    }
    return DN_OK;
}

static dn_status reverse_add(const reverse *r) {
    const dn_op_add *add = &r->op.as.add;
    if (add->weights == DN_ADD_PLAIN && !add->sampled) return reverse_plain_add(r);
    const int count = r->op.input_count;
    int *inputs, *deltas;
    DN_TRY(list_of(r, count, &inputs));
    DN_TRY(list_of(r, count, &deltas));
    inputs[0] = r->dy;
    for (int k = 0; k < count; k++) inputs[k + 1] = r->op.inputs[k];
    DN_TRY(all_deltas(r, deltas));
    dn_op op = {.kind = DN_OP_add_gradient, .accumulate = true, .as.add_gradient = *add};
    op.as.add_gradient.approximate = r->emit->graph->approximates;
    return dn_emit_append(r->emit, op, inputs, count + 1, deltas, count);
}

static dn_status reverse_mul(const reverse *r) {
    const int inputs[] = {r->op.inputs[0], r->op.inputs[1], r->dy};
    int deltas[2];
    DN_TRY(all_deltas(r, deltas));
    /* Of [sam], not of [scale_channels]. */
    const bool replaces = r->emit->graph->overwrites && dn_shape_equal(shape_of(r, inputs[0]), shape_of(r, inputs[1]));
    if (replaces && deltas[0] >= 0) {
        DN_TRY(dn_emit_append(r->emit, (dn_op){.kind = DN_OP_fill}, NULL, 0, deltas, 1));
    }
    return dn_emit_append(r->emit, (dn_op){.kind = DN_OP_mul_gradient, .accumulate = true}, inputs, 3, deltas, 2);
}

static dn_status reverse_upsample(const reverse *r) {
    dn_op op = {.kind = DN_OP_upsample, .as.upsample = r->op.as.upsample};
    op.as.upsample.reverse = !op.as.upsample.reverse;
    return to_input(r, 0, op, &r->dy, 1);
}

static dn_status reverse_reorg(const reverse *r) {
    dn_op op = {.kind = DN_OP_reorg, .as.reorg = r->op.as.reorg};
    op.as.reorg.reverse = !op.as.reorg.reverse;
    op.as.reorg.by_output = !op.as.reorg.by_output;
    return replace_input(r, 0, op, &r->dy, 1);
}

static dn_status reverse_rows(const reverse *r) {
    if (!wants(r, 0)) return DN_OK;
    dn_op op = {.kind = DN_OP_rows_gradient, .as.rows_gradient = r->op.as.rows};
    int delta;
    DN_TRY(dn_emit_contribution(r->emit, r->op.inputs[0], true, &delta, &op.accumulate));
    return dn_emit_append(r->emit, op, &r->dy, 1, &delta, 1);
}

static dn_status reverse_stack(const reverse *r) {
    for (int k = 0; k < r->op.input_count; k++) {
        DN_TRY(to_input(r, k, (dn_op){.kind = DN_OP_rows, .as.rows = {k}}, &r->dy, 1));
    }
    return DN_OK;
}

static dn_status no_rule(const reverse *r);

/* Of the forms that layers train through: one straight line for all channels. */
static dn_status reverse_channel_map(const reverse *r) {
    const dn_op_channel_map *map = &r->op.as.channel_map;
    const bool all = map->rule_count == 1 && map->rules[0].first == 0 &&
                     map->rules[0].count == shape_of(r, r->op.outputs[0]).c && map->rules[0].kind == DN_LINEAR;
    if (!all) return no_rule(r);
    return to_input(r, 0, (dn_op){.kind = DN_OP_scale, .as.scale = {map->rules[0].scale}}, &r->dy, 1);
}

static dn_status no_rule(const reverse *r) {
    const char *name = r->op.kind == DN_OP_host ? r->op.as.host.name : dn_op_name(r->op.kind);
    return dn_fail(r->emit->err, DN_E_UNSUPPORTED, "%s cannot be trained through", name);
}

static dn_status reverse_host(const reverse *r) {
    if (!r->op.as.host.gradient) return no_rule(r);
    const int count = r->op.input_count, results = r->op.output_count;
    int *inputs, *deltas;
    DN_TRY(list_of(r, count + 2 * results, &inputs));
    DN_TRY(list_of(r, count, &deltas));
    for (int k = 0; k < count; k++) inputs[k] = r->op.inputs[k];
    for (int k = 0; k < results; k++) {
        inputs[count + k] = r->op.outputs[k];
        inputs[count + results + k] = dn_emit_delta(r->emit, r->op.outputs[k]);
    }
    DN_TRY(all_deltas(r, deltas));
    dn_op op = {.kind = DN_OP_host, .accumulate = true, .as.host = r->op.as.host};
    op.as.host.function = r->op.as.host.gradient;
    op.as.host.gradient = NULL;
    return dn_emit_append(r->emit, op, inputs, count + 2 * results, deltas, count);
}

/* NULL: the chain rule is not what the reference uses; layers that need it say what they do in their backward. */
typedef dn_status (*rule)(const reverse *r);
static const rule rules[DN_OP_KINDS] = {
    [DN_OP_conv2d] = reverse_conv2d,
    [DN_OP_linear] = reverse_linear,
    [DN_OP_bias] = reverse_bias,
    [DN_OP_batchnorm] = reverse_batchnorm_fixed,
    [DN_OP_batchnorm_train] = reverse_batchnorm,
    [DN_OP_activation] = reverse_activation,
    [DN_OP_pool2d] = reverse_pool2d,
    [DN_OP_pool_depth] = reverse_pool_depth,
    [DN_OP_pool_global] = reverse_pool_global,
    [DN_OP_concat] = reverse_concat,
    [DN_OP_add] = reverse_add,
    [DN_OP_mul] = reverse_mul,
    [DN_OP_upsample] = reverse_upsample,
    [DN_OP_reorg] = reverse_reorg,
    [DN_OP_channel_map] = reverse_channel_map,
    [DN_OP_copy] = reverse_copy,
    [DN_OP_rows] = reverse_rows,
    [DN_OP_stack] = reverse_stack,
    [DN_OP_host] = reverse_host,
};

/* ---- a range of ops ---- */

static bool reached(const dn_emit *emit, const dn_op *op) {
    for (int k = 0; k < op->output_count; k++) {
        const int y = op->outputs[k];
        if (dn_emit_delta(emit, y) >= 0 && emit->graph->tensors[y].role == DN_ROLE_ACTIVATION) return true;
    }
    return false;
}

static bool any_wanted(const dn_emit *emit, const dn_op *op) {
    for (int k = 0; k < op->input_count; k++) {
        if (dn_emit_wants_delta(emit, op->inputs[k])) return true;
    }
    return false;
}

dn_status dn_emit_reverse(dn_emit *emit, size_t first, size_t last) {
    for (size_t i = last; i-- > first;) {
        const reverse r = {emit, emit->graph->ops[i], dn_emit_delta(emit, emit->graph->ops[i].outputs[0])};
        if (!reached(emit, &r.op) || !any_wanted(emit, &r.op)) continue;
        const rule apply = rules[r.op.kind];
        DN_TRY(apply ? apply(&r) : no_rule(&r));
    }
    return DN_OK;
}

/* ---- what layers say themselves ---- */

dn_status dn_emit_pass_back(dn_emit *emit, int y, int x, float factor) {
    const int dy = dn_emit_delta(emit, y);
    if (dy < 0 || !dn_emit_wants_delta(emit, x)) return DN_OK;
    dn_op op = {.kind = DN_OP_scale, .as.scale = {factor}};
    int delta;
    DN_TRY(dn_emit_contribution(emit, x, false, &delta, &op.accumulate));
    return dn_emit_append(emit, op, &dy, 1, &delta, 1);
}

void dn_emit_show_delta(dn_emit *emit, int tensor) { emit->shown = tensor; }

dn_status dn_emit_loss(dn_emit *emit, const char *name, dn_host_fn function, const void *params, const int *xs,
                       int count, int figures) {
    if (emit->truth < 0) return dn_fail(emit->err, DN_E_SHAPE, "a loss without truths");
    const dn_shape rows = {dn_emit_shape(emit, emit->clock).n, figures, 1, 1};
    const reverse r = {.emit = emit};
    int *inputs, outputs[2];
    bool accumulate;
    DN_TRY(list_of(&r, count + 2, &inputs));
    for (int k = 0; k < count; k++) inputs[k] = xs[k];
    inputs[count] = emit->truth;
    inputs[count + 1] = emit->clock;
    DN_TRY(dn_emit_contribution(emit, emit->output, false, &outputs[0], &accumulate));
    if (accumulate) return dn_fail(emit->err, DN_E_SHAPE, "two losses of one output");
    DN_TRY(dn_emit_tensor(emit, rows, DN_F32, &outputs[1]));
    emit->figures = outputs[1];
    const dn_op op = {.kind = DN_OP_host, .as.host = {function, NULL, params, name}};
    return dn_emit_append(emit, op, inputs, count + 2, outputs, 2);
}
