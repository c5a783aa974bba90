/* dispatch.c — which instruction set runs. A build for x86-64 contains all three sets, any other the portable one. The
 * processor tests include the operating system's support for the registers. */
#include "backend/cpu/kernels.h"
#include "darknet/darknet.h"

extern const dn_cpu_kernels dn_kernels_portable;
#if defined(__x86_64__)
extern const dn_cpu_kernels dn_kernels_avx2;
extern const dn_cpu_kernels dn_kernels_avx512;
#endif

dn_isa dn_isa_best(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return DN_ISA_PORTABLE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        return DN_ISA_AVX512;
    }
    return DN_ISA_AVX2;
#else
    return DN_ISA_PORTABLE;
#endif
}

const dn_cpu_kernels *dn_cpu_kernels_for(dn_isa isa) {
    const dn_isa best = dn_isa_best();
    if (isa == DN_ISA_AUTO || isa > best) isa = best;
#if defined(__x86_64__)
    if (isa == DN_ISA_AVX512) return &dn_kernels_avx512;
    if (isa == DN_ISA_AVX2) return &dn_kernels_avx2;
#endif
    return &dn_kernels_portable;
}
