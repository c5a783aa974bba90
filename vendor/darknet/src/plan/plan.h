/* plan.h — sections → layers → ops: everything about a network that needs no weights and no memory. */
#ifndef DN_PLAN_PLAN_H
#define DN_PLAN_PLAN_H

#include <stdatomic.h>

#include "layers/layer.h"

typedef struct dn_slot {
    int layer;
    const char *name;
    int dimensions;
    int64_t shape[6], count;
    bool stored, saved; /* whether reading a file fills it, and whether a file that is written has it */
    dn_init init;
    dn_weights_form form;
    int tensor; /* in the graph */
} dn_slot;

typedef struct dn_named_slot { /* what a layer calls a slot: its own or a shared one */
    const char *name;
    int slot;
} dn_named_slot;

typedef struct dn_planned_layer {
    const dn_layer_type *type;
    const char *name;
    void *params;
    int section; /* in the cfg */
    dn_shape input, output;
    bool flat, head;
    bool kept; /* its output stays readable, as a head's does, without being one */
    dn_activation activation;
    double flops;
    int64_t parameters;
    int tensor; /* output */
    dn_named_slot *slots;
    int slot_count;
    int *states;
    int state_count;
    dn_fact *facts;
    size_t fact_count, fact_room;
    dn_layer_training training;
    int truths;                         /* values per image that its loss reads; 0: none                    */
    int truth_size;                     /* of one box among them; 0: they are no boxes                      */
    int truth_layer;                    /* whose output its loss reads in their place; -1: none             */
    size_t forward_first, forward_last; /* its ops: first … last-1                                    */
    size_t backward_first, backward_last;
    int shown;   /* tensor whose delta is the layer's          */
    int figures; /* tensor, -1: the layer has no loss          */
} dn_planned_layer;

struct dn_plan {
    atomic_int references;
    dn_zone zone;
    dn_cfg *cfg;
    dn_plan_options options; /* without the resources */
    dn_net_facts net;
    dn_delta_limits delta_limits;
    dn_planned_layer *layers;
    int layer_count;
    dn_slot *slots;
    size_t slot_count, slot_room;
    dn_graph_builder graph;
    bool cost_by_name, binary_by_name;
    int burn_in;
    bool try_fix_nan; /* [net] try_fix_nan=: what is not finite counts as 0 in an update */
    float clip;       /* [net] clip=: of every layer, in dialect pjreddie                 */
    int input_tensor;
    int truth_tensor, clock_tensor; /* training; -1: none */
    size_t loss_first, loss_last;   /* ops of the losses: after all of forward, before all of backward */
    int *heads;                     /* layers whose outputs are the network's results, ascending */
    int head_count;
    dn_unused_option *unused;
    int unused_count;
    size_t unused_room;
    dn_fact *facts; /* of [net] */
    size_t fact_count, fact_room;
    dn_resource *resources; /* copies, so that a plan can be made again for another size */
    int resource_count;
};

dn_graph dn_plan_graph(const dn_plan *plan);
/* Whether the CPU code of alexeyab's program changes the parameters of such a layer at all (docs/differences.md). */
bool dn_plan_reference_trains(const dn_planned_layer *layer);
/* The same cfg, dialect and resources for another batch or input size (0 = unchanged). */
dn_status dn_plan_again(dn_plan **out, const dn_plan *plan, int batch, int width, int height, const dn_options *options,
                        dn_error *err);

#endif
