/* activation.c — names and scalar formulas of the activations. */
#include <math.h>
#include <string.h>

#include "op/activation.h"

#define DN_FORMULA static
#include "op/activation_formulas.inc"

/* In the order of dn_activation. */
static const char *const names[DN_ACTIVATIONS] = {
    "linear",
    "logistic",
    "loggy",
    "relu",
    "relu6",
    "elu",
    "selu",
    "gelu",
    "relie",
    "ramp",
    "tanh",
    "plse",
    "leaky",
    "stair",
    "hardtan",
    "lhtan",
    "swish",
    "mish",
    "hard_mish",
    "revleaky",
    "normalize_channels",
    "normalize_channels_softmax",
    "normalize_channels_softmax_maxval",
};

bool dn_activation_find(const char *name, dn_activation *out) {
    for (int i = 0; i < DN_ACTIVATIONS; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (dn_activation)i;
            return true;
        }
    }
    return false;
}

const char *dn_activation_name(dn_activation kind) { return names[kind]; }

bool dn_activation_across_channels(dn_activation kind) {
    return kind == DN_NORMALIZE_CHANNELS || kind == DN_NORMALIZE_CHANNELS_SOFTMAX ||
           kind == DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL;
}

float dn_activate(dn_activation kind, float x) { return activate(kind, x); }

float dn_activation_slope(dn_activation kind, float x, float y) { return activation_slope(kind, x, y); }
