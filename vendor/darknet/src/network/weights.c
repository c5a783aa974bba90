/* weights.c — parameters in memory: made, filled with start values, looked at, compared. Files: weights_file.c. */
#include "network/weights.h"

#include <string.h>

#include "base/rng.h"

static void fill(float *values, int64_t count, dn_init init, dn_rng *rng) {
    for (int64_t i = 0; i < count; i++) {
        switch (init.kind) {
        case DN_INIT_CONSTANT:
            values[i] = init.value;
            break;
        case DN_INIT_UNIFORM:
            values[i] = init.value + dn_rng_uniform(rng, -init.scale, init.scale);
            break;
        case DN_INIT_NORMAL:
            values[i] = init.value + init.scale * dn_rng_normal(rng);
            break;
        }
    }
}

static float *slot_data(const dn_weights *weights, int slot) {
    return (float *)(void *)((char *)weights->block->data + weights->entries[slot].offset);
}

/* Offsets of all slots, each on its own alignment boundary; the sum in *bytes. */
static dn_status lay_out(dn_weights *weights, const dn_plan *plan, size_t *bytes, dn_error *err) {
    size_t total = 0;
    for (int i = 0; i < weights->slot_count; i++) {
        const dn_slot *slot = &plan->slots[i];
        dn_weights_entry *entry = &weights->entries[i];
        size_t size;
        if (!dn_mul_size((size_t)slot->count, sizeof(float), &size) || size > SIZE_MAX - DN_ALIGNMENT ||
            !dn_add_size(total, dn_round_up(size, DN_ALIGNMENT), &total)) {
            return dn_fail(err, DN_E_SHAPE, "layer %d: its parameters do not fit into the address space", slot->layer);
        }
        entry->layer = slot->layer;
        entry->stored = slot->stored;
        entry->saved = slot->saved;
        entry->ternary = slot->form == DN_FORM_TERNARY;
        entry->dimensions = slot->dimensions;
        memcpy(entry->shape, slot->shape, sizeof entry->shape);
        entry->count = slot->count;
        entry->offset = total - dn_round_up(size, DN_ALIGNMENT);
        atomic_init(&entry->version, 1);
        atomic_init(&entry->watchers, 0);
        atomic_init(&entry->pending, false);
    }
    *bytes = total;
    return DN_OK;
}

static dn_status create(dn_weights *weights, const dn_plan *plan, dn_error *err) {
    weights->slot_count = (int)plan->slot_count;
    weights->layer_count = plan->layer_count;
    weights->dialect = plan->net.dialect;
    weights->header = (dn_weights_header){0, 2, plan->net.dialect == DN_ALEXEYAB ? 5 : 0, 0};
    DN_TRY(dn_alloc(&weights->allocator, (void **)&weights->entries, plan->slot_count, sizeof *weights->entries,
                    "the table of parameters", err));
    size_t bytes = 0;
    DN_TRY(lay_out(weights, plan, &bytes, err));
    return dn_block_create(&weights->block, &weights->allocator, bytes, "parameters", err);
}

dn_status dn_weights_create(dn_weights **out, const dn_plan *plan, uint64_t seed, const dn_options *options,
                            dn_error *err) {
    const dn_allocator allocator = dn_allocator_or_default(options);
    dn_weights *weights = NULL;
    DN_TRY(dn_alloc(&allocator, (void **)&weights, 1, sizeof *weights, "parameters", err));
    weights->allocator = allocator;
    atomic_init(&weights->references, 1);
    atomic_init(&weights->pending_slots, 0);
    atomic_init(&weights->shadow, false);
    pthread_mutex_init(&weights->lock, NULL);
    const dn_status status = create(weights, plan, err);
    if (status != DN_OK) {
        dn_weights_release(weights);
        return status;
    }
    for (int i = 0; i < weights->slot_count; i++) {
        dn_rng rng = {seed, (uint64_t)i, 0}; /* a stream per slot: no slot's values depend on another's size */
        fill(slot_data(weights, i), weights->entries[i].count, plan->slots[i].init, &rng);
    }
    *out = weights;
    return DN_OK;
}

void dn_weights_retain(dn_weights *weights) {
    atomic_fetch_add_explicit(&weights->references, 1, memory_order_relaxed);
}

void dn_weights_release(dn_weights *weights) {
    if (!weights || atomic_fetch_sub_explicit(&weights->references, 1, memory_order_acq_rel) != 1) return;
    const dn_allocator allocator = weights->allocator;
    dn_block_release(weights->block);
    dn_free(&allocator, weights->entries);
    pthread_mutex_destroy(&weights->lock);
    dn_free(&allocator, weights);
}

dn_weights_header dn_weights_get_header(const dn_weights *weights) { return weights->header; }
void dn_weights_set_header(dn_weights *weights, dn_weights_header header) { weights->header = header; }

