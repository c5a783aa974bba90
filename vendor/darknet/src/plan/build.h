/* build.h — what the files of plan/ share while a plan is made. */
#ifndef DN_PLAN_BUILD_H
#define DN_PLAN_BUILD_H

#include "base/log.h"
#include "layers/registry.h"
#include "plan/plan.h"

/* One layer under construction: what layer files see as dn_layer_plan. */
struct dn_layer_plan {
    dn_plan *plan;
    dn_planned_layer *layer;
    dn_layer_context context;
    size_t slot_room, state_room;
};

/* Appends to a growing list of facts in the zone; numbers are copied. */
dn_status dn_facts_add(dn_zone *zone, dn_fact **facts, size_t *count, size_t *room, const char *name,
                       const double *numbers, int number_count, const char *text, dn_error *err);

/* A tensor that no op writes: input, parameter or state. */
dn_status dn_plan_add_tensor(dn_plan *plan, dn_shape shape, dn_role role, int layer, int slot, int *out, dn_error *err);

/* [net] → plan->net and its facts; *shape is the network's input for plan->net.batch images. */
dn_status dn_plan_read_net(dn_plan *plan, dn_section *section, dn_shape *shape, dn_error *err);
/* Every section after [net]: parse, infer, emit. */
dn_status dn_plan_read_layers(dn_plan *plan, const dn_options *options, dn_error *err);
/* Whom the layer's ops belong to, for callbacks that append some. `outputs`: tensors of the layers, as far as there are. */
dn_status dn_plan_emit_for(dn_plan *plan, int layer, const int *outputs, dn_emit *out, dn_error *err);
/* Training: appends losses and backward to the ops of forward. */
dn_status dn_plan_train(dn_plan *plan, const int *outputs, dn_error *err);
/* DN_E_UNSUPPORTED about a section that no layer type has. */
dn_status dn_plan_unknown_section(const dn_cfg_section *section, int layer, dn_error *err);
/* Looks at one section with nothing read yet. */
dn_status dn_plan_open_section(dn_plan *plan, int index, dn_section *out, dn_error *err);
/* Lists and logs the options that nothing read. */
dn_status dn_plan_list_unused(dn_plan *plan, const dn_section *section, int index, const dn_options *options,
                              dn_error *err);

#endif
