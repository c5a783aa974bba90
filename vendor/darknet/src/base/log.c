/* log.c — messages to the caller's callback. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void dn_log(const dn_options *options, dn_log_level level, const char *format, ...) {
    if (!options || !options->log) return;
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length >= 0) options->log(options->log_user, level, message);
}
