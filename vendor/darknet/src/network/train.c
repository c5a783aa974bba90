/* train.c — loss, backward, and what training keeps: gradients, rolling statistics, the clock. */
#include <math.h>
#include <string.h>

#include "network/network.h"

/* ---- gradients ---- */

dn_status dn_gradients_create(dn_network *network, const dn_plan *plan, dn_error *err) {
    if (!network->gradients) {
        DN_TRY(dn_alloc(&network->allocator, (void **)&network->gradients, (size_t)network->weights->slot_count,
                        sizeof(dn_block *), "the table of gradients", err));
    }
    for (size_t i = 0; i < plan->graph.tensor_count; i++) {
        const dn_tensor_info *info = &plan->graph.tensors[i];
        if (info->role != DN_ROLE_GRADIENT || network->gradients[info->slot]) continue;
        const size_t bytes = (size_t)dn_shape_count(info->shape) * sizeof(float);
        DN_TRY(dn_block_create(&network->gradients[info->slot], &network->allocator, bytes, "a gradient", err));
        memset(network->gradients[info->slot]->data, 0, bytes);
    }
    return DN_OK;
}

dn_status dn_moments_create(dn_network *network, dn_error *err) {
    const int slots = network->weights->slot_count;
    if (!network->moments) {
        DN_TRY(dn_alloc(&network->allocator, (void **)&network->moments, (size_t)slots, sizeof(dn_block *),
                        "the table of moments", err));
    }
    for (int i = 0; i < slots; i++) {
        if (!network->gradients[i] || network->moments[i]) continue;
        const size_t bytes = 2 * (size_t)network->weights->entries[i].count * sizeof(float);
        DN_TRY(dn_block_create(&network->moments[i], &network->allocator, bytes, "moments of Adam", err));
        memset(network->moments[i]->data, 0, bytes);
    }
    return DN_OK;
}

static void free_blocks(const dn_network *network, dn_block **blocks) {
    for (int i = 0; blocks && i < network->weights->slot_count; i++) dn_block_release(blocks[i]);
    dn_free(&network->allocator, (void *)blocks);
}

void dn_gradients_free(dn_network *network) {
    free_blocks(network, network->gradients);
    free_blocks(network, network->moments);
    network->gradients = network->moments = NULL;
}

/* ---- statistics ---- */

/* finite: what is not leaves them as they are. */
static void follow(float *rolling, const float *found, int count, float momentum, bool finite) {
    for (int i = 0; i < count; i++) {
        if (finite && !isfinite(found[i])) continue;
        rolling[i] = momentum * rolling[i] + (1.0F - momentum) * found[i];
    }
}

void dn_follow_statistics(dn_network *network) {
    const dn_binding *binding = network->binding;
    const dn_plan *plan = binding->plan;
    for (size_t i = 0; i < plan->graph.rolling_count; i++) {
        const dn_rolling *rolling = &plan->graph.rollings[i];
        const int tensors[2] = {rolling->mean, rolling->variance};
        const float momentum = rolling->momentum > 0.0F ? rolling->momentum : plan->net.batchnorm_momentum;
        const int parameters[2] = {rolling->rolling_mean, rolling->rolling_variance};
        for (int k = 0; k < 2; k++) {
            const dn_tensor_info *info = &plan->graph.tensors[parameters[k]];
            const dn_tensor values = dn_weights_slot(network->weights, info->slot);
            follow(values.data, binding->addresses[tensors[k]], info->shape.c, momentum, plan->try_fix_nan);
            dn_weights_wrote(network->weights, info->slot);
        }
    }
}

/* ---- loss ---- */

static dn_status check_training(const dn_network *network, dn_error *err) {
    if (network->binding->plan->options.training) return DN_OK;
    return dn_fail(err, DN_E_ARGUMENT, "the network was made for inference; make its plan with training = true");
}

static dn_status run(dn_network *network, size_t first, size_t last, dn_error *err) {
    const dn_binding *binding = network->binding;
    const dn_backend_type *type = dn_backend_get(network->backend)->type;
    return type->run(binding->program, binding->addresses, binding->graph.batch, (int)first, (int)last, err);
}

static int rows_of(const dn_binding *binding) { return binding->graph.tensors[binding->plan->input_tensor].shape.n; }

static void put_clock(int32_t *row, int column, uint64_t value) {
    row[column] = (int32_t)(uint32_t)value;
    row[column + 1] = (int32_t)(uint32_t)(value >> 32);
}

dn_status dn_network_set_clock(dn_network *network, const dn_clock_time *time, dn_error *err) {
    DN_TRY(check_training(network, err));
    const dn_binding *binding = network->binding;
    int32_t *row = binding->clock->data;
    for (int i = 0; i < rows_of(binding); i++, row += DN_CLOCK) {
        put_clock(row, DN_CLOCK_SEED, time->seed);
        put_clock(row, DN_CLOCK_ITERATION, time->iteration);
        put_clock(row, DN_CLOCK_SEEN, time->seen);
        put_clock(row, DN_CLOCK_IMAGE, time->image + (uint64_t)i);
    }
    return DN_OK;
}

/* The mean over the layers that have a cost. */
static double network_loss(const dn_network *network) {
    const dn_plan *plan = network->binding->plan;
    double sum = 0.0, figures[DN_FIGURES];
    int count = 0;
    for (int k = 0; k < plan->layer_count; k++) {
        if (dn_network_figures(network, k, figures, DN_FIGURES) == 0) continue;
        sum += figures[DN_FIGURE_COST];
        count++;
    }
    return count > 0 ? sum / count : 0.0;
}

