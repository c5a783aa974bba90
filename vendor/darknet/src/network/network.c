/* network.c — create, run, look at, reshape. */
#include "network/network.h"

#include <string.h>

static const dn_backend_type *backend_type(const dn_network *network) { return dn_backend_get(network->backend)->type; }

/* ---- create ---- */

static dn_status check_options(const dn_network_options *options, dn_error *err) {
    if (options->struct_size != sizeof *options) {
        return dn_fail(err, DN_E_ARGUMENT,
                       "dn_network_options has %zu bytes, %zu expected; use DN_NETWORK_OPTIONS_INIT",
                       options->struct_size, sizeof *options);
    }
    return DN_OK;
}

/* Weights made for one plan serve every plan with the same slots (another batch or input size). */
static dn_status check_weights(const dn_plan *plan, const dn_weights *weights, dn_error *err) {
    if ((size_t)weights->slot_count != plan->slot_count) {
        return dn_fail(err, DN_E_ARGUMENT,
                       "the weights have %d parameter slots, the plan %zu; load them with this plan",
                       weights->slot_count, plan->slot_count);
    }
    for (int i = 0; i < weights->slot_count; i++) {
        const dn_slot *slot = &plan->slots[i];
        if (weights->entries[i].layer == slot->layer && weights->entries[i].count == slot->count) continue;
        return dn_fail(err, DN_E_ARGUMENT, "slot %d (layer %d, %s) has %lld values in the plan, %lld in the weights", i,
                       slot->layer, slot->name, (long long)slot->count, (long long)weights->entries[i].count);
    }
    return DN_OK;
}

static dn_status open_backend(dn_network *network, dn_error *err) {
    const char *name = network->network_options.backend;
    const dn_backend_type *type = dn_backend_find(name);
    if (!type)
        return dn_fail(err, DN_E_DEVICE, "there is no backend \"%s\" in this build; use \"cpu\" or \"ref\"", name);
    if (type->device < 0 && network->network_options.precision != DN_PRECISION_F32) {
        return dn_fail(err, DN_E_UNSUPPORTED, "only float32 is computed by this backend; use precision fp32");
    }
    return type->open(&network->backend, &network->options, network->network_options.device, err);
}

static dn_status create(dn_network *network, dn_plan *plan, dn_error *err) {
    DN_TRY(check_options(&network->network_options, err));
    DN_TRY(check_weights(plan, network->weights, err));
    const size_t slots = (size_t)network->weights->slot_count;
    DN_TRY(dn_alloc(&network->allocator, (void **)&network->versions, slots, sizeof(uint64_t), "versions", err));
    DN_TRY(dn_alloc(&network->allocator, (void **)&network->parameters, slots, sizeof(float *), "parameters", err));
    for (size_t i = 0; i < slots; i++) network->parameters[i] = dn_weights_slot(network->weights, (int)i).data;
    DN_TRY(dn_forms_create(network, plan, err));
    DN_TRY(open_backend(network, err));
    if (plan->options.training) {
        network->network_options.prepare = DN_PREPARE_NONE; /* parameters are trained as they are */
        DN_TRY(dn_gradients_create(network, plan, err));
    }
    DN_TRY(dn_binding_create(&network->binding, network, plan, err));
    if (plan->options.training) dn_weights_set_shadow(network->weights, true);
    return DN_OK;
}

static dn_status begin(dn_network **out, const dn_network_options *network_options, const dn_options *options,
                       dn_error *err) {
    const dn_allocator allocator = dn_allocator_or_default(options);
    dn_network *network = NULL;
    DN_TRY(dn_alloc(&allocator, (void **)&network, 1, sizeof *network, "the network", err));
    network->allocator = allocator;
    network->options = options ? *options : (dn_options)DN_OPTIONS_INIT;
    network->network_options = network_options ? *network_options : (dn_network_options)DN_NETWORK_OPTIONS_INIT;
    network->network_options.backend = network_options && network_options->backend ? network_options->backend : "cpu";
    *out = network;
    return DN_OK;
}

