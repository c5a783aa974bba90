/* binding.c — memory for one plan on one backend: an arena for what lives inside a run, blocks for what outlives it. */
#include <string.h>

#include "base/arena.h"
#include "network/network.h"

size_t dn_tensor_image_bytes(const dn_graph *graph, int tensor) {
    const dn_shape shape = graph->tensors[tensor].shape;
    return (size_t)(shape.n / graph->batch) * (size_t)dn_shape_image(shape) * sizeof(float);
}

/* ---- which tensors stay ---- */

static dn_status list_results(const dn_network *network, dn_binding *binding, dn_error *err) {
    const dn_plan *plan = binding->plan;
    const bool all = network->network_options.outputs == DN_OUTPUTS_ALL;
    const size_t layers = (size_t)plan->layer_count;
    DN_TRY(dn_alloc(&network->allocator, (void **)&binding->results, layers, sizeof *binding->results,
                    "the table of results", err));
    DN_TRY(dn_alloc(&network->allocator, (void **)&binding->result_of, layers, sizeof *binding->result_of,
                    "the table of results", err));
    for (int layer = 0; layer < plan->layer_count; layer++) {
        const dn_planned_layer *planned = &plan->layers[layer];
        binding->result_of[layer] = -1;
        if (!all && !planned->head && !planned->kept) continue;
        for (int i = 0; i < binding->result_count; i++) { /* identity layers share their input's tensor */
            if (binding->results[i].tensor == planned->tensor) binding->result_of[layer] = i;
        }
        if (binding->result_of[layer] < 0) {
            binding->result_of[layer] = binding->result_count;
            binding->results[binding->result_count++] = (dn_result){.layer = layer, .tensor = planned->tensor};
        }
        if (planned->head || planned->kept) binding->results[binding->result_of[layer]].head = true;
    }
    return DN_OK;
}

static void keep_tensor(bool *keep, int tensor) {
    if (tensor >= 0) keep[tensor] = true;
}

/* What people and the update look at after a run: figures, statistics, deltas of heads (of all layers). */
static void keep_training(const dn_network *network, const dn_binding *binding, bool *keep) {
    const dn_plan *plan = binding->plan;
    if (!plan->options.training) return;
    const bool all = network->network_options.outputs == DN_OUTPUTS_ALL;
    for (int i = 0; i < plan->layer_count; i++) {
        const dn_planned_layer *layer = &plan->layers[i];
        keep_tensor(keep, layer->figures);
        if (layer->head || layer->figures >= 0) keep_tensor(keep, binding->graph.tensors[layer->tensor].delta);
        if (all) keep_tensor(keep, binding->graph.tensors[layer->shown].delta);
    }
    keep_tensor(keep, binding->graph.tensors[plan->input_tensor].delta);
    for (size_t i = 0; i < plan->graph.rolling_count; i++) {
        keep_tensor(keep, plan->graph.rollings[i].mean);
        keep_tensor(keep, plan->graph.rollings[i].variance);
    }
}

static dn_status compile(const dn_network *network, dn_binding *binding, dn_error *err) {
    const dn_backend_type *type = dn_backend_get(network->backend)->type;
    bool *keep = NULL;
    DN_TRY(dn_alloc(&network->allocator, (void **)&keep, (size_t)binding->graph.tensor_count, sizeof *keep,
                    "the table of kept tensors", err));
    for (int i = 0; i < binding->result_count; i++) keep[binding->results[i].tensor] = true;
    keep_training(network, binding, keep);
    const dn_compile_options options = {network->network_options.precision, network->network_options.prepare, keep};
    const dn_status status = type->compile(network->backend, &binding->graph, &options, &binding->program, err);
    dn_free(&network->allocator, keep);
    return status;
}

/* ---- memory ---- */

static int root_of(const dn_placement *placements, int tensor, size_t *offset) {
    *offset = 0;
    while (placements[tensor].parent >= 0) {
        *offset += placements[tensor].offset;
        tensor = placements[tensor].parent;
    }
    return tensor;
}

