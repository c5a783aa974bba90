/* training.h — keys that matter to those who train only: known, checked, and shown among the facts of a layer. */
#ifndef DN_LAYERS_TRAINING_H
#define DN_LAYERS_TRAINING_H

#include "layers/layer.h"

typedef enum dn_training_kind {
    DN_TRAINING_END,    /* of a list                    */
    DN_TRAINING_FLAG,   /* 0 or not 0                   */
    DN_TRAINING_COUNT,  /* a whole number from 0        */
    DN_TRAINING_NUMBER, /* a number from 0              */
    DN_TRAINING_SIGNED, /* a whole number of any sign   */
} dn_training_kind;

typedef struct dn_training_key {
    const char *name;
    dn_training_kind kind;
    float fallback;
    float pjreddie; /* that dialect's default where it is another one; 0: the same */
} dn_training_key;

/* One value a key, in the plan's zone. */
dn_status dn_training_parse(dn_section *section, const dn_layer_context *context, const dn_training_key *keys,
                            const float **values, dn_error *err);
/* After it, in infer. */
dn_status dn_training_facts(dn_layer_plan *plan, const dn_training_key *keys, const float *values, dn_error *err);

#endif
