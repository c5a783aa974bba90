/* layers.c — every section after [net] becomes a layer: parsed, inferred, emitted. */
#include <string.h>

#include "plan/build.h"

/* ---- options ---- */

dn_status dn_plan_open_section(dn_plan *plan, int index, dn_section *out, dn_error *err) {
    const dn_cfg_section *section = &plan->cfg->sections[index];
    void *used;
    DN_TRY(dn_zone_alloc(&plan->zone, &used, section->count, 1, err));
    *out = (dn_section){.cfg = section, .used = used, .zone = &plan->zone};
    return DN_OK;
}

dn_status dn_plan_list_unused(dn_plan *plan, const dn_section *section, int index, const dn_options *options,
                              dn_error *err) {
    for (size_t k = 0; k < section->cfg->count; k++) {
        if (section->used[k]) continue;
        const dn_cfg_option *option = &section->cfg->options[k];
        void *unused = plan->unused;
        DN_TRY(dn_zone_grow(&plan->zone, &unused, (size_t)plan->unused_count, &plan->unused_room, sizeof *plan->unused,
                            err));
        plan->unused = unused;
        plan->unused[plan->unused_count++] = (dn_unused_option){index, (int)k};
        /* Looked up in sections of a sane length only: a million options would take a million times a million steps. */
        const bool short_section = section->cfg->count <= 1000;
        const int first = short_section ? dn_section_line_of(section, option->key) : option->line;
        if (first == option->line) {
            dn_log(options, DN_LOG_WARNING, "line %d: %s=%s of [%s] is not used", option->line, option->key,
                   option->value, section->cfg->name);
        } else {
            dn_log(options, DN_LOG_WARNING, "line %d: %s=%s of [%s] is not used: line %d has the key already",
                   option->line, option->key, option->value, section->cfg->name, first);
        }
    }
    return DN_OK;
}

/* ---- one layer ---- */

static dn_status check_output(const dn_plan *plan, const dn_planned_layer *layer, dn_error *err) {
    const dn_shape out = layer->output;
    if (dn_shape_valid(out) && out.n % plan->graph.batch == 0 && dn_shape_image(out) <= INT32_MAX) return DN_OK;
    dn_shape_fail(err, "sides of 1 or more, at most 2^31 values", "the output is %d x %d x %d x %d (n x c x h x w)",
                  out.n, out.c, out.h, out.w);
    dn_error_found(err, "%d x %d x %d x %d", out.n, out.c, out.h, out.w);
    return DN_E_SHAPE;
}

dn_status dn_plan_emit_for(dn_plan *plan, int index, const int *outputs, dn_emit *out, dn_error *err) {
    const dn_planned_layer *layer = &plan->layers[index];
    void *list;
    DN_TRY(dn_zone_alloc(&plan->zone, &list, (size_t)layer->slot_count, sizeof(int), err));
    int *const tensors = list;
    for (int k = 0; k < layer->slot_count; k++) tensors[k] = plan->slots[layer->slots[k].slot].tensor;
    *out = (dn_emit){
        .graph = &plan->graph,
        .layer = index,
        .output_shape = layer->output,
        .input = index > 0 ? outputs[index - 1] : plan->input_tensor,
        .layer_outputs = outputs,
        .slots = tensors,
        .slot_count = layer->slot_count,
        .states = layer->states,
        .state_count = layer->state_count,
        .output = -1,
        .forward_first = layer->forward_first,
        .forward_last = layer->forward_last,
        .training = plan->options.training,
        .truth = plan->truth_tensor,
        .clock = plan->clock_tensor,
        .shown = -1,
        .figures = -1,
        .err = err,
    };
    return DN_OK;
}

/* A route to a single layer has a delta of its own, where that piles up. */
static dn_status own_output(const dn_plan *plan, const dn_planned_layer *layer, dn_emit *emit) {
    const bool route = strcmp(layer->name, "route") == 0;
    if (!plan->graph.piles_up || !route) return DN_OK;
    if (plan->graph.tensors[emit->output].layer == emit->layer) return DN_OK;
    return dn_emit_copy(emit, emit->output, emit->output_shape, &emit->output);
}

static dn_status emit(dn_plan *plan, dn_planned_layer *layer, int index, int *outputs, dn_error *err) {
    dn_emit emit;
    DN_TRY(dn_plan_emit_for(plan, index, outputs, &emit, err));
    layer->forward_first = plan->graph.op_count;
    DN_TRY(layer->type->forward(layer->params, &emit));
    if (emit.output < 0) return dn_fail(err, DN_E_SHAPE, "the layer has no output");
    DN_TRY(own_output(plan, layer, &emit));
    layer->forward_last = plan->graph.op_count;
    layer->tensor = outputs[index] = emit.output;
    layer->shown = emit.shown >= 0 ? emit.shown : emit.output;
    /* One that passes its input on shows what the layer before shows. */
    if (index > 0 && emit.output == emit.input) layer->shown = plan->layers[index - 1].shown;
    layer->figures = -1;
    return DN_OK;
}

