/* activation.c — y = f(x), f by activation= (linear). Formulas: op/activation.h. */
#include "layers/common.h"

typedef struct params {
    dn_activation activation;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    return dn_parse_activation(section, context, DN_LINEAR, &p->activation, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    (void)err;
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    dn_layer_plan_set_activation(plan, p->activation);
    return DN_OK;
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    int x = emit->input, y;
    if (emit->training) DN_TRY(dn_emit_copy(emit, x, emit->output_shape, &x)); /* whose delta is the layer's */
    dn_emit_show_delta(emit, x);
    DN_TRY(dn_emit_activation(emit, x, p->activation, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_activation = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
