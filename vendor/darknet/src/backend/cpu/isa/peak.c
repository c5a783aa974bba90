/* peak.c — multiply-adds in registers and nothing else: what the processor can do at most. */
#include "backend/cpu/isa/isa.h"

/* Chains that do not wait for each other: enough to hide the latency, few enough to stay in registers. */
#if defined(DN_VEC_PORTABLE)
#define CHAINS 6
#else
#define CHAINS 12
#endif

double DN_ISA_NAME(peak)(int rounds, float *result) {
    vec chain[CHAINS];
    const vec factor = vec_set(0.999F), term = vec_set(0.001F);
    for (int i = 0; i < CHAINS; i++) chain[i] = vec_set((float)i);
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < CHAINS; i++) chain[i] = vec_fma(chain[i], factor, term);
    }
    vec sum = chain[0];
    for (int i = 1; i < CHAINS; i++) sum = vec_add(sum, chain[i]);
    *result = vec_sum(sum);
    return 2.0 * CHAINS * DN_LANES * rounds;
}
