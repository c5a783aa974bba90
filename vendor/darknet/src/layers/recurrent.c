/* recurrent.c — inner layers, gates and the simple recurrence of the recurrent layers. */
#include "layers/recurrent.h"

#include <math.h>

#include "op/append.h"

enum { OPS_MAX = 1 << 16, SLOTS_PLAIN = 2, SLOTS_NORMALIZED = 5 };

/* ---- parse ---- */

dn_status dn_parts_parse(dn_section *section, const dn_layer_context *context, dn_parts *parts, dn_error *err) {
    bool scales;
    parts->steps = context->time_steps;
    parts->dialect = context->dialect;
    DN_TRY(dn_section_flag(section, "batch_normalize", false, &parts->batch_normalize, err));
    return dn_parse_stored(section, &parts->stored, &scales, err);
}

dn_status dn_parts_parse_window(dn_section *section, dn_parts *parts, dn_error *err) {
    bool pad;
    int stride;
    parts->convolutional = true;
    parts->size = 3;
    parts->padding = parts->dilation = parts->groups = 1;
    if (parts->dialect == DN_PJREDDIE) return DN_OK;
    DN_TRY(dn_section_int(section, "size", 3, 1, DN_SIZE_MAX, &parts->size, err));
    DN_TRY(dn_section_int(section, "stride", 1, 1, DN_STRIDE_MAX, &stride, err));
    DN_TRY(dn_section_flag(section, "pad", false, &pad, err));
    DN_TRY(dn_section_int(section, "padding", 0, 0, DN_PADDING_MAX, &parts->padding, err));
    if (pad) parts->padding = parts->size / 2;
    DN_TRY(dn_section_int(section, "dilation", 1, 1, DN_PADDING_MAX, &parts->dilation, err));
    if (parts->size == 1) parts->dilation = 1;
    DN_TRY(dn_section_int(section, "groups", 1, 1, DN_FILTERS_MAX, &parts->groups, err));
    DN_TRY(dn_section_flag(section, "xnor", false, &parts->xnor, err));
    if (stride == 1) return DN_OK;
    return dn_section_fail(section, "stride", err, "1", "must be 1: the state has the rows and columns of the input");
}

/* ---- infer ---- */

dn_status dn_parts_check(const dn_parts *parts, const dn_layer_plan *plan, const int *channels, int count,
                         dn_error *err) {
    DN_TRY(dn_check_image(plan, err));
    if (2 * parts->padding != parts->size - 1) {
        dn_shape_fail(err, "an odd size and pad=1",
                      "size=%d with a padding of %d changes the number of rows and columns, which the state must keep: "
                      "use an odd size and pad=1",
                      parts->size, parts->padding);
        dn_error_found(err, "size=%d, padding %d", parts->size, parts->padding);
        dn_layer_plan_blame(plan, "size", err);
        return DN_E_SHAPE;
    }
    for (int k = 0; k < count; k++) {
        if (channels[k] % parts->groups == 0) continue;
        dn_shape_fail(err, "channels that groups divides",
                      "%d channels cannot be split into %d groups: groups= must divide the channels of the input, the "
                      "state and the output",
                      channels[k], parts->groups);
        dn_error_found(err, "%d channels", channels[k]);
        dn_layer_plan_blame(plan, "groups", err);
        return DN_E_SHAPE;
    }
    return DN_OK;
}

static dn_init weights_init(const dn_parts *parts, int64_t inputs) {
    const float scale = (float)sqrt(2.0 / (double)inputs);
    const bool normal = parts->convolutional && parts->dialect == DN_PJREDDIE;
    return (dn_init){normal ? DN_INIT_NORMAL : DN_INIT_UNIFORM, 0.0F, scale};
}

static dn_status statistics(const dn_parts *parts, dn_layer_plan *plan, dn_part_names names, int64_t outputs,
                            dn_error *err) {
    const dn_init one = {DN_INIT_CONSTANT, 1.0F, 0.0F}, zero = {DN_INIT_CONSTANT, 0.0F, 0.0F};
    if (!parts->batch_normalize) return DN_OK;
    DN_TRY(dn_layer_plan_slot(plan, names.scales, 1, &outputs, parts->stored, one, err));
    DN_TRY(dn_layer_plan_slot(plan, names.rolling_mean, 1, &outputs, parts->stored, zero, err));
    return dn_layer_plan_slot(plan, names.rolling_variance, 1, &outputs, parts->stored, zero, err);
}

