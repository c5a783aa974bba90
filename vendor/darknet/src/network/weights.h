/* weights.h — parameters in darknet's order, once, shared by networks. */
#ifndef DN_NETWORK_WEIGHTS_H
#define DN_NETWORK_WEIGHTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/block.h"
#include "plan/plan.h"

typedef struct dn_weights_entry {
    int layer;
    bool stored, saved;
    bool ternary;  /* DN_FORM_TERNARY            */
    size_t offset; /* bytes from the block's data */
    int dimensions;
    int64_t shape[6], count;
    atomic_int watchers; /* writable views that live                                              */
    atomic_bool pending; /* written or watched since the last comparison                          */
    uint64_t checksum;   /* of the contents at the last comparison; valid when `compared`         */
    bool compared;
    _Atomic uint64_t version; /* grows when the contents changed; starts at 1                          */
} dn_weights_entry;

struct dn_weights {
    atomic_int references;
    dn_allocator allocator;
    dn_block *block;
    dn_weights_header header;
    atomic_bool shadow; /* see dn_weights_set_shadow */
    dn_dialect dialect;
    int layer_count;
    int slot_count;
    dn_weights_entry *entries;
    atomic_int pending_slots; /* an upper bound: 0 means that no entry is pending */
    pthread_mutex_t lock;     /* held while contents are compared */
};

/* Compares what may have been written and raises versions; then versions[slot] for all slots. Called before a run, from
 * any thread. */
void dn_weights_versions(dn_weights *weights, uint64_t *versions);

/* The slot was written by the engine itself: its version grows without a comparison. */
void dn_weights_wrote(dn_weights *weights, int slot);

#endif
