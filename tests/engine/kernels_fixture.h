/* kernels_fixture.h — what the tests of the cpu kernels share: random tensors that end where their allocation ends, and
 * the activations in double precision. */
#ifndef KERNELS_FIXTURE_H
#define KERNELS_FIXTURE_H

#include "harness.h"

#include <float.h>

#include "backend/cpu/kernels.h"

static const dn_isa all_sets[] = {DN_ISA_PORTABLE, DN_ISA_AVX2, DN_ISA_AVX512};

static uint32_t random_state = 1;
static inline uint32_t random_bits(void) { /* xorshift */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}
static inline float random_value(void) { return (float)(random_bits() >> 8) / 8388608.0F - 1.0F; }
static inline int random_int(int low, int high) { return low + (int)(random_bits() % (uint32_t)(high - low + 1)); }

static inline size_t count_of(int channels, int height, int width) {
    return (size_t)channels * (size_t)height * (size_t)width;
}

static inline float *floats(size_t count) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, (count ? count : 1) * sizeof(float)) != 0) abort();
    float *values = memory;
    for (size_t i = 0; i < count; ++i) values[i] = NAN;
    return values;
}

static inline float *random_floats(size_t count) {
    float *values = floats(count);
    for (size_t i = 0; i < count; ++i) values[i] = random_value();
    return values;
}

/* f(x) in double, and its size before cancellation, which rounding is measured against. */
static inline double exact(dn_activation kind, double x, double *size) {
    double y = x;
    *size = 0.0;
    switch (kind) {
    case DN_LOGISTIC:
        y = 1.0 / (1.0 + exp(-x));
        break;
    case DN_LOGGY:
        y = tanh(x / 2.0);
        break;
    case DN_RELU:
        y = fmax(x, 0.0);
        break;
    case DN_RELU6:
        y = fmin(fmax(x, 0.0), 6.0);
        break;
    case DN_ELU:
        y = x >= 0.0 ? x : expm1(x);
        break;
    case DN_SELU:
        y = x >= 0.0 ? 1.0507 * x : 1.0507 * 1.6732 * expm1(x);
        break;
    case DN_GELU: { /* an exponent rounds relative to itself, so the far tail loses digits */
        const double exponent = 2.0 * (0.797885 * x + 0.035677 * x * x * x);
        y = x / (1.0 + exp(-exponent));
        *size = fabs(y) * fmin(fabs(exponent), 200.0);
        break;
    }
    case DN_RELIE:
        y = x > 0.0 ? x : 0.01 * x;
        break;
    case DN_RAMP:
        y = fmax(x, 0.0) + 0.1 * x;
        break;
    case DN_TANH:
        y = tanh(x);
        break;
    case DN_PLSE:
        y = x < -4.0 ? 0.01 * (x + 4.0) : x > 4.0 ? 0.01 * (x - 4.0) + 1.0 : 0.125 * x + 0.5;
        *size = 1.0;
        break;
    case DN_LEAKY:
    case DN_REVLEAKY:
        y = x > 0.0 ? x : 0.1 * x;
        break;
    case DN_STAIR:
        y = fmod(floor(x), 2.0) == 0.0 ? floor(x / 2.0) : x - floor(x) + floor(x / 2.0);
        *size = 1.0;
        break;
    case DN_HARDTAN:
        y = fmin(fmax(x, -1.0), 1.0);
        break;
    case DN_LHTAN:
        y = x < 0.0 ? 0.001 * x : x > 1.0 ? 0.001 * (x - 1.0) + 1.0 : x;
        break;
    case DN_SWISH:
        y = x / (1.0 + exp(-x));
        break;
    case DN_MISH:
        y = x * tanh(log1p(exp(x)));
        break;
    case DN_HARD_MISH:
        y = x > 0.0 ? x : x > -2.0 ? x * x / 2.0 + x : 0.0;
        *size = x < 0.0 && x > -2.0 ? -x : 0.0;
        break;
    default:
        break;
    }
    if (kind == DN_MISH && x > 700.0) y = x; /* where exp overflows */
    *size += fabs(y);
    return y;
}

/* Calls test with the kernels of every set that the processor has. */
static inline void for_each_set(void (*test)(const dn_cpu_kernels *kernels)) {
    for (size_t i = 0; i < sizeof all_sets / sizeof *all_sets; ++i) {
        const dn_cpu_kernels *kernels = dn_cpu_kernels_for(all_sets[i]);
        if (kernels->isa == all_sets[i]) test(kernels);
    }
}

#endif
