/* block.c — reference-counted memory. */
#include "base/block.h"

dn_status dn_block_create(dn_block **out, const dn_allocator *allocator, size_t bytes, const char *what,
                          dn_error *err) {
    void *memory = NULL;
    void *data = NULL;
    DN_TRY(dn_alloc(allocator, &memory, 1, sizeof(dn_block), what, err));
    const dn_status status = dn_alloc(allocator, &data, bytes, 1, what, err);
    if (status != DN_OK) {
        dn_free(allocator, memory);
        return status;
    }
    dn_block *block = memory;
    atomic_init(&block->references, 1);
    block->data = data;
    block->bytes = bytes;
    block->device = -1;
    block->allocator = *allocator;
    *out = block;
    return DN_OK;
}

void dn_block_retain(dn_block *block) {
    if (block) atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
}

void dn_block_release(dn_block *block) {
    /* acq_rel: what any holder wrote happens before the memory goes. */
    if (!block || atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1) return;
    const dn_allocator allocator = block->allocator;
    if (block->free_data) {
        block->free_data(block->free_user, block->data);
    } else {
        dn_free(&allocator, block->data);
    }
    dn_free(&allocator, block);
}

bool dn_block_shared(const dn_block *block) {
    return atomic_load_explicit(&block->references, memory_order_acquire) > 1;
}
