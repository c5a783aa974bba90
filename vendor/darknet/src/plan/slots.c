/* slots.c — parameters and states: who declares them, who shares them, and the tensors they are in the graph. */
#include <string.h>

#include "plan/build.h"

dn_status dn_plan_add_tensor(dn_plan *plan, dn_shape shape, dn_role role, int layer, int slot, int *out,
                             dn_error *err) {
    dn_graph_builder *graph = &plan->graph;
    void *tensors = graph->tensors;
    DN_TRY(dn_zone_grow(&plan->zone, &tensors, graph->tensor_count, &graph->tensor_room, sizeof *graph->tensors, err));
    graph->tensors = tensors;
    graph->tensors[graph->tensor_count] = (dn_tensor_info){.shape = shape,
                                                           .dtype = DN_F32,
                                                           .role = role,
                                                           .layer = layer,
                                                           .slot = slot,
                                                           .of = -1,
                                                           .delta = -1,
                                                           .trains = role == DN_ROLE_PARAMETER && !graph->frozen};
    *out = (int)graph->tensor_count++;
    return DN_OK;
}

/* ---- for infer ---- */

static dn_status add_name(dn_layer_plan *plan, const char *name, int slot, dn_error *err) {
    dn_planned_layer *layer = plan->layer;
    void *slots = layer->slots;
    DN_TRY(dn_zone_grow(plan->context.zone, &slots, (size_t)layer->slot_count, &plan->slot_room, sizeof *layer->slots,
                        err));
    layer->slots = slots;
    layer->slots[layer->slot_count++] = (dn_named_slot){name, slot};
    return DN_OK;
}

static dn_status count_values(const char *name, int dimensions, const int64_t *shape, int64_t *out, dn_error *err) {
    int64_t count = 1;
    for (int k = 0; k < dimensions; k++) {
        if (shape[k] >= 1 && shape[k] <= INT32_MAX / count) {
            count *= shape[k];
            continue;
        }
        dn_shape_fail(err, "at most 2^31 - 1 values",
                      "%s of %lld x %lld values are more than 2^31 - 1: reduce the layer's outputs or its input", name,
                      (long long)count, (long long)shape[k]);
        dn_error_found(err, "%lld x %lld", (long long)count, (long long)shape[k]);
        return DN_E_SHAPE;
    }
    *out = count;
    return DN_OK;
}

dn_status dn_layer_plan_slot(dn_layer_plan *plan, const char *name, int dimensions, const int64_t *shape, bool stored,
                             dn_init init, dn_error *err) {
    dn_plan *whole = plan->plan;
    const int index = plan->context.index, number = (int)whole->slot_count;
    const bool saved = !plan->layer->training.dont_save;
    dn_slot slot = {
        .layer = index, .name = name, .dimensions = dimensions, .stored = stored, .saved = saved, .init = init};
    DN_TRY(count_values(name, dimensions, shape, &slot.count, err));
    memcpy(slot.shape, shape, (size_t)dimensions * sizeof *shape);
    const dn_shape flat = {1, (int)slot.count, 1, 1};
    DN_TRY(dn_plan_add_tensor(whole, flat, DN_ROLE_PARAMETER, index, number, &slot.tensor, err));
    void *slots = whole->slots;
    DN_TRY(dn_zone_grow(&whole->zone, &slots, whole->slot_count, &whole->slot_room, sizeof slot, err));
    whole->slots = slots;
    whole->slots[whole->slot_count++] = slot;
    if (stored) plan->layer->parameters += slot.count;
    return add_name(plan, name, number, err);
}

static int find_name(const dn_planned_layer *layer, const char *name) {
    for (int k = 0; k < layer->slot_count; k++) {
        if (strcmp(layer->slots[k].name, name) == 0) return layer->slots[k].slot;
    }
    return -1;
}

dn_status dn_layer_plan_share_slot(dn_layer_plan *plan, int layer, const char *name, dn_error *err) {
    const bool earlier = layer >= 0 && layer < plan->context.index;
    const int slot = earlier ? find_name(&plan->plan->layers[layer], name) : -1;
    if (slot < 0)
        return dn_shape_fail(err, "a layer that has the parameter", "layer %d has no %s to share", layer, name);
    return add_name(plan, name, slot, err);
}

void dn_layer_plan_form(dn_layer_plan *plan, const char *name, dn_weights_form form) {
    const int slot = find_name(plan->layer, name);
    if (slot >= 0 && form != DN_FORM_OWN) plan->plan->slots[slot].form = form;
}

dn_status dn_layer_plan_state(dn_layer_plan *plan, dn_shape shape, dn_error *err) {
    dn_planned_layer *layer = plan->layer;
    if (!dn_shape_valid(shape)) {
        return dn_shape_fail(err, "1 to 2^31 values", "a state of %d x %d x %d x %d values", shape.n, shape.c, shape.h,
                             shape.w);
    }
    void *states = layer->states;
    DN_TRY(dn_zone_grow(plan->context.zone, &states, (size_t)layer->state_count, &plan->state_room, sizeof(int), err));
    layer->states = states;
    int tensor;
    DN_TRY(dn_plan_add_tensor(plan->plan, shape, DN_ROLE_STATE, plan->context.index, -1, &tensor, err));
    layer->states[layer->state_count++] = tensor;
    return DN_OK;
}

/* ---- public ---- */

int dn_plan_slots(const dn_plan *plan) { return (int)plan->slot_count; }

dn_status dn_plan_slot(const dn_plan *plan, int slot, dn_slot_facts *out, dn_error *err) {
    if (slot < 0 || (size_t)slot >= plan->slot_count) {
        return dn_fail(err, DN_E_ARGUMENT, "slot %d is not one of the %zu parameter slots", slot, plan->slot_count);
    }
    const dn_slot *from = &plan->slots[slot];
    *out = (dn_slot_facts){.layer = from->layer,
                           .name = from->name,
                           .dimensions = from->dimensions,
                           .count = from->count,
                           .stored = from->stored,
                           .saved = from->saved};
    memcpy(out->shape, from->shape, sizeof out->shape);
    return DN_OK;
}

int dn_plan_find_slot(const dn_plan *plan, int layer, const char *name) {
    if (layer < 0 || layer >= plan->layer_count) return -1;
    return find_name(&plan->layers[layer], name);
}
