/* status.h — filling a caller-owned dn_error and passing a status up. */
#ifndef DN_BASE_STATUS_H
#define DN_BASE_STATUS_H

#include "darknet/darknet.h"

#if defined(__GNUC__)
#define DN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define DN_PRINTF(text, first)
#endif

/* Passes a failure up; never overwrites what the lower level wrote. */
#define DN_TRY(expression)                                                                                             \
    do {                                                                                                               \
        const dn_status dn_try_status = (expression);                                                                  \
        if (dn_try_status != DN_OK) return dn_try_status;                                                              \
    } while (0)

/* Clears *err, writes status and message, returns status. `err` may be NULL. */
dn_status dn_fail(dn_error *err, dn_status status, const char *format, ...) DN_PRINTF(3, 4);

/* Add what the failing level knows; no-ops when `err` is NULL. Texts are cut to fit. */
void dn_error_expected(dn_error *err, const char *expected_format, ...) DN_PRINTF(2, 3);
void dn_error_found(dn_error *err, const char *found_format, ...) DN_PRINTF(2, 3);
/* Only fills what is still unset (line 0, layer -1, empty section or key). */
void dn_error_where(dn_error *err, int layer, const char *section, const char *key, int line);

#endif
