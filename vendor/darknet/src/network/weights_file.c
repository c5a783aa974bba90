/* weights_file.c — the .weights format.
 *
 *   int32 major, minor, revision; seen: uint64 if major·10 + minor >= 2, else uint32; float32 parameters, layer by layer
 *   in the plan's slot order. pjreddie reads 32 bits of seen where major or minor is 1000 or more. Where either is
 *   above 1000, matrices of connected layers lie transposed in the file. All little-endian.
 *
 * dontload= and dontloadscales= leave parameters (those that are not `stored`) out when a file is read, not when it is
 * written: what a training made of them is kept. A file that has room for all parameters holds them too, and they are
 * passed over; any other does not. dontsave= leaves parameters out of what is saved (those that are not `saved`): a file
 * that has just the room of the others holds these. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/reader.h"
#include "network/weights.h"

typedef struct weights_file {
    dn_reader reader;
    dn_weights_header header;
    bool transposed;
    enum contents { STORED, SAVED, ALL } contents;
} weights_file;

typedef enum contents contents;

static bool is_transposed(dn_weights_header header) { return header.major > 1000 || header.minor > 1000; }

static bool wide_seen(dn_weights_header header, dn_dialect dialect) {
    if (dialect == DN_PJREDDIE && (header.major >= 1000 || header.minor >= 1000)) return false;
    return (int64_t)header.major * 10 + header.minor >= 2;
}

/* Versions seen in the wild are 0.1.0, 0.2.0, 0.2.5 and, for transposed files, a number just above 1000. */
static bool plausible(dn_weights_header header) {
    return header.major >= 0 && header.major < 10000 && header.minor >= 0 && header.minor < 10000 &&
           header.revision >= 0 && header.revision < 100000;
}

static dn_status read_header(weights_file *file, dn_dialect dialect, dn_error *err) {
    dn_weights_header *header = &file->header;
    if (!dn_read_i32(&file->reader, &header->major) || !dn_read_i32(&file->reader, &header->minor) ||
        !dn_read_i32(&file->reader, &header->revision)) {
        dn_error_expected(err, "at least 16 bytes");
        const dn_status status = dn_fail(err, DN_E_WEIGHTS,
                                         "%zu bytes are too few for a .weights file, whose header alone has 16; "
                                         "download or copy the file again",
                                         file->reader.size);
        if (err) err->needed = 16;
        dn_error_found(err, "%zu bytes", file->reader.size);
        return status;
    }
    if (!plausible(*header)) {
        return dn_fail(err, DN_E_WEIGHTS,
                       "this is not a darknet .weights file: its version would be %" PRId32 ".%" PRId32 ".%" PRId32
                       "; check which file was given",
                       header->major, header->minor, header->revision);
    }
    uint32_t narrow = 0;
    const bool wide = wide_seen(*header, dialect);
    if (!(wide ? dn_read_u64(&file->reader, &header->seen) : dn_read_u32(&file->reader, &narrow))) {
        dn_fail(err, DN_E_WEIGHTS, "the file ends inside its header, after %zu bytes: download or copy it again",
                file->reader.size);
        dn_error_found(err, "%zu bytes", file->reader.size);
        if (err) err->needed = wide ? 20 : 16;
        return DN_E_WEIGHTS;
    }
    if (!wide) header->seen = narrow;
    file->transposed = is_transposed(*header);
    return DN_OK;
}

static dn_status read_slot(dn_weights *weights, int slot, weights_file *file, dn_error *err) {
    const dn_weights_entry *entry = &weights->entries[slot];
    float *data = dn_weights_slot(weights, slot).data;
    const size_t count = (size_t)entry->count;
    if (!file->transposed || entry->dimensions != 2) {
        dn_read_f32s(&file->reader, data, count);
        return DN_OK;
    }
    const size_t rows = (size_t)entry->shape[0], columns = (size_t)entry->shape[1];
    float *raw = NULL;
    DN_TRY(dn_alloc_dirty(&weights->allocator, (void **)&raw, count, sizeof *raw, "a transposed matrix", err));
    dn_read_f32s(&file->reader, raw, count);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) data[i * columns + j] = raw[j * rows + i];
    }
    dn_free(&weights->allocator, raw);
    return DN_OK;
}

static bool holds(contents kind, const dn_weights_entry *entry) {
    return kind == ALL || (kind == SAVED ? entry->saved : entry->stored);
}

/* Bytes that the slots of one layer take in a file; *end is the first slot of a later layer. */
static uint64_t layer_bytes(const dn_weights *weights, int first_slot, contents kind, int *end) {
    uint64_t bytes = 0;
    const int layer = weights->entries[first_slot].layer;
    int i = first_slot;
    for (; i < weights->slot_count && weights->entries[i].layer == layer; i++) {
        if (holds(kind, &weights->entries[i])) bytes += (uint64_t)weights->entries[i].count * sizeof(float);
    }
    *end = i;
    return bytes;
}

