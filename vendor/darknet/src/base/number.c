/* number.c — decimal numbers without the locale of the process.
 *
 * Up to 19 significant digits are kept. The result is the nearest double when the digits are below 2^53 and the power
 * of ten is at most 22 (every number that people write in a cfg), else within a few units in the last place. */
#include "base/number.h"

#include <math.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static const char *skip_blanks(const char *text, const char *end) {
    while (text < end && (*text == ' ' || (*text >= '\t' && *text <= '\r'))) ++text;
    return text;
}

static const char *read_sign(const char *text, const char *end, bool *negative) {
    *negative = text < end && *text == '-';
    return text < end && (*text == '-' || *text == '+') ? text + 1 : text;
}

bool dn_parse_int(const char *text, const char *end, int64_t *out, const char **next) {
    bool negative = false;
    const char *at = read_sign(skip_blanks(text, end), end, &negative);
    if (at == end || !is_digit(*at)) return false;
    int64_t value = 0; /* grows downwards, because INT64_MIN has no positive counterpart */
    for (; at < end && is_digit(*at); ++at) {
        const int digit = *at - '0';
        if (value < (INT64_MIN + digit) / 10) return false;
        value = value * 10 - digit;
    }
    if (!negative && value == INT64_MIN) return false;
    *out = negative ? value : -value;
    *next = at;
    return true;
}

/* Case-insensitive; `word` is in lower case. */
static bool starts_with(const char *text, const char *end, const char *word) {
    for (; *word; ++word, ++text) {
        if (text >= end || (*text | 0x20) != *word) return false;
    }
    return true;
}

static bool read_word(const char *at, const char *end, double *out, const char **next) {
    if (starts_with(at, end, "nan")) {
        *out = (double)NAN;
        *next = at + 3;
        return true;
    }
    if (!starts_with(at, end, "inf")) return false;
    *out = (double)INFINITY;
    *next = at + (starts_with(at, end, "infinity") ? 8 : 3);
    return true;
}

typedef struct decimal {
    uint64_t digits;
    int64_t exponent; /* value = digits · 10^exponent */
    bool any;
} decimal;

static void add_digit(decimal *number, char c, bool fraction) {
    number->any = true;
    if (number->digits >= UINT64_C(1000000000000000000)) { /* 19 digits are in: only the magnitude counts */
        if (!fraction) ++number->exponent;
        return;
    }
    number->digits = number->digits * 10 + (uint64_t)(c - '0');
    if (fraction) --number->exponent;
}

static const char *read_digits(decimal *number, const char *at, const char *end) {
    for (; at < end && is_digit(*at); ++at) add_digit(number, *at, false);
    if (at < end && *at == '.') {
        const char *point = at++;
        for (; at < end && is_digit(*at); ++at) add_digit(number, *at, true);
        if (!number->any) return point;
    }
    return at;
}

static const char *read_exponent(decimal *number, const char *at, const char *end) {
    if (at == end || (*at | 0x20) != 'e') return at;
    bool negative = false;
    const char *digit = read_sign(at + 1, end, &negative);
    if (digit == end || !is_digit(*digit)) return at; /* "1e" is 1, as in C */
    int64_t exponent = 0;
    for (; digit < end && is_digit(*digit); ++digit) {
        if (exponent < 1000000) exponent = exponent * 10 + (*digit - '0');
    }
    number->exponent += negative ? -exponent : exponent;
    return digit;
}

static double scale(uint64_t digits, int64_t exponent) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = (double)digits;
    if (digits == 0 || exponent < -400) return 0.0;
    if (exponent > 400) return (double)INFINITY;
    while (exponent > 22) value *= powers[22], exponent -= 22;
    while (exponent < -22) value /= powers[22], exponent += 22;
    return exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
}

bool dn_parse_float(const char *text, const char *end, double *out, const char **next) {
    bool negative = false;
    const char *at = read_sign(skip_blanks(text, end), end, &negative);
    double value = 0.0;
    if (!read_word(at, end, &value, next)) {
        decimal number = {0, 0, false};
        at = read_digits(&number, at, end);
        if (!number.any) return false;
        *next = read_exponent(&number, at, end);
        value = scale(number.digits, number.exponent);
        if (isinf(value)) return false;
    }
    *out = negative ? -value : value;
    return true;
}
