/* plan.c — life and death of a plan. */
#include "plan/plan.h"

#include <string.h>

#include "plan/build.h"

static dn_status read_options(dn_plan_options *out, const dn_plan_options *given, dn_error *err) {
    *out = (dn_plan_options)DN_PLAN_OPTIONS_INIT;
    if (!given) return DN_OK;
    if (given->struct_size < sizeof given->struct_size || given->struct_size > sizeof *out) {
        return dn_fail(err, DN_E_ARGUMENT, "struct_size of the plan options is %zu; start from DN_PLAN_OPTIONS_INIT",
                       given->struct_size);
    }
    memcpy(out, given, given->struct_size);
    out->struct_size = sizeof *out;
    if (out->dialect != DN_ALEXEYAB && out->dialect != DN_PJREDDIE) {
        return dn_fail(err, DN_E_ARGUMENT, "dialect %d is neither alexeyab nor pjreddie", (int)out->dialect);
    }
    if (out->batch < 0 || out->width < 0 || out->height < 0) {
        return dn_fail(err, DN_E_ARGUMENT,
                       "batch %d, width %d, height %d: give numbers of 1 or more, or 0 for the cfg's", out->batch,
                       out->width, out->height);
    }
    if (out->time_steps < 0) {
        return dn_fail(err, DN_E_ARGUMENT, "%d time steps: give 1 or more, or 0 for the cfg's", out->time_steps);
    }
    if ((out->input_delta && !out->training) || (out->frozen && !out->input_delta)) {
        return dn_fail(err, DN_E_ARGUMENT,
                       "input_delta asks for training, and frozen for input_delta: there is nothing else to compute");
    }
    if (out->resource_count < 0) {
        return dn_fail(err, DN_E_ARGUMENT, "%d resources: give 0 or more", out->resource_count);
    }
    return DN_OK;
}

static dn_status copy_resources(dn_plan *plan, const dn_plan_options *options, dn_error *err) {
    const int count = options->resource_count;
    void *list;
    DN_TRY(dn_zone_alloc(&plan->zone, &list, (size_t)count, sizeof(dn_resource), err));
    plan->resources = list;
    for (int k = 0; k < count; k++) {
        const dn_resource *given = &options->resources[k];
        if (!given->name || (!given->bytes && given->size > 0)) {
            return dn_fail(err, DN_E_ARGUMENT, "resource %d has no name or no bytes", k);
        }
        dn_resource *copy = &plan->resources[plan->resource_count];
        const char *bytes;
        DN_TRY(dn_zone_text(&plan->zone, &copy->name, given->name, strlen(given->name), err));
        DN_TRY(dn_zone_text(&plan->zone, &bytes, given->bytes, given->size, err));
        copy->bytes = bytes;
        copy->size = given->size;
        plan->resource_count++;
    }
    return DN_OK;
}

static dn_status add_clock(dn_plan *plan, int rows, dn_error *err) {
    plan->truth_tensor = plan->clock_tensor = -1;
    if (!plan->options.training) return DN_OK;
    const dn_shape shape = {rows, DN_CLOCK, 1, 1};
    DN_TRY(dn_plan_add_tensor(plan, shape, DN_ROLE_INPUT, -1, -1, &plan->clock_tensor, err));
    plan->graph.tensors[plan->clock_tensor].dtype = DN_I32;
    return DN_OK;
}

static dn_status build(dn_plan *plan, const dn_plan_options *plan_options, const dn_options *options, dn_error *err) {
    dn_section net;
    dn_shape input;
    DN_TRY(read_options(&plan->options, plan_options, err));
    DN_TRY(copy_resources(plan, &plan->options, err));
    plan->options.resources = NULL;
    plan->options.resource_count = 0;
    DN_TRY(dn_plan_open_section(plan, 0, &net, err));
    DN_TRY(dn_plan_read_net(plan, &net, &input, err));
    DN_TRY(dn_plan_list_unused(plan, &net, 0, options, err));
    plan->graph.zone = &plan->zone;
    plan->graph.batch = plan->net.batch;
    plan->graph.frozen = plan->options.frozen;
    DN_TRY(dn_plan_add_tensor(plan, input, DN_ROLE_INPUT, -1, -1, &plan->input_tensor, err));
    plan->graph.tensors[plan->input_tensor].trains = plan->options.input_delta;
    DN_TRY(add_clock(plan, input.n, err));
    return dn_plan_read_layers(plan, options, err);
}

dn_status dn_plan_create(dn_plan **out, dn_cfg *cfg, const dn_plan_options *plan_options, const dn_options *options,
                         dn_error *err) {
    const dn_allocator allocator = dn_allocator_or_default(options);
    void *memory;
    DN_TRY(dn_alloc(&allocator, &memory, 1, sizeof(dn_plan), "the plan", err));
    dn_plan *plan = memory;
    atomic_init(&plan->references, 1);
    dn_zone_open(&plan->zone, allocator);
    dn_cfg_retain(cfg);
    plan->cfg = cfg;
    const dn_status status = build(plan, plan_options, options, err);
    if (status != DN_OK) {
        dn_plan_release(plan);
        return status;
    }
    *out = plan;
    return DN_OK;
}

void dn_plan_retain(dn_plan *plan) { atomic_fetch_add_explicit(&plan->references, 1, memory_order_relaxed); }

void dn_plan_release(dn_plan *plan) {
    if (!plan || atomic_fetch_sub_explicit(&plan->references, 1, memory_order_acq_rel) != 1) return;
    const dn_allocator allocator = plan->zone.allocator;
    dn_cfg_release(plan->cfg);
    dn_zone_close(&plan->zone);
    dn_free(&allocator, plan);
}

dn_status dn_plan_again(dn_plan **out, const dn_plan *plan, int batch, int width, int height, const dn_options *options,
                        dn_error *err) {
    dn_plan_options again = plan->options;
    if (batch != 0) again.batch = batch;
    if (width != 0) again.width = width;
    if (height != 0) again.height = height;
    again.resources = plan->resources;
    again.resource_count = plan->resource_count;
    return dn_plan_create(out, plan->cfg, &again, options, err);
}

dn_graph dn_plan_graph(const dn_plan *plan) {
    return (dn_graph){
        .tensors = plan->graph.tensors,
        .tensor_count = (int)plan->graph.tensor_count,
        .ops = plan->graph.ops,
        .op_count = (int)plan->graph.op_count,
        .batch = plan->graph.batch,
    };
}