/* Of the first `layers` layers. */
static uint64_t layers_bytes(const dn_weights *weights, int layers, contents kind) {
    uint64_t bytes = 0;
    for (int slot = 0; slot < weights->slot_count && weights->entries[slot].layer < layers;) {
        bytes += layer_bytes(weights, slot, kind, &slot);
    }
    return bytes;
}

/* The first layer that has parameters of which one kind of file holds some and the other does not; -1: none. */
static int first_apart(const dn_weights *weights, contents with, contents without) {
    for (int i = 0; i < weights->slot_count; i++) {
        if (holds(with, &weights->entries[i]) && !holds(without, &weights->entries[i]))
            return weights->entries[i].layer;
    }
    return -1;
}

static contents contents_of(const dn_weights *weights, const weights_file *file) {
    const uint64_t left = dn_reader_left(&file->reader), all = layers_bytes(weights, weights->layer_count, ALL);
    if (left == all && all > layers_bytes(weights, weights->layer_count, STORED)) return ALL;
    const bool same = first_apart(weights, STORED, SAVED) < 0 && first_apart(weights, SAVED, STORED) < 0;
    return !same && left == layers_bytes(weights, weights->layer_count, SAVED) ? SAVED : STORED;
}

static dn_status truncated(const dn_plan *plan, int layer, uint64_t needed, uint64_t found, uint64_t size,
                           dn_error *err) {
    const dn_status status =
        dn_fail(err, DN_E_WEIGHTS,
                "the file (%" PRIu64 " bytes) ends inside layer %d [%s]: its parameters need %" PRIu64
                " bytes, %" PRIu64 " are left; copy it again, or find the cfg that it belongs to",
                size, layer, plan->layers[layer].name, needed, found);
    dn_error_where(err, layer, plan->layers[layer].name, NULL, 0);
    dn_error_expected(err, "%" PRIu64 " bytes", needed);
    dn_error_found(err, "%" PRIu64 " bytes", found);
    if (err) err->needed = needed;
    return status;
}

static dn_status left_over(const dn_weights *weights, uint64_t size, uint64_t left, dn_error *err) {
    const dn_status status = dn_fail(err, DN_E_WEIGHTS,
                                     "the file has %" PRIu64 " bytes, %" PRIu64 " more than the %d layers of the cfg "
                                     "need; it belongs to another cfg (compare classes= and filters=), or allow it "
                                     "with strict=False",
                                     size, left, weights->layer_count);
    dn_error_expected(err, "%" PRIu64 " bytes", size - left);
    dn_error_found(err, "%" PRIu64 " bytes", size);
    if (err) err->needed = size - left;
    return status;
}

static dn_status read_layers(dn_weights *weights, const dn_plan *plan, weights_file *file, int limit,
                             dn_weights_report *report, dn_error *err) {
    report->complete = true;
    report->layers_loaded = limit;
    for (int slot = 0; slot < weights->slot_count;) {
        const int layer = weights->entries[slot].layer;
        int end = slot;
        const uint64_t needed = layer_bytes(weights, slot, file->contents, &end);
        if (layer >= limit) {
            report->complete = false;
            break;
        }
        const uint64_t left = dn_reader_left(&file->reader);
        if (needed > 0 && left == 0) { /* partial weights: the rest keeps its start values */
            report->complete = false;
            report->layers_loaded = layer;
            break;
        }
        if (left < needed) return truncated(plan, layer, needed, left, file->reader.size, err);
        for (; slot < end; slot++) {
            if (!holds(file->contents, &weights->entries[slot])) continue;
            if (weights->entries[slot].stored) {
                DN_TRY(read_slot(weights, slot, file, err));
            } else {
                file->reader.position += (size_t)weights->entries[slot].count * sizeof(float);
            }
        }
    }
    return DN_OK;
}

static dn_status load(dn_weights *weights, const dn_plan *plan, weights_file *file, bool strict, int limit,
                      dn_weights_report *report, dn_error *err) {
    DN_TRY(read_header(file, plan->net.dialect, err));
    weights->header = file->header;
    file->contents = contents_of(weights, file);
    const bool whole = limit < 0 || limit >= plan->layer_count;
    DN_TRY(read_layers(weights, plan, file, whole ? plan->layer_count : limit, report, err));
    const int lacking = first_apart(weights, STORED, file->contents);
    if (lacking >= 0 && lacking < report->layers_loaded) {
        report->complete = false;
        report->layers_loaded = lacking;
    }
    report->header = file->header;
    report->bytes_left = dn_reader_left(&file->reader);
    report->bytes_used = file->reader.size - report->bytes_left;
    if (strict && whole && report->bytes_left > 0) {
        return left_over(weights, file->reader.size, report->bytes_left, err);
    }
    return DN_OK;
}

