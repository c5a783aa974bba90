/* arena.c — places buffers by size, largest first, into the lowest gap that is free during their life. */
#include "base/arena.h"

#include <string.h>

typedef struct dn_arena {
    const dn_lifetime *lifetimes;
    int *order;  /* buffers, largest first              */
    int *placed; /* those placed, by ascending offset */
    int placed_count;
} dn_arena;

/* Larger first; of equals, the one given first. */
static bool before(const dn_lifetime *lifetimes, int a, int b) {
    if (lifetimes[a].bytes != lifetimes[b].bytes) return lifetimes[a].bytes > lifetimes[b].bytes;
    return a < b;
}

static void sift_down(const dn_lifetime *lifetimes, int *heap, int root, int count) {
    for (int child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && before(lifetimes, heap[child], heap[child + 1])) child++;
        if (!before(lifetimes, heap[root], heap[child])) return;
        const int swap = heap[root];
        heap[root] = heap[child];
        heap[child] = swap;
    }
}

/* Heap sort, because the C library's qsort may allocate behind the caller's allocator. */
static void sort_by_size(const dn_lifetime *lifetimes, int *order, int count) {
    for (int k = 0; k < count; k++) order[k] = k;
    for (int root = count / 2 - 1; root >= 0; root--) sift_down(lifetimes, order, root, count);
    for (int end = count - 1; end > 0; end--) {
        const int last = order[0];
        order[0] = order[end];
        order[end] = last;
        sift_down(lifetimes, order, 0, end);
    }
}

static bool together(const dn_lifetime *a, const dn_lifetime *b) { return a->first <= b->last && b->first <= a->last; }

/* Lowest offset at which `bytes` (a multiple of the alignment) are free all through the life of `buffer`. */
static size_t lowest_gap(const dn_arena *arena, const dn_lifetime *buffer, size_t bytes) {
    size_t offset = 0;
    for (int k = 0; k < arena->placed_count; k++) {
        const dn_lifetime *other = &arena->lifetimes[arena->placed[k]];
        if (!together(buffer, other)) continue;
        if (other->offset >= offset && other->offset - offset >= bytes) break;
        const size_t end = other->offset + dn_round_up(other->bytes, DN_ALIGNMENT);
        if (end > offset) offset = end;
    }
    return offset;
}

static void insert_by_offset(dn_arena *arena, int buffer) {
    int low = 0, high = arena->placed_count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (arena->lifetimes[arena->placed[middle]].offset <= arena->lifetimes[buffer].offset)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(arena->placed + low + 1, arena->placed + low, (size_t)(arena->placed_count - low) * sizeof(int));
    arena->placed[low] = buffer;
    arena->placed_count++;
}

static dn_status check(const dn_lifetime *lifetimes, int count, dn_error *err) {
    size_t sum = 0;
    for (int k = 0; k < count; k++) {
        if (lifetimes[k].first > lifetimes[k].last) {
            return dn_fail(err, DN_E_ARGUMENT, "buffer %d is used from op %d to op %d", k, lifetimes[k].first,
                           lifetimes[k].last);
        }
        /* The sum bounds every offset, so that nothing below can overflow. */
        if (!dn_add_size(sum, lifetimes[k].bytes, &sum) || !dn_add_size(sum, 2 * DN_ALIGNMENT, &sum)) {
            return dn_fail(err, DN_E_NOMEM, "the activations need more bytes than there are addresses");
        }
    }
    return DN_OK;
}

dn_status dn_arena_place(dn_lifetime *lifetimes, int count, size_t *total, const dn_allocator *allocator,
                         dn_error *err) {
    DN_TRY(check(lifetimes, count, err));
    void *scratch;
    DN_TRY(dn_alloc(allocator, &scratch, 2 * (size_t)count, sizeof(int), "the memory plan", err));
    dn_arena arena = {.lifetimes = lifetimes, .order = scratch, .placed = (int *)scratch + count, .placed_count = 0};
    sort_by_size(lifetimes, arena.order, count);
    size_t end = 0;
    for (int k = 0; k < count; k++) {
        dn_lifetime *buffer = &lifetimes[arena.order[k]];
        buffer->offset = 0;
        if (buffer->bytes == 0) continue;
        const size_t bytes = dn_round_up(buffer->bytes, DN_ALIGNMENT);
        buffer->offset = lowest_gap(&arena, buffer, bytes);
        insert_by_offset(&arena, arena.order[k]);
        if (buffer->offset + bytes > end) end = buffer->offset + bytes;
    }
    dn_free(allocator, scratch);
    *total = end;
    return DN_OK;
}
