/* registry.c — the table of layer types, made from registry.inc. */
#include "layers/registry.h"

#include <string.h>

#define DN_LAYER(id, name, alias) extern const dn_layer_type dn_layer_##id;
#include "layers/registry.inc"
#undef DN_LAYER

typedef struct row {
    const char *name, *alias;
    const dn_layer_type *type;
} row;

static const row rows[] = {
#define DN_LAYER(id, name, alias) {name, alias, &dn_layer_##id},
#include "layers/registry.inc"
#undef DN_LAYER
};

int dn_layer_type_count(void) { return (int)(sizeof rows / sizeof *rows); }

const char *dn_layer_type_name(int index) {
    return index >= 0 && index < dn_layer_type_count() ? rows[index].name : NULL;
}

const dn_layer_type *dn_layer_type_find(const char *section, const char **name) {
    for (int k = 0; k < dn_layer_type_count(); k++) {
        if (strcmp(section, rows[k].name) != 0 && (!rows[k].alias || strcmp(section, rows[k].alias) != 0)) continue;
        *name = rows[k].name;
        return rows[k].type;
    }
    return NULL;
}
