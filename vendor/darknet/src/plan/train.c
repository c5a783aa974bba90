/* train.c — what a plan for training has besides the ops of forward: losses, then backward, last layer first. */
#include <string.h>

#include "op/append.h"
#include "plan/build.h"

/* As many values, for as many images. */
static dn_status check_truth(const dn_plan *plan, int layer, int given, dn_error *err) {
    const dn_planned_layer *const reader = &plan->layers[layer], *const from = &plan->layers[given];
    const int64_t values = dn_shape_image(from->output);
    if (values == reader->truths && from->output.n == reader->output.n) return DN_OK;
    dn_shape_fail(err, "as many values as the loss reads",
                  "layer %d [%s] has truth=1 and %lld values an image, the loss of layer %d [%s] reads %d", given,
                  from->name, (long long)values, layer, reader->name, reader->truths);
    dn_error_where(err, layer, reader->name, NULL, 0);
    return DN_E_SHAPE;
}

/* truth=1: losses of later layers compare with the layer's output in place of the labels. */
static dn_status find_truths(dn_plan *plan, dn_error *err) {
    int given = -1;
    for (int k = 0; k < plan->layer_count; k++) {
        dn_planned_layer *const layer = &plan->layers[k];
        layer->truth_layer = layer->truths > 0 ? given : -1;
        if (layer->truth_layer >= 0) DN_TRY(check_truth(plan, k, given, err));
        if (layer->training.truth) given = k;
    }
    return DN_OK;
}

/* Every loss reads the same truths: the cfg's layers must agree how many values there are. */
static dn_status add_truth(dn_plan *plan, dn_error *err) {
    int values = 0, size = 0, first = -1;
    for (int k = 0; k < plan->layer_count; k++) {
        const int wanted = plan->layers[k].truth_layer >= 0 ? 0 : plan->layers[k].truths;
        if (wanted == 0 || wanted == values) continue;
        if (values != 0) {
            dn_shape_fail(err, "losses that read the same truths",
                          "layer %d [%s] reads %d values of truth an image, layer %d [%s] %d", first,
                          plan->layers[first].name, values, k, plan->layers[k].name, wanted);
            dn_error_where(err, k, plan->layers[k].name, NULL, 0);
            return DN_E_SHAPE;
        }
        values = wanted;
        size = plan->layers[k].truth_size;
        first = k;
    }
    plan->net.truths = values;
    if (values == 0) return DN_OK;
    const int rows = plan->graph.tensors[plan->input_tensor].shape.n;
    const dn_shape shape = size > 0 ? (dn_shape){rows, values / size, size, 1} : (dn_shape){rows, values, 1, 1};
    if (plan->truth_tensor < 0) {
        return dn_plan_add_tensor(plan, shape, DN_ROLE_INPUT, -1, -1, &plan->truth_tensor, err);
    }
    plan->graph.tensors[plan->truth_tensor].shape = shape; /* of some layer's forward */
    return DN_OK;
}

/* With the output in place, as loss and backward expect it. */
static dn_status reopen(dn_plan *plan, int layer, const int *outputs, dn_emit *out, dn_error *err) {
    DN_TRY(dn_plan_emit_for(plan, layer, outputs, out, err));
    out->output = plan->layers[layer].tensor;
    const int from = plan->layers[layer].truth_layer;
    out->truth = from >= 0 ? plan->layers[from].tensor : plan->truth_tensor;
    return DN_OK;
}

static dn_status emit_loss(dn_plan *plan, int index, const int *outputs, dn_error *err) {
    dn_planned_layer *layer = &plan->layers[index];
    if (!layer->type->loss || layer->training.only_forward) return DN_OK;
    dn_emit emit;
    DN_TRY(reopen(plan, index, outputs, &emit, err));
    DN_TRY(layer->type->loss(layer->params, &emit));
    layer->figures = emit.figures;
    return DN_OK;
}

/* A head that no loss and no later layer gives a delta has one all the same: people may write their own into it. */
static dn_status emit_delta(const dn_planned_layer *layer, dn_emit *emit) {
    int delta;
    bool accumulate;
    if (!layer->head || dn_emit_delta(emit, layer->tensor) >= 0) return DN_OK;
    if (!dn_emit_wants_delta(emit, layer->tensor)) return DN_OK;
    return dn_emit_contribution(emit, layer->tensor, false, &delta, &accumulate);
}

