/* network.h — a plan bound to weights, a backend and memory. */
#ifndef DN_NETWORK_NETWORK_H
#define DN_NETWORK_NETWORK_H

#include "backend/backend.h"
#include "network/forms.h"
#include "network/weights.h"
#include "plan/plan.h"

/* Blocks of results that were handed out: one that nobody else holds any more is used again. */
#define DN_RECYCLED_BLOCKS 4

typedef struct dn_result { /* a tensor that stays readable after a run, in blocks of its own */
    int layer, tensor;
    bool head;       /* of all images of a run; else of its last slice */
    dn_block *block; /* of the last run */
    dn_block *recycled[DN_RECYCLED_BLOCKS];
    int next; /* of recycled, to be replaced when all are held */
} dn_result;

/* Everything that depends on the plan's shapes: replaced as a whole by reshape. */
typedef struct dn_binding {
    dn_plan *plan;
    dn_graph graph;
    dn_program *program;
    void **addresses;        /* one per tensor */
    dn_block *arena;         /* activations that share memory by lifetime */
    dn_block *input;         /* the network's own input tensor */
    dn_block *truth, *clock; /* training */
    dn_block **states;       /* one per tensor; NULL but for states */
    dn_result *results;
    int result_count;
    int *result_of; /* index into results by layer, -1 = not kept */
    bool recurrent; /* there are states */
    bool stayed;    /* heads of the last run are on the device only */
    int images;     /* of the last run (sequences, where there are time steps); batch before the first */
} dn_binding;

struct dn_network {
    dn_allocator allocator;
    dn_options options; /* log, isa; the pool is held by the backend */
    dn_network_options network_options;
    dn_weights *weights;
    dn_backend *backend;
    uint64_t *versions;
    const float **parameters; /* as the backend sees them: forms.c */
    dn_formed *formed;
    int formed_count;
    dn_binding *binding;
    bool stay;            /* dn_network_set_stay */
    dn_profile *profile;  /* NULL but during dn_network_profile */
    dn_block **gradients; /* training: one per slot, NULL where nothing trains it; outlives a reshape */
    dn_block **moments;   /* training with Adam: first and second moment of every value of a slot      */
};

/* binding.c */
dn_status dn_binding_create(dn_binding **out, const dn_network *network, dn_plan *plan, dn_error *err);
/* Bytes that dn_binding_create would take, gradients and what is packed at compile included. */
dn_status dn_binding_measure(uint64_t *out, const dn_network *network, dn_plan *plan, dn_error *err);
void dn_binding_free(const dn_network *network, dn_binding *binding);
/* Puts addresses of everything but the input in place for a run of `images` images in all. */
dn_status dn_binding_prepare(const dn_network *network, dn_binding *binding, int images, dn_error *err);
/* Moves the results' addresses to the slice that starts at image `image`. */
void dn_binding_slice(dn_binding *binding, int image);
size_t dn_tensor_image_bytes(const dn_graph *graph, int tensor);

/* train.c */
/* A fact of a layer that is one number; 0 without it. */
double dn_layer_number(const dn_plan *plan, int layer, const char *name);
/* Gradients for the slots that `plan` trains; existing ones stay. */
dn_status dn_gradients_create(dn_network *network, const dn_plan *plan, dn_error *err);
void dn_gradients_free(dn_network *network);
/* Adam's, for every slot that has a gradient; existing ones stay. */
dn_status dn_moments_create(dn_network *network, dn_error *err);
/* After a forward: the rolling statistics follow those of the run. */
void dn_follow_statistics(dn_network *network);

#endif
