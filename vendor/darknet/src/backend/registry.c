/* registry.c — backend name → type. */
#include <string.h>

#include "backend/backend.h"

#define DN_BACKEND(id) extern const dn_backend_type dn_backend_##id;
#include "backend/registry.inc"
#undef DN_BACKEND

const dn_backend_type *dn_backend_find(const char *name) {
    static const dn_backend_type *const types[] = {
#define DN_BACKEND(id) &dn_backend_##id,
#include "backend/registry.inc"
#undef DN_BACKEND
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i]->name, name) == 0) return types[i];
    }
    return NULL;
}
