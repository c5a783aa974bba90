/* conv_lstm.c — long short-term memory over images, of [convolutional] ones with activation a. Per time step, h and c
 * the states, k = lstm_activation:
 *
 *   f = σ(wf(h) + uf(x) [+ vf(c)]);  i = σ(wi(h) + ui(x) [+ vi(c)]);  g = k(wg(h) + ug(x))
 *   c = f · c + i · g;  o = σ(wo(h) + uo(x) [+ vo(c)]);  h = o · k(c);  y = h;  v only with peephole=1
 *   c is then held within ± state_constrain (not if 0)
 *   bottleneck=1: b = k(wf(h, x)), the channels of h before those of x; f, i, g, o read u(b) in place of w(h) + u(x).
 *            shortcut=1 with it: y = h + b, over the first half of the channels only
 *   time_normalizer (1): what b says of the h of the time step before counts that much in training
 *   cfg      output (1), a = activation (linear), lstm_activation (tanh), size (3), pad, padding, dilation, groups, xnor,
 *            batch_normalize, peephole, bottleneck, shortcut, state_constrain (32 · time steps)
 *   shape    rows and columns stay as they are, so 2 · padding = size − 1 and stride = 1; bottleneck: output = channels
 *   states   h, c (output, h, w), zero at first
 *   slots    of [vf, vi, vo,] wf, [wi, wg, wo without bottleneck,] uf, ui, ug, uo, each as in [convolutional]; batch norm
 *            uses the stored statistics
 *   flops    those of the parts */
#include <string.h>

#include "layers/recurrent.h"
#include "layers/training.h"

enum { FORGET, INPUT, CANDIDATE, OUTPUT, GATES };

typedef struct params {
    dn_parts parts;
    int outputs, state_constrain;
    bool peephole, bottleneck, shortcut;
    dn_activation a, k;
    int v[GATES], w[GATES], u[GATES]; /* numbers of the parts */
    const float *training;
} params;

static void number_parts(params *p) {
    int next = 0;
    for (int g = 0; g < GATES; g++) {
        if (p->peephole && g != CANDIDATE) p->v[g] = next++;
    }
    for (int g = 0; g < GATES; g++) {
        if (!p->bottleneck || g == FORGET) p->w[g] = next++;
    }
    for (int g = 0; g < GATES; g++) p->u[g] = next++;
}

static dn_status parse_activations(dn_section *section, const dn_layer_context *context, params *p, dn_error *err) {
    DN_TRY(dn_parse_activation(section, context, DN_LINEAR, &p->a, err));
    return dn_parse_named_activation(section, context, "lstm_activation", DN_TANH, &p->k, err);
}

static const dn_training_key training_keys[] = {
    {"time_normalizer", DN_TRAINING_NUMBER, 1, 0},
    {NULL, DN_TRAINING_END, 0, 0},
};

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    DN_TRY(dn_parts_parse(section, context, &p->parts, err));
    DN_TRY(dn_parts_parse_window(section, &p->parts, err));
    DN_TRY(parse_activations(section, context, p, err));
    const int64_t limit = 32 * (int64_t)context->time_steps;
    DN_TRY(dn_section_int(section, "output", 1, 1, DN_FILTERS_MAX, &p->outputs, err));
    DN_TRY(dn_section_int(section, "state_constrain", limit > INT32_MAX ? INT32_MAX : (int)limit, 0, INT32_MAX,
                          &p->state_constrain, err));
    DN_TRY(dn_section_flag(section, "peephole", false, &p->peephole, err));
    DN_TRY(dn_section_flag(section, "bottleneck", false, &p->bottleneck, err));
    DN_TRY(dn_section_flag(section, "shortcut", false, &p->shortcut, err));
    number_parts(p);
    return dn_training_parse(section, context, training_keys, &p->training, err);
}

static dn_status slots(const params *p, dn_layer_plan *plan, int channels, dn_error *err) {
    static const dn_part_names v[GATES] = {DN_PART("vf"), DN_PART("vi"), DN_PART("vg"), DN_PART("vo")};
    static const dn_part_names w[GATES] = {DN_PART("wf"), DN_PART("wi"), DN_PART("wg"), DN_PART("wo")};
    static const dn_part_names u[GATES] = {DN_PART("uf"), DN_PART("ui"), DN_PART("ug"), DN_PART("uo")};
    const int n = p->outputs;
    for (int g = 0; g < GATES; g++) {
        if (p->peephole && g != CANDIDATE) DN_TRY(dn_parts_slots(&p->parts, plan, v[g], n, n, err));
    }
    for (int g = 0; g < GATES; g++) {
        const int inputs = p->bottleneck ? 2 * n : n;
        if (!p->bottleneck || g == FORGET) DN_TRY(dn_parts_slots(&p->parts, plan, w[g], inputs, n, err));
    }
    for (int g = 0; g < GATES; g++) DN_TRY(dn_parts_slots(&p->parts, plan, u[g], channels, n, err));
    return DN_OK;
}

