/* excitation.h — assisted_excitation= of [convolutional]: cells with an object in them are raised while they learn. */
#ifndef DN_LAYERS_EXCITATION_H
#define DN_LAYERS_EXCITATION_H

#include "layers/layer.h"

typedef struct dn_excitation {
    int until; /* 0: off; 1: by max_batches; else the last iteration */
    int burn_in, max_batches;
} dn_excitation;

/* *out: x, raised, in training. The layer's infer called dn_layer_plan_read_truth; `how` must live as long as the plan. */
dn_status dn_emit_excitation(dn_emit *emit, int x, const dn_excitation *how, int *out);

#endif
