/* registry.h — cfg name → layer type; the table is generated from registry.inc. */
#ifndef DN_LAYERS_REGISTRY_H
#define DN_LAYERS_REGISTRY_H

#include "layers/layer.h"

/* By section name or alias, exactly as written; NULL when no row has it. *name is set to the canonical name. */
const dn_layer_type *dn_layer_type_find(const char *section, const char **name);
int dn_layer_type_count(void);
const char *dn_layer_type_name(int index);

#endif
