/* training.c — reading the keys that only training needs. */
#include "layers/training.h"

#include <float.h>

enum { COUNT_MAX = 1 << 24 }; /* as far as a float counts */

static dn_status read_whole(dn_section *section, const dn_training_key *key, int fallback, float *out, dn_error *err) {
    const int low = key->kind == DN_TRAINING_COUNT ? 0 : -COUNT_MAX;
    int number;
    DN_TRY(dn_section_int(section, key->name, fallback, low, COUNT_MAX, &number, err));
    *out = (float)number;
    return DN_OK;
}

static dn_status read_flag(dn_section *section, const dn_training_key *key, float *out, dn_error *err) {
    bool flag;
    DN_TRY(dn_section_flag(section, key->name, key->fallback != 0.0F, &flag, err));
    *out = flag ? 1.0F : 0.0F;
    return DN_OK;
}

dn_status dn_training_parse(dn_section *section, const dn_layer_context *context, const dn_training_key *keys,
                            const float **values, dn_error *err) {
    size_t count = 0;
    void *memory;
    while (keys[count].kind != DN_TRAINING_END) count++;
    DN_TRY(dn_zone_alloc(context->zone, &memory, count, sizeof(float), err));
    float *const out = memory;
    for (size_t k = 0; k < count; k++) {
        const dn_training_key *key = &keys[k];
        const bool other = context->dialect == DN_PJREDDIE && key->pjreddie != 0.0F;
        const float fallback = other ? key->pjreddie : key->fallback;
        if (key->kind == DN_TRAINING_NUMBER) {
            DN_TRY(dn_section_float(section, key->name, fallback, 0.0F, FLT_MAX, &out[k], err));
        } else if (key->kind == DN_TRAINING_FLAG) {
            DN_TRY(read_flag(section, key, &out[k], err));
        } else {
            DN_TRY(read_whole(section, key, (int)fallback, &out[k], err));
        }
    }
    *values = out;
    return DN_OK;
}

dn_status dn_training_facts(dn_layer_plan *plan, const dn_training_key *keys, const float *values, dn_error *err) {
    for (size_t k = 0; keys[k].kind != DN_TRAINING_END; k++) {
        DN_TRY(dn_layer_plan_fact(plan, keys[k].name, (double)values[k], err));
    }
    return DN_OK;
}