dn_status dn_parts_slots(const dn_parts *parts, dn_layer_plan *plan, dn_part_names names, int inputs, int outputs,
                         dn_error *err) {
    const bool conv = parts->convolutional;
    const int64_t area = conv ? (int64_t)parts->size * parts->size : 1, each = conv ? inputs / parts->groups : inputs;
    const int64_t shape[] = {outputs, each, parts->size, parts->size};
    const dn_init zero = {DN_INIT_CONSTANT, 0.0F, 0.0F}, init = weights_init(parts, area * each);
    DN_TRY(dn_layer_plan_slot(plan, names.biases, 1, shape, parts->stored, zero, err));
    if (conv) DN_TRY(statistics(parts, plan, names, outputs, err));
    DN_TRY(dn_layer_plan_slot(plan, names.weights, conv ? 4 : 2, shape, parts->stored, init, err));
    if (parts->xnor) dn_layer_plan_form(plan, names.weights, DN_FORM_XNOR);
    return conv ? DN_OK : statistics(parts, plan, names, outputs, err);
}

double dn_parts_flops(const dn_parts *parts, dn_shape image, int inputs, int outputs) {
    if (!parts->convolutional) return 0.0; /* as [connected] */
    const double weights = (double)outputs * (inputs / parts->groups) * parts->size * parts->size;
    const double flops = 2.0 * weights * image.h * image.w;
    return parts->xnor ? flops / 32.0 : flops;
}

dn_status dn_parts_facts(const dn_parts *parts, dn_layer_plan *plan, dn_error *err) {
    DN_TRY(dn_layer_plan_fact(plan, "batch_normalize", parts->batch_normalize, err));
    if (!parts->convolutional) return DN_OK;
    DN_TRY(dn_layer_plan_fact(plan, "size", parts->size, err));
    DN_TRY(dn_layer_plan_fact(plan, "padding", parts->padding, err));
    DN_TRY(dn_layer_plan_fact(plan, "dilation", parts->dilation, err));
    DN_TRY(dn_layer_plan_fact(plan, "groups", parts->groups, err));
    return dn_layer_plan_fact(plan, "xnor", parts->xnor, err);
}

/* ---- forward ---- */

int dn_parts_weights(const dn_parts *parts) {
    if (!parts->convolutional) return 1;
    return parts->batch_normalize ? SLOTS_NORMALIZED - 1 : SLOTS_PLAIN - 1;
}

static dn_status products(const dn_parts *parts, dn_emit *emit, int x, int weights, int outputs, int *y) {
    if (!parts->convolutional) return dn_emit_linear(emit, x, weights, outputs, (dn_op_linear){false}, y);
    const dn_op_conv2d conv = {
        .groups = parts->groups,
        .size = parts->size,
        .stride_x = 1,
        .stride_y = 1,
        .pad = parts->padding * parts->dilation,
        .dilation = parts->dilation,
        .binary = parts->xnor ? DN_BINARY_XNOR : DN_BINARY_NONE,
    };
    dn_shape shape = dn_emit_shape(emit, x);
    shape.c = outputs;
    return dn_emit_conv2d(emit, x, weights, shape, conv, y);
}

/* In training every time step is normalized by its own statistics, as the reference does. */
static dn_status normalize(const dn_parts *parts, dn_emit *emit, const int *slots, int x, int *y) {
    const int scales = parts->convolutional ? 1 : 2;
    const bool apart = emit->training && dn_emit_shape(emit, x).n == emit->output_shape.n;
    const int steps = apart ? parts->steps : 1;
    void *memory;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &memory, (size_t)steps, sizeof(int), emit->err));
    int *const rows = memory;
    for (int t = 0; t < steps; t++) {
        DN_TRY(dn_emit_rows(emit, x, t, steps, &rows[t]));
        DN_TRY(dn_emit_batchnorm(emit, rows[t], slots[scales], slots[scales + 1], slots[scales + 2], slots[0],
                                 dn_batchnorm_of(parts->dialect), &rows[t]));
    }
    return dn_emit_stack(emit, rows, steps, y);
}

static dn_status emit_part(const dn_parts *parts, dn_emit *emit, int part, int x, int outputs, dn_activation f,
                           int *sum, int *y) {
    const int count = parts->batch_normalize ? SLOTS_NORMALIZED : SLOTS_PLAIN;
    const int *slots = emit->slots + part * count;
    DN_TRY(products(parts, emit, x, slots[dn_parts_weights(parts)], outputs, sum));
    if (parts->batch_normalize) {
        DN_TRY(normalize(parts, emit, slots, *sum, y));
    } else {
        DN_TRY(dn_emit_bias(emit, *sum, slots[0], y));
    }
    return dn_emit_activation(emit, *y, f, y);
}

dn_status dn_parts_emit(const dn_parts *parts, dn_emit *emit, int part, int x, int outputs, dn_activation f, int *y) {
    int sum;
    return emit_part(parts, emit, part, x, outputs, f, &sum, y);
}

dn_status dn_emit_state(dn_emit *emit, int number, int *out) {
    *out = emit->states[number];
    return emit->training ? dn_emit_copy(emit, *out, dn_emit_shape(emit, *out), out) : DN_OK;
}

