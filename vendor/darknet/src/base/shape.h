/* shape.h — n images (or rows) of c channels of h × w. */
#ifndef DN_BASE_SHAPE_H
#define DN_BASE_SHAPE_H

#include "base/status.h"

typedef struct dn_shape {
    int n, c, h, w; /* all >= 1 */
} dn_shape;

/* Largest number of elements a tensor may have: keeps every index in 31 bits and every byte count in 33. */
#define DN_ELEMENTS_MAX ((int64_t)1 << 31)

static inline int64_t dn_shape_image(dn_shape s) { return (int64_t)s.c * s.h * s.w; } /* elements of one image */
static inline int64_t dn_shape_count(dn_shape s) { return (int64_t)s.n * s.c * s.h * s.w; }
static inline bool dn_shape_equal(dn_shape a, dn_shape b) {
    return a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w;
}
/* All sides >= 1 and the product below DN_ELEMENTS_MAX, computed without overflow. */
static inline bool dn_shape_valid(dn_shape s) {
    if (s.n < 1 || s.c < 1 || s.h < 1 || s.w < 1) return false;
    int64_t count = (int64_t)s.h * s.w;
    if (count > DN_ELEMENTS_MAX || s.c > DN_ELEMENTS_MAX / count) return false;
    count *= s.c;
    return s.n <= DN_ELEMENTS_MAX / count;
}

#endif
