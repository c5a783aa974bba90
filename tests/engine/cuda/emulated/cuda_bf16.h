/* cuda_bf16.h — a stand-in: bfloat16, the upper half of a float, as it is stored; rounded to the nearest, ties to even. */
#ifndef EMULATED_CUDA_BF16_H
#define EMULATED_CUDA_BF16_H

#include <stdint.h>
#include <string.h>

struct __nv_bfloat16 {
    uint16_t bits;
};

inline __nv_bfloat16 __float2bfloat16(float value) {
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    if ((word & 0x7FFFFFFF) > 0x7F800000) return {0x7FFF};
    return {(uint16_t)((word + 0x7FFF + (word >> 16 & 1)) >> 16)};
}

inline float __bfloat162float(__nv_bfloat16 number) {
    const uint32_t word = (uint32_t)number.bits << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

#endif
