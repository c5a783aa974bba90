/* section.c — typed getters over one section. */
#include "cfg/section.h"

#include <float.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

#define DESCRIPTION_SIZE 96

/* The first option of that name, or -1. */
static ptrdiff_t find(const dn_section *section, const char *key) {
    for (size_t i = 0; i < section->cfg->count; ++i) {
        if (strcmp(section->cfg->options[i].key, key) == 0) return (ptrdiff_t)i;
    }
    return -1;
}

/* Its value, or NULL; it counts as read from now on. */
static const char *use(dn_section *section, const char *key) {
    const ptrdiff_t index = find(section, key);
    if (index < 0) return NULL;
    section->used[index] = 1;
    return section->cfg->options[index].value;
}

bool dn_section_has(dn_section *section, const char *key) { return use(section, key) != NULL; }

int dn_section_line_of(const dn_section *section, const char *key) {
    const ptrdiff_t index = find(section, key);
    return index < 0 ? 0 : section->cfg->options[index].line;
}

dn_status dn_section_fail(const dn_section *section, const char *key, dn_error *err, const char *expected,
                          const char *format, ...) {
    char reason[192];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(reason, sizeof reason, format, arguments) < 0) reason[0] = '\0';
    va_end(arguments);
    const ptrdiff_t index = find(section, key);
    const char *value = index < 0 ? "" : section->cfg->options[index].value;
    const int line = index < 0 ? section->cfg->line : section->cfg->options[index].line;
    if (index < 0) {
        dn_fail(err, DN_E_PARSE, "line %d: [%.32s] %s", line, section->cfg->name, reason);
    } else {
        dn_fail(err, DN_E_PARSE, "line %d: %s=%.40s of [%.32s] %s", line, key, value, section->cfg->name, reason);
    }
    dn_error_expected(err, "%s", expected);
    dn_error_found(err, "%s", value);
    dn_error_where(err, -1, section->cfg->name, key, line);
    return DN_E_PARSE;
}

/* ---------------------------------------------------------------- one number */

static dn_status fail_value(const dn_section *section, const char *key, dn_error *err, const char *expected) {
    return dn_section_fail(section, key, err, expected, "must be %s", expected);
}

static void describe_ints(char *text, const char *what, int low, int high) {
    if (low == high) {
        snprintf(text, DESCRIPTION_SIZE, "%d", low);
    } else if (low == INT_MIN && high == INT_MAX) {
        snprintf(text, DESCRIPTION_SIZE, "%s", what);
    } else if (high == INT_MAX) {
        snprintf(text, DESCRIPTION_SIZE, "%s of at least %d", what, low);
    } else if (low == INT_MIN) {
        snprintf(text, DESCRIPTION_SIZE, "%s of at most %d", what, high);
    } else {
        snprintf(text, DESCRIPTION_SIZE, "%s from %d to %d", what, low, high);
    }
}

/* Limits that no network comes near are not worth telling. */
static void describe_floats(char *text, const char *what, float low, float high) {
    const bool open = high >= 1e6F;
    if (open && low <= -1e6F) {
        snprintf(text, DESCRIPTION_SIZE, "%s", what);
    } else if (open && low > 0.0F && low <= FLT_MIN) {
        snprintf(text, DESCRIPTION_SIZE, "%s above 0", what);
    } else if (open) {
        snprintf(text, DESCRIPTION_SIZE, "%s of at least %.9g", what, (double)low);
    } else {
        snprintf(text, DESCRIPTION_SIZE, "%s from %.9g to %.9g", what, (double)low, (double)high);
    }
}

static bool read_int(const char *text, const char *end, int low, int high, int *out) {
    const char *next = NULL;
    int64_t value = 0;
    if (!dn_parse_int(text, end, &value, &next) || value < low || value > high) return false;
    *out = (int)value;
    return true;
}

static bool read_float(const char *text, const char *end, float low, float high, float *out) {
    const char *next = NULL;
    double value = 0.0;
    if (!dn_parse_float(text, end, &value, &next)) return false;
    const float rounded = (float)value; /* compared as a float: .1 is within a low of .1F */
    if (!(rounded >= low && rounded <= high)) return false;
    *out = rounded;
    return true;
}

dn_status dn_section_int(dn_section *section, const char *key, int fallback, int low, int high, int *out,
                         dn_error *err) {
    const char *value = use(section, key);
    if (!value) {
        *out = fallback;
        return DN_OK;
    }
    if (read_int(value, value + strlen(value), low, high, out)) return DN_OK;
    char expected[DESCRIPTION_SIZE];
    describe_ints(expected, "a whole number", low, high);
    return fail_value(section, key, err, expected);
}

