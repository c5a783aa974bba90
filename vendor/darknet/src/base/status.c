/* status.c — filling dn_error; names of statuses; the engine's version. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifndef DN_VERSION /* given by the build */
#define DN_VERSION "unknown"
#endif

const char *dn_version(void) { return DN_VERSION; }

const char *dn_status_name(dn_status status) {
    switch (status) {
    case DN_OK:
        return "ok";
    case DN_E_NOMEM:
        return "out of memory";
    case DN_E_ARGUMENT:
        return "invalid argument";
    case DN_E_PARSE:
        return "syntax error";
    case DN_E_SHAPE:
        return "layers do not fit together";
    case DN_E_WEIGHTS:
        return "weights do not fit";
    case DN_E_UNSUPPORTED:
        return "not supported";
    case DN_E_DEVICE:
        return "device failure";
    }
    return "unknown status";
}

/* A text cut by the size of its field must not end inside a UTF-8 sequence. */
static void drop_partial_character(char *text) {
    const size_t length = strlen(text);
    size_t start = length;
    while (start > 0 && length - start < 3 && ((unsigned char)text[start - 1] & 0xC0U) == 0x80U) --start;
    if (start == 0) return;
    const unsigned char lead = (unsigned char)text[start - 1];
    const size_t follow = lead >= 0xF0U ? 3 : lead >= 0xE0U ? 2 : lead >= 0xC0U ? 1 : 0;
    if (length - start < follow) text[start - 1] = '\0';
}

static void fill(char *field, size_t room, const char *format, va_list arguments) DN_PRINTF(3, 0);
static void fill(char *field, size_t room, const char *format, va_list arguments) {
    const int length = vsnprintf(field, room, format, arguments);
    if (length < 0) field[0] = '\0';
    if (length >= 0 && (size_t)length >= room) drop_partial_character(field);
}

static void fill_text(char *field, size_t room, const char *text) {
    const size_t length = strlen(text);
    const size_t kept = length < room ? length : room - 1;
    memcpy(field, text, kept);
    field[kept] = '\0';
    if (kept < length) drop_partial_character(field);
}

dn_status dn_fail(dn_error *err, dn_status status, const char *format, ...) {
    if (!err) return status;
    memset(err, 0, sizeof *err);
    err->status = status;
    err->layer = -1;
    va_list arguments;
    va_start(arguments, format);
    fill(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    return status;
}

void dn_error_expected(dn_error *err, const char *expected_format, ...) {
    if (!err) return;
    va_list arguments;
    va_start(arguments, expected_format);
    fill(err->expected, sizeof err->expected, expected_format, arguments);
    va_end(arguments);
}

void dn_error_found(dn_error *err, const char *found_format, ...) {
    if (!err) return;
    va_list arguments;
    va_start(arguments, found_format);
    fill(err->found, sizeof err->found, found_format, arguments);
    va_end(arguments);
}

void dn_error_where(dn_error *err, int layer, const char *section, const char *key, int line) {
    if (!err) return;
    if (err->line == 0) err->line = line;
    if (err->layer == -1) err->layer = layer;
    if (err->section[0] == '\0' && section) fill_text(err->section, sizeof err->section, section);
    if (err->key[0] == '\0' && key) fill_text(err->key, sizeof err->key, key);
}
