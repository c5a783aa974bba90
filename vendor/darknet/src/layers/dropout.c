/* dropout.c — drops values at random when training; otherwise passes its input on. */
#include "layers/common.h"

typedef struct params {
    float probability, size_rel;
    bool dropblock;
    int size_abs;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    const float probability = context->dialect == DN_PJREDDIE ? 0.5F : 0.2F;
    DN_TRY(dn_section_float(section, "probability", probability, 0.0F, 1.0F, &p->probability, err));
    DN_TRY(dn_section_flag(section, "dropblock", false, &p->dropblock, err));
    DN_TRY(dn_section_float(section, "dropblock_size_rel", 0.0F, 0.0F, 1.0F, &p->size_rel, err));
    DN_TRY(dn_section_int(section, "dropblock_size_abs", 0, 0, DN_SIZE_MAX, &p->size_abs, err));
    if (p->dropblock && p->size_rel == 0.0F && p->size_abs == 0) p->size_abs = 7;
    return DN_OK;
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    DN_TRY(dn_layer_plan_fact(plan, "probability", (double)p->probability, err));
    DN_TRY(dn_layer_plan_fact(plan, "dropblock", p->dropblock, err));
    DN_TRY(dn_layer_plan_fact(plan, "dropblock_size_rel", (double)p->size_rel, err));
    return dn_layer_plan_fact(plan, "dropblock_size_abs", p->size_abs, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    (void)from;
    return dn_emit_output(emit, emit->input);
}

const dn_layer_type dn_layer_dropout = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
