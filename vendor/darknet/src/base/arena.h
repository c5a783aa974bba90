/* arena.h — buffers with lifetimes → offsets in one block. A pure function. */
#ifndef DN_BASE_ARENA_H
#define DN_BASE_ARENA_H

#include "base/alloc.h"

typedef struct dn_lifetime {
    size_t bytes;    /* 0: needs no place */
    int first, last; /* ops between which it is in use, both included; first <= last */
    size_t offset;   /* result, a multiple of DN_ALIGNMENT */
} dn_lifetime;

/* Places the largest first, each at the lowest offset where it overlaps nothing that lives at the same time. */
dn_status dn_arena_place(dn_lifetime *lifetimes, int count, size_t *total, const dn_allocator *allocator,
                         dn_error *err);

#endif
