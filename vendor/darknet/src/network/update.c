/* update.c — what an iteration does to the parameters, once its mini-batches have left their gradients.
 *
 * SGD, as darknet has it, u the gradient (minus that of the loss, summed over B images) and what is left of earlier ones:
 *   u −= decay · B · w        (weights only, not biases and scales)
 *   w += rate / B · u
 *   u *= momentum
 * Adam (Kingma & Ba 2015, arXiv:1412.6980), with g = u − decay · B · w and t the number of updates from 1:
 *   m = B1 · m + (1 − B1) · g      v = B2 · v + (1 − B2) · g²
 *   w += rate · (m / (1 − B1^t)) / (sqrt(v / (1 − B2^t)) + eps)
 *   u = 0
 * as the reference's GPU code has it: g is the sum over the images, so that eps stands beside a B times larger root than
 * with a mean. Then, where the layer has clip=, w is cut to ±clip.
 * reverse=r (not 0) of a [convolutional], SGD: in the step of w, though not in what is left of it, the sign of u times
 * (10 · |u| + 1)^r stands for u.
 *
 * Before all that, with try_fix_nan= of [net], what is not finite among u and w becomes 0; with grad_centr= of a
 * [convolutional] with batch norm, every filter loses the mean of its u (gradient centralization, arXiv:2004.01461). */
#include <math.h>
#include <string.h>

#include "network/deform.h"
#include "network/network.h"

typedef struct slot_update { /* one slot, cut into pieces */
    float *w, *u;
    float *m, *v;                        /* Adam */
    float rate, momentum, decay;         /* decay: · B */
    float b1, b2, m_share, v_share, eps; /* shares: 1 / (1 − B^t) */
    float clip;
    size_t count, row; /* row: values of a filter */
    bool fix, centralize;
    float reverse;
} slot_update;

#define PIECE 65536

static void sgd(const slot_update *s, size_t first, size_t count) {
    float *restrict const w = s->w + first;
    float *restrict const u = s->u + first;
    for (size_t i = 0; i < count; i++) {
        const float g = u[i] - s->decay * w[i];
        w[i] += s->rate * g;
        u[i] = s->momentum * g;
    }
}

static void reversed_sgd(const slot_update *s, size_t first, size_t count) {
    float *restrict const w = s->w + first;
    float *restrict const u = s->u + first;
    for (size_t i = 0; i < count; i++) {
        const float length = u[i] == 0.0F ? 0.0F : powf(10.0F * fabsf(u[i]) + 1.0F, s->reverse);
        const float step = isfinite(length) ? copysignf(length, u[i]) : 0.0F;
        w[i] += s->rate * (step - s->decay * w[i]);
        u[i] *= s->momentum;
    }
}

static void adam(const slot_update *s, size_t first, size_t count) {
    float *restrict const w = s->w + first;
    float *restrict const u = s->u + first;
    float *restrict const m = s->m + first;
    float *restrict const v = s->v + first;
    for (size_t i = 0; i < count; i++) {
        const float g = u[i] - s->decay * w[i];
        m[i] = s->b1 * m[i] + (1.0F - s->b1) * g;
        v[i] = s->b2 * v[i] + (1.0F - s->b2) * g * g;
        w[i] += s->rate * (m[i] * s->m_share) / (sqrtf(v[i] * s->v_share) + s->eps);
        u[i] = 0.0F;
    }
}

static void clip(const slot_update *s, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++) s->w[i] = fminf(fmaxf(s->w[i], -s->clip), s->clip);
}

static void prepare_row(void *user, int task, int thread) {
    (void)thread;
    const slot_update *s = user;
    float *const w = s->w + (size_t)task * s->row, *const u = s->u + (size_t)task * s->row;
    for (size_t i = 0; s->fix && i < s->row; i++) {
        if (!isfinite(u[i])) u[i] = 0.0F;
        if (!isfinite(w[i])) w[i] = 0.0F;
    }
    if (!s->centralize) return;
    double sum = 0.0;
    for (size_t i = 0; i < s->row; i++) sum += (double)u[i];
    const float mean = (float)(sum / (double)s->row);
    for (size_t i = 0; i < s->row; i++) u[i] -= mean;
}

static void update_piece(void *user, int task, int thread) {
    (void)thread;
    const slot_update *s = user;
    const size_t first = (size_t)task * PIECE, left = s->count - first, count = left < PIECE ? left : PIECE;
    if (s->m) {
        adam(s, first, count);
    } else if (s->reverse != 0.0F) {
        reversed_sgd(s, first, count);
    } else {
        sgd(s, first, count);
    }
    if (s->clip > 0.0F) clip(s, first, count);
}

