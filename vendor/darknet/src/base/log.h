/* log.h — messages to the caller's callback; silent without one. */
#ifndef DN_BASE_LOG_H
#define DN_BASE_LOG_H

#include "base/status.h"

void dn_log(const dn_options *options, dn_log_level level, const char *format, ...) DN_PRINTF(3, 4);

#endif
