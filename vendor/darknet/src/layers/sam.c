/* sam.c — spatial attention: y = f(x · a), a the input of this layer, x the output of layer `from`, of equal shapes. */
#include "layers/common.h"

typedef struct params {
    int from;
    dn_activation activation;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    if (!dn_section_has(section, "from")) {
        return dn_section_fail(section, "from", err, "the number of a layer", "needs from=");
    }
    DN_TRY(dn_section_int(section, "from", 0, INT32_MIN, INT32_MAX, &p->from, err));
    return dn_parse_activation(section, context, DN_LINEAR, &p->activation, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    params *p = into;
    DN_TRY(dn_layer_plan_resolve(plan, "from", p->from, &p->from, err));
    const dn_shape in = dn_layer_plan_input(plan), from = dn_layer_plan_output_of(plan, p->from);
    if (!dn_shape_equal(in, from)) {
        dn_shape_fail(
            err, "equal shapes",
            "the input is %dx%dx%d and layer %d is %dx%dx%d (c x h x w), which must be equal: correct from= or "
            "the layer before",
            in.c, in.h, in.w, p->from, from.c, from.h, from.w);
        dn_error_found(err, "%dx%dx%d and %dx%dx%d", in.c, in.h, in.w, from.c, from.h, from.w);
        dn_layer_plan_blame(plan, "from", err);
        return DN_E_SHAPE;
    }
    dn_layer_plan_set_output(plan, from);
    dn_layer_plan_set_activation(plan, p->activation);
    return dn_layer_plan_fact(plan, "from", p->from, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    int y;
    DN_TRY(dn_emit_mul(emit, emit->layer_outputs[p->from], emit->input, &y));
    dn_emit_show_delta(emit, y);
    DN_TRY(dn_emit_activation(emit, y, p->activation, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_sam = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
