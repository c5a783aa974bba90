/* program.h — what the cpu backend makes of a graph.
 *
 *   fuse.c     ops → groups: what one step computes, and which method computes it
 *   layout.c   every tensor's layout at home
 *   place.c    whose storage a tensor lies in, lifetimes, the program's own arena
 *   bind.c     groups → steps, with a reorder step in front of a reader that wants another layout
 *   refresh.c  packed parameters and scratch memory
 *   pack.c     what a method packs: filters with their batchnorm folded in; steps that share what is packed
 *   run.c      the loop over steps, split over threads
 *
 * A method (step_*.c) is how a kind of group is computed: which layouts it wants, how its parameters are packed, what
 * one task does. Everything that has no fast method goes through the plain kernels of backend/ref. */
#ifndef DN_BACKEND_CPU_PROGRAM_H
#define DN_BACKEND_CPU_PROGRAM_H

#include <limits.h>
#include <stdatomic.h>

#include "backend/backend.h"
#include "backend/cpu/kernels.h"
#include "backend/ref/ref.h"

#define DN_CPU_BLOCK_MAX 16
#define DN_CPU_NEVER     INT_MAX

typedef struct dn_cpu_method dn_cpu_method;
typedef struct dn_cpu_compile dn_cpu_compile;
typedef struct dn_cpu_call dn_cpu_call;

/* ---- groups ---- */

typedef struct dn_cpu_group {
    const dn_cpu_method *method;
    int op;                   /* gives the kind and the parameters                             */
    int position;             /* the last op of the group: where it runs                       */
    int affine;               /* batchnorm or bias op that is folded in, or -1                 */
    int residual;             /* tensor that is added, or -1                                   */
    dn_activation activation; /* of the group's op or after it                                 */
    dn_activation after;      /* after the residual                                            */
    int output;               /* what the last op writes                                       */
} dn_cpu_group;

/* ---- tensors, while compiling ---- */

typedef struct dn_cpu_tensor {
    int writer;    /* the last group that writes it, or -1                                   */
    int first;     /* position of the first one                                              */
    int written;   /* position of the last one; -1: none                                     */
    int readers;   /* uses by groups                                                         */
    int last_read; /* position of the last one, of views of it too; -1: none                 */
    bool fixed;    /* dense NCHW in storage of its own: kept, input, state, not float32      */
    bool vanished; /* inside a group, or a parameter: never in memory                        */
    bool planar;   /* every reader wants PLANAR                                              */
    dn_cpu_layout home;
    int parent;      /* tensor in whose storage it lies, or -1                                 */
    size_t offset;   /* floats from the parent's start                                         */
    int overwritten; /* position at which an in-place group reuses the storage, DN_CPU_NEVER   */
} dn_cpu_tensor;

/* ---- steps ---- */

/* A tensor (or a copy in another layout) in memory. */
typedef struct dn_cpu_place {
    int tensor; /* its address comes with each run; -1: copy number `copy` of the program's own */
    int copy;
    size_t offset; /* floats                                 */
    size_t image;  /* floats from one image to the next      */
    dn_cpu_layout layout;
    dn_shape shape;
} dn_cpu_place;

/* A tensor once more, in another layout. */
typedef struct dn_cpu_copy {
    int tensor;
    dn_cpu_layout layout;
    size_t image, bytes;
    int first, last; /* positions between which it is in use */
    size_t offset;   /* floats in the arena                  */
} dn_cpu_copy;

typedef struct dn_cpu_part { /* of a concatenation */
    int input, first, channels, at;
} dn_cpu_part;

typedef struct dn_cpu_ref {
    dn_ref_state state;
    dn_host_tensor *inputs, *outputs; /* filled by each run */
    dn_cpu_place *outputs_at;
} dn_cpu_ref;

typedef struct dn_cpu_step {
    const dn_cpu_method *method;
    const dn_cpu_group *group; /* NULL: a reorder */
    const dn_op *op;           /* of the group    */
    int position;
    dn_cpu_place y, *x; /* x: one per input of the op (parameters left empty), then the residual */
    int x_count;
    bool whole;                   /* units cover all rows at once, not one                                 */
    int units, grain;             /* units of work per row, and how many a task takes                      */
    double cost;                  /* about so many nanoseconds per row on one thread                       */
    size_t packed, packed_floats; /* where in the program's packed parameters                    */
    int same_slot;                /* while compiling: another step with weights of this slot, or -1 */
    int pack_parts;               /* 0: another step packs them, or there are none              */
    size_t spare_floats;          /* what packing one part needs besides                         */
    size_t scratch_floats;        /* per thread                                                  */
    union {
        dn_cpu_conv conv;
        dn_cpu_linear linear;
        dn_cpu_pool2d pool2d;
        struct {
            dn_cpu_part *parts;
            int count;
        } concat;
        struct {
            dn_cpu_conv_weights params;
            dn_cpu_place to;
        } conv_weights;
        struct { /* results besides y; tensor -1: not wanted */
            dn_cpu_place one, two;
        } batchnorm;
        dn_cpu_place sums;
        dn_cpu_ref *ref;
    } as;
} dn_cpu_step;