static bool ends_with(const char *name, const char *end) {
    const size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

static bool is_weights(const dn_slot *slot) { return ends_with(slot->name, "weights"); }

double dn_layer_number(const dn_plan *plan, int layer, const char *name) {
    dn_fact fact;
    for (int i = 0; (fact = dn_plan_fact(plan, layer, i)).name; i++) {
        if (fact.count == 1 && strcmp(fact.name, name) == 0) return fact.numbers[0];
    }
    return 0.0;
}

static bool centralizes(const dn_plan *plan, int layer) {
    return dn_layer_number(plan, layer, "grad_centr") != 0.0 && dn_layer_number(plan, layer, "batch_normalize") != 0.0;
}

/* [reorg] and [upsample] have a reverse= of their own. */
static float reverses(const dn_plan *plan, int layer) {
    return strcmp(plan->layers[layer].name, "convolutional") == 0 ? (float)dn_layer_number(plan, layer, "reverse")
                                                                  : 0.0F;
}

static void with_moments(slot_update *s, float *moments, const dn_update *update) {
    s->m = moments;
    s->v = moments + s->count;
    s->b1 = update->b1;
    s->b2 = update->b2;
    s->m_share = (float)(1.0 / (1.0 - pow((double)update->b1, (double)update->iteration)));
    s->v_share = (float)(1.0 / (1.0 - pow((double)update->b2, (double)update->iteration)));
    s->eps = update->eps;
}

static void update_slot(dn_network *network, int slot, const dn_update *update) {
    const dn_plan *plan = network->binding->plan;
    const dn_slot *planned = &plan->slots[slot];
    const dn_layer_training *layer = &plan->layers[planned->layer].training;
    const bool weights = is_weights(planned);
    slot_update s = {
        .w = dn_weights_slot(network->weights, slot).data,
        .u = network->gradients[slot]->data,
        .rate = update->learning_rate * layer->learning_rate / (update->adam ? 1.0F : (float)update->images),
        .momentum = update->momentum,
        .decay = weights ? update->decay * (float)update->images : 0.0F,
        .clip = weights ? layer->clip : 0.0F,
        .count = (size_t)planned->count,
        .row = (size_t)planned->count / (size_t)planned->shape[0],
        .fix = plan->try_fix_nan,
        .centralize = weights && centralizes(plan, planned->layer),
        .reverse = weights ? reverses(plan, planned->layer) : 0.0F,
    };
    if (update->adam) with_moments(&s, network->moments[slot]->data, update);
    dn_pool *const pool = dn_backend_get(network->backend)->pool;
    const dn_deform deform = dn_deform_of(plan, planned, update->iteration);
    if (deform.groups > 0) dn_deform_gather(&deform, s.u);
    if (s.fix || s.centralize) dn_pool_run(pool, (int)planned->shape[0], prepare_row, &s);
    dn_pool_run(pool, (int)((s.count + PIECE - 1) / PIECE), update_piece, &s);
    if (deform.groups > 0) {
        dn_deform_spread(&deform, s.w, s.u, dn_deform_of(plan, planned, update->iteration + 1).groups > 0);
    }
    dn_weights_wrote(network->weights, slot);
}

/* train_only_bn= of this layer or a later one: its batch norm alone moves. */
static bool only_batchnorm(const dn_plan *plan, int layer) {
    for (int k = layer; k < plan->layer_count; k++) {
        if (plan->layers[k].training.train_only_bn) return true;
    }
    return false;
}

/* dont_update=: 1 for ever, n > 1 up to iteration n. */
static bool never_moves(const dn_layer_training *layer, uint64_t iteration) {
    return layer->dont_update == 1 || (layer->dont_update > 1 && iteration <= (uint64_t)layer->dont_update);
}

static bool held_back(const dn_plan *plan, const dn_slot *slot, const dn_update *update) {
    const dn_layer_training *layer = &plan->layers[slot->layer].training;
    if (never_moves(layer, update->iteration)) return true;
    const int64_t until = (int64_t)layer->burnin_update * update->burn_in;
    if (layer->burnin_update > 0 && (int64_t)update->iteration < until) return true;
    return is_weights(slot) && only_batchnorm(plan, slot->layer);
}

/* Whether an update moves the layer: in alexeyab nothing before the layer where backward stops; in pjreddie it decays. */
static bool moves(const dn_network *network, int layer, int stop) {
    const dn_plan *plan = network->binding->plan;
    if (plan->graph.piles_up && !dn_plan_reference_trains(&plan->layers[layer])) return false;
    return layer >= stop || plan->net.dialect == DN_PJREDDIE;
}

/* How often: the reference's CPU code updates a shared parameter (share_index=) once for every layer that has it. */
static int times(const dn_plan *plan, int slot) {
    int count = 0;
    for (int k = 0; plan->graph.piles_up && k < plan->layer_count; k++) {
        for (int i = 0; i < plan->layers[k].slot_count; i++) count += plan->layers[k].slots[i].slot == slot ? 1 : 0;
    }
    return count > 0 ? count : 1;
}

dn_status dn_network_update(dn_network *network, const dn_update *update, dn_error *err) {
    const dn_plan *plan = network->binding->plan;
    if (!plan->options.training) {
        return dn_fail(err, DN_E_ARGUMENT, "the network was made for inference; make its plan with training = true");
    }
    if (update->images < 1) return dn_fail(err, DN_E_ARGUMENT, "an update after %d images", update->images);
    if (update->adam && update->iteration < 1) return dn_fail(err, DN_E_ARGUMENT, "Adam counts updates from 1");
    if (update->adam) DN_TRY(dn_moments_create(network, err));
    const int stop = dn_network_stop_layer(network, update->iteration > 0 ? update->iteration - 1 : 0);
    for (int slot = 0; slot < (int)plan->slot_count; slot++) {
        const dn_slot *planned = &plan->slots[slot];
        if (!network->gradients[slot] || !moves(network, planned->layer, stop)) continue;
        if (held_back(plan, planned, update)) {
            memset(network->gradients[slot]->data, 0, (size_t)planned->count * sizeof(float));
            continue;
        }
        for (int k = times(plan, slot); k > 0; k--) update_slot(network, slot, update);
    }
    return DN_OK;
}
