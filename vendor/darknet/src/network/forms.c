/* forms.c — ternary and binary weights, as a network computes with them.
 *
 * They are trained straight through: forward, and the deltas that a convolution hands back, go by the formed weights;
 * the gradient by these is taken as that of the weights themselves, which the update moves and which keep their full
 * precision. Backends know nothing of it: they are handed the formed weights in place of the others.
 *
 *   ternary (arXiv:1605.04711)   of all n weights of a slot: Δ = 0.7 · Σ|w| / n, α the mean of those |w| > Δ;
 *                                α where w > Δ, −α where w < −Δ, else 0
 *   binary  (arXiv:1603.05279)   of each filter: mean|w| where w > 0, else −mean|w| */
#include "network/forms.h"

#include <math.h>
#include <string.h>

#include "backend/fold.h"
#include "network/network.h"

/* ---- the ternary form ---- */

#define LANES 8 /* sums side by side: for vectors, and always the same */

typedef struct share {
    double sum, count;
} share;

/* Of the |w| that are larger than `least`. */
static share sizes_above(const float *weights, int64_t count, double least) {
    double sums[LANES] = {0.0}, counts[LANES] = {0.0};
    for (int64_t i = 0; i < count - count % LANES; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            const double size = fabs((double)weights[i + k]);
            sums[k] += size > least ? size : 0.0;
            counts[k] += size > least ? 1.0 : 0.0;
        }
    }
    share all = {0.0, 0.0};
    for (int64_t i = count - count % LANES; i < count; i++) {
        const double size = fabs((double)weights[i]);
        all.sum += size > least ? size : 0.0;
        all.count += size > least ? 1.0 : 0.0;
    }
    for (int k = 0; k < LANES; k++) {
        all.sum += sums[k];
        all.count += counts[k];
    }
    return all;
}

void dn_ternarize(const float *weights, int64_t count, float *into) {
    const share all = sizes_above(weights, count, -1.0);
    const double threshold = count > 0 ? 0.7 * (all.sum / (double)count) : 0.0;
    if (!isfinite(threshold) || all.count < (double)count) { /* a NaN must not become a 0 that nobody notices */
        memmove(into, weights, (size_t)count * sizeof *into);
        return;
    }
    const share large = sizes_above(weights, count, threshold);
    const float alpha = large.count > 0.0 ? (float)(large.sum / large.count) : 0.0F;
    for (int64_t i = 0; i < count; i++) {
        const double w = (double)weights[i];
        into[i] = w > threshold ? alpha : w < -threshold ? -alpha : 0.0F;
    }
}

/* ---- which form ---- */

static dn_weights_form form_of(const dn_network *network, int slot) {
    const dn_plan *plan = network->binding->plan;
    const bool training = plan->options.training;
    switch (plan->slots[slot].form) {
    case DN_FORM_TERNARY:
        return training || dn_weights_get_shadow(network->weights) ? DN_FORM_TERNARY : DN_FORM_OWN;
    case DN_FORM_XNOR:
        return training && !plan->graph.full_precision ? DN_FORM_BINARY : DN_FORM_OWN;
    default:
        return plan->slots[slot].form;
    }
}

/* ---- the network's ---- */

dn_status dn_forms_create(dn_network *network, const dn_plan *plan, dn_error *err) {
    int count = 0;
    for (size_t i = 0; i < plan->slot_count; i++) count += plan->slots[i].form != DN_FORM_OWN ? 1 : 0;
    if (count == 0) return DN_OK;
    DN_TRY(dn_alloc(&network->allocator, (void **)&network->formed, (size_t)count, sizeof *network->formed,
                    "the table of formed weights", err));
    for (size_t i = 0; i < plan->slot_count; i++) {
        if (plan->slots[i].form != DN_FORM_OWN) network->formed[network->formed_count++].slot = (int)i;
    }
    return DN_OK;
}

void dn_forms_free(dn_network *network) {
    for (int i = 0; i < network->formed_count; i++) dn_free(&network->allocator, network->formed[i].values);
    dn_free(&network->allocator, network->formed);
    network->formed = NULL;
    network->formed_count = 0;
}

uint64_t dn_forms_bytes(const dn_network *network) {
    uint64_t bytes = 0;
    for (int i = 0; i < network->formed_count; i++) {
        const dn_formed *formed = &network->formed[i];
        if (formed->values) bytes += (uint64_t)network->weights->entries[formed->slot].count * sizeof(float);
    }
    return bytes;
}

static void form(void *user, int task, int thread) {
    (void)thread;
    const dn_network *network = user;
    dn_formed *formed = &network->formed[task];
    const dn_weights_form wanted = form_of(network, formed->slot);
    const uint64_t version = network->versions[formed->slot];
    if (wanted == DN_FORM_OWN || version == formed->version) return;
    const dn_tensor own = dn_weights_slot(network->weights, formed->slot);
    const int64_t count = network->weights->entries[formed->slot].count;
    formed->version = version;
    if (wanted == DN_FORM_TERNARY) {
        dn_ternarize(own.data, count, formed->values);
    } else {
        dn_binarize_weights((int)own.shape[0], (size_t)(count / own.shape[0]), own.data, formed->values);
    }
}

dn_status dn_forms_refresh(dn_network *network, dn_error *err) {
    for (int i = 0; i < network->formed_count; i++) {
        dn_formed *formed = &network->formed[i];
        const bool own = form_of(network, formed->slot) == DN_FORM_OWN;
        if (!own && !formed->values) {
            DN_TRY(dn_alloc_dirty(&network->allocator, (void **)&formed->values,
                                  (size_t)network->weights->entries[formed->slot].count, sizeof(float),
                                  "ternary or binary weights", err));
        }
        network->parameters[formed->slot] =
            own ? dn_weights_slot(network->weights, formed->slot).data : (void *)formed->values;
    }
    dn_pool_run(dn_backend_get(network->backend)->pool, network->formed_count, form, network);
    return DN_OK;
}
