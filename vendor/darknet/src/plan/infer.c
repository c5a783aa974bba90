/* infer.c — what a layer's infer may ask and say about shapes and references. */
#include <stdio.h>

#include "plan/build.h"

const dn_layer_context *dn_layer_plan_context(const dn_layer_plan *plan) { return &plan->context; }

static dn_shape input_shape(const dn_layer_plan *plan) {
    const int before = plan->context.index - 1;
    return before >= 0 ? plan->plan->layers[before].output : plan->plan->graph.tensors[plan->plan->input_tensor].shape;
}

dn_shape dn_layer_plan_input(const dn_layer_plan *plan) { return input_shape(plan); }

bool dn_layer_plan_input_flat(const dn_layer_plan *plan) {
    const int before = plan->context.index - 1;
    return before >= 0 ? plan->plan->layers[before].flat : plan->plan->net.height == 0;
}

dn_shape dn_layer_plan_output_of(const dn_layer_plan *plan, int layer) { return plan->plan->layers[layer].output; }

bool dn_layer_plan_flat_of(const dn_layer_plan *plan, int layer) { return plan->plan->layers[layer].flat; }

const dn_layer_type *dn_layer_plan_type_of(const dn_layer_plan *plan, int layer, const void **params) {
    *params = plan->plan->layers[layer].params;
    return plan->plan->layers[layer].type;
}

/* Line of `key` in the section of the layer under construction. */
static int line_of(const dn_layer_plan *plan, const char *key) {
    const dn_section section = {.cfg = &plan->plan->cfg->sections[plan->layer->section]};
    return dn_section_line_of(&section, key);
}

void dn_layer_plan_blame(const dn_layer_plan *plan, const char *key, dn_error *err) {
    dn_error_where(err, plan->context.index, NULL, key, line_of(plan, key));
}

dn_status dn_layer_plan_resolve(const dn_layer_plan *plan, const char *key, int reference, int *out, dn_error *err) {
    const int index = plan->context.index;
    const int64_t layer = reference < 0 ? (int64_t)index + reference : reference;
    if (layer >= 0 && layer < index) {
        *out = (int)layer;
        return DN_OK;
    }
    char expected[64] = "an earlier layer; the first layer has none", where[48] = "";
    if (index > 0) (void)snprintf(expected, sizeof expected, "0 to %d, or -%d to -1", index - 1, index);
    if (reference < 0) (void)snprintf(where, sizeof where, " (it counts back to %lld)", (long long)layer);
    dn_fail(err, DN_E_PARSE, "%s=%d of layer %d is not an earlier layer%s: give %s", key, reference, index, where,
            index > 0 ? expected : "no reference, the first layer has none before it");
    dn_error_expected(err, "%s", expected);
    dn_error_found(err, "%d", reference);
    dn_error_where(err, index, plan->layer->name, key, line_of(plan, key));
    return DN_E_PARSE;
}

void dn_layer_plan_set_output(dn_layer_plan *plan, dn_shape shape) { plan->layer->output = shape; }

void dn_layer_plan_set_truths(dn_layer_plan *plan, int values) { plan->layer->truths = values; }

void dn_layer_plan_set_boxes(dn_layer_plan *plan, int boxes, int size) {
    plan->layer->truths = boxes * size;
    plan->layer->truth_size = size;
}

dn_status dn_layer_plan_read_truth(dn_layer_plan *plan, dn_error *err) {
    dn_plan *const whole = plan->plan;
    if (whole->truth_tensor >= 0) return DN_OK;
    const dn_shape unknown = {whole->graph.tensors[whole->input_tensor].shape.n, 1, 1, 1};
    return dn_plan_add_tensor(whole, unknown, DN_ROLE_INPUT, -1, -1, &whole->truth_tensor, err);
}

void dn_layer_plan_set_flat(dn_layer_plan *plan, bool flat) { plan->layer->flat = flat; }

void dn_layer_plan_keep(dn_layer_plan *plan, int layer) { plan->plan->layers[layer].kept = true; }

void dn_layer_plan_set_activation(dn_layer_plan *plan, dn_activation kind) { plan->layer->activation = kind; }

void dn_layer_plan_set_flops(dn_layer_plan *plan, double flops) { plan->layer->flops = flops; }

void dn_layer_plan_set_input(dn_layer_plan *plan, dn_shape shape) { plan->layer->input = shape; }
