/* cfg.h — text → sections of (key, value, line), nothing interpreted. */
#ifndef DN_CFG_CFG_H
#define DN_CFG_CFG_H

#include <stdatomic.h>

#include "base/alloc.h"

typedef struct dn_cfg_option {
    const char *key, *value;
    int line;
} dn_cfg_option;

typedef struct dn_cfg_section {
    const char *name; /* without brackets */
    int line;
    dn_cfg_option *options;
    size_t count, room;
} dn_cfg_section;

struct dn_cfg {
    atomic_int references;
    dn_zone zone; /* holds everything below */
    dn_cfg_section *sections;
    size_t count, room;
};

#endif
