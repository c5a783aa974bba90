/* empty.c — y = x: a layer that holds a place, so that the numbers of those behind it stay. */
#include "layers/common.h"

typedef struct params {
    char unused;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    (void)section, (void)context, (void)into, (void)err;
    return DN_OK;
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    (void)into, (void)err;
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    return DN_OK;
}

static dn_status forward(const void *from, dn_emit *emit) {
    (void)from;
    return dn_emit_output(emit, emit->input);
}

const dn_layer_type dn_layer_empty = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
