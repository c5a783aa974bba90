/* numbers.h — values of the libraries' types as floats. */
#ifndef EMULATED_NUMBERS_H
#define EMULATED_NUMBERS_H

#include <vector>

#include "cuda_bf16.h"
#include "cuda_fp16.h"

namespace emulated {

enum class number { f32, f16, bf16 };

inline size_t size_of(number type) { return type == number::f32 ? 4 : 2; }

inline float get(const void *from, number type, size_t i) {
    switch (type) {
    case number::f16:
        return __half2float(((const __half *)from)[i]);
    case number::bf16:
        return __bfloat162float(((const __nv_bfloat16 *)from)[i]);
    default:
        return ((const float *)from)[i];
    }
}

inline void put(void *to, number type, size_t i, float value) {
    switch (type) {
    case number::f16:
        ((__half *)to)[i] = __float2half(value);
        break;
    case number::bf16:
        ((__nv_bfloat16 *)to)[i] = __float2bfloat16(value);
        break;
    default:
        ((float *)to)[i] = value;
    }
}

inline std::vector<float> floats_of(const void *from, number type, size_t count) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; i++) values[i] = get(from, type, i);
    return values;
}

/* to = alpha · values + beta · to; what `to` holds is not read where beta is 0. */
inline void blend(void *to, number type, const std::vector<float> &values, float alpha, float beta) {
    for (size_t i = 0; i < values.size(); i++) {
        const float kept = beta == 0.0F ? 0.0F : beta * get(to, type, i);
        put(to, type, i, alpha * values[i] + kept);
    }
}

} // namespace emulated

#endif
