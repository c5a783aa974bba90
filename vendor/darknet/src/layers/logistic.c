/* logistic.c — y = 1 / (1 + e^−x), each value a probability of its own; the cross entropy with the truth when
 * training (pjreddie). */
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
    int y;
    (void)from;
    DN_TRY(dn_emit_activation(emit, emit->input, DN_LOGISTIC, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_logistic = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_HEAD,
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
