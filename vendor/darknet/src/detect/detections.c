/* detections.c — the table of boxes: columns that grow together, or not at all. */
#include "detect/detections.h"

#include <limits.h>
#include <string.h>

dn_status dn_detections_create(dn_detections **out, const dn_allocator *allocator, int classes, bool uncertainty,
                               dn_error *err) {
    if (classes < 0) return dn_fail(err, DN_E_ARGUMENT, "classes is %d, must not be negative", classes);
    void *memory;
    DN_TRY(dn_alloc(allocator, &memory, 1, sizeof(dn_detections), "detections", err));
    dn_detections *detections = memory;
    detections->allocator = *allocator;
    detections->classes = classes;
    if (uncertainty) { /* non-NULL from the start: that is how the column is known to exist */
        const dn_status status = dn_alloc(allocator, &memory, 4, sizeof(float), "detections", err);
        if (status != DN_OK) {
            dn_free(allocator, detections);
            return status;
        }
        detections->uncertainty = memory;
    }
    *out = detections;
    return DN_OK;
}

static void free_columns(dn_detections *detections) {
    dn_free(&detections->allocator, detections->boxes);
    dn_free(&detections->allocator, detections->objectness);
    dn_free(&detections->allocator, detections->probabilities);
    dn_free(&detections->allocator, detections->uncertainty);
    dn_free(&detections->allocator, detections->points);
    dn_free(&detections->allocator, detections->embeddings);
    dn_free(&detections->allocator, detections->places);
}

void dn_detections_free(dn_detections *detections) {
    if (!detections) return;
    free_columns(detections);
    const dn_allocator allocator = detections->allocator;
    dn_free(&allocator, detections);
}

/* `room` rows of `row` bytes, the first `count` taken from `old`, the rest zero. */
static dn_status grow_column(const dn_detections *detections, void **column, const void *old, int room, size_t row,
                             dn_error *err) {
    DN_TRY(dn_alloc(&detections->allocator, column, (size_t)room, row, "detections", err));
    if (old && detections->count) memcpy(*column, old, (size_t)detections->count * row);
    return DN_OK;
}

static dn_status grow_floats(const dn_detections *detections, float **column, const float *old, int room, int width,
                             dn_error *err) {
    void *memory;
    DN_TRY(grow_column(detections, &memory, old, room, (size_t)width * sizeof(float), err));
    *column = memory;
    return DN_OK;
}

static dn_status grow_ints(const dn_detections *detections, int **column, const int *old, int room, dn_error *err) {
    void *memory;
    DN_TRY(grow_column(detections, &memory, old, room, sizeof(int), err));
    *column = memory;
    return DN_OK;
}

static dn_status grow_columns(const dn_detections *old, dn_detections *grown, dn_error *err) {
    const int room = grown->room;
    DN_TRY(grow_floats(old, &grown->boxes, old->boxes, room, 4, err));
    DN_TRY(grow_floats(old, &grown->objectness, old->objectness, room, 1, err));
    DN_TRY(grow_floats(old, &grown->probabilities, old->probabilities, room, old->classes, err));
    if (old->uncertainty) {
        DN_TRY(grow_floats(old, &grown->uncertainty, old->uncertainty, room, 4, err));
        DN_TRY(grow_ints(old, &grown->points, old->points, room, err));
    }
    if (old->embedding_size == 0) return DN_OK;
    DN_TRY(grow_floats(old, &grown->embeddings, old->embeddings, room, old->embedding_size, err));
    return grow_ints(old, &grown->places, old->places, room, err);
}

static dn_status reserve(dn_detections *detections, int needed, dn_error *err) {
    const int half_again =
        detections->room > INT_MAX - detections->room / 2 ? INT_MAX : detections->room + detections->room / 2;
    dn_detections grown = *detections;
    grown.room = needed > half_again ? needed : half_again;
    grown.boxes = grown.objectness = grown.probabilities = grown.uncertainty = grown.embeddings = NULL;
    grown.points = grown.places = NULL;
    const dn_status status = grow_columns(detections, &grown, err);
    free_columns(status == DN_OK ? detections : &grown);
    if (status == DN_OK) *detections = grown;
    return status;
}

dn_status dn_detections_extend(dn_detections *detections, int count, int *first, dn_error *err) {
    if (count < 0 || count > INT_MAX - detections->count)
        return dn_fail(err, DN_E_ARGUMENT, "%d more boxes after %d, at most %d fit in a table", count,
                       detections->count, INT_MAX);
    const int needed = detections->count + count;
    if (needed > detections->room) DN_TRY(reserve(detections, needed, err));
    *first = detections->count;
    detections->count = needed;
    return DN_OK;
}

int dn_detections_count(const dn_detections *detections) { return detections->count; }
int dn_detections_classes(const dn_detections *detections) { return detections->classes; }
const float *dn_detections_boxes(const dn_detections *detections) { return detections->boxes; }
const float *dn_detections_objectness(const dn_detections *detections) { return detections->objectness; }
const float *dn_detections_probabilities(const dn_detections *detections) { return detections->probabilities; }
const float *dn_detections_uncertainty(const dn_detections *detections) { return detections->uncertainty; }
const float *dn_detections_embeddings(const dn_detections *detections) { return detections->embeddings; }
int dn_detections_embedding_size(const dn_detections *detections) { return detections->embedding_size; }