dn_status dn_weights_load(dn_weights **out, const dn_plan *plan, const void *bytes, size_t size, bool strict,
                          int layer_limit, uint64_t seed, dn_weights_report *report, const dn_options *options,
                          dn_error *err) {
    weights_file file = {.reader = {bytes, size, 0}};
    dn_weights_report found = {0};
    dn_weights *weights = NULL;
    DN_TRY(dn_weights_create(&weights, plan, seed, options, err));
    const dn_status status = load(weights, plan, &file, strict, layer_limit, &found, err);
    if (status != DN_OK) {
        dn_weights_release(weights);
        return status;
    }
    const int lacking = first_apart(weights, STORED, file.contents);
    if (lacking >= 0) {
        dn_log(options, DN_LOG_WARNING,
               "the weights file lacks the parameters of layers with dontsave=1, the first of which is layer %d: they "
               "keep "
               "their random start values; darknet reads such a file by a cfg that has dontload=1 there too",
               lacking);
    } else if (!found.complete && layer_limit < 0) {
        dn_log(options, DN_LOG_WARNING,
               "the weights file ends before layer %d: from there on parameters keep their random start values",
               found.layers_loaded);
    }
    if (found.bytes_left > 0 && layer_limit < 0) {
        dn_log(options, DN_LOG_WARNING, "%" PRIu64 " bytes of the weights file were not used", found.bytes_left);
    }
    if (first_apart(weights, file.contents, STORED) >= 0) {
        dn_log(options, DN_LOG_WARNING,
               "the weights file holds the parameters of layers with dontload=1 or dontloadscales=1 too: they were not "
               "loaded; remove the keys to use what was trained");
    }
    if (report) *report = found;
    *out = weights;
    return DN_OK;
}

/* ---- writing ---- */

static dn_status size_of(const dn_weights *weights, int layers, contents kind, uint64_t *out, dn_error *err) {
    if (layers > weights->layer_count) {
        return dn_fail(err, DN_E_ARGUMENT, "%d layers were asked for, the network has %d", layers,
                       weights->layer_count);
    }
    *out = 3 * sizeof(int32_t) + sizeof(uint64_t) +
           layers_bytes(weights, layers < 0 ? weights->layer_count : layers, kind);
    return DN_OK;
}

dn_status dn_weights_file_size(const dn_weights *weights, int layers, uint64_t *out, dn_error *err) {
    return size_of(weights, layers, ALL, out, err);
}

dn_status dn_weights_saved_size(const dn_weights *weights, int layers, uint64_t *out, dn_error *err) {
    return size_of(weights, layers, SAVED, out, err);
}

static dn_status write_ternary(const dn_weights *weights, int slot, dn_writer *writer, dn_error *err) {
    const int64_t count = weights->entries[slot].count;
    float *values = NULL;
    DN_TRY(
        dn_alloc_dirty(&weights->allocator, (void **)&values, (size_t)count, sizeof *values, "ternary weights", err));
    dn_ternarize(dn_weights_slot(weights, slot).data, count, values);
    dn_write_f32s(writer, values, (size_t)count);
    dn_free(&weights->allocator, values);
    return DN_OK;
}

static dn_status write_slots(const dn_weights *weights, int layers, contents kind, dn_writer *writer, dn_error *err) {
    for (int slot = 0; slot < weights->slot_count; slot++) {
        const dn_weights_entry *entry = &weights->entries[slot];
        if (layers >= 0 && entry->layer >= layers) break;
        if (!holds(kind, entry)) continue;
        if (entry->ternary && dn_weights_get_shadow(weights)) {
            DN_TRY(write_ternary(weights, slot, writer, err));
        } else {
            dn_write_f32s(writer, dn_weights_slot(weights, slot).data, (size_t)entry->count);
        }
    }
    return DN_OK;
}

static dn_status write_file(const dn_weights *weights, int layers, contents kind, dn_weights_header header, void *into,
                            size_t room, dn_error *err) {
    uint64_t bytes = 0;
    DN_TRY(size_of(weights, layers, kind, &bytes, err));
    if (!wide_seen(header, weights->dialect) || is_transposed(header)) { /* older and transposed files are only read */
        header = (dn_weights_header){0, 2, 0, header.seen};
    }
    if (room < bytes) return dn_fail(err, DN_E_ARGUMENT, "%" PRIu64 " bytes are needed, %zu given", bytes, room);
    dn_writer writer = {into, room, 0};
    dn_write_i32(&writer, header.major);
    dn_write_i32(&writer, header.minor);
    dn_write_i32(&writer, header.revision);
    dn_write_u64(&writer, header.seen);
    return write_slots(weights, layers, kind, &writer, err);
}

dn_status dn_weights_write(const dn_weights *weights, int layers, dn_weights_header header, void *into, size_t room,
                           dn_error *err) {
    return write_file(weights, layers, ALL, header, into, room, err);
}

dn_status dn_weights_write_saved(const dn_weights *weights, int layers, dn_weights_header header, void *into,
                                 size_t room, dn_error *err) {
    return write_file(weights, layers, SAVED, header, into, room, err);
}
