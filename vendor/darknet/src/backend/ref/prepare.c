/* prepare.c — what prepare= makes of an op's parameters before its kernel reads them:
 *   batchnorm folded into the convolution or linear op before it (FUSE, BINARY),
 *   ±mean|w| in place of w for xnor (always; from the folded weights, as in the reference), as bits under BINARY,
 *   the a_k of a weighted add (normalised in each run by the reference, once under FUSE). */
#include <string.h>

#include "backend/fold.h"
#include "backend/ref/ref.h"

static size_t tensor_count(const dn_graph *graph, int tensor) {
    return (size_t)dn_shape_count(graph->tensors[tensor].shape);
}

static bool is_parameter(const dn_graph *graph, int tensor) {
    return tensor >= 0 && graph->tensors[tensor].role == DN_ROLE_PARAMETER;
}

static bool is_argmax(const dn_op *op, int input, int output) {
    return (op->kind == DN_OP_pool2d && output == 1) || (op->kind == DN_OP_pool2d_gradient && input == 1);
}

static bool is_f32(const dn_graph *graph, int tensor) { return tensor < 0 || graph->tensors[tensor].dtype == DN_F32; }

static bool dense_f32(const dn_graph *graph, const dn_op *op) {
    for (int k = 0; k < op->input_count; k++) {
        if (!is_f32(graph, op->inputs[k]) && !is_argmax(op, k, -1)) return false;
    }
    for (int k = 0; k < op->output_count; k++) {
        if (!is_f32(graph, op->outputs[k]) && !is_argmax(op, -1, k)) return false;
    }
    return true;
}

/* Kinds whose kernels know how to add to their outputs: all that carry deltas. */
static bool accumulates(dn_op_kind kind) {
    switch (kind) {
    case DN_OP_copy:
    case DN_OP_scale:
    case DN_OP_rows:
    case DN_OP_upsample:
    case DN_OP_reorg:
    case DN_OP_host:
        return true;
    default:
        return kind > DN_OP_host && kind != DN_OP_fill && kind != DN_OP_batchnorm_train;
    }
}

static bool reorg_divides(const dn_graph *graph, const dn_op *op) {
    const int64_t stride = op->as.reorg.stride;
    const int side = op->as.reorg.by_output ? op->outputs[0] : op->inputs[0];
    return stride >= 1 && graph->tensors[side].shape.c % (stride * stride) == 0 &&
           tensor_count(graph, op->inputs[0]) == tensor_count(graph, op->outputs[0]);
}

/* Input number of the parameter that is prepared. */
static int prepared_input(const dn_op *op) {
    if (op->kind == DN_OP_add) return op->as.add.terms;
    return op->kind == DN_OP_add_gradient ? op->as.add_gradient.terms + 1 : 1;
}

bool dn_ref_supports(const dn_graph *graph, const dn_op *op) {
    if (op->accumulate && !accumulates(op->kind)) return false;
    if (op->kind != DN_OP_host && !dense_f32(graph, op)) return false;
    switch (op->kind) {
    case DN_OP_conv2d:
        return op->as.conv2d.binary == DN_BINARY_NONE || is_parameter(graph, op->inputs[1]);
    case DN_OP_add:
    case DN_OP_add_gradient:
        return op->as.add.weights == DN_ADD_PLAIN || is_parameter(graph, op->inputs[prepared_input(op)]);
    case DN_OP_reorg:
        return reorg_divides(graph, op);
    default:
        return true;
    }
}

/* The only op that reads `tensor`, -1 when there is none or more than one. */
static int only_reader(const dn_graph *graph, int tensor) {
    int reader = -1;
    for (int i = 0; i < graph->op_count; i++) {
        for (int k = 0; k < graph->ops[i].input_count; k++) {
            if (graph->ops[i].inputs[k] != tensor) continue;
            if (reader >= 0) return -1;
            reader = i;
        }
    }
    return reader;
}

