/* block.h — reference-counted memory: what tensors lie in and views hold. */
#ifndef DN_BASE_BLOCK_H
#define DN_BASE_BLOCK_H

#include <stdatomic.h>

#include "base/alloc.h"

struct dn_block {
    atomic_int references;
    void *data;
    size_t bytes;
    int device;                                /* -1 = host */
    dn_allocator allocator;                    /* of the struct, and of host data           */
    void (*free_data)(void *user, void *data); /* NULL: allocator.free; else a device's own */
    void *free_user;
};

/* One reference, zeroed host memory. */
dn_status dn_block_create(dn_block **out, const dn_allocator *allocator, size_t bytes, const char *what, dn_error *err);
bool dn_block_shared(const dn_block *block); /* somebody besides one owner holds it */

#endif
