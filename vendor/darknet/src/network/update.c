/* update.c — what an iteration does to the parameters, once its mini-batches have left their gradients.
 *
 * SGD, as darknet has it, u the gradient (minus that of the loss, summed over B images) and what is left of earlier ones:
 *   u −= decay · B · w        (weights only, not biases and scales)
 *   w += rate / B · u
 *   u *= momentum
 * Adam (Kingma & Ba 2015, arXiv:1412.6980), with g = u − decay · B · w, t the number of updates from 1:
 *   m = B1 · m + (1 − B1) · g      v = B2 · v + (1 − B2) · g²
 *   w += rate · sqrt(1 − B2^t) / (1 − B1^t) · m / (sqrt(v) + eps) / B ... see dn_update; u = 0 */
#include <math.h>
#include <string.h>

#include "network/network.h"

typedef struct slot_update { /* one slot, cut into pieces */
    float *w, *u;
    float rate, momentum, decay; /* decay: · B */
    size_t count;
} slot_update;

#define PIECE 65536

static void sgd_piece(void *user, int task, int thread) {
    (void)thread;
    const slot_update *s = user;
    const size_t first = (size_t)task * PIECE, left = s->count - first, count = left < PIECE ? left : PIECE;
    float *restrict const w = s->w + first;
    float *restrict const u = s->u + first;
    for (size_t i = 0; i < count; i++) {
        const float g = u[i] - s->decay * w[i];
        w[i] += s->rate * g;
        u[i] = s->momentum * g;
    }
}

static bool ends_with(const char *name, const char *end) {
    const size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

static void update_slot(dn_network *network, int slot, const dn_update *update) {
    const dn_plan *plan = network->binding->plan;
    const dn_slot *planned = &plan->slots[slot];
    const dn_layer_training *layer = &plan->layers[planned->layer].training;
    const bool weights = ends_with(planned->name, "weights");
    slot_update s = {
        .w = dn_weights_slot(network->weights, slot).data,
        .u = network->gradients[slot]->data,
        .rate = update->learning_rate * layer->learning_rate / (float)update->images,
        .momentum = update->momentum,
        .decay = weights ? update->decay * (float)update->images : 0.0F,
        .count = (size_t)planned->count,
    };
    dn_pool_run(dn_backend_get(network->backend)->pool, (int)((s.count + PIECE - 1) / PIECE), sgd_piece, &s);
    dn_weights_wrote(network->weights, slot);
}

/* Whether an update moves the layer: in alexeyab nothing before the layer where backward stops; in pjreddie it decays. */
static bool moves(const dn_network *network, int layer, int stop) {
    const dn_plan *plan = network->binding->plan;
    if (plan->layers[layer].training.dont_update) return false;
    if (plan->graph.piles_up && !dn_plan_reference_trains(&plan->layers[layer])) return false;
    return layer >= stop || plan->net.dialect == DN_PJREDDIE;
}

dn_status dn_network_update(dn_network *network, const dn_update *update, dn_error *err) {
    const dn_plan *plan = network->binding->plan;
    if (!plan->options.training) {
        return dn_fail(err, DN_E_ARGUMENT, "the network was made for inference; make its plan with training = true");
    }
    if (update->images < 1) return dn_fail(err, DN_E_ARGUMENT, "an update after %d images", update->images);
    const int stop = dn_network_stop_layer(network, update->iteration);
    for (int slot = 0; slot < (int)plan->slot_count; slot++) {
        if (network->gradients[slot] && moves(network, plan->slots[slot].layer, stop)) {
            update_slot(network, slot, update);
        }
    }
    return DN_OK;
}