dn_status dn_network_set_truth(dn_network *network, const float *truth, dn_error *err) {
    DN_TRY(check_training(network, err));
    const dn_binding *binding = network->binding;
    const size_t bytes = (size_t)rows_of(binding) * (size_t)binding->plan->net.truths * sizeof(float);
    if (bytes > 0) memcpy(binding->truth->data, truth, bytes);
    return DN_OK;
}

static bool has_loss(const dn_plan *plan) {
    if (plan->net.truths > 0) return true;
    for (int k = 0; k < plan->layer_count; k++) {
        if (plan->layers[k].figures >= 0) return true;
    }
    return false;
}

dn_status dn_network_loss(dn_network *network, const float *truth, double *out, dn_error *err) {
    DN_TRY(check_training(network, err));
    const dn_binding *binding = network->binding;
    const dn_plan *plan = binding->plan;
    if (!has_loss(plan)) {
        return dn_fail(err, DN_E_ARGUMENT, "no layer of the network has a loss: write into the deltas of its heads");
    }
    if (truth) DN_TRY(dn_network_set_truth(network, truth, err));
    DN_TRY(run(network, plan->loss_first, plan->loss_last, err));
    if (out) *out = network_loss(network);
    return DN_OK;
}

int dn_network_figures(const dn_network *network, int layer, double *out, int room) {
    const dn_binding *binding = network->binding;
    const dn_plan *plan = binding->plan;
    if (!plan->options.training || layer < 0 || layer >= plan->layer_count) return 0;
    const int tensor = plan->layers[layer].figures;
    if (tensor < 0) return 0;
    const dn_shape shape = binding->graph.tensors[tensor].shape;
    const float *values = binding->addresses[tensor];
    const int known = shape.c < DN_FIGURES ? shape.c : DN_FIGURES; /* a layer may keep more behind them */
    for (int k = 0; k < known && k < room; k++) {
        out[k] = 0.0;
        for (int n = 0; n < shape.n; n++) out[k] += (double)values[(size_t)n * (size_t)shape.c + (size_t)k];
    }
    return known;
}

/* ---- backward ---- */

int dn_network_stop_layer(const dn_network *network, uint64_t iteration) {
    const dn_plan *plan = network->binding->plan;
    const bool always = plan->net.dialect == DN_PJREDDIE; /* whatever the number */
    for (int k = plan->layer_count - 1; k >= 0; k--) {
        const int stop = plan->layers[k].training.stop_backward;
        if (stop == 1 || (always && stop != 0) || (stop > 1 && (uint64_t)stop > iteration)) return k;
    }
    return -1;
}

dn_status dn_network_backward(dn_network *network, int first, int last, dn_error *err) {
    DN_TRY(check_training(network, err));
    const dn_plan *plan = network->binding->plan;
    if (first < 0 || last > plan->layer_count || first > last) {
        return dn_fail(err, DN_E_ARGUMENT, "layers %d to %d of %d", first, last, plan->layer_count);
    }
    if (first == last) return DN_OK;
    return run(network, plan->layers[last - 1].backward_first, plan->layers[first].backward_last, err);
}

/* ---- look ---- */

static dn_tensor no_tensor(void) { return (dn_tensor){.device = -1}; }

dn_tensor dn_network_gradient(const dn_network *network, int slot) {
    if (!network->gradients || slot < 0 || slot >= network->weights->slot_count || !network->gradients[slot]) {
        return no_tensor();
    }
    dn_tensor tensor = dn_weights_slot(network->weights, slot);
    tensor.data = network->gradients[slot]->data;
    tensor.block = network->gradients[slot];
    return tensor;
}

dn_status dn_network_start_adam(dn_network *network, dn_error *err) {
    DN_TRY(check_training(network, err));
    return dn_moments_create(network, err);
}

dn_tensor dn_network_moments(const dn_network *network, int slot) {
    dn_tensor tensor = dn_network_gradient(network, slot);
    if (!tensor.data || !network->moments || !network->moments[slot]) return no_tensor();
    tensor.data = network->moments[slot]->data;
    tensor.block = network->moments[slot];
    const int64_t count = network->weights->entries[slot].count;
    tensor.dimensions = 2;
    tensor.shape[0] = 2;
    tensor.shape[1] = tensor.strides[0] = count;
    tensor.strides[1] = 1;
    return tensor;
}

/* No data where nothing reaches the tensor. */
static dn_tensor delta_of(const dn_binding *binding, int tensor) {
    const int delta = binding->graph.tensors[tensor].delta;
    if (delta < 0) return no_tensor();
    const dn_shape shape = binding->graph.tensors[tensor].shape;
    dn_tensor view = {.data = binding->addresses[delta], .block = binding->arena, .dtype = DN_F32, .device = -1};
    const int64_t sides[4] = {shape.n, shape.c, shape.h, shape.w};
    view.dimensions = 4;
    int64_t stride = 1;
    for (int i = 3; i >= 0; i--) {
        view.shape[i] = sides[i];
        view.strides[i] = stride;
        stride *= sides[i];
    }
    return view;
}

dn_tensor dn_network_delta(const dn_network *network, int layer) {
    const dn_binding *binding = network->binding;
    const dn_plan *plan = binding->plan;
    if (!plan->options.training || layer < 0 || layer >= plan->layer_count) return no_tensor();
    const dn_planned_layer *planned = &plan->layers[layer];
    const bool all = network->network_options.outputs == DN_OUTPUTS_ALL;
    if (!all && !planned->head && planned->figures < 0) return no_tensor();
    return delta_of(binding, all ? planned->shown : planned->tensor);
}

dn_tensor dn_network_input_delta(const dn_network *network) {
    const dn_binding *binding = network->binding;
    if (!binding->plan->options.input_delta) return no_tensor();
    return delta_of(binding, binding->plan->input_tensor);
}
