/* cost.c — compares with the truth when training; otherwise passes its input on (the reference leaves its output at
 * zero when there is no truth). The keys are facts for those who train: type, scale, ratio. */
#include "layers/common.h"
#include "layers/training.h"

typedef struct params {
    const char *type;
    float scale, ratio;
    const float *training;
} params;

/* Of pjreddie's types of cost. */
static const dn_training_key training_keys[] = {
    {"noobj", DN_TRAINING_NUMBER, 1, 0},
    {"thresh", DN_TRAINING_NUMBER, 0, 0},
    {NULL, DN_TRAINING_END, 0, 0},
};

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    p->type = dn_section_text(section, "type", "sse");
    DN_TRY(dn_section_float(section, "scale", 1.0F, -1e30F, 1e30F, &p->scale, err));
    DN_TRY(dn_section_float(section, "ratio", 0.0F, -1e30F, 1e30F, &p->ratio, err));
    return dn_training_parse(section, context, training_keys, &p->training, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    DN_TRY(dn_layer_plan_fact_text(plan, "type", p->type, err));
    DN_TRY(dn_layer_plan_fact(plan, "scale", (double)p->scale, err));
    DN_TRY(dn_layer_plan_fact(plan, "ratio", (double)p->ratio, err));
    return dn_training_facts(plan, training_keys, p->training, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    (void)from;
    return dn_emit_output(emit, emit->input);
}

const dn_layer_type dn_layer_cost = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_COST,
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
