/* lstm.c — long short-term memory, of eight [connected] ones without activation. Per time step, h and c the states:
 *
 *   f = σ(wf(h) + uf(x));  i = σ(wi(h) + ui(x));  g = tanh(wg(h) + ug(x));  o = σ(wo(h) + uo(x))
 *   c = f · c + i · g;  h = o · tanh(c);  y = h
 *   cfg      output (1), batch_normalize
 *   states   h, c (output), zero at first
 *   slots    alexeyab: of wf, wi, wg, wo, uf, ui, ug, uo, each as in [connected]; pjreddie: wi, wf, wo, wg, ui, uf, uo,
 *            ug; batch norm uses the stored statistics
 *   flops    0, as [connected] */
#include "layers/recurrent.h"

enum { FORGET, INPUT, CANDIDATE, OUTPUT, GATES };

/* The gate that stands at each place of the file. */
static const int orders[2][GATES] = {[DN_ALEXEYAB] = {FORGET, INPUT, CANDIDATE, OUTPUT},
                                     [DN_PJREDDIE] = {INPUT, FORGET, OUTPUT, CANDIDATE}};

typedef struct params {
    dn_parts parts;
    int outputs;
    int place[GATES]; /* of each gate in the file */
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    for (int k = 0; k < GATES; k++) p->place[orders[context->dialect][k]] = k;
    DN_TRY(dn_parts_parse(section, context, &p->parts, err));
    return dn_section_int(section, "output", 1, 1, DN_FILTERS_MAX, &p->outputs, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    static const dn_part_names w[GATES] = {DN_PART("wf"), DN_PART("wi"), DN_PART("wg"), DN_PART("wo")};
    static const dn_part_names u[GATES] = {DN_PART("uf"), DN_PART("ui"), DN_PART("ug"), DN_PART("uo")};
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    const int *order = orders[p->parts.dialect];
    dn_shape out, state;
    DN_TRY(dn_shape_make(&out, in.n, p->outputs, 1, 1, err));
    DN_TRY(dn_shape_make(&state, in.n / p->parts.steps, p->outputs, 1, 1, err));
    for (int k = 0; k < GATES; k++) {
        DN_TRY(dn_parts_slots(&p->parts, plan, w[order[k]], p->outputs, p->outputs, err));
    }
    for (int k = 0; k < GATES; k++) {
        DN_TRY(dn_parts_slots(&p->parts, plan, u[order[k]], (int)dn_shape_image(in), p->outputs, err));
    }
    DN_TRY(dn_layer_plan_state(plan, state, err));
    DN_TRY(dn_layer_plan_state(plan, state, err));
    dn_layer_plan_set_output(plan, out);
    DN_TRY(dn_layer_plan_fact(plan, "output", p->outputs, err));
    return dn_parts_facts(&p->parts, plan, err);
}

static dn_status step(const params *p, dn_emit *emit, const int inputs[GATES], int t, int *h, int *c) {
    int gates[GATES], squashed;
    for (int k = 0; k < GATES; k++) {
        int terms[2];
        DN_TRY(dn_parts_emit(&p->parts, emit, p->place[k], *h, p->outputs, DN_LINEAR, &terms[0]));
        DN_TRY(dn_emit_rows(emit, inputs[k], t, p->parts.steps, &terms[1]));
        DN_TRY(dn_emit_gate(emit, terms, 2, k == CANDIDATE ? DN_TANH : DN_LOGISTIC, &gates[k]));
    }
    DN_TRY(dn_emit_mix(emit, gates[FORGET], *c, gates[INPUT], gates[CANDIDATE], c));
    DN_TRY(dn_emit_activation(emit, *c, DN_TANH, &squashed));
    return dn_emit_mul(emit, gates[OUTPUT], squashed, h);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    int inputs[GATES], h, c, y;
    void *memory;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &memory, (size_t)p->parts.steps, sizeof(int), emit->err));
    int *const outputs = memory;
    for (int k = 0; k < GATES; k++) {
        const int part = GATES + p->place[k];
        DN_TRY(dn_parts_emit(&p->parts, emit, part, emit->input, p->outputs, DN_LINEAR, &inputs[k]));
    }
    DN_TRY(dn_emit_state(emit, 0, &h));
    DN_TRY(dn_emit_state(emit, 1, &c));
    for (int t = 0; t < p->parts.steps; t++) {
        DN_TRY(dn_parts_room(&p->parts, emit));
        DN_TRY(step(p, emit, inputs, t, &h, &c));
        outputs[t] = h;
    }
    DN_TRY(dn_emit_store(emit, h, emit->states[0]));
    DN_TRY(dn_emit_store(emit, c, emit->states[1]));
    DN_TRY(dn_emit_stack(emit, outputs, p->parts.steps, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_lstm = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_RECURRENT,
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