static bool in_arena(const dn_binding *binding, int tensor) {
    const dn_role role = binding->graph.tensors[tensor].role;
    return dn_program_get(binding->program)->placements[tensor].bytes > 0 &&
           (role == DN_ROLE_ACTIVATION || role == DN_ROLE_DELTA) && !binding->addresses[tensor];
}

static dn_status place(const dn_network *network, const dn_binding *binding, dn_lifetime *lifetimes, size_t *bytes,
                       dn_error *err) {
    const dn_placement *placements = dn_program_get(binding->program)->placements;
    const int count = binding->graph.tensor_count;
    for (int i = 0; i < count; i++) {
        if (in_arena(binding, i)) {
            lifetimes[i] = (dn_lifetime){placements[i].bytes, placements[i].first, placements[i].last, 0};
        }
    }
    for (int i = 0; i < count; i++) { /* a tensor lives as long as what lies inside it */
        size_t offset;
        const int root = root_of(placements, i, &offset);
        if (root == i || lifetimes[root].bytes == 0) continue;
        if (placements[i].first < lifetimes[root].first) lifetimes[root].first = placements[i].first;
        if (placements[i].last > lifetimes[root].last) lifetimes[root].last = placements[i].last;
    }
    return dn_arena_place(lifetimes, count, bytes, &network->allocator, err);
}

static dn_status make_lifetimes(const dn_network *network, const dn_binding *binding, dn_lifetime **out,
                                dn_error *err) {
    return dn_alloc(&network->allocator, (void **)out, (size_t)binding->graph.tensor_count, sizeof **out,
                    "the memory plan", err);
}

static dn_status allocate_arena(const dn_network *network, dn_binding *binding, dn_error *err) {
    dn_lifetime *lifetimes = NULL;
    size_t bytes = 0;
    DN_TRY(make_lifetimes(network, binding, &lifetimes, err));
    dn_status status = place(network, binding, lifetimes, &bytes, err);
    if (status == DN_OK) status = dn_block_create(&binding->arena, &network->allocator, bytes, "activations", err);
    for (int i = 0; status == DN_OK && i < binding->graph.tensor_count; i++) {
        if (lifetimes[i].bytes > 0) binding->addresses[i] = (char *)binding->arena->data + lifetimes[i].offset;
    }
    dn_free(&network->allocator, lifetimes);
    return status;
}

static dn_status allocate_states(const dn_network *network, dn_binding *binding, dn_error *err) {
    const dn_placement *placements = dn_program_get(binding->program)->placements;
    DN_TRY(dn_alloc(&network->allocator, (void **)&binding->states, (size_t)binding->graph.tensor_count,
                    sizeof(dn_block *), "the table of states", err));
    for (int i = 0; i < binding->graph.tensor_count; i++) {
        if (binding->graph.tensors[i].role != DN_ROLE_STATE || placements[i].bytes == 0) continue;
        DN_TRY(dn_block_create(&binding->states[i], &network->allocator, placements[i].bytes, "a layer's state", err));
        binding->addresses[i] = binding->states[i]->data;
        binding->recurrent = true;
    }
    return DN_OK;
}

static dn_status allocate_rows(const dn_network *network, dn_binding *binding, int tensor, const char *what,
                               dn_block **out, dn_error *err) {
    if (tensor < 0) return DN_OK;
    const size_t bytes = dn_tensor_image_bytes(&binding->graph, tensor) * (size_t)binding->graph.batch;
    DN_TRY(dn_block_create(out, &network->allocator, bytes, what, err));
    binding->addresses[tensor] = (*out)->data;
    return DN_OK;
}

static dn_status allocate_training(const dn_network *network, dn_binding *binding, dn_error *err) {
    DN_TRY(allocate_rows(network, binding, binding->plan->truth_tensor, "the truth", &binding->truth, err));
    DN_TRY(allocate_rows(network, binding, binding->plan->clock_tensor, "the clock", &binding->clock, err));
    for (int i = 0; i < binding->graph.tensor_count; i++) {
        const dn_tensor_info *info = &binding->graph.tensors[i];
        if (info->role == DN_ROLE_GRADIENT) binding->addresses[i] = network->gradients[info->slot]->data;
    }
    return DN_OK;
}

