/* gru.c — the gated recurrent unit, of six [connected] ones without activation. Per time step, s the state:
 *
 *   z = σ(input_z(x) + state_z(s));  r = σ(input_r(x) + state_r(s))
 *   n = f(input_h(x) + state_h(r · s));  s = z · s + (1 − z) · n;  y = s
 *   cfg      output (1), batch_normalize; f is the logistic function, with tanh=1 (pjreddie) tanh
 *   state    s (output), zero at first
 *   slots    alexeyab: of input_z, input_r, input_h, state_z, state_r, state_h, each as in [connected];
 *            pjreddie: the three of the state first; batch norm uses the stored statistics
 *   flops    0, as [connected] */
#include "layers/recurrent.h"

typedef struct params {
    dn_parts parts;
    int outputs, input_part, state_part; /* numbers of the first part of each kind */
    bool tanh;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    const bool pjreddie = context->dialect == DN_PJREDDIE;
    p->input_part = pjreddie ? 3 : 0;
    p->state_part = pjreddie ? 0 : 3;
    DN_TRY(dn_parts_parse(section, context, &p->parts, err));
    if (pjreddie) DN_TRY(dn_section_flag(section, "tanh", false, &p->tanh, err));
    return dn_section_int(section, "output", 1, 1, DN_FILTERS_MAX, &p->outputs, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    static const dn_part_names of_input[] = {DN_PART("input_z"), DN_PART("input_r"), DN_PART("input_h")};
    static const dn_part_names of_state[] = {DN_PART("state_z"), DN_PART("state_r"), DN_PART("state_h")};
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    const int inputs = (int)dn_shape_image(in);
    dn_shape out, state;
    DN_TRY(dn_shape_make(&out, in.n, p->outputs, 1, 1, err));
    DN_TRY(dn_shape_make(&state, in.n / p->parts.steps, p->outputs, 1, 1, err));
    for (int k = 0; k < 6; k++) {
        const bool input = k / 3 == p->input_part / 3;
        const dn_part_names names = input ? of_input[k % 3] : of_state[k % 3];
        DN_TRY(dn_parts_slots(&p->parts, plan, names, input ? inputs : p->outputs, p->outputs, err));
    }
    DN_TRY(dn_layer_plan_state(plan, state, err));
    dn_layer_plan_set_output(plan, out);
    DN_TRY(dn_layer_plan_fact(plan, "output", p->outputs, err));
    DN_TRY(dn_layer_plan_fact(plan, "tanh", p->tanh, err));
    return dn_parts_facts(&p->parts, plan, err);
}

/* f(row t of `input` + part number `part` of the state, applied to s) */
static dn_status gate(const params *p, dn_emit *emit, int input, int t, int part, int s, dn_activation f, int *y) {
    int terms[2];
    DN_TRY(dn_emit_rows(emit, input, t, p->parts.steps, &terms[0]));
    DN_TRY(dn_parts_emit(&p->parts, emit, p->state_part + part, s, p->outputs, DN_LINEAR, &terms[1]));
    return dn_emit_gate(emit, terms, 2, f, y);
}

static dn_status step(const params *p, dn_emit *emit, const int inputs[3], int t, int *s) {
    const dn_channel_rule complement = {0, p->outputs, DN_LINEAR, -1.0F, 1.0F};
    int z, r, rest, forgotten, fresh;
    DN_TRY(gate(p, emit, inputs[0], t, 0, *s, DN_LOGISTIC, &z));
    DN_TRY(gate(p, emit, inputs[1], t, 1, *s, DN_LOGISTIC, &r));
    DN_TRY(dn_emit_mul(emit, r, *s, &forgotten));
    DN_TRY(gate(p, emit, inputs[2], t, 2, forgotten, p->tanh ? DN_TANH : DN_LOGISTIC, &fresh));
    DN_TRY(dn_emit_channel_map(emit, z, &complement, 1, &rest));
    return dn_emit_mix(emit, z, *s, rest, fresh, s);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    int inputs[3], state, y;
    void *memory;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &memory, (size_t)p->parts.steps, sizeof(int), emit->err));
    int *const states = memory;
    for (int k = 0; k < 3; k++) {
        DN_TRY(dn_parts_emit(&p->parts, emit, p->input_part + k, emit->input, p->outputs, DN_LINEAR, &inputs[k]));
    }
    DN_TRY(dn_emit_state(emit, 0, &state));
    for (int t = 0; t < p->parts.steps; t++) {
        DN_TRY(dn_parts_room(&p->parts, emit));
        DN_TRY(step(p, emit, inputs, t, &state));
        states[t] = state;
    }
    DN_TRY(dn_emit_store(emit, state, emit->states[0]));
    DN_TRY(dn_emit_stack(emit, states, p->parts.steps, &y));
    return dn_emit_output(emit, y);
}

/* The reference's CPU code carries nothing back: parameters only decay. */
static dn_status backward(const void *from, dn_emit *emit) {
    (void)from;
    if (!emit->graph->overwrites_points) return dn_emit_reverse_layer(emit);
    for (int k = 0; k < emit->slot_count; k++) {
        int delta;
        bool unused;
        if (!dn_emit_wants_delta(emit, emit->slots[k])) continue;
        DN_TRY(dn_emit_contribution(emit, emit->slots[k], false, &delta, &unused));
    }
    return DN_OK;
}

const dn_layer_type dn_layer_gru = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_RECURRENT,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