dn_status dn_network_create(dn_network **out, dn_plan *plan, dn_weights *weights,
                            const dn_network_options *network_options, const dn_options *options, dn_error *err) {
    dn_network *network = NULL;
    DN_TRY(begin(&network, network_options, options, err));
    dn_weights_retain(weights);
    network->weights = weights;
    const dn_status status = create(network, plan, err);
    /* The caller's text and pool need not live longer than this call. */
    if (network->backend) network->network_options.backend = backend_type(network)->name;
    network->options.pool = network->backend ? dn_backend_get(network->backend)->pool : NULL;
    if (status != DN_OK) {
        dn_network_free(network);
        return status;
    }
    *out = network;
    return DN_OK;
}

static dn_status measure(dn_network *network, dn_plan *plan, uint64_t *out, dn_error *err) {
    DN_TRY(check_options(&network->network_options, err));
    DN_TRY(open_backend(network, err));
    if (plan->options.training) network->network_options.prepare = DN_PREPARE_NONE;
    return dn_binding_measure(out, network, plan, err);
}

dn_status dn_network_measure(uint64_t *out, dn_plan *plan, const dn_network_options *network_options,
                             const dn_options *options, dn_error *err) {
    dn_network *network = NULL;
    DN_TRY(begin(&network, network_options, options, err));
    *out = 0;
    const dn_status status = measure(network, plan, out, err);
    dn_network_free(network);
    return status;
}

void dn_network_free(dn_network *network) {
    if (!network) return;
    const dn_allocator allocator = network->allocator;
    dn_binding_free(network, network->binding);
    dn_gradients_free(network);
    dn_forms_free(network);
    if (network->backend) backend_type(network)->close(network->backend);
    dn_weights_release(network->weights);
    dn_free(&allocator, network->versions);
    dn_free(&allocator, (void *)network->parameters);
    dn_free(&allocator, network);
}

/* ---- run ---- */

static dn_status run_slice(dn_network *network, int images, dn_error *err) {
    const dn_binding *binding = network->binding;
    const int ops = binding->plan->options.training ? (int)binding->plan->loss_first : binding->graph.op_count;
    const dn_backend_type *type = backend_type(network);
    if (network->profile) {
        return type->profile(binding->program, binding->addresses, images, 0, ops, network->profile, err);
    }
    return type->run(binding->program, binding->addresses, images, 0, ops, err);
}

/* Where a head is the network's input itself (only identity layers), the result is a copy. */
static void copy_input_results(dn_binding *binding, int image, int images) {
    const int input = binding->plan->input_tensor;
    const size_t bytes = dn_tensor_image_bytes(&binding->graph, input);
    for (int i = 0; i < binding->result_count; i++) {
        const dn_result *result = &binding->results[i];
        if (result->tensor != input) continue;
        memcpy((char *)result->block->data + (result->head ? (size_t)image * bytes : 0), binding->addresses[input],
               bytes * (size_t)images);
    }
}

void dn_network_set_stay(dn_network *network, bool stay) { network->stay = stay; }

/* A backend brings no tensor to the host that has no address there. */
static void leave_heads(dn_binding *binding) {
    for (int i = 0; i < binding->result_count; i++) {
        const dn_result *result = &binding->results[i];
        if (result->head && result->tensor != binding->plan->input_tensor) binding->addresses[result->tensor] = NULL;
    }
}

/* What the graph calls images: sequences, where there are time steps. */
static dn_status count_sequences(const dn_binding *binding, bool own_input, int images, int *out, dn_error *err) {
    const int batch = binding->graph.batch, steps = binding->plan->net.steps;
    if (images < 1 || (own_input && images > batch * steps)) {
        return dn_fail(err, DN_E_ARGUMENT, "%d images were given, 1 to %d expected", images,
                       own_input ? batch * steps : INT32_MAX);
    }
    if (images % steps != 0) {
        return dn_fail(err, DN_E_ARGUMENT,
                       "%d images were given to a network of %d time steps: give a multiple of %d, or load it with "
                       "another number of time_steps",
                       images, steps, steps);
    }
    *out = images / steps;
    if (*out <= batch || !(steps > 1 || binding->recurrent)) return DN_OK;
    return dn_fail(err, DN_E_ARGUMENT,
                   "%d images are %d sequences of %d time steps; the network keeps the states of %d: load it with "
                   "batch=%d",
                   images, *out, steps, batch, *out);
}

