/* rng.c — SplitMix64 whose starting point is a hash of seed and stream, addressed by the counter.
 *
 *   key        = mix(mix(seed) + γ·(stream + 1))
 *   number n   = mix(key + γ·(n + 1))
 *   γ          = 2^64 / golden ratio, made odd; mix = a bijection in which every input bit moves half of the output
 */
#include "base/rng.h"

#include <math.h>

#define GAMMA UINT64_C(0x9E3779B97F4A7C15)

static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

uint64_t dn_rng_next(dn_rng *rng) {
    const uint64_t key = mix(mix(rng->seed) + GAMMA * (rng->stream + 1));
    return mix(key + GAMMA * ++rng->counter);
}

float dn_rng_uniform(dn_rng *rng, float low, float high) {
    const float unit = (float)(dn_rng_next(rng) >> 40) * 0x1p-24F; /* every multiple of 2^-24 in [0, 1) */
    const float value = low + unit * (high - low);
    if (value < high || low >= high) return value;
    return nextafterf(high, low); /* the sum rounded up to the end that is excluded */
}

float dn_rng_normal(dn_rng *rng) {
    /* Box–Muller. In double, so that the differences between C libraries vanish in the rounding to float. */
    const double radius = (double)((dn_rng_next(rng) >> 11) + 1) * 0x1p-53; /* (0, 1]: the logarithm is finite */
    const double angle = (double)(dn_rng_next(rng) >> 11) * 0x1p-53;
    return (float)(sqrt(-2.0 * log(radius)) * cos(6.283185307179586 * angle));
}
