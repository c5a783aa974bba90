/* alloc.c — aligned, overflow-checked memory, and zones. */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <malloc.h>
#elif defined(__linux__)
#include <sys/mman.h>
#endif

#define HUGE_PAGE ((size_t)2 << 20)

static void *system_alloc(void *user, size_t bytes, size_t alignment) {
    (void)user;
#if defined(_WIN32)
    return _aligned_malloc(bytes, alignment);
#else
    const bool huge = bytes >= HUGE_PAGE;
    if (huge) alignment = HUGE_PAGE;
    const size_t rounded = dn_round_up(bytes, alignment); /* C11 asks for a multiple of the alignment */
    void *pointer = aligned_alloc(alignment, rounded);
#if defined(__linux__)
    /* Half of the time to load large weights goes into faults of small pages. What is past the last whole page stays
     * small, so that no more memory is taken than asked for. */
    if (pointer && huge) (void)madvise(pointer, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return pointer;
#endif
}

static void system_free(void *user, void *pointer) {
    (void)user;
#if defined(_WIN32)
    _aligned_free(pointer);
#else
    free(pointer);
#endif
}

dn_allocator dn_allocator_or_default(const dn_options *options) {
    if (options && options->allocator.alloc && options->allocator.free) return options->allocator;
    return (dn_allocator){system_alloc, system_free, NULL};
}

bool dn_mul_size(size_t a, size_t b, size_t *product) {
    if (b != 0 && a > SIZE_MAX / b) return false;
    *product = a * b;
    return true;
}

bool dn_add_size(size_t a, size_t b, size_t *sum) {
    if (a > SIZE_MAX - b) return false;
    *sum = a + b;
    return true;
}

size_t dn_round_up(size_t bytes, size_t multiple) { return (bytes + multiple - 1) / multiple * multiple; }

dn_status dn_alloc_dirty(const dn_allocator *allocator, void **out, size_t count, size_t size, const char *what,
                         dn_error *err) {
    size_t bytes = 0;
    const size_t most = (size_t)PTRDIFF_MAX - DN_ALIGNMENT;
    if (!dn_mul_size(count, size, &bytes) || bytes > most) {
        dn_fail(err, DN_E_NOMEM, "%zu × %zu bytes for %s are more than a process can address", count, size, what);
        if (err) err->needed = UINT64_MAX;
        return DN_E_NOMEM;
    }
    if (bytes == 0) bytes = 1; /* a pointer of one's own also for nothing */
    void *pointer = allocator->alloc(allocator->user, bytes, DN_ALIGNMENT);
    if (!pointer) {
        dn_fail(err, DN_E_NOMEM, "no memory for %zu bytes of %s; a smaller input size or batch needs less", bytes,
                what);
        if (err) err->needed = bytes;
        return DN_E_NOMEM;
    }
    *out = pointer;
    return DN_OK;
}

dn_status dn_alloc(const dn_allocator *allocator, void **out, size_t count, size_t size, const char *what,
                   dn_error *err) {
    void *pointer = NULL;
    DN_TRY(dn_alloc_dirty(allocator, &pointer, count, size, what, err));
    memset(pointer, 0, count * size);
    *out = pointer;
    return DN_OK;
}

void dn_free(const dn_allocator *allocator, void *pointer) {
    if (pointer) allocator->free(allocator->user, pointer);
}

/* ---------------------------------------------------------------- zones */

#define ZONE_ALIGNMENT  16
#define ZONE_FIRST_PAGE ((size_t)4096)
#define ZONE_LAST_PAGE  ((size_t)1 << 20)

struct dn_zone_page {
    struct dn_zone_page *next;
    size_t room, used; /* bytes after the header */
};
#define PAGE_HEADER ((sizeof(struct dn_zone_page) + ZONE_ALIGNMENT - 1) / ZONE_ALIGNMENT * ZONE_ALIGNMENT)

void dn_zone_open(dn_zone *zone, dn_allocator allocator) { *zone = (dn_zone){allocator, NULL}; }

void dn_zone_close(dn_zone *zone) {
    struct dn_zone_page *page = zone->pages;
    while (page) {
        struct dn_zone_page *next = page->next;
        dn_free(&zone->allocator, page);
        page = next;
    }
    zone->pages = NULL;
}

/* Pages double in size, so that a large zone costs few allocations; a piece larger than a page gets its own, put
 * behind the first page, whose rest stays in use. */
static dn_status add_page(dn_zone *zone, size_t bytes, struct dn_zone_page **out, dn_error *err) {
    struct dn_zone_page *first = zone->pages;
    size_t room = first ? 2 * first->room : ZONE_FIRST_PAGE - PAGE_HEADER;
    if (room > ZONE_LAST_PAGE) room = ZONE_LAST_PAGE;
    const bool large = bytes > room;
    if (large) room = bytes;
    void *memory = NULL;
    DN_TRY(dn_alloc_dirty(&zone->allocator, &memory, 1, PAGE_HEADER + room, "descriptions", err));
    struct dn_zone_page *page = memory;
    *page = (struct dn_zone_page){NULL, room, 0};
    if (large && first) {
        page->next = first->next;
        first->next = page;
    } else {
        page->next = first;
        zone->pages = page;
    }
    *out = page;
    return DN_OK;
}

dn_status dn_zone_alloc(dn_zone *zone, void **out, size_t count, size_t size, dn_error *err) {
    size_t bytes = 0;
    if (!dn_mul_size(count, size, &bytes) || bytes > (size_t)PTRDIFF_MAX / 2) {
        dn_fail(err, DN_E_NOMEM, "%zu × %zu bytes are more than a process can address", count, size);
        if (err) err->needed = UINT64_MAX;
        return DN_E_NOMEM;
    }
    bytes = dn_round_up(bytes ? bytes : 1, ZONE_ALIGNMENT);
    struct dn_zone_page *page = zone->pages;
    if (!page || page->room - page->used < bytes) DN_TRY(add_page(zone, bytes, &page, err));
    unsigned char *piece = (unsigned char *)page + PAGE_HEADER + page->used;
    page->used += bytes;
    memset(piece, 0, bytes);
    *out = piece;
    return DN_OK;
}

dn_status dn_zone_text(dn_zone *zone, const char **out, const char *text, size_t length, dn_error *err) {
    void *copy = NULL;
    DN_TRY(dn_zone_alloc(zone, &copy, length + 1, 1, err));
    if (length) memcpy(copy, text, length);
    *out = copy;
    return DN_OK;
}

dn_status dn_zone_grow(dn_zone *zone, void **array, size_t count, size_t *room, size_t size, dn_error *err) {
    if (count < *room) return DN_OK;
    const size_t wanted = *room ? 2 * *room : 8;
    void *larger = NULL;
    DN_TRY(dn_zone_alloc(zone, &larger, wanted, size, err));
    if (count) memcpy(larger, *array, count * size);
    *array = larger;
    *room = wanted;
    return DN_OK;
}
