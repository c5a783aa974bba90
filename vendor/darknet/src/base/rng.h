/* rng.h — a counter-based generator: the n-th number of a stream depends on (seed, stream, n) alone, so that any
 * order of use, any thread count and any platform give the same numbers. */
#ifndef DN_BASE_RNG_H
#define DN_BASE_RNG_H

#include <stdint.h>

typedef struct dn_rng {
    uint64_t seed, stream, counter;
} dn_rng;

uint64_t dn_rng_next(dn_rng *rng);
float dn_rng_uniform(dn_rng *rng, float low, float high); /* [low, high) */
float dn_rng_normal(dn_rng *rng);                         /* mean 0, deviation 1; takes two numbers */

#endif
