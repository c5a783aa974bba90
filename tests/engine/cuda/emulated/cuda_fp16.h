/* cuda_fp16.h — a stand-in: half precision (IEEE 754 binary16) as it is stored; conversions round to the nearest, ties
 * to even. */
#ifndef EMULATED_CUDA_FP16_H
#define EMULATED_CUDA_FP16_H

#include <stdint.h>
#include <string.h>

struct __half {
    uint16_t bits;
};

/* The exponents of half are those of float − 112; denormals by adding a number whose last bit is half's. */
inline __half __float2half(float value) {
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    const uint16_t sign = (uint16_t)(word >> 16 & 0x8000);
    word &= 0x7FFFFFFF;
    if (word > 0x7F800000) return {0x7FFF};
    if (word >= 0x477FF000) return {(uint16_t)(sign | 0x7C00)}; /* 65520 and more */
    if (word < 0x38800000) {                                    /* below 2^−14 */
        float size;
        memcpy(&size, &word, sizeof size);
        size += 0.5F;
        memcpy(&word, &size, sizeof word);
        return {(uint16_t)(sign | (word - 0x3F000000))};
    }
    const uint32_t odd = word >> 13 & 1;
    return {(uint16_t)(sign | ((word - (112U << 23) + 0xFFF + odd) >> 13))};
}

inline float __half2float(__half half) {
    const uint32_t sign = (uint32_t)(half.bits & 0x8000) << 16, rest = half.bits & 0x7FFFU;
    uint32_t word = rest << 13;
    float value;
    if (rest >= 0x7C00) {
        word |= 0x7F800000;
    } else if (rest >= 0x0400) {
        word += 112U << 23;
    } else {
        value = (float)rest / 16777216.0F;
        memcpy(&word, &value, sizeof word);
    }
    word |= sign;
    memcpy(&value, &word, sizeof value);
    return value;
}

#endif
