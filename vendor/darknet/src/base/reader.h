/* reader.h — bounded little-endian reading and writing of memory; the engine opens no files. */
#ifndef DN_BASE_READER_H
#define DN_BASE_READER_H

#include "base/status.h"

typedef struct dn_reader {
    const unsigned char *bytes;
    size_t size, position;
} dn_reader;

bool dn_read_i32(dn_reader *reader, int32_t *out); /* false, and nothing consumed, when too few bytes are left */
bool dn_read_u32(dn_reader *reader, uint32_t *out);
bool dn_read_u64(dn_reader *reader, uint64_t *out);
bool dn_read_f32s(dn_reader *reader, float *out, size_t count);
size_t dn_reader_left(const dn_reader *reader);

typedef struct dn_writer {
    unsigned char *bytes;
    size_t room, position;
} dn_writer;

bool dn_write_i32(dn_writer *writer, int32_t value); /* false, and nothing written, when there is no room */
bool dn_write_u64(dn_writer *writer, uint64_t value);
bool dn_write_f32s(dn_writer *writer, const float *values, size_t count);

#endif