dn_status dn_section_float(dn_section *section, const char *key, float fallback, float low, float high, float *out,
                           dn_error *err) {
    const char *value = use(section, key);
    if (!value) {
        *out = fallback;
        return DN_OK;
    }
    if (read_float(value, value + strlen(value), low, high, out)) return DN_OK;
    char expected[DESCRIPTION_SIZE];
    describe_floats(expected, "a number", low, high);
    return fail_value(section, key, err, expected);
}

dn_status dn_section_flag(dn_section *section, const char *key, bool fallback, bool *out, dn_error *err) {
    const char *value = use(section, key);
    int number = fallback ? 1 : 0;
    if (value && !read_int(value, value + strlen(value), INT_MIN, INT_MAX, &number)) {
        return fail_value(section, key, err, "0 or 1");
    }
    *out = number != 0;
    return DN_OK;
}

const char *dn_section_text(dn_section *section, const char *key, const char *fallback) {
    const char *value = use(section, key);
    return value ? value : fallback;
}

/* ---------------------------------------------------------------- lists */

typedef struct items {
    const char *at;          /* the rest of the value */
    const char *start, *end; /* the item found        */
} items;

static bool next_item(items *list) {
    while (*list->at == ',') ++list->at;
    if (*list->at == '\0' || *list->at == '#') return false;
    list->start = list->at;
    while (*list->at != '\0' && *list->at != ',' && *list->at != '#') ++list->at;
    list->end = list->at;
    return true;
}

static size_t count_items(const char *value) {
    size_t count = 0;
    for (items list = {.at = value}; next_item(&list);) ++count;
    return count;
}

/* Room for the list behind `key`; *values NULL where there is no item. */
static dn_status alloc_list(dn_section *section, const char *value, size_t size, void **values, dn_error *err) {
    *values = NULL;
    const size_t count = value ? count_items(value) : 0;
    return count ? dn_zone_alloc(section->zone, values, count, size, err) : DN_OK;
}

dn_status dn_section_ints(dn_section *section, const char *key, int low, int high, const int **out, int *count,
                          dn_error *err) {
    const char *value = use(section, key);
    void *memory = NULL;
    DN_TRY(alloc_list(section, value, sizeof(int), &memory, err));
    int *values = memory;
    int found = 0;
    for (items list = {.at = value}; values && next_item(&list); ++found) {
        if (read_int(list.start, list.end, low, high, &values[found])) continue;
        char expected[DESCRIPTION_SIZE];
        describe_ints(expected, "a list of whole numbers", low, high);
        return fail_value(section, key, err, expected);
    }
    *out = values;
    *count = found;
    return DN_OK;
}

dn_status dn_section_floats(dn_section *section, const char *key, float low, float high, const float **out, int *count,
                            dn_error *err) {
    const char *value = use(section, key);
    void *memory = NULL;
    DN_TRY(alloc_list(section, value, sizeof(float), &memory, err));
    float *values = memory;
    int found = 0;
    for (items list = {.at = value}; values && next_item(&list); ++found) {
        if (read_float(list.start, list.end, low, high, &values[found])) continue;
        char expected[DESCRIPTION_SIZE];
        describe_floats(expected, "a list of numbers", low, high);
        return fail_value(section, key, err, expected);
    }
    *out = values;
    *count = found;
    return DN_OK;
}

/* ---------------------------------------------------------------- names */

static void describe_names(char *text, const char *const *names) {
    size_t used = (size_t)snprintf(text, DESCRIPTION_SIZE, "one of");
    for (size_t i = 0; names[i]; ++i) {
        const size_t room = DESCRIPTION_SIZE - used;
        const int length = snprintf(text + used, room, "%s %s", i ? "," : "", names[i]);
        if (length < 0 || (size_t)length + 4 >= room) { /* keeps room for the dots */
            snprintf(text + used, room, " ..");
            return;
        }
        used += (size_t)length;
    }
}

dn_status dn_section_choice(dn_section *section, const char *key, const char *const *names, int fallback, int *out,
                            dn_error *err) {
    const char *value = use(section, key);
    if (!value) {
        *out = fallback;
        return DN_OK;
    }
    for (int i = 0; names[i]; ++i) {
        if (strcmp(value, names[i]) != 0) continue;
        *out = i;
        return DN_OK;
    }
    char expected[DESCRIPTION_SIZE];
    describe_names(expected, names);
    return fail_value(section, key, err, expected);
}

void dn_section_ignore(dn_section *section, const char *const *keys) {
    for (size_t i = 0; i < section->cfg->count; ++i) {
        for (size_t k = 0; keys[k]; ++k) {
            if (strcmp(section->cfg->options[i].key, keys[k]) == 0) section->used[i] = 1;
        }
    }
}