static dn_status emit_backward(dn_plan *plan, int index, const int *outputs, dn_error *err) {
    dn_planned_layer *layer = &plan->layers[index];
    dn_emit emit;
    DN_TRY(reopen(plan, index, outputs, &emit, err));
    if (!layer->training.only_forward) DN_TRY(emit_delta(layer, &emit));
    layer->backward_first = plan->graph.op_count;
    if (layer->training.only_forward) {
        /* what comes before it learns nothing from it */
    } else if (layer->type->backward) {
        DN_TRY(layer->type->backward(layer->params, &emit));
    } else {
        DN_TRY(dn_emit_reverse(&emit, layer->forward_first, layer->forward_last));
    }
    layer->backward_last = plan->graph.op_count;
    return DN_OK;
}

/* ---- deltas that pile up (graph.piles_up) ---- */

bool dn_plan_reference_trains(const dn_planned_layer *layer) {
    static const char *const kinds[] = {"convolutional", "shortcut", "maxpool",  "local_avgpool",
                                        "batchnorm",     "crnn",     "conv_lstm"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(layer->name, kinds[i]) == 0) return true;
    }
    return false;
}

/* Whether it clears the layer's delta before every mini-batch. */
static bool starts_clear(const dn_planned_layer *layer) {
    return dn_plan_reference_trains(layer) || strcmp(layer->name, "rnn") == 0;
}

/* The delta of a layer's output begins with what its shown delta was in the end; a loss writes over that. */
static dn_status emit_leftover(dn_plan *plan, int index, int *leftover, const int *outputs, dn_error *err) {
    const dn_planned_layer *layer = &plan->layers[index];
    dn_emit emit;
    DN_TRY(reopen(plan, index, outputs, &emit, err));
    *leftover = -1;
    const bool shared = index > 0 && layer->tensor == plan->layers[index - 1].tensor;
    if (starts_clear(layer) || shared || dn_emit_delta(&emit, layer->tensor) >= 0) return DN_OK;
    if (!dn_emit_wants_delta(&emit, layer->tensor)) return DN_OK;
    int delta;
    bool accumulate;
    DN_TRY(dn_plan_add_tensor(plan, dn_emit_shape(&emit, layer->tensor), DN_ROLE_STATE, index, -1, leftover, err));
    DN_TRY(dn_emit_contribution(&emit, layer->tensor, false, &delta, &accumulate));
    return dn_emit_append(&emit, (dn_op){.kind = DN_OP_copy}, leftover, 1, &delta, 1);
}

static dn_status emit_leftovers(dn_plan *plan, const int *outputs, int **out, dn_error *err) {
    void *list;
    DN_TRY(dn_zone_alloc(&plan->zone, &list, (size_t)plan->layer_count, sizeof(int), err));
    *out = list;
    for (int k = 0; k < plan->layer_count; k++) DN_TRY(emit_leftover(plan, k, &(*out)[k], outputs, err));
    return DN_OK;
}

static dn_status keep_leftover(dn_plan *plan, int index, int leftover, const int *outputs, dn_error *err) {
    dn_planned_layer *layer = &plan->layers[index];
    dn_emit emit;
    DN_TRY(reopen(plan, index, outputs, &emit, err));
    const int delta = dn_emit_delta(&emit, layer->shown);
    if (leftover < 0 || delta < 0) return DN_OK;
    DN_TRY(dn_emit_append(&emit, (dn_op){.kind = DN_OP_copy}, &delta, 1, &leftover, 1));
    layer->backward_last = plan->graph.op_count;
    return DN_OK;
}

/* ---- all of it ---- */

static dn_status for_layer(dn_plan *plan, int layer, dn_status status, dn_error *err) {
    if (status != DN_OK) {
        const dn_cfg_section *section = &plan->cfg->sections[plan->layers[layer].section];
        dn_error_where(err, layer, section->name, NULL, section->line);
    }
    return status;
}

dn_status dn_plan_train(dn_plan *plan, const int *outputs, dn_error *err) {
    DN_TRY(find_truths(plan, err));
    DN_TRY(add_truth(plan, err));
    plan->loss_first = plan->graph.op_count;
    for (int k = 0; k < plan->layer_count; k++) DN_TRY(for_layer(plan, k, emit_loss(plan, k, outputs, err), err));
    int *leftovers = NULL;
    if (plan->graph.piles_up) DN_TRY(emit_leftovers(plan, outputs, &leftovers, err));
    plan->loss_last = plan->graph.op_count;
    for (int k = plan->layer_count - 1; k >= 0; k--) {
        DN_TRY(for_layer(plan, k, emit_backward(plan, k, outputs, err), err));
        if (leftovers) DN_TRY(for_layer(plan, k, keep_leftover(plan, k, leftovers[k], outputs, err), err));
    }
    return DN_OK;
}