typedef struct dn_cpu_program {
    dn_program_base base;
    dn_allocator allocator;
    dn_pool *pool; /* the backend's */
    dn_graph graph;
    const dn_cpu_kernels *kernels;
    dn_prepare prepare;
    dn_zone zone; /* all tables */
    dn_cpu_step *steps;
    int step_count;
    dn_cpu_copy *copies;
    int copy_count;
    float *arena; /* of the copies */
    float *packed;
    size_t packed_floats, spare_floats;
    float *scratch; /* `scratch_count` pieces of scratch_floats each */
    atomic_bool *scratch_taken;
    size_t scratch_floats;
    int scratch_count;
    int slot_count;
    const float **parameters; /* one per slot, as of the last refresh */
    uint64_t *versions;
    bool fresh; /* everything has been packed once */
} dn_cpu_program;

struct dn_cpu_compile {
    dn_cpu_program *program;
    const dn_graph *graph;
    const dn_compile_options *options;
    dn_zone *zone, *temporary; /* the program's; gone after compiling */
    int block;
    dn_cpu_group *groups;
    int group_count;
    dn_cpu_tensor *tensors;
    bool placed;  /* layouts and parents are decided                              */
    int *by_slot; /* of each slot: the last step that packs weights of it, or -1 */
    dn_error *err;
};

struct dn_cpu_call { /* one run of one step */
    dn_cpu_program *program;
    const dn_cpu_step *step;
    void *const *addresses;
    int images;
    int rows;
    int tasks; /* per row */
};

/* ---- methods ---- */

typedef enum dn_cpu_want {
    DN_CPU_WANT_PLANAR,
    DN_CPU_WANT_DENSE, /* PLANAR, and images without gaps */
    DN_CPU_WANT_BLOCKED,
    DN_CPU_WANT_SAME, /* input: as the output; output: as the inputs */
    DN_CPU_WANT_ANY,
    DN_CPU_WANT_NOTHING, /* the input is not read */
} dn_cpu_want;

struct dn_cpu_method {
    const char *name;
    bool in_place; /* input 0 may lie where the output does */
    bool blocked;  /* writes BLOCKED only: where that is not the layout at home, a copy that is brought there */
    /* Can this method compute this group? Called with op, affine and activations set. */
    bool (*accepts)(const dn_cpu_compile *compile, const dn_cpu_group *group);
    /* Of input k of the op; k = DN_CPU_OUTPUT, DN_CPU_RESIDUAL. */
    dn_cpu_want (*want)(const dn_cpu_compile *compile, const dn_cpu_group *group, int k);
    /* x and y are placed: fills units, grain, cost, packed_floats, pack_parts, spare_floats, scratch_floats and its own
     * part. */
    dn_status (*bind)(dn_cpu_compile *compile, dn_cpu_step *step);
    /* Part `part` of the step's packed parameters; the parts are disjoint. NULL: no parameters. */
    void (*pack)(const dn_cpu_program *program, const dn_cpu_step *step, const float *const *parameters, int part,
                 float *spare, float *packed);
    /* Do both pack in the same way, if their parameters are the same? */
    bool (*packs_alike)(const dn_cpu_step *a, const dn_cpu_step *b);
    void (*work)(const dn_cpu_call *call, int row, int first, int last, int thread); /* units first … last-1 */
};

#define DN_CPU_OUTPUT   (-1)
#define DN_CPU_RESIDUAL (-2)

extern const dn_cpu_method dn_cpu_method_conv, dn_cpu_method_linear;        /* step_conv.c, step_linear.c */
extern const dn_cpu_method dn_cpu_method_affine, dn_cpu_method_activation;  /* step_unary.c   */
extern const dn_cpu_method dn_cpu_method_channel_map;                       /* step_channel_map.c */
extern const dn_cpu_method dn_cpu_method_add, dn_cpu_method_mul;            /* step_binary.c  */
extern const dn_cpu_method dn_cpu_method_pool2d, dn_cpu_method_pool_global; /* step_pool.c    */
extern const dn_cpu_method dn_cpu_method_upsample;                          /* step_pool.c    */
extern const dn_cpu_method dn_cpu_method_concat;                            /* step_concat.c  */
extern const dn_cpu_method dn_cpu_method_copy, dn_cpu_method_reorder;       /* step_copy.c    */
extern const dn_cpu_method dn_cpu_method_ref;                               /* step_ref.c     */
/* training */
extern const dn_cpu_method dn_cpu_method_conv_data, dn_cpu_method_phases; /* step_conv_data.c */
extern const dn_cpu_method dn_cpu_method_conv_weights;                    /* step_conv_weights.c */
extern const dn_cpu_method dn_cpu_method_batchnorm_train;                 /* step_batchnorm_train.c */
extern const dn_cpu_method dn_cpu_method_batchnorm_gradient;
extern const dn_cpu_method dn_cpu_method_activation_gradient, dn_cpu_method_bias_gradient; /* step_gradients.c */
extern const dn_cpu_method dn_cpu_method_delta_copy, dn_cpu_method_delta_fill;
extern const dn_cpu_method dn_cpu_method_delta_channels, dn_cpu_method_delta_upsample;
extern const dn_cpu_method dn_cpu_method_linear_data, dn_cpu_method_linear_weights;   /* step_linear_train.c */
extern const dn_cpu_method dn_cpu_method_pool2d_train, dn_cpu_method_pool2d_gradient; /* step_pool_train.c */