int dn_ref_foldable(const dn_graph *graph, int index, const bool *keep) {
    const dn_op *const op = &graph->ops[index];
    if (op->kind != DN_OP_conv2d && !(op->kind == DN_OP_linear && !op->as.linear.transposed)) return -1;
    if (keep[op->outputs[0]] || !is_parameter(graph, op->inputs[1])) return -1;
    const int reader = only_reader(graph, op->outputs[0]);
    if (reader <= index || graph->ops[reader].kind != DN_OP_batchnorm) return -1;
    const dn_op *const batchnorm = &graph->ops[reader];
    if (batchnorm->inputs[0] != op->outputs[0]) return -1;
    if (graph->tensors[op->outputs[0]].shape.c != graph->tensors[batchnorm->outputs[0]].shape.c) return -1;
    for (int k = 1; k < batchnorm->input_count; k++) {
        if (batchnorm->inputs[k] >= 0 && !is_parameter(graph, batchnorm->inputs[k])) return -1;
    }
    return reader;
}

/* Reads weights that are to be ±mean|w|. */
static bool is_xnor(const dn_op *op) { return op->kind == DN_OP_conv2d && op->as.conv2d.binary == DN_BINARY_XNOR; }

static bool is_sum(const dn_op *op) { return op->kind == DN_OP_add || op->kind == DN_OP_add_gradient; }

/* Channels of y: of what the op writes, or, for one that carries a delta back, of dy. */
static int filters_of(const dn_graph *graph, const dn_op *op) {
    const bool back = op->kind == DN_OP_conv2d_data || op->kind == DN_OP_add_gradient;
    return graph->tensors[back ? op->inputs[0] : op->outputs[0]].shape.c;
}

/* Channels of a filter of a conv2d. */
static int channels_of(const dn_graph *graph, const dn_op *op) {
    return graph->tensors[op->inputs[0]].shape.c / op->as.conv2d.groups;
}

enum { WEIGHTS, BIASES, COEFFICIENTS, MEANS, BITS, PARTS }; /* of a state */

/* Values that each part holds; 0 = stays NULL. When there are bits, weights has room for one filter on its way there. */
static void state_counts(const dn_ref_state *state, const dn_graph *graph, bool packed, size_t counts[PARTS]) {
    const dn_op *const op = state->op;
    memset(counts, 0, PARTS * sizeof counts[0]);
    if (op == NULL) return;
    if (state->batchnorm != NULL || is_xnor(op)) counts[WEIGHTS] = tensor_count(graph, op->inputs[1]);
    if (state->batchnorm != NULL) counts[BIASES] = (size_t)filters_of(graph, op);
    if (packed) {
        const size_t filters = (size_t)filters_of(graph, op);
        counts[WEIGHTS] /= filters;
        counts[MEANS] = filters;
        counts[BITS] = filters * dn_ref_packed_words(&op->as.conv2d, channels_of(graph, op));
    }
    if (is_sum(op) && op->as.add.weights != DN_ADD_PLAIN) {
        counts[COEFFICIENTS] = (size_t)op->as.add.terms * (size_t)filters_of(graph, op);
    }
}

size_t dn_ref_state_bytes(const dn_ref_state *state, const dn_graph *graph) {
    size_t counts[PARTS];
    state_counts(state, graph, state->bits != NULL, counts);
    return (counts[WEIGHTS] + counts[BIASES] + counts[COEFFICIENTS] + counts[MEANS]) * sizeof(float) +
           counts[BITS] * sizeof(uint64_t);
}

dn_status dn_ref_prepare(dn_ref_state *state, const dn_graph *graph, const dn_op *op, const dn_op *batchnorm,
                         dn_prepare prepare, const dn_allocator *allocator, dn_error *err) {
    *state = (dn_ref_state){.op = op, .batchnorm = batchnorm, .allocator = *allocator};
    state->once_normalized = prepare != DN_PREPARE_NONE;
    state->pad_minus_one =
        is_xnor(op) && prepare == DN_PREPARE_BINARY && op->as.conv2d.stride_x == 1 && op->as.conv2d.stride_y == 1;
    size_t counts[PARTS];
    state_counts(state, graph, state->pad_minus_one && dn_ref_packable(&op->as.conv2d), counts);
    float **const floats[BITS] = {&state->weights, &state->biases, &state->coefficients, &state->means};
    for (int i = 0; i < PARTS; i++) {
        if (counts[i] == 0) continue;
        void *part = NULL;
        const size_t size = i == BITS ? sizeof(uint64_t) : sizeof(float);
        const dn_status status = dn_alloc_dirty(allocator, &part, counts[i], size, "prepared parameters", err);
        if (status != DN_OK) {
            dn_ref_state_free(state);
            return status;
        }
        if (i == BITS) {
            state->bits = part;
        } else {
            *floats[i] = part;
        }
    }
    return DN_OK;
}

