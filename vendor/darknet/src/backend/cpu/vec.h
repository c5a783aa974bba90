/* vec.h — one vector of float32 for every instruction set: the only place besides vec_*.h that knows intrinsics.
 *
 * A file in isa/ is compiled with one of DN_VEC_AVX512, DN_VEC_AVX2, DN_VEC_PORTABLE defined and finds here
 *   DN_LANES              floats in a vec; also the block B of the BLOCKED layout: 16, 8, 8
 *   DN_REGISTERS          vec registers of the processor that a kernel may count on
 *   DN_ISA_NAME(name)     the name a function with external linkage carries in this set: dn_name_avx512, …
 *   vec, vec_mask         the vector, and the result of a comparison
 * and the functions below. Loads and stores without a word about alignment accept any float address; *_aligned ones
 * want DN_LANES · 4 bytes. *_first ones touch memory of the first n lanes only (0 <= n <= DN_LANES); the other lanes
 * load as 0.
 *
 *   vec_zero() vec_set(s)                     vec_load(p) vec_load_aligned(p) vec_load_first(p, n)
 *   vec_store(p, v) vec_store_aligned(p, v)   vec_store_first(p, v, n)
 *   vec_add sub mul div (a, b)                vec_fma(a, b, c) = a·b + c      vec_fnma(a, b, c) = c − a·b
 *   vec_fetch(p): the line at p will be read soon, and belongs into L2 (any address, valid or not)
 *   vec_min max (a, b): b where unordered     vec_abs neg floor round(a): round to nearest, ties to even
 *   vec_lt le gt ge (a, b) → vec_mask         vec_select(mask, a, b): a where true
 *   vec_scale2(a, n) = a · 2ⁿ for integral n in [−252, 254]; a 2ⁿ overflow gives inf, deep underflow 0
 *   vec_sum(a) vec_largest(a) → float         vec_transpose(rows): DN_LANES vectors in place
 *
 * fma rounds once where the processor has it and twice in the portable set: results agree to rounding only. */
#ifndef DN_BACKEND_CPU_VEC_H
#define DN_BACKEND_CPU_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DN_INLINE static inline __attribute__((always_inline))

#if defined(DN_VEC_AVX512)
#define DN_ISA_NAME(name) dn_##name##_avx512
#include "backend/cpu/vec_avx512.h"
#elif defined(DN_VEC_AVX2)
#define DN_ISA_NAME(name) dn_##name##_avx2
#include "backend/cpu/vec_avx2.h"
#elif defined(DN_VEC_PORTABLE)
#define DN_ISA_NAME(name) dn_##name##_portable
#include "backend/cpu/vec_portable.h"
#else
#error "define one of DN_VEC_AVX512, DN_VEC_AVX2, DN_VEC_PORTABLE"
#endif

#endif
