/* alloc.h — all memory of the engine: 64-byte aligned, overflow-checked, through the caller's allocator. */
#ifndef DN_BASE_ALLOC_H
#define DN_BASE_ALLOC_H

#include "base/status.h"

#define DN_ALIGNMENT 64

/* {0} becomes the C library's allocator. */
dn_allocator dn_allocator_or_default(const dn_options *options);

/* product = a * b; false on overflow. */
bool dn_mul_size(size_t a, size_t b, size_t *product);
bool dn_add_size(size_t a, size_t b, size_t *sum);
size_t dn_round_up(size_t bytes, size_t multiple); /* bytes <= SIZE_MAX - multiple */

/* count * size bytes, zeroed; count 0 gives a valid pointer. The message names `what`. */
dn_status dn_alloc(const dn_allocator *allocator, void **out, size_t count, size_t size, const char *what,
                   dn_error *err);
dn_status dn_alloc_dirty(const dn_allocator *allocator, void **out, size_t count, size_t size, const char *what,
                         dn_error *err); /* contents undefined */
void dn_free(const dn_allocator *allocator, void *pointer);

/* A zone hands out pieces that are all freed together: what a cfg or a plan is made of. */
typedef struct dn_zone {
    dn_allocator allocator;
    struct dn_zone_page *pages;
} dn_zone;

void dn_zone_open(dn_zone *zone, dn_allocator allocator);
void dn_zone_close(dn_zone *zone);
dn_status dn_zone_alloc(dn_zone *zone, void **out, size_t count, size_t size, dn_error *err); /* zeroed, 16-aligned */
dn_status dn_zone_text(dn_zone *zone, const char **out, const char *text, size_t length, dn_error *err); /* adds NUL */
/* Room for one more element in a growing array that lives in the zone (old copies stay until the zone closes).
 * *array holds *count elements of `size` bytes with *room places. Does not change *count. */
dn_status dn_zone_grow(dn_zone *zone, void **array, size_t count, size_t *room, size_t size, dn_error *err);

#endif
