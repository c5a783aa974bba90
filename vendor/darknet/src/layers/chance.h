/* chance.h — random numbers of a layer in training: the same for the same seed, iteration, image and layer, whatever the
 * mini-batches and threads. */
#ifndef DN_LAYERS_CHANCE_H
#define DN_LAYERS_CHANCE_H

#include "base/rng.h"
#include "op/emit.h"

static inline dn_rng dn_chance(const dn_host_tensor *clock, int row, int layer) {
    dn_rng image = {dn_clock(clock, row, DN_CLOCK_ITERATION), dn_clock(clock, row, DN_CLOCK_IMAGE), (uint64_t)layer};
    return (dn_rng){dn_clock(clock, row, DN_CLOCK_SEED), dn_rng_next(&image), 0};
}
/* 0 … count − 1 */
static inline int dn_chance_below(dn_rng *rng, int count) { return (int)(dn_rng_next(rng) % (uint64_t)count); }

#endif