dn_status dn_network_forward(dn_network *network, const float *input, int count, dn_error *err) {
    dn_binding *binding = network->binding;
    const int batch = binding->graph.batch;
    int images = 0;
    DN_TRY(count_sequences(binding, !input, count, &images, err));
    if (binding->plan->options.training && images != batch) {
        return dn_fail(err, DN_E_ARGUMENT, "%d images were given, training takes mini-batches of %d", count,
                       batch * binding->plan->net.steps);
    }
    DN_TRY(dn_binding_prepare(network, binding, images, err));
    dn_weights_versions(network->weights, network->versions);
    DN_TRY(dn_forms_refresh(network, err));
    DN_TRY(backend_type(network)->refresh(binding->program, network->parameters, network->versions, err));
    const int input_tensor = binding->plan->input_tensor;
    const size_t image_bytes = dn_tensor_image_bytes(&binding->graph, input_tensor);
    if (input && binding->plan->options.training) { /* backward reads it again */
        memcpy(binding->input->data, input, image_bytes * (size_t)images);
        input = NULL;
    }
    binding->stayed = network->stay && backend_type(network)->device >= 0 && !binding->plan->options.training;
    dn_status status = DN_OK;
    for (int image = 0; image < images && status == DN_OK; image += batch) {
        const int slice = images - image < batch ? images - image : batch;
        /* A backend only reads the input; the cast is needed because the table of addresses holds outputs too. */
        binding->addresses[input_tensor] =
            input ? (void *)((uintptr_t)input + (size_t)image * image_bytes) : binding->input->data;
        dn_binding_slice(binding, image);
        if (binding->stayed) leave_heads(binding);
        status = run_slice(network, slice, err);
        copy_input_results(binding, image, slice);
    }
    binding->addresses[input_tensor] = binding->input->data;
    binding->images = images;
    if (status == DN_OK && binding->plan->options.training) dn_follow_statistics(network);
    return status;
}

dn_status dn_network_forward_from_device(dn_network *network, const float *input, int images, dn_error *err) {
    const dn_binding *binding = network->binding;
    if (backend_type(network)->device < 0 || binding->plan->options.training) {
        return dn_fail(err, DN_E_UNSUPPORTED, "only inference on a device reads its input from there");
    }
    for (int i = 0; i < binding->result_count; i++) { /* it would be copied by the processor */
        if (binding->results[i].tensor != binding->plan->input_tensor) continue;
        return dn_fail(err, DN_E_UNSUPPORTED, "a result of this network is its input: give it as a numpy array");
    }
    return dn_network_forward(network, input, images, err);
}

void dn_network_reset_state(dn_network *network) {
    const dn_binding *binding = network->binding;
    for (int i = 0; i < binding->graph.tensor_count; i++) {
        if (binding->states[i]) memset(binding->states[i]->data, 0, binding->states[i]->bytes);
    }
}

/* ---- look ---- */

static dn_tensor look_at(dn_block *block, dn_shape shape, int rows, bool flat) {
    dn_tensor tensor = {.data = block->data, .block = block, .dtype = DN_F32, .device = -1};
    const int64_t spatial[4] = {rows, shape.c, shape.h, shape.w};
    const int64_t flattened[2] = {rows, dn_shape_image(shape)};
    tensor.dimensions = flat ? 2 : 4;
    memcpy(tensor.shape, flat ? flattened : spatial, (size_t)tensor.dimensions * sizeof(int64_t));
    int64_t stride = 1;
    for (int i = tensor.dimensions - 1; i >= 0; i--) {
        tensor.strides[i] = stride;
        stride *= tensor.shape[i];
    }
    return tensor;
}

