/* clock.h — time, for profiles alone: no result depends on it. */
#ifndef DN_BASE_CLOCK_H
#define DN_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some moment; 0 where there is no clock. Standard C has none that is never set back. */
static inline uint64_t dn_clock_now(void) {
    struct timespec now;
    if (timespec_get(&now, TIME_UTC) != TIME_UTC) return 0;
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static inline uint64_t dn_clock_since(uint64_t start) {
    const uint64_t now = dn_clock_now();
    return now > start ? now - start : 0;
}

#endif
