/* cfg.c — darknet's cfg syntax.
 *
 *   All blanks (space, tab, carriage return) are dropped, inside values too. A line that begins with '#' or ';' is a
 *   comment, one that begins with '[' opens a section, one with a '=' between two texts is an option, and any other is
 *   skipped with a warning. Values keep what follows a later '#': the getters of section.h stop there. */
#include "cfg/cfg.h"

#include <string.h>

#include "base/log.h"

#define TEXT_MAX     ((size_t)64 << 20)
#define SECTIONS_MAX 100000
#define OPTIONS_MAX  1000000

typedef struct parser {
    dn_cfg *cfg;
    const char *at, *end; /* what is left of the text              */
    char *store;          /* where the next kept line is put       */
    int line;             /* of the line being read, counted from 1 */
    size_t options;       /* of all sections                       */
    const dn_options *log;
    dn_error *err;
} parser;

static dn_status fail_at(dn_error *err, int line, const char *expected, const char *found, const char *message) {
    dn_fail(err, DN_E_PARSE, "line %d: %s", line, message);
    dn_error_expected(err, "%s", expected);
    dn_error_found(err, "%s", found);
    dn_error_where(err, -1, NULL, NULL, line);
    return DN_E_PARSE;
}

/* ---------------------------------------------------------------- characters */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

/* Control characters that no editor writes: 0x1A ends files of DOS and is harmless. */
static bool is_binary(char c) {
    const unsigned char u = (unsigned char)c;
    return u < 0x20 && !is_blank(c) && c != '\n' && u != 0x1A;
}

static dn_status check_text(const char *text, size_t size, dn_error *err) {
    if (size > TEXT_MAX) {
        return dn_fail(err, DN_E_PARSE, "%zu bytes are too many for a cfg (at most %zu): give the cfg, not the weights",
                       size, TEXT_MAX);
    }
    int line = 1;
    for (size_t i = 0; i < size; ++i) {
        if (text[i] == '\n') ++line;
        if (!is_binary(text[i])) continue;
        char found[16] = "byte 0x00";
        found[7] = "01"[(unsigned char)text[i] >> 4];
        found[8] = "0123456789ABCDEF"[text[i] & 15];
        return fail_at(err, line, "text", found,
                       "binary data: this is not a cfg; give the .cfg file, as plain UTF-8 text");
    }
    return DN_OK;
}

/* Length of the well-formed UTF-8 sequence at `text`, or 0. DEL and U+0080 to U+009F are none: terminals obey them. */
static size_t utf8_length(const char *text, const char *end) {
    const unsigned char *u = (const unsigned char *)text;
    const size_t left = (size_t)(end - text);
    if (u[0] < 0x80) return u[0] == 0x7F ? 0 : 1;
    const size_t length = u[0] >= 0xF0 ? 4 : u[0] >= 0xE0 ? 3 : 2;
    if (u[0] < 0xC2 || u[0] > 0xF4 || left < length) return 0;
    for (size_t i = 1; i < length; ++i) {
        if ((u[i] & 0xC0U) != 0x80) return 0;
    }
    if (u[0] == 0xC2 && u[1] < 0xA0) return 0; /* a control character         */
    if (u[0] == 0xE0 && u[1] < 0xA0) return 0; /* could be shorter            */
    if (u[0] == 0xED && u[1] > 0x9F) return 0; /* a surrogate                 */
    if (u[0] == 0xF0 && u[1] < 0x90) return 0; /* could be shorter            */
    if (u[0] == 0xF4 && u[1] > 0x8F) return 0; /* past the last code point    */
    return length;
}

/* Strings of the interface are UTF-8, but remarks behind values come in any encoding: '?' for what is none. */
static void repair_utf8(char *text, const char *end) {
    while (text < end) {
        const size_t length = utf8_length(text, end);
        if (length == 0) *text = '?';
        text += length ? length : 1;
    }
}

/* The next line without its blanks, NUL-terminated, at parser->store. Its end, or NULL past the last line. */
static char *next_line(parser *p) {
    if (p->at == p->end) return NULL;
    const char *stop = memchr(p->at, '\n', (size_t)(p->end - p->at));
    if (!stop) stop = p->end;
    char *into = p->store;
    for (const char *c = p->at; c < stop; ++c) {
        if (!is_blank(*c) && (unsigned char)*c != 0x1A) *into++ = *c;
    }
    *into = '\0';
    repair_utf8(p->store, into);
    p->at = stop < p->end ? stop + 1 : stop;
    ++p->line;
    return into;
}

/* ---------------------------------------------------------------- lines */

static dn_status check_first_section(const parser *p, const char *name) {
    if (p->cfg->count > 0 || strcmp(name, "net") == 0 || strcmp(name, "network") == 0) return DN_OK;
    fail_at(p->err, p->line, "[net] or [network]", name, "the first section must be [net]: put it before all layers");
    dn_error_where(p->err, -1, name, NULL, p->line);
    return DN_E_PARSE;
}

static dn_status read_section(parser *p, char *text) {
    char *close = strchr(text, ']');
    const bool trailing = close && close[1] != '\0' && close[1] != '#' && close[1] != ';';
    if (!close || trailing || close == text + 1) {
        return fail_at(p->err, p->line, "[section]", text,
                       "a line with '[' must be a section: its name between '[' and ']', alone on the line, such as "
                       "[convolutional]");
    }
    *close = '\0';
    const char *name = text + 1;
    DN_TRY(check_first_section(p, name));
    dn_cfg *cfg = p->cfg;
    if (cfg->count == SECTIONS_MAX) {
        return fail_at(p->err, p->line, "at most 100000 sections", "more",
                       "more than 100000 sections are not read: shorten the cfg");
    }
    void *sections = cfg->sections;
    DN_TRY(dn_zone_grow(&cfg->zone, &sections, cfg->count, &cfg->room, sizeof(dn_cfg_section), p->err));
    cfg->sections = sections;
    cfg->sections[cfg->count++] = (dn_cfg_section){.name = name, .line = p->line};
    return DN_OK;
}