static void resolve_parents(dn_binding *binding) {
    const dn_placement *placements = dn_program_get(binding->program)->placements;
    for (int i = 0; i < binding->graph.tensor_count; i++) {
        if (placements[i].parent < 0) continue;
        size_t offset;
        const int root = root_of(placements, i, &offset);
        binding->addresses[i] = binding->addresses[root] ? (char *)binding->addresses[root] + offset : NULL;
    }
}

static dn_status allocate(const dn_network *network, dn_binding *binding, dn_error *err) {
    const dn_graph *graph = &binding->graph;
    DN_TRY(dn_alloc(&network->allocator, (void **)&binding->addresses, (size_t)graph->tensor_count, sizeof(void *),
                    "the table of addresses", err));
    const size_t input_bytes = dn_tensor_image_bytes(graph, binding->plan->input_tensor) * (size_t)graph->batch;
    DN_TRY(dn_block_create(&binding->input, &network->allocator, input_bytes, "the input", err));
    binding->addresses[binding->plan->input_tensor] = binding->input->data;
    DN_TRY(allocate_states(network, binding, err));
    DN_TRY(allocate_training(network, binding, err));
    DN_TRY(dn_binding_prepare(network, binding, graph->batch, err));
    DN_TRY(allocate_arena(network, binding, err));
    resolve_parents(binding);
    const dn_backend_type *type = dn_backend_get(network->backend)->type;
    return type->reserve ? type->reserve(binding->program, err) : DN_OK;
}

static dn_status open_binding(dn_binding **out, const dn_network *network, dn_plan *plan, dn_error *err) {
    dn_binding *binding = NULL;
    DN_TRY(dn_alloc(&network->allocator, (void **)&binding, 1, sizeof *binding, "the network", err));
    dn_plan_retain(plan);
    binding->plan = plan;
    binding->graph = dn_plan_graph(plan);
    binding->images = binding->graph.batch;
    *out = binding;
    DN_TRY(list_results(network, binding, err));
    return compile(network, binding, err);
}

dn_status dn_binding_create(dn_binding **out, const dn_network *network, dn_plan *plan, dn_error *err) {
    dn_binding *binding = NULL;
    dn_status status = open_binding(&binding, network, plan, err);
    if (status == DN_OK) status = allocate(network, binding, err);
    if (status != DN_OK) {
        dn_binding_free(network, binding);
        return status;
    }
    *out = binding;
    return DN_OK;
}

/* ---- without memory ---- */

/* What has a block of its own: the input, truth and clock, results, states. Their addresses become those of `binding`,
 * so that no room in the arena is planned for them. */
static uint64_t count_blocks(dn_binding *binding) {
    const dn_graph *graph = &binding->graph;
    const dn_placement *placements = dn_program_get(binding->program)->placements;
    uint64_t bytes = 0;
    for (int i = 0; i < binding->result_count; i++) binding->addresses[binding->results[i].tensor] = binding;
    const int given[] = {binding->plan->input_tensor, binding->plan->truth_tensor, binding->plan->clock_tensor};
    for (int k = 0; k < 3; k++) {
        if (given[k] >= 0) binding->addresses[given[k]] = binding;
    }
    for (int i = 0; i < graph->tensor_count; i++) {
        if (graph->tensors[i].role == DN_ROLE_STATE) bytes += placements[i].bytes;
        if (binding->addresses[i]) bytes += dn_tensor_image_bytes(graph, i) * (uint64_t)graph->batch;
        if (graph->tensors[i].role == DN_ROLE_GRADIENT) {
            bytes += (uint64_t)dn_shape_count(graph->tensors[i].shape) * sizeof(float);
        }
    }
    return bytes + dn_program_get(binding->program)->packed_bytes;
}

