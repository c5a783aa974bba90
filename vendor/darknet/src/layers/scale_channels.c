/* scale_channels.c — scales the channels (or the places) of an earlier layer.
 *
 *   y[c,i,j] = f(x[c,i,j] · s[c])        s the input of this layer, (c, 1, 1); x the output of layer `from`
 *   scale_wh=1:  f(x[c,i,j] · s[i,j])    s is (1, h, w) */
#include "layers/common.h"

typedef struct params {
    int from;
    bool scale_wh;
    dn_activation activation;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    if (!dn_section_has(section, "from")) {
        return dn_section_fail(section, "from", err, "the number of a layer",
                               "needs from=: the layer to scale, such as from=-4");
    }
    DN_TRY(dn_section_int(section, "from", 0, INT32_MIN, INT32_MAX, &p->from, err));
    DN_TRY(dn_section_flag(section, "scale_wh", false, &p->scale_wh, err));
    return dn_parse_activation(section, context, DN_LINEAR, &p->activation, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    params *p = into;
    DN_TRY(dn_layer_plan_resolve(plan, "from", p->from, &p->from, err));
    const dn_shape in = dn_layer_plan_input(plan), from = dn_layer_plan_output_of(plan, p->from);
    const bool fits =
        p->scale_wh ? in.c == 1 && in.h == from.h && in.w == from.w : in.c == from.c && in.h == 1 && in.w == 1;
    if (!fits) {
        dn_shape_fail(err, p->scale_wh ? "one factor a place" : "one factor a channel",
                      "layer %d is %dx%dx%d (c x h x w), so the input must be %dx%dx%d, not %dx%dx%d: correct from= or "
                      "the layer before",
                      p->from, from.c, from.h, from.w, p->scale_wh ? 1 : from.c, p->scale_wh ? from.h : 1,
                      p->scale_wh ? from.w : 1, in.c, in.h, in.w);
        dn_error_found(err, "%dx%dx%d", in.c, in.h, in.w);
        dn_layer_plan_blame(plan, "from", err);
        return DN_E_SHAPE;
    }
    dn_layer_plan_set_output(plan, from);
    dn_layer_plan_set_flat(plan, dn_layer_plan_flat_of(plan, p->from));
    dn_layer_plan_set_activation(plan, p->activation);
    DN_TRY(dn_layer_plan_fact(plan, "from", p->from, err));
    return dn_layer_plan_fact(plan, "scale_wh", p->scale_wh, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    int y;
    DN_TRY(dn_emit_mul(emit, emit->layer_outputs[p->from], emit->input, &y));
    dn_emit_show_delta(emit, y);
    DN_TRY(dn_emit_activation(emit, y, p->activation, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_scale_channels = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