dn_status dn_parts_room(const dn_parts *parts, dn_emit *emit) {
    if (emit->graph->op_count < OPS_MAX) return DN_OK;
    return dn_fail(emit->err, DN_E_UNSUPPORTED,
                   "time_steps=%d makes more than %d operations: reduce time_steps=, or load the network with one time "
                   "step and call it step by step",
                   parts->steps, OPS_MAX);
}

dn_status dn_emit_gate(dn_emit *emit, const int *xs, int count, dn_activation f, int *y) {
    int sum = xs[0];
    if (count > 1) DN_TRY(dn_emit_add(emit, xs, -1, (dn_op_add){.terms = count}, &sum));
    return dn_emit_activation(emit, sum, f, y);
}

dn_status dn_emit_mix(dn_emit *emit, int a, int b, int c, int d, int *y) {
    int terms[2];
    DN_TRY(dn_emit_mul(emit, a, b, &terms[0]));
    DN_TRY(dn_emit_mul(emit, c, d, &terms[1]));
    return dn_emit_add(emit, terms, -1, (dn_op_add){.terms = 2}, y);
}

/* ---- the simple recurrence ---- */

dn_status dn_simple_infer(const dn_simple *simple, dn_layer_plan *plan, dn_error *err) {
    static const dn_part_names input = DN_PART("input"), self = DN_PART("self"), output = DN_PART("output");
    const dn_parts *parts = &simple->parts;
    const dn_shape in = dn_layer_plan_input(plan);
    const bool conv = parts->convolutional;
    const int inputs = conv ? in.c : (int)dn_shape_image(in), hidden = simple->hidden, outputs = simple->outputs;
    const int h = conv ? in.h : 1, w = conv ? in.w : 1;
    dn_shape out, state;
    if (conv) DN_TRY(dn_parts_check(parts, plan, (const int[]){inputs, hidden, outputs}, 3, err));
    DN_TRY(dn_shape_make(&out, in.n, outputs, h, w, err));
    DN_TRY(dn_shape_make(&state, in.n / parts->steps, hidden, h, w, err));
    DN_TRY(dn_parts_slots(parts, plan, input, inputs, hidden, err));
    DN_TRY(dn_parts_slots(parts, plan, self, hidden, hidden, err));
    DN_TRY(dn_parts_slots(parts, plan, output, hidden, outputs, err));
    DN_TRY(dn_layer_plan_state(plan, state, err));
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_activation(plan, simple->f);
    dn_layer_plan_set_flops(plan, dn_parts_flops(parts, in, inputs, hidden) +
                                      dn_parts_flops(parts, in, hidden, hidden) +
                                      dn_parts_flops(parts, in, hidden, outputs));
    DN_TRY(dn_layer_plan_fact(plan, "output", outputs, err));
    DN_TRY(dn_layer_plan_fact(plan, "hidden", hidden, err));
    DN_TRY(dn_layer_plan_fact(plan, "shortcut", simple->shortcut, err));
    return dn_parts_facts(parts, plan, err);
}

/* In training every mini-batch begins with a state of zeros. */
static dn_status first_state(dn_emit *emit, int *state) {
    *state = emit->states[0];
    if (!emit->training) return DN_OK;
    DN_TRY(dn_emit_tensor(emit, dn_emit_shape(emit, emit->states[0]), DN_F32, state));
    return dn_emit_append(emit, (dn_op){.kind = DN_OP_fill}, NULL, 0, state, 1);
}

static dn_status simple_step(const dn_simple *simple, dn_emit *emit, int input, int t, int *state) {
    int terms[3] = {-1, -1, *state};
    DN_TRY(dn_parts_room(&simple->parts, emit));
    DN_TRY(dn_emit_rows(emit, input, t, simple->parts.steps, &terms[0]));
    DN_TRY(dn_parts_emit(&simple->parts, emit, 1, *state, simple->hidden, simple->g, &terms[1]));
    return dn_emit_gate(emit, terms, simple->shortcut ? 3 : 2, DN_LINEAR, state);
}

dn_status dn_simple_forward(const void *from, dn_emit *emit) {
    const dn_simple *simple = from;
    const dn_parts *parts = &simple->parts;
    int input, state, all, sum, y;
    void *memory;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &memory, (size_t)parts->steps, sizeof(int), emit->err));
    int *const states = memory;
    DN_TRY(dn_parts_emit(parts, emit, 0, emit->input, simple->hidden, simple->f, &input));
    DN_TRY(first_state(emit, &state));
    for (int t = 0; t < parts->steps; t++) {
        DN_TRY(simple_step(simple, emit, input, t, &state));
        states[t] = state;
    }
    if (!emit->training) DN_TRY(dn_emit_store(emit, state, emit->states[0]));
    DN_TRY(dn_emit_stack(emit, states, parts->steps, &all));
    DN_TRY(emit_part(parts, emit, 2, all, simple->outputs, simple->f, &sum, &y));
    dn_emit_show_delta(emit, sum);
    return dn_emit_output(emit, y);
}
