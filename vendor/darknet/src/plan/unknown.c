/* unknown.c — what to say about a section that no layer type has. */
#include <string.h>

#include "plan/build.h"

enum { NAME_MAX = 24 };

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

static int least(int a, int b) { return a < b ? a : b; }

/* Letters to insert, drop or replace until one name is the other, whatever their case; long names are far away. */
static int distance(const char *a, const char *b) {
    const size_t m = strlen(a), n = strlen(b);
    int row[NAME_MAX + 1];
    if (m > NAME_MAX || n > NAME_MAX) return NAME_MAX;
    for (size_t j = 0; j <= n; j++) row[j] = (int)j;
    for (size_t i = 1; i <= m; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= n; j++) {
            const int replaced = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            diagonal = row[j];
            row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

/* The known name nearest to `name`, when it is near enough to be meant; else NULL. */
static const char *nearest(const char *name) {
    const char *best = NULL;
    int best_distance = 1 + least(3, (int)(strlen(name) / 2));
    for (int k = 0; k < dn_layer_type_count(); k++) {
        const int found = distance(name, dn_layer_type_name(k));
        if (found >= best_distance) continue;
        best_distance = found;
        best = dn_layer_type_name(k);
    }
    return best;
}

static bool is_one_of(const char *name, const char *const *names) {
    for (; *names; names++) {
        if (strcmp(name, *names) == 0) return true;
    }
    return false;
}

dn_status dn_plan_unknown_section(const dn_cfg_section *section, int layer, dn_error *err) {
    static const char *const darkflow[] = {"select", "extract", "conv-select", "conv-extract", NULL};
    const char *name = section->name, *meant = nearest(name);
    if (strcmp(name, "net") == 0 || strcmp(name, "network") == 0) {
        dn_fail(err, DN_E_UNSUPPORTED, "[%s] stands once, before all layers: remove this one", name);
    } else if (is_one_of(name, darkflow)) {
        dn_fail(err, DN_E_UNSUPPORTED,
                "[%s] is a section of darkflow, which darknet does not know: give the cfg for darknet", name);
    } else if (meant) {
        dn_fail(err, DN_E_UNSUPPORTED, "[%.40s] is no known layer: [%s] comes nearest, correct the name", name, meant);
        dn_error_expected(err, "[%s]", meant);
    } else {
        dn_fail(err, DN_E_UNSUPPORTED, "[%.40s] is no known layer: correct the name", name);
    }
    dn_error_found(err, "[%s]", name);
    dn_error_where(err, layer, name, NULL, section->line);
    return DN_E_UNSUPPORTED;
}