static dn_status read_option(parser *p, char *text, char *equals) {
    dn_cfg *cfg = p->cfg;
    if (cfg->count == 0) {
        return fail_at(p->err, p->line, "[net]", text,
                       "an option stands before the first section: begin the cfg with [net]");
    }
    if (p->options == OPTIONS_MAX) {
        return fail_at(p->err, p->line, "at most 1000000 options", "more",
                       "more than 1000000 options are not read: shorten the cfg");
    }
    dn_cfg_section *section = &cfg->sections[cfg->count - 1];
    void *options = section->options;
    DN_TRY(dn_zone_grow(&cfg->zone, &options, section->count, &section->room, sizeof(dn_cfg_option), p->err));
    section->options = options;
    *equals = '\0';
    section->options[section->count++] = (dn_cfg_option){text, equals + 1, p->line};
    ++p->options;
    return DN_OK;
}

static dn_status read_line(parser *p, char *text, char *end) {
    if (text == end || *text == '#' || *text == ';') return DN_OK;
    if (*text != '[') {
        char *equals = strchr(text, '=');
        if (!equals || equals == text || equals[1] == '\0') {
            dn_log(p->log, DN_LOG_WARNING, "line %d: '%.80s' is neither [section] nor key=value and is skipped",
                   p->line, text);
            return DN_OK;
        }
        DN_TRY(read_option(p, text, equals));
    } else {
        DN_TRY(read_section(p, text));
    }
    p->store = end + 1; /* the line is kept */
    return DN_OK;
}

static dn_status read_text(dn_cfg *cfg, const char *text, size_t size, const dn_options *options, dn_error *err) {
    DN_TRY(check_text(text, size, err));
    void *store = NULL;
    DN_TRY(dn_zone_alloc(&cfg->zone, &store, size + 1, 1, err));
    parser p = {.cfg = cfg, .at = text, .end = text + size, .store = store, .log = options, .err = err};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) p.at += 3; /* byte order mark */
    for (char *end = next_line(&p); end; end = next_line(&p)) DN_TRY(read_line(&p, p.store, end));
    if (cfg->count > 0) return DN_OK;
    dn_fail(err, DN_E_PARSE, "the cfg has no section: it must begin with [net], followed by the layers");
    dn_error_expected(err, "[net]");
    dn_error_found(err, "nothing");
    return DN_E_PARSE;
}

/* ---------------------------------------------------------------- interface */

dn_status dn_cfg_parse(dn_cfg **out, const char *text, size_t size, const dn_options *options, dn_error *err) {
    const dn_allocator allocator = dn_allocator_or_default(options);
    void *memory = NULL;
    DN_TRY(dn_alloc(&allocator, &memory, 1, sizeof(dn_cfg), "a cfg", err));
    dn_cfg *cfg = memory;
    atomic_init(&cfg->references, 1);
    dn_zone_open(&cfg->zone, allocator);
    const dn_status status = read_text(cfg, size ? text : "", size, options, err);
    if (status != DN_OK) {
        dn_cfg_release(cfg);
        return status;
    }
    *out = cfg;
    return DN_OK;
}

void dn_cfg_retain(dn_cfg *cfg) {
    if (cfg) atomic_fetch_add_explicit(&cfg->references, 1, memory_order_relaxed);
}

void dn_cfg_release(dn_cfg *cfg) {
    if (!cfg || atomic_fetch_sub_explicit(&cfg->references, 1, memory_order_acq_rel) != 1) return;
    const dn_allocator allocator = cfg->zone.allocator;
    dn_zone_close(&cfg->zone);
    dn_free(&allocator, cfg);
}

static const dn_cfg_section *section_at(const dn_cfg *cfg, int section) {
    return section >= 0 && (size_t)section < cfg->count ? &cfg->sections[section] : NULL;
}

static const dn_cfg_option *option_at(const dn_cfg *cfg, int section, int option) {
    const dn_cfg_section *found = section_at(cfg, section);
    return found && option >= 0 && (size_t)option < found->count ? &found->options[option] : NULL;
}

int dn_cfg_sections(const dn_cfg *cfg) { return (int)cfg->count; }

const char *dn_cfg_section_name(const dn_cfg *cfg, int section) {
    const dn_cfg_section *found = section_at(cfg, section);
    return found ? found->name : NULL;
}

int dn_cfg_section_line(const dn_cfg *cfg, int section) {
    const dn_cfg_section *found = section_at(cfg, section);
    return found ? found->line : 0;
}

int dn_cfg_options(const dn_cfg *cfg, int section) {
    const dn_cfg_section *found = section_at(cfg, section);
    return found ? (int)found->count : 0;
}

const char *dn_cfg_option_key(const dn_cfg *cfg, int section, int option) {
    const dn_cfg_option *found = option_at(cfg, section, option);
    return found ? found->key : NULL;
}

const char *dn_cfg_option_value(const dn_cfg *cfg, int section, int option) {
    const dn_cfg_option *found = option_at(cfg, section, option);
    return found ? found->value : NULL;
}

int dn_cfg_option_line(const dn_cfg *cfg, int section, int option) {
    const dn_cfg_option *found = option_at(cfg, section, option);
    return found ? found->line : 0;
}
