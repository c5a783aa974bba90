/* section.h — typed getters over one section, with ranges; remembers which options were read.
 *
 * A missing key gives the default. The first of duplicate keys counts, as in darknet. Numbers are read as atoi and
 * atof read them (416#900 is 416), except that a value that does not start with a number, or lies out of range, is
 * DN_E_PARSE with section, key, line, expected and found. */
#ifndef DN_CFG_SECTION_H
#define DN_CFG_SECTION_H

#include "cfg/cfg.h"

typedef struct dn_section {
    const dn_cfg_section *cfg;
    unsigned char *used; /* one flag an option, set by every getter and by dn_section_ignore */
    dn_zone *zone;       /* where lists and texts that getters return live: the plan's       */
} dn_section;

bool dn_section_has(dn_section *section, const char *key);
dn_status dn_section_int(dn_section *section, const char *key, int fallback, int low, int high, int *out,
                         dn_error *err);
dn_status dn_section_float(dn_section *section, const char *key, float fallback, float low, float high, float *out,
                           dn_error *err);
/* 0 or not 0; darknet's on/off keys. */
dn_status dn_section_flag(dn_section *section, const char *key, bool fallback, bool *out, dn_error *err);
/* The value, or `fallback` (which may be NULL). */
const char *dn_section_text(dn_section *section, const char *key, const char *fallback);
/* Comma-separated lists; *count 0 and *out NULL where the key is missing. A '#' ends the list. Empty items are skipped. */
dn_status dn_section_ints(dn_section *section, const char *key, int low, int high, const int **out, int *count,
                          dn_error *err);
dn_status dn_section_floats(dn_section *section, const char *key, float low, float high, const float **out, int *count,
                            dn_error *err);
/* Index of the value in `names` (NULL-terminated); `fallback` where the key is missing, DN_E_PARSE listing the names
 * where the value is none of them. */
dn_status dn_section_choice(dn_section *section, const char *key, const char *const *names, int fallback, int *out,
                            dn_error *err);
/* Known keys that inference does not need: they are not reported as unused. `keys` is NULL-terminated. */
void dn_section_ignore(dn_section *section, const char *const *keys);
int dn_section_line_of(const dn_section *section, const char *key); /* 0 = missing */
/* DN_E_PARSE about the value of `key`: line, expected and found filled. */
dn_status dn_section_fail(const dn_section *section, const char *key, dn_error *err, const char *expected,
                          const char *format, ...) DN_PRINTF(5, 6);

#endif