bool dn_weights_get_shadow(const dn_weights *weights) { return atomic_load(&weights->shadow); }

void dn_weights_set_shadow(dn_weights *weights, bool shadow) {
    bool ternary = false;
    for (int i = 0; i < weights->slot_count; i++) ternary |= weights->entries[i].ternary;
    if (!ternary || atomic_exchange(&weights->shadow, shadow) == shadow) return;
    for (int i = 0; i < weights->slot_count; i++) {
        if (weights->entries[i].ternary) dn_weights_wrote(weights, i); /* every network computes with others now */
    }
}

int dn_weights_slots(const dn_weights *weights) { return weights->slot_count; }

dn_tensor dn_weights_slot(const dn_weights *weights, int slot) {
    dn_tensor tensor = {.device = -1};
    if (slot < 0 || slot >= weights->slot_count) return tensor;
    const dn_weights_entry *entry = &weights->entries[slot];
    tensor.data = slot_data(weights, slot);
    tensor.block = weights->block;
    tensor.dtype = DN_F32;
    tensor.dimensions = entry->dimensions;
    int64_t stride = 1;
    for (int i = entry->dimensions - 1; i >= 0; i--) {
        tensor.shape[i] = entry->shape[i];
        tensor.strides[i] = stride;
        stride *= entry->shape[i];
    }
    return tensor;
}

/* ---- noticing writes ---- */

static void mark_pending(dn_weights *weights, int slot) {
    if (!atomic_exchange(&weights->entries[slot].pending, true)) atomic_fetch_add(&weights->pending_slots, 1);
}

static bool is_slot(const dn_weights *weights, int slot) { return slot >= 0 && slot < weights->slot_count; }

void dn_weights_watch(dn_weights *weights, int slot) {
    if (!is_slot(weights, slot)) return;
    atomic_fetch_add(&weights->entries[slot].watchers, 1);
    mark_pending(weights, slot);
}

void dn_weights_unwatch(dn_weights *weights, int slot) {
    if (!is_slot(weights, slot)) return;
    mark_pending(weights, slot); /* before the count falls: a comparison in between must not be the last one */
    atomic_fetch_sub(&weights->entries[slot].watchers, 1);
}

void dn_weights_touch(dn_weights *weights, int slot) {
    if (is_slot(weights, slot)) mark_pending(weights, slot);
}

void dn_weights_wrote(dn_weights *weights, int slot) {
    atomic_fetch_add(&weights->entries[slot].version, 1);
    weights->entries[slot].compared = false;
}

/* Eight independent multiplicative streams, so that it runs at the speed of memory. */
static uint64_t checksum(const float *values, int64_t count) {
    uint64_t lanes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint32_t bits[8];
        memcpy(bits, values + i, sizeof bits);
        for (int k = 0; k < 8; k++) lanes[k] = (lanes[k] ^ bits[k]) * UINT64_C(0x9E3779B97F4A7C15);
    }
    for (; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        lanes[i & 7] = (lanes[i & 7] ^ bits) * UINT64_C(0x9E3779B97F4A7C15);
    }
    uint64_t sum = (uint64_t)count;
    for (int k = 0; k < 8; k++) sum = (sum ^ (lanes[k] ^ (lanes[k] >> 32))) * UINT64_C(0xD6E8FEB86659FD93);
    return sum ^ (sum >> 32);
}

uint64_t dn_weights_checksum(const dn_weights *weights) {
    uint64_t sum = 0;
    for (int i = 0; i < weights->slot_count; i++) {
        sum = (sum ^ checksum(slot_data(weights, i), weights->entries[i].count)) * UINT64_C(0xD6E8FEB86659FD93);
    }
    return sum;
}

static void compare(dn_weights *weights, int slot) {
    dn_weights_entry *entry = &weights->entries[slot];
    if (!atomic_exchange(&entry->pending, false)) return;
    atomic_fetch_sub(&weights->pending_slots, 1);
    if (atomic_load(&entry->watchers) > 0) mark_pending(weights, slot); /* may be written again at any time */
    const uint64_t sum = checksum(slot_data(weights, slot), entry->count);
    if (!entry->compared || sum != entry->checksum) atomic_fetch_add(&entry->version, 1);
    entry->compared = true;
    entry->checksum = sum;
}

void dn_weights_versions(dn_weights *weights, uint64_t *versions) {
    if (atomic_load(&weights->pending_slots) > 0) {
        pthread_mutex_lock(&weights->lock);
        for (int i = 0; i < weights->slot_count; i++) compare(weights, i);
        pthread_mutex_unlock(&weights->lock);
    }
    for (int i = 0; i < weights->slot_count; i++) versions[i] = atomic_load(&weights->entries[i].version);
}
