/* iseg.c — instance segmentation: for every place a probability per class, then an embedding that tells instances
 * apart (pjreddie).
 *
 *   y[k] = 1 / (1 + e^−x[k])     0 <= k < classes
 *   y[k] = x[k]                  classes <= k < classes + ids
 *   cfg      classes (20), ids (32); the input has classes + ids channels
 *
 * The reference's CPU code reads the truth even where there is none, and crashes outside of training. */
#include "layers/head.h"

typedef struct params {
    int classes, ids;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    (void)context;
    DN_TRY(dn_section_int(section, "classes", 20, 1, DN_CLASSES_MAX, &p->classes, err));
    return dn_section_int(section, "ids", 32, 0, DN_CLASSES_MAX, &p->ids, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    DN_TRY(dn_head_check_filters(plan, p->classes, p->ids, 1, err));
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    DN_TRY(dn_layer_plan_fact(plan, "classes", p->classes, err));
    return dn_layer_plan_fact(plan, "ids", p->ids, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const dn_channel_rule rule = {.first = 0, .count = p->classes, .kind = DN_LOGISTIC, .scale = 1.0F};
    int y;
    DN_TRY(dn_emit_channel_map(emit, emit->input, &rule, 1, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_iseg = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_HEAD,
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
