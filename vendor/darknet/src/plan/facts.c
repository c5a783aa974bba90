/* facts.c — what a plan tells people and exporters. */
#include <string.h>

#include "op/activation.h"
#include "plan/build.h"

dn_status dn_facts_add(dn_zone *zone, dn_fact **facts, size_t *count, size_t *room, const char *name,
                       const double *numbers, int number_count, const char *text, dn_error *err) {
    void *list = *facts, *copy = NULL;
    DN_TRY(dn_zone_grow(zone, &list, *count, room, sizeof **facts, err));
    *facts = list;
    if (!text) {
        DN_TRY(dn_zone_alloc(zone, &copy, (size_t)number_count, sizeof(double), err));
        if (number_count > 0) memcpy(copy, numbers, (size_t)number_count * sizeof(double));
    }
    (*facts)[*count] = (dn_fact){.name = name, .count = text ? -1 : number_count, .numbers = copy, .text = text};
    (*count)++;
    return DN_OK;
}

/* ---- for infer ---- */

static dn_status add_numbers(dn_layer_plan *plan, const char *name, const double *numbers, int count, dn_error *err) {
    dn_planned_layer *layer = plan->layer;
    return dn_facts_add(plan->context.zone, &layer->facts, &layer->fact_count, &layer->fact_room, name, numbers, count,
                        NULL, err);
}

dn_status dn_layer_plan_fact(dn_layer_plan *plan, const char *name, double number, dn_error *err) {
    return add_numbers(plan, name, &number, 1, err);
}

static dn_status scratch(dn_layer_plan *plan, int count, double **out, dn_error *err) {
    void *numbers;
    DN_TRY(dn_zone_alloc(plan->context.zone, &numbers, (size_t)count, sizeof(double), err));
    *out = numbers;
    return DN_OK;
}

dn_status dn_layer_plan_fact_ints(dn_layer_plan *plan, const char *name, const int *values, int count, dn_error *err) {
    double *numbers;
    DN_TRY(scratch(plan, count, &numbers, err));
    for (int k = 0; k < count; k++) numbers[k] = values[k];
    return add_numbers(plan, name, numbers, count, err);
}

dn_status dn_layer_plan_fact_floats(dn_layer_plan *plan, const char *name, const float *values, int count,
                                    dn_error *err) {
    double *numbers;
    DN_TRY(scratch(plan, count, &numbers, err));
    for (int k = 0; k < count; k++) numbers[k] = (double)values[k];
    return add_numbers(plan, name, numbers, count, err);
}

dn_status dn_layer_plan_fact_text(dn_layer_plan *plan, const char *name, const char *text, dn_error *err) {
    dn_planned_layer *layer = plan->layer;
    return dn_facts_add(plan->context.zone, &layer->facts, &layer->fact_count, &layer->fact_room, name, NULL, 0, text,
                        err);
}

/* ---- public ---- */

void dn_plan_net(const dn_plan *plan, dn_net_facts *out) { *out = plan->net; }

static void shape_of(dn_shape shape, int64_t out[4]) {
    out[0] = shape.n;
    out[1] = shape.c;
    out[2] = shape.h;
    out[3] = shape.w;
}

dn_status dn_plan_layer(const dn_plan *plan, int index, dn_layer_facts *out, dn_error *err) {
    if (index < 0 || index >= plan->layer_count) {
        return dn_fail(err, DN_E_ARGUMENT, "layer %d is not one of the %d layers", index, plan->layer_count);
    }
    const dn_planned_layer *layer = &plan->layers[index];
    *out = (dn_layer_facts){
        .kind = layer->name,
        .section = layer->section,
        .flat = layer->flat,
        .head = layer->head,
        .detector = (layer->type->flags & DN_LAYER_DETECTOR) != 0,
        .activation = dn_activation_name(layer->activation),
        .flops = layer->flops,
        .parameters = layer->parameters,
    };
    shape_of(layer->input, out->input);
    shape_of(layer->output, out->output);
    return DN_OK;
}

dn_fact dn_plan_fact(const dn_plan *plan, int layer, int index) {
    const dn_fact *facts = plan->facts;
    size_t count = plan->fact_count;
    if (layer >= 0) {
        const bool exists = layer < plan->layer_count;
        facts = exists ? plan->layers[layer].facts : NULL;
        count = exists ? plan->layers[layer].fact_count : 0;
    }
    if (layer < -1 || index < 0 || (size_t)index >= count) return (dn_fact){NULL, 0, NULL, NULL};
    return facts[index];
}

dn_unused_option dn_plan_unused_option(const dn_plan *plan, int index) {
    if (index < 0 || index >= plan->unused_count) return (dn_unused_option){-1, -1};
    return plan->unused[index];
}