dn_tensor dn_network_input(const dn_network *network) {
    const dn_binding *binding = network->binding;
    const dn_shape shape = binding->graph.tensors[binding->plan->input_tensor].shape;
    return look_at(binding->input, shape, shape.n, false);
}

/* On the host, where heads that stayed on the device have only their shape. */
static dn_tensor look_at_output(const dn_network *network, int layer) {
    const dn_binding *binding = network->binding;
    const dn_tensor none = {.device = -1};
    if (layer < 0 || layer >= binding->plan->layer_count || binding->result_of[layer] < 0) return none;
    const dn_result *result = &binding->results[binding->result_of[layer]];
    const dn_planned_layer *planned = &binding->plan->layers[layer];
    const int images = result->head || binding->images < binding->graph.batch ? binding->images : binding->graph.batch;
    const int rows = dn_run_rows(&binding->graph, &binding->graph.tensors[result->tensor], images);
    return look_at(result->block, planned->output, rows, planned->flat);
}

dn_tensor dn_network_output(const dn_network *network, int layer) {
    const dn_binding *binding = network->binding;
    const dn_tensor none = {.device = -1}, found = look_at_output(network, layer);
    if (!found.data || !binding->stayed) return found;
    return binding->results[binding->result_of[layer]].head ? none : found;
}

int dn_network_heads(const dn_network *network) { return network->binding->plan->head_count; }

int dn_network_head_layer(const dn_network *network, int head) {
    const dn_plan *plan = network->binding->plan;
    return head >= 0 && head < plan->head_count ? plan->heads[head] : -1;
}

dn_tensor dn_network_head(const dn_network *network, int head) {
    return dn_network_output(network, dn_network_head_layer(network, head));
}

dn_status dn_network_snapshot(dn_network *network, int head, dn_tensor *out, dn_error *err) {
    const dn_binding *binding = network->binding;
    dn_tensor found = look_at_output(network, dn_network_head_layer(network, head));
    if (!found.data || !backend_type(network)->snapshot) {
        return dn_fail(err, DN_E_UNSUPPORTED, "only heads of networks on a device are there");
    }
    if (binding->images > binding->graph.batch) {
        return dn_fail(err, DN_E_UNSUPPORTED, "%d images were computed %d at a time: load the network with batch=%d",
                       binding->images, binding->graph.batch, binding->images);
    }
    const int tensor = binding->results[binding->result_of[dn_network_head_layer(network, head)]].tensor;
    DN_TRY(backend_type(network)->snapshot(binding->program, tensor, binding->images, &found.block, err));
    found.data = found.block->data;
    found.device = found.block->device;
    *out = found;
    return DN_OK;
}

const dn_plan *dn_network_plan(const dn_network *network) { return network->binding->plan; }

uint64_t dn_network_bytes(const dn_network *network) {
    const dn_binding *binding = network->binding;
    uint64_t bytes = binding->arena->bytes + binding->input->bytes + dn_program_get(binding->program)->packed_bytes;
    for (int i = 0; i < binding->result_count; i++) bytes += binding->results[i].block->bytes;
    bytes += dn_forms_bytes(network);
    for (int i = 0; i < binding->graph.tensor_count; i++) bytes += binding->states[i] ? binding->states[i]->bytes : 0;
    return bytes;
}

/* ---- reshape ---- */

dn_status dn_network_reshape(dn_network *network, int batch, int width, int height, dn_error *err) {
    dn_plan *plan = NULL;
    DN_TRY(dn_plan_again(&plan, network->binding->plan, batch, width, height, &network->options, err));
    dn_binding *binding = NULL;
    dn_status status = check_weights(plan, network->weights, err); /* a [connected] layer's depend on the input size */
    if (status == DN_OK) status = dn_binding_create(&binding, network, plan, err);
    dn_plan_release(plan);
    if (status != DN_OK) return status;
    dn_binding_free(network, network->binding);
    network->binding = binding;
    return DN_OK;
}