void dn_ref_state_free(dn_ref_state *state) {
    if (state->op == NULL) return;
    dn_free(&state->allocator, state->weights);
    dn_free(&state->allocator, state->biases);
    dn_free(&state->allocator, state->coefficients);
    dn_free(&state->allocator, state->means);
    dn_free(&state->allocator, state->bits);
    *state = (dn_ref_state){0};
}

/* Slot of a parameter, -1 = there is none. */
static int slot_of(const dn_graph *graph, const dn_op *op, int input) {
    if (op == NULL || input >= op->input_count || op->inputs[input] < 0) return -1;
    return graph->tensors[op->inputs[input]].slot;
}

/* Slots that the prepared form depends on: the op's own, then the batchnorm's four. */
static void slots_of(const dn_ref_state *state, const dn_graph *graph, int slots[5]) {
    const dn_op *const op = state->op;
    slots[0] = slot_of(graph, op, prepared_input(op));
    for (int k = 1; k < 5; k++) slots[k] = slot_of(graph, state->batchnorm, k);
}

/* Filters `first` to `first + count − 1`, folded when there is a batchnorm: in state->weights, or where they are. */
static const float *folded(dn_ref_state *state, size_t per_filter, const float *const *parameters, const int slots[5],
                           int first, int count) {
    const float *weights = parameters[slots[0]] + (size_t)first * per_filter;
    if (state->batchnorm == NULL) return weights;
    const float *const biases = slots[4] >= 0 ? parameters[slots[4]] + first : NULL;
    dn_fold_batchnorm(&state->batchnorm->as.batchnorm, count, per_filter, weights, parameters[slots[1]] + first,
                      parameters[slots[2]] + first, parameters[slots[3]] + first, biases, state->weights,
                      state->biases + first);
    return state->weights;
}

static void fill_weights(dn_ref_state *state, const dn_graph *graph, const float *const *parameters,
                         const int slots[5]) {
    const int filters = filters_of(graph, state->op);
    const size_t per_filter = tensor_count(graph, state->op->inputs[1]) / (size_t)filters;
    if (state->bits == NULL) {
        const float *const weights = folded(state, per_filter, parameters, slots, 0, filters);
        if (is_xnor(state->op)) dn_binarize_weights(filters, per_filter, weights, state->weights);
        return;
    }
    const int channels = channels_of(graph, state->op);
    const size_t words = dn_ref_packed_words(&state->op->as.conv2d, channels);
    for (int f = 0; f < filters; f++) {
        const float *const weights = folded(state, per_filter, parameters, slots, f, 1);
        state->means[f] = dn_ref_pack_filter(&state->op->as.conv2d, channels, weights, state->bits + (size_t)f * words);
    }
}

void dn_ref_refresh(dn_ref_state *state, const dn_graph *graph, const float *const *parameters,
                    const uint64_t *versions) {
    if (state->weights == NULL && state->coefficients == NULL) return;
    int slots[5];
    slots_of(state, graph, slots);
    bool stale = false;
    for (int k = 0; k < 5; k++) {
        if (slots[k] < 0 || versions[slots[k]] == state->seen[k]) continue;
        state->seen[k] = versions[slots[k]];
        stale = true;
    }
    if (!stale) return;
    if (state->weights != NULL) fill_weights(state, graph, parameters, slots);
    if (state->coefficients != NULL) {
        dn_add_coefficients(&state->op->as.add, filters_of(graph, state->op), parameters[slots[0]],
                            state->once_normalized, state->coefficients);
    }
}
