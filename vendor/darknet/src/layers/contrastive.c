/* contrastive.c — compares embeddings with each other when training; otherwise passes its input on.
 *
 * yolo_layer= names the [yolo] layer whose boxes say which embeddings belong together; the reference needs it too, and
 * crashes without. Outside of training it never writes this layer's output. */
#include <float.h>

#include "layers/common.h"
#include "layers/contrastive.h"

extern const dn_layer_type dn_layer_yolo;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    dn_contrastive *p = into;
    p->steps = context->time_steps;
    if (!dn_section_has(section, "yolo_layer")) {
        return dn_section_fail(section, "yolo_layer", err, "the number of a [yolo] layer",
                               "needs yolo_layer=: the [yolo] layer of the same objects, such as yolo_layer=-3");
    }
    DN_TRY(dn_section_int(section, "classes", 1000, 1, DN_CLASSES_MAX, &p->classes, err));
    DN_TRY(dn_section_int(section, "yolo_layer", 0, INT32_MIN, INT32_MAX, &p->yolo_layer, err));
    DN_TRY(dn_section_float(section, "temperature", 1.0F, -1e30F, 1e30F, &p->temperature, err));
    DN_TRY(dn_section_float(section, "cls_normalizer", 1.0F, -1e30F, 1e30F, &p->cls_normalizer, err));
    DN_TRY(dn_section_float(section, "max_delta", FLT_MAX, -FLT_MAX, FLT_MAX, &p->max_delta, err));
    return dn_section_int(section, "contrastive_neg_max", 3, 0, INT32_MAX, &p->contrastive_neg_max, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    dn_contrastive *p = into;
    const void *yolo;
    DN_TRY(dn_layer_plan_resolve(plan, "yolo_layer", p->yolo_layer, &p->yolo_layer, err));
    if (dn_layer_plan_type_of(plan, p->yolo_layer, &yolo) != &dn_layer_yolo) {
        dn_shape_fail(err, "a [yolo] layer", "yolo_layer names layer %d, which is no [yolo]: name one", p->yolo_layer);
        dn_error_found(err, "layer %d", p->yolo_layer);
        dn_layer_plan_blame(plan, "yolo_layer", err);
        return DN_E_SHAPE;
    }
    p->yolo = dn_yolo_loss_of(yolo);
    p->yolo_shape = dn_layer_plan_output_of(plan, p->yolo_layer);
    DN_TRY(dn_truth_declare(plan, p->yolo->boxes, p->yolo->values, err));
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    DN_TRY(dn_layer_plan_fact(plan, "classes", p->classes, err));
    DN_TRY(dn_layer_plan_fact(plan, "yolo_layer", p->yolo_layer, err));
    DN_TRY(dn_layer_plan_fact(plan, "temperature", (double)p->temperature, err));
    DN_TRY(dn_layer_plan_fact(plan, "cls_normalizer", (double)p->cls_normalizer, err));
    DN_TRY(dn_layer_plan_fact(plan, "max_delta", (double)p->max_delta, err));
    return dn_layer_plan_fact(plan, "contrastive_neg_max", p->contrastive_neg_max, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    (void)from;
    return dn_emit_output(emit, emit->input);
}

const dn_layer_type dn_layer_contrastive = {
    .params_size = sizeof(dn_contrastive),
    .flags = DN_LAYER_COST,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .loss = dn_contrastive_loss,
};
