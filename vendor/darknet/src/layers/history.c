/* history.c — the last images of a sequence, the newest first.
 *
 *   y = (x, x of one time step ago, …), history_size · c channels; zeros before the first
 *   cfg      history_size (4)
 *   state    the history_size − 1 images before */
#include "layers/common.h"

enum { HISTORY_MAX = 65536, OPS_MAX = 1 << 16 };

typedef struct params {
    int size, steps;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    p->steps = context->time_steps;
    return dn_section_int(section, "history_size", 4, 1, HISTORY_MAX, &p->size, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    dn_shape out, state;
    DN_TRY(dn_shape_make(&out, in.n, (int64_t)p->size * in.c, in.h, in.w, err));
    if (p->size > 1) {
        DN_TRY(dn_shape_make(&state, in.n / p->steps, (int64_t)(p->size - 1) * in.c, in.h, in.w, err));
        DN_TRY(dn_layer_plan_state(plan, state, err));
    }
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    return dn_layer_plan_fact(plan, "history_size", p->size, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const dn_shape in = dn_emit_shape(emit, emit->input);
    const int none[] = {0, 0}, channels[] = {in.c, (p->size - 1) * in.c};
    const dn_shape row = {in.n / p->steps, p->size * in.c, in.h, in.w};
    void *memory;
    int y;
    if (p->size == 1) return dn_emit_output(emit, emit->input);
    DN_TRY(dn_zone_alloc(emit->graph->zone, &memory, (size_t)p->steps, sizeof(int), emit->err));
    int *const outputs = memory;
    for (int t = 0; t < p->steps; t++) {
        int xs[] = {-1, t == 0 ? emit->states[0] : outputs[t - 1]};
        if (emit->graph->op_count >= OPS_MAX) {
            return dn_fail(emit->err, DN_E_UNSUPPORTED,
                           "time_steps=%d makes more than %d operations: reduce time_steps=", p->steps, OPS_MAX);
        }
        DN_TRY(dn_emit_rows(emit, emit->input, t, p->steps, &xs[0]));
        DN_TRY(dn_emit_concat(emit, xs, 2, none, channels, false, row, &outputs[t]));
    }
    dn_shape kept = row;
    kept.c = channels[1];
    DN_TRY(dn_emit_concat(emit, &outputs[p->steps - 1], 1, none, &channels[1], false, kept, &y));
    DN_TRY(dn_emit_store(emit, y, emit->states[0]));
    DN_TRY(dn_emit_stack(emit, outputs, p->steps, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_history = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_RECURRENT,
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