static dn_status measure(const dn_network *network, dn_binding *binding, uint64_t *out, dn_error *err) {
    DN_TRY(dn_alloc(&network->allocator, (void **)&binding->addresses, (size_t)binding->graph.tensor_count,
                    sizeof(void *), "the table of addresses", err));
    *out = count_blocks(binding);
    dn_lifetime *lifetimes = NULL;
    size_t bytes = 0;
    DN_TRY(make_lifetimes(network, binding, &lifetimes, err));
    const dn_status status = place(network, binding, lifetimes, &bytes, err);
    dn_free(&network->allocator, lifetimes);
    *out += bytes;
    return status;
}

dn_status dn_binding_measure(uint64_t *out, const dn_network *network, dn_plan *plan, dn_error *err) {
    dn_binding *binding = NULL;
    dn_status status = open_binding(&binding, network, plan, err);
    if (status == DN_OK) status = measure(network, binding, out, err);
    dn_binding_free(network, binding);
    return status;
}

void dn_binding_free(const dn_network *network, dn_binding *binding) {
    if (!binding) return;
    if (binding->program) dn_backend_get(network->backend)->type->release(binding->program);
    for (int i = 0; i < binding->result_count; i++) {
        for (int k = 0; k < DN_RECYCLED_BLOCKS; k++) dn_block_release(binding->results[i].recycled[k]);
    }
    for (int i = 0; binding->states && i < binding->graph.tensor_count; i++) dn_block_release(binding->states[i]);
    dn_block_release(binding->arena);
    dn_block_release(binding->input);
    dn_block_release(binding->truth);
    dn_block_release(binding->clock);
    dn_free(&network->allocator, binding->states);
    dn_free(&network->allocator, binding->addresses);
    dn_free(&network->allocator, binding->results);
    dn_free(&network->allocator, binding->result_of);
    dn_plan_release(binding->plan);
    dn_free(&network->allocator, binding);
}

/* ---- per run ---- */

/* A block of `bytes` that nobody else holds: the last one again, one handed back, or a new one. */
static dn_status fresh_block(const dn_network *network, dn_result *result, size_t bytes, dn_error *err) {
    for (int k = 0; k < DN_RECYCLED_BLOCKS; k++) {
        dn_block *block = result->recycled[k];
        if (!block || block->bytes < bytes || dn_block_shared(block)) continue;
        result->block = block;
        return DN_OK;
    }
    dn_block *block = NULL;
    DN_TRY(dn_block_create(&block, &network->allocator, bytes, "a result", err));
    dn_block_release(result->recycled[result->next]);
    result->recycled[result->next] = block;
    result->next = (result->next + 1) % DN_RECYCLED_BLOCKS;
    result->block = block;
    return DN_OK;
}

dn_status dn_binding_prepare(const dn_network *network, dn_binding *binding, int images, dn_error *err) {
    for (int i = 0; i < binding->result_count; i++) {
        dn_result *result = &binding->results[i];
        const size_t image_bytes = dn_tensor_image_bytes(&binding->graph, result->tensor);
        size_t bytes;
        if (!dn_mul_size(image_bytes, (size_t)(result->head ? images : binding->graph.batch), &bytes)) {
            return dn_fail(err, DN_E_ARGUMENT, "results of %d images do not fit into memory", images);
        }
        /* what is not a head is live: every forward writes the same block */
        if (result->head || !result->block) DN_TRY(fresh_block(network, result, bytes, err));
    }
    dn_binding_slice(binding, 0);
    return DN_OK;
}

void dn_binding_slice(dn_binding *binding, int image) {
    for (int i = 0; i < binding->result_count; i++) {
        const dn_result *result = &binding->results[i];
        if (result->tensor == binding->plan->input_tensor) continue; /* copied after the run */
        const size_t offset = result->head ? (size_t)image * dn_tensor_image_bytes(&binding->graph, result->tensor) : 0;
        binding->addresses[result->tensor] = (char *)result->block->data + offset;
    }
    if (binding->program) resolve_parents(binding); /* a result may have others inside it */
}