/* ---- compile (fuse.c, layout.c, place.c, bind.c) ---- */

dn_status dn_cpu_fuse(dn_cpu_compile *compile);
void dn_cpu_layouts(dn_cpu_compile *compile);
void dn_cpu_parents(dn_cpu_compile *compile);
dn_status dn_cpu_bind(dn_cpu_compile *compile);
dn_status dn_cpu_placements(dn_cpu_compile *compile); /* also allocates the arena of the copies */

/* Input k of the group's op that is not a parameter, the residual, or -1. */
int dn_cpu_input(const dn_cpu_compile *compile, const dn_cpu_group *group, int k);
/* The image of x that dn_cpu_method_conv_data fills for dn_cpu_method_phases; c is 0 where it needs none. */
dn_shape dn_cpu_phases_shape(const dn_cpu_compile *compile, const dn_cpu_group *group);
/* Inputs `from` and later are parameters (not results of other ops, as in training). */
bool dn_cpu_constant(const dn_cpu_compile *compile, const dn_op *op, int from);
dn_shape dn_cpu_shape(const dn_cpu_compile *compile, int tensor);
/* Floats of one image in this layout. */
size_t dn_cpu_image_floats(dn_shape shape, dn_cpu_layout layout, int block);
/* A tensor at home. */
dn_cpu_place dn_cpu_home(const dn_cpu_compile *compile, int tensor);
/* Units of `nanoseconds` each, in tasks that are worth handing to another thread. */
void dn_cpu_split(const dn_cpu_compile *compile, dn_cpu_step *step, int units, double nanoseconds);

/* The lines of y as units, at so many nanoseconds per float. */
void dn_cpu_split_lines(const dn_cpu_compile *compile, dn_cpu_step *step, double nanoseconds);

/* ---- run (run.c) ---- */

float *dn_cpu_data(const dn_cpu_call *call, const dn_cpu_place *place, int row);
dn_cpu_view dn_cpu_view_of(const dn_cpu_call *call, const dn_cpu_place *place, int row);
const float *dn_cpu_packed(const dn_cpu_call *call);
float *dn_cpu_scratch_take(const dn_cpu_call *call, int thread, int *taken);
void dn_cpu_scratch_give(const dn_cpu_call *call, int taken);
dn_status dn_cpu_run(dn_program *program, void *const *addresses, int images, int first, int last, dn_error *err);
dn_status dn_cpu_profile(dn_program *program, void *const *addresses, int images, int first, int last,
                         dn_profile *profile, dn_error *err);

/* ---- parameters (pack.c, refresh.c) ---- */

/* An earlier step that packs what this one would; NULL: none. */
const dn_cpu_step *dn_cpu_packed_before(const dn_cpu_compile *compile, const dn_cpu_step *step);
/* Step `index` packs for itself: later ones may use it. */
void dn_cpu_packs_first(dn_cpu_compile *compile, int index);
/* `count` filters (or outputs) from `first` on, `per_filter` weights each, with their bias or batchnorm. */
typedef struct dn_cpu_filters {
    const float *weights, *bias; /* of the first filter; bias may be NULL */
} dn_cpu_filters;
dn_cpu_filters dn_cpu_fold(const dn_cpu_program *program, const dn_cpu_step *step, const float *const *parameters,
                           int first, int count, size_t per_filter, float *spare);
/* What dn_cpu_fold needs to spare for `count` filters. */
size_t dn_cpu_fold_floats(const dn_cpu_compile *compile, const dn_cpu_step *step, int count, size_t per_filter);

/* parameters of the tensor's slot; NULL for tensor -1. */
const float *dn_cpu_parameter(const dn_cpu_program *program, const float *const *parameters, int tensor);
dn_status dn_cpu_allocate(dn_cpu_program *program, dn_error *err); /* packed, scratch */
dn_status dn_cpu_refresh(dn_program *program, const float *const *parameters, const uint64_t *versions, dn_error *err);

/* ---- geometry of a layout ---- */

static inline int dn_cpu_blocks(int channels, int block) { return (channels + block - 1) / block; }
/* A plane is a channel (PLANAR) or a block of channels (BLOCKED); a line is one row of a plane. */
static inline int dn_cpu_planes(const dn_cpu_place *place, int block) {
    return place->layout == DN_CPU_PLANAR ? place->shape.c : dn_cpu_blocks(place->shape.c, block);
}
static inline size_t dn_cpu_line_floats(const dn_cpu_place *place, int block) {
    return (size_t)place->shape.w * (place->layout == DN_CPU_PLANAR ? 1 : (size_t)block);
}

#endif
