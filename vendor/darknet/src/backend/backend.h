/* backend.h — what runs a graph of ops. A backend knows ops and nothing about layers.
 *
 *   compile   sees all ops at once: chooses layouts, fuses, packs nothing yet. Says how much memory each tensor needs,
 *             or that it needs none, or that it lies inside another's (concatenation without copies, work in place).
 *   refresh   packs parameters whose version changed. Called before every run; cheap when nothing changed.
 *   run       reads and writes the addresses that the caller hands in. Allocates nothing.
 *
 * The caller plans memory by lifetime from the placements: a tensor is in use from the op that writes it to the last
 * op that reads it (a parent: while any tensor inside it is). */
#ifndef DN_BACKEND_BACKEND_H
#define DN_BACKEND_BACKEND_H

#include "base/alloc.h"
#include "base/log.h"
#include "base/pool.h"
#include "op/op.h"

typedef struct dn_backend dn_backend; /* a backend's own; first member: dn_backend_base */
typedef struct dn_program dn_program; /* a backend's own; first member: dn_program_base */

typedef struct dn_placement {
    size_t bytes;    /* storage for the graph's batch; 0 = the backend never materialises the tensor, or parent >= 0 */
    int parent;      /* tensor in whose storage this one lies, or -1 */
    size_t offset;   /* bytes from the parent's address */
    int first, last; /* filled by compile: ops between which it is in use (fusion moves uses) */
} dn_placement;

typedef struct dn_compile_options {
    dn_precision precision;
    dn_prepare prepare;
    const bool *keep; /* one per tensor: must be materialised dense NCHW float32, its own storage (no parent), untouched
                         until the run ends; its placement has first = 0, last = op_count - 1 */
} dn_compile_options;

typedef struct dn_profile {
    dn_profile_step *steps; /* the first `room` of them */
    int room, count;        /* count: of steps there are */
} dn_profile;

typedef struct dn_backend_type {
    const char *name;
    int device; /* -1 = host memory; 0: networks compute elsewhere, `addresses` are host memory all the same */
    dn_status (*open)(dn_backend **out, const dn_options *options, int device, dn_error *err);
    void (*close)(dn_backend *backend);
    bool (*supports)(const dn_backend *backend, const dn_graph *graph, const dn_op *op);
    /* The graph lives at least as long as the program. */
    dn_status (*compile)(dn_backend *backend, const dn_graph *graph, const dn_compile_options *options,
                         dn_program **out, dn_error *err);
    /* Takes the memory that compile planned on a device; host backends leave it NULL. Before the first refresh. */
    dn_status (*reserve)(dn_program *program, dn_error *err);
    void (*release)(dn_program *program);
    /* parameters[slot], versions[slot]: repack what is stale. */
    dn_status (*refresh)(dn_program *program, const float *const *parameters, const uint64_t *versions, dn_error *err);
    /* addresses[tensor]: NULL where bytes is 0. INPUT and kept tensors dense. Ops first … last-1 of the graph for the
     * first `images` images (1 <= images <= batch). */
    dn_status (*run)(dn_program *program, void *const *addresses, int images, int first, int last, dn_error *err);
    /* `run`, with every step timed and added to the profile; NULL: not offered. */
    dn_status (*profile)(dn_program *program, void *const *addresses, int images, int first, int last,
                         dn_profile *profile, dn_error *err);
    /* Of devices; host backends leave these NULL. */
    dn_status (*devices)(int *count, dn_error *err);
    dn_status (*look)(int device, dn_device *out, dn_error *err);
    /* A block on the device with the first `images` images of a kept tensor as the last run left it, dense float32. */
    dn_status (*snapshot)(dn_program *program, int tensor, int images, dn_block **out, dn_error *err);
    dn_status (*read)(int device, void *into, const void *from, size_t bytes, dn_error *err); /* to the host */
    dn_status (*wait)(int device, uintptr_t stream, dn_error *err);                           /* until it is done */
    int (*whose)(const void *data); /* device of an address, or -1 */
} dn_backend_type;

typedef struct dn_backend_base {
    const dn_backend_type *type;
    dn_allocator allocator;
    dn_pool *pool; /* one reference; may be NULL */
    dn_isa isa;    /* resolved: never AUTO */
} dn_backend_base;

typedef struct dn_program_base {
    const dn_backend_type *type;
    dn_backend *backend;
    dn_placement *placements; /* one per tensor of the graph */
    size_t packed_bytes;      /* what the program itself holds: packed parameters, workspace */
} dn_program_base;

static inline const dn_backend_base *dn_backend_get(const dn_backend *backend) {
    return (const dn_backend_base *)(const void *)backend;
}
static inline const dn_program_base *dn_program_get(const dn_program *program) {
    return (const dn_program_base *)(const void *)program;
}

const dn_backend_type *dn_backend_find(const char *name); /* NULL: not built in */

/* Rows of tensor `info` in a run of `images` images. */
static inline int dn_run_rows(const dn_graph *graph, const dn_tensor_info *info, int images) {
    return info->shape.n / graph->batch * images;
}

/* First op that writes and last op that reads each tensor (-1 where none), for placements. */
void dn_graph_uses(const dn_graph *graph, int *first, int *last);
/* 1 + the highest slot of a parameter. */
int dn_graph_slots(const dn_graph *graph);
/* Largest number of tensors that one op names, at least 1. */
size_t dn_graph_widest(const dn_graph *graph);

#endif