static double flops(const params *p, dn_shape in) {
    const int n = p->outputs;
    const double own = dn_parts_flops(&p->parts, in, n, n), input = dn_parts_flops(&p->parts, in, in.c, n);
    const double w = p->bottleneck ? dn_parts_flops(&p->parts, in, 2 * n, n) : GATES * own;
    return GATES * input + w + (p->peephole ? 3 * own : 0.0);
}

static dn_status facts(const params *p, dn_layer_plan *plan, dn_error *err) {
    DN_TRY(dn_layer_plan_fact(plan, "output", p->outputs, err));
    DN_TRY(dn_layer_plan_fact(plan, "peephole", p->peephole, err));
    DN_TRY(dn_layer_plan_fact(plan, "bottleneck", p->bottleneck, err));
    DN_TRY(dn_layer_plan_fact(plan, "shortcut", p->shortcut, err));
    DN_TRY(dn_layer_plan_fact(plan, "state_constrain", p->state_constrain, err));
    DN_TRY(dn_training_facts(plan, training_keys, p->training, err));
    return dn_parts_facts(&p->parts, plan, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    dn_shape out, state;
    DN_TRY(dn_parts_check(&p->parts, plan, (const int[]){in.c, p->outputs}, 2, err));
    if (p->bottleneck && in.c != p->outputs) {
        dn_shape_fail(err, "output= the channels of the input",
                      "with bottleneck=1 the gates read output=%d channels, the input has %d: they must be equal",
                      p->outputs, in.c);
        dn_error_found(err, "%d and %d channels", p->outputs, in.c);
        dn_layer_plan_blame(plan, "output", err);
        return DN_E_SHAPE;
    }
    DN_TRY(dn_shape_make(&out, in.n, p->outputs, in.h, in.w, err));
    DN_TRY(dn_shape_make(&state, in.n / p->parts.steps, p->outputs, in.h, in.w, err));
    DN_TRY(slots(p, plan, in.c, err));
    DN_TRY(dn_layer_plan_state(plan, state, err));
    DN_TRY(dn_layer_plan_state(plan, state, err));
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_activation(plan, p->a);
    dn_layer_plan_set_flops(plan, flops(p, in));
    return facts(p, plan, err);
}

/* ---- forward ---- */

static void constrain(const dn_host_call *call) {
    const params *p = call->params;
    const float limit = (float)p->state_constrain, *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    for (int64_t i = 0; i < dn_shape_count(call->inputs[0].shape); i++) {
        y[i] = x[i] < -limit ? -limit : x[i] > limit ? limit : x[i];
    }
}

/* Nothing goes back through a value that was cut. */
static void constrain_back(const dn_host_call *call) {
    const params *p = call->params;
    const float limit = (float)p->state_constrain, *x = call->inputs[0].data, *dy = call->inputs[2].data;
    float *dx = call->outputs[0].data;
    if (dx == NULL || dy == NULL) return;
    for (int64_t i = 0; i < dn_shape_count(call->inputs[0].shape); i++) {
        if (!(x[i] < -limit || x[i] > limit)) dx[i] += dy[i];
    }
}

static void pass_on(const dn_host_call *call) {
    memcpy(call->outputs[0].data, call->inputs[0].data, (size_t)dn_shape_count(call->inputs[0].shape) * sizeof(float));
}

static void normalize_time(const dn_host_call *call) {
    const params *p = call->params;
    const float *dy = call->inputs[2].data;
    float *dx = call->outputs[0].data;
    if (dx == NULL || dy == NULL) return;
    for (int64_t i = 0; i < dn_shape_count(call->inputs[0].shape); i++) dx[i] += p->training[0] * dy[i];
}

/* Terms of one gate that come from x or from the bottleneck, and from h. */
typedef struct moment {
    int t, h, c;
    int b; /* what u reads; -1: the input of all time steps, which `inputs` have read already */
} moment;

static dn_status gate(const params *p, dn_emit *emit, const moment *now, const int *inputs, int g, int *y) {
    const dn_parts *parts = &p->parts;
    int terms[3], count = 0;
    if (p->bottleneck) {
        DN_TRY(dn_parts_emit(parts, emit, p->u[g], now->b, p->outputs, p->a, &terms[count++]));
    } else {
        DN_TRY(dn_parts_emit(parts, emit, p->w[g], now->h, p->outputs, p->a, &terms[count++]));
        DN_TRY(dn_emit_rows(emit, inputs[g], now->t, parts->steps, &terms[count++]));
    }
    if (p->peephole && g != CANDIDATE) {
        DN_TRY(dn_parts_emit(parts, emit, p->v[g], now->c, p->outputs, p->a, &terms[count++]));
    }
    return dn_emit_gate(emit, terms, count, g == CANDIDATE ? p->k : DN_LOGISTIC, y);
}

static dn_status read_bottleneck(const params *p, dn_emit *emit, moment *now) {
    int both[2] = {now->h, -1}, joined, b;
    if (emit->training && p->training[0] != 1.0F) {
        const dn_shape h = dn_emit_shape(emit, now->h);
        DN_TRY(dn_emit_host_trained(emit, "time_normalizer", pass_on, normalize_time, p, &now->h, 1, &h, 1, &both[0]));
    }
    DN_TRY(dn_emit_rows(emit, emit->input, now->t, p->parts.steps, &both[1]));
    dn_shape shape = dn_emit_shape(emit, now->h);
    shape.c *= 2;
    DN_TRY(dn_emit_concat(emit, both, 2, NULL, NULL, false, shape, &joined));
    DN_TRY(dn_parts_emit(&p->parts, emit, p->w[FORGET], joined, p->outputs, p->a, &b));
    return dn_emit_activation(emit, b, p->k, &now->b);
}

static dn_status add_shortcut(const params *p, dn_emit *emit, const moment *now, int *y) {
    const int first = 0, half = p->outputs / 2;
    int terms[2] = {now->h, -1};
    *y = now->h;
    if (!p->shortcut || !p->bottleneck || half < 1) return DN_OK;
    dn_shape shape = dn_emit_shape(emit, now->b);
    shape.c = half;
    DN_TRY(dn_emit_concat(emit, &now->b, 1, &first, &half, false, shape, &terms[1]));
    return dn_emit_add(emit, terms, -1, (dn_op_add){.terms = 2}, y);
}

static dn_status step(const params *p, dn_emit *emit, moment *now, const int *inputs, int *y) {
    int gates[GATES], squashed;
    if (p->bottleneck) DN_TRY(read_bottleneck(p, emit, now));
    for (int g = 0; g < OUTPUT; g++) DN_TRY(gate(p, emit, now, inputs, g, &gates[g]));
    DN_TRY(dn_emit_mix(emit, gates[FORGET], now->c, gates[INPUT], gates[CANDIDATE], &now->c));
    DN_TRY(gate(p, emit, now, inputs, OUTPUT, &gates[OUTPUT])); /* looks at the new c */
    DN_TRY(dn_emit_activation(emit, now->c, p->k, &squashed));
    DN_TRY(dn_emit_mul(emit, gates[OUTPUT], squashed, &now->h));
    if (p->state_constrain > 0) {
        const int c = now->c;
        const dn_shape shape = dn_emit_shape(emit, c);
        DN_TRY(dn_emit_host_trained(emit, "constrain", constrain, constrain_back, p, &c, 1, &shape, 1, &now->c));
    }
    return add_shortcut(p, emit, now, y);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    moment now = {.b = -1};
    int inputs[GATES] = {-1, -1, -1, -1}, y;
    void *memory;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &memory, (size_t)p->parts.steps, sizeof(int), emit->err));
    int *const outputs = memory;
    for (int g = 0; g < GATES && !p->bottleneck; g++) {
        DN_TRY(dn_parts_emit(&p->parts, emit, p->u[g], emit->input, p->outputs, p->a, &inputs[g]));
    }
    DN_TRY(dn_emit_state(emit, 0, &now.h));
    DN_TRY(dn_emit_state(emit, 1, &now.c));
    for (now.t = 0; now.t < p->parts.steps; now.t++) {
        DN_TRY(dn_parts_room(&p->parts, emit));
        DN_TRY(step(p, emit, &now, inputs, &outputs[now.t]));
    }
    DN_TRY(dn_emit_store(emit, now.h, emit->states[0]));
    DN_TRY(dn_emit_store(emit, now.c, emit->states[1]));
    DN_TRY(dn_emit_stack(emit, outputs, p->parts.steps, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_conv_lstm = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_RECURRENT,
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
