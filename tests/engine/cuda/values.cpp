/* values.cpp — see values.h. */
#include "values.h"

#include <cmath>
#include <cstring>

namespace compare {

static uint32_t random_state = 1;

void restart_random() { random_state = 1; }

static float random_value(float low, float high) { /* xorshift */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return low + (high - low) * (float)(random_state >> 8) / 16777216.0F;
}

floats random_values(dn_shape shape, float low, float high) {
    floats values((size_t)dn_shape_count(shape));
    for (float &value : values) value = random_value(low, high);
    return values;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint16_t to_bfloat16(float value) {
    const uint32_t bits = bits_of(value);
    if (std::isnan(value)) return 0x7FFF;
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static uint16_t to_half(float value) {
    const uint16_t sign = (uint16_t)(bits_of(value) >> 16 & 0x8000);
    const float size = std::fabs(value);
    if (std::isnan(value)) return 0x7FFF;
    if (size >= 65520.0F) return sign | 0x7C00;
    if (size < 6.103515625e-5F) return (uint16_t)(sign | (uint16_t)std::lrint((double)size * 16777216.0)); /* 2^24 */
    int exponent; /* size = fraction · 2^exponent, 0.5 <= fraction < 1; 2048 · fraction: eleven bits with the first */
    const double fraction = std::frexp((double)size, &exponent);
    return (uint16_t)(sign | ((exponent + 13) * 1024 + (int)std::lrint(fraction * 2048.0)));
}

static float from_half(uint16_t half) {
    const int exponent = half >> 10 & 31, fraction = half & 1023;
    const float sign = half & 0x8000 ? -1.0F : 1.0F;
    if (exponent == 31) return fraction ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * std::ldexp((float)fraction, -24);
    return sign * std::ldexp((float)(fraction + 1024), exponent - 25);
}

size_t size_of(holds what, dn_cuda_type type) { return what == holds::type && type != DN_CUDA_F32 ? 2 : 4; }

std::vector<unsigned char> encode(const floats &values, holds what, dn_cuda_type type) {
    const size_t size = size_of(what, type);
    std::vector<unsigned char> bytes(values.size() * size);
    for (size_t i = 0; i < values.size(); i++) {
        const int32_t whole = what == holds::int32 ? (int32_t)values[i] : 0;
        const uint16_t small = type == DN_CUDA_F16 ? to_half(values[i]) : to_bfloat16(values[i]);
        const void *from = what == holds::int32 ? (const void *)&whole : &values[i];
        if (size == 2) from = &small;
        memcpy(&bytes[i * size], from, size);
    }
    return bytes;
}

floats decode(const std::vector<unsigned char> &bytes, size_t count, holds what, dn_cuda_type type) {
    const size_t size = size_of(what, type);
    floats values(count);
    for (size_t i = 0; i < count; i++) {
        uint32_t word = 0;
        memcpy(&word, &bytes[i * size], size);
        if (what == holds::int32) {
            values[i] = (float)(int32_t)word;
        } else if (size == 4) {
            values[i] = float_of(word);
        } else {
            values[i] = type == DN_CUDA_F16 ? from_half((uint16_t)word) : float_of(word << 16);
        }
    }
    return values;
}

floats rounded(const floats &values, holds what, dn_cuda_type type) {
    return decode(encode(values, what, type), values.size(), what, type);
}

} // namespace compare