/* Keys that one of the programs alone knows. */
static void follow_dialect(const dn_plan *plan, dn_layer_training *training) {
    const bool pjreddie = plan->net.dialect == DN_PJREDDIE;
    if (pjreddie && plan->clip != 0.0F) training->clip = plan->clip;
    training->truth &= pjreddie;
    training->dont_save &= pjreddie;
}

static dn_status read_layer(dn_plan *plan, dn_layer_plan *builder, int *outputs, dn_error *err) {
    dn_planned_layer *layer = builder->layer;
    const int number = layer->section;
    dn_section section;
    layer->type = dn_layer_type_find(plan->cfg->sections[number].name, &layer->name);
    if (!layer->type) return dn_plan_unknown_section(&plan->cfg->sections[number], builder->context.index, err);
    DN_TRY(dn_plan_open_section(plan, number, &section, err));
    DN_TRY(dn_zone_alloc(&plan->zone, &layer->params, 1, layer->type->params_size, err));
    DN_TRY(dn_parse_common(&section, &layer->training, err));
    follow_dialect(plan, &layer->training);
    DN_TRY(layer->type->parse(&section, &builder->context, layer->params, err));
    DN_TRY(dn_plan_list_unused(plan, &section, number, builder->context.options, err));
    layer->input = dn_layer_plan_input(builder);
    layer->flat = (layer->type->flags & DN_LAYER_FLAT) != 0;
    DN_TRY(layer->type->infer(layer->params, builder, err));
    DN_TRY(check_output(plan, layer, err));
    DN_TRY(emit(plan, layer, builder->context.index, outputs, err));
    plan->net.flops += layer->flops;
    plan->net.parameters += layer->parameters;
    return DN_OK;
}

/* ---- all layers ---- */

/* The layers that say so; without any, the last one that computes something. */
static dn_status find_heads(dn_plan *plan, dn_error *err) {
    void *list;
    DN_TRY(dn_zone_alloc(&plan->zone, &list, (size_t)plan->layer_count, sizeof(int), err));
    plan->heads = list;
    for (int k = 0; k < plan->layer_count; k++) {
        plan->layers[k].head = (plan->layers[k].type->flags & DN_LAYER_HEAD) != 0;
        if (plan->layers[k].head) plan->heads[plan->head_count++] = k;
    }
    if (plan->head_count > 0) return DN_OK;
    int last = plan->layer_count - 1;
    for (int k = last; k >= 0; k--) {
        const bool passes_on =
            (plan->layers[k].type->flags & DN_LAYER_COST) != 0 || strcmp(plan->layers[k].name, "dropout") == 0;
        if (passes_on) continue;
        last = k;
        break;
    }
    plan->layers[last].head = true;
    plan->heads[plan->head_count++] = last;
    return DN_OK;
}

/* The parser of cfgs bounds the number of sections. */
static dn_status check_count(const dn_cfg *cfg, dn_error *err) {
    if (cfg->count >= 2) return DN_OK;
    dn_fail(err, DN_E_PARSE, "the cfg has no layer after [net]: add one, such as [convolutional]");
    dn_error_expected(err, "a layer");
    return DN_E_PARSE;
}

static dn_layer_context context_of(dn_plan *plan, const dn_options *options) {
    return (dn_layer_context){
        .dialect = plan->net.dialect,
        .training = plan->options.training,
        .batch = plan->net.batch,
        .time_steps = plan->net.steps,
        .net_width = plan->net.width,
        .net_height = plan->net.height,
        .burn_in = plan->burn_in,
        .delta_limits = plan->delta_limits,
        .cost_by_name = plan->cost_by_name,
        .binary_by_name = plan->binary_by_name,
        .zone = &plan->zone,
        .options = options,
        .resources = plan->resources,
        .resource_count = plan->resource_count,
    };
}

dn_status dn_plan_read_layers(dn_plan *plan, const dn_options *options, dn_error *err) {
    DN_TRY(check_count(plan->cfg, err));
    const int count = (int)plan->cfg->count - 1;
    void *layers, *outputs;
    DN_TRY(dn_zone_alloc(&plan->zone, &layers, (size_t)count, sizeof *plan->layers, err));
    DN_TRY(dn_zone_alloc(&plan->zone, &outputs, (size_t)count, sizeof(int), err));
    plan->layers = layers;
    for (int k = 0; k < count; k++) {
        dn_layer_plan builder = {.plan = plan, .layer = &plan->layers[k], .context = context_of(plan, options)};
        builder.context.index = k;
        builder.layer->section = k + 1;
        const dn_status status = read_layer(plan, &builder, outputs, err);
        if (status != DN_OK) {
            const dn_cfg_section *section = &plan->cfg->sections[k + 1];
            dn_error_where(err, k, section->name, NULL, section->line);
            return status;
        }
        plan->layer_count++;
    }
    plan->net.layers = count;
    DN_TRY(find_heads(plan, err));
    return plan->options.training ? dn_plan_train(plan, outputs, err) : DN_OK;
}
