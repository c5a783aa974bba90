/* number.h — numbers in cfg text, without the locale of the process. */
#ifndef DN_BASE_NUMBER_H
#define DN_BASE_NUMBER_H

#include "base/status.h"

/* Like C's strtol/strtod on [text, end): an optional sign and digits (float: fraction, exponent, "inf", "nan" are
 * read too). *next is the first character not used. False when there is no number or it does not fit. */
bool dn_parse_int(const char *text, const char *end, int64_t *out, const char **next);
bool dn_parse_float(const char *text, const char *end, double *out, const char **next);

#endif
