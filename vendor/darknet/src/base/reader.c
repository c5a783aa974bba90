/* reader.c — bounded little-endian reading and writing of memory. */
#include "base/reader.h"

#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define HOST_IS_LITTLE false
#else
#define HOST_IS_LITTLE true
#endif

size_t dn_reader_left(const dn_reader *reader) { return reader->size - reader->position; }

static uint64_t load(const unsigned char *bytes, int count) {
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; --i) value = value << 8 | bytes[i];
    return value;
}

static void store(unsigned char *bytes, int count, uint64_t value) {
    for (int i = 0; i < count; ++i, value >>= 8) bytes[i] = (unsigned char)(value & 0xFFU);
}

bool dn_read_u32(dn_reader *reader, uint32_t *out) {
    if (dn_reader_left(reader) < 4) return false;
    *out = (uint32_t)load(reader->bytes + reader->position, 4);
    reader->position += 4;
    return true;
}

bool dn_read_i32(dn_reader *reader, int32_t *out) {
    uint32_t bits = 0;
    if (!dn_read_u32(reader, &bits)) return false;
    memcpy(out, &bits, sizeof bits);
    return true;
}

bool dn_read_u64(dn_reader *reader, uint64_t *out) {
    if (dn_reader_left(reader) < 8) return false;
    *out = load(reader->bytes + reader->position, 8);
    reader->position += 8;
    return true;
}

bool dn_read_f32s(dn_reader *reader, float *out, size_t count) {
    if (count > dn_reader_left(reader) / 4) return false;
    if (count == 0) return true;
    const unsigned char *bytes = reader->bytes + reader->position;
    if (HOST_IS_LITTLE) {
        memcpy(out, bytes, 4 * count);
    } else {
        for (size_t i = 0; i < count; ++i) {
            const uint32_t bits = (uint32_t)load(bytes + 4 * i, 4);
            memcpy(out + i, &bits, 4);
        }
    }
    reader->position += 4 * count;
    return true;
}

bool dn_write_i32(dn_writer *writer, int32_t value) {
    if (writer->room - writer->position < 4) return false;
    store(writer->bytes + writer->position, 4, (uint32_t)value);
    writer->position += 4;
    return true;
}

bool dn_write_u64(dn_writer *writer, uint64_t value) {
    if (writer->room - writer->position < 8) return false;
    store(writer->bytes + writer->position, 8, value);
    writer->position += 8;
    return true;
}

bool dn_write_f32s(dn_writer *writer, const float *values, size_t count) {
    if (count > (writer->room - writer->position) / 4) return false;
    if (count == 0) return true;
    unsigned char *bytes = writer->bytes + writer->position;
    if (HOST_IS_LITTLE) {
        memcpy(bytes, values, 4 * count);
    } else {
        for (size_t i = 0; i < count; ++i) {
            uint32_t bits = 0;
            memcpy(&bits, values + i, 4);
            store(bytes + 4 * i, 4, bits);
        }
    }
    writer->position += 4 * count;
    return true;
}
