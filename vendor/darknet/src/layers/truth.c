/* truth.c — reading the labelled boxes of an image. */
#include "layers/truth.h"

#include <math.h>

dn_status dn_truth_declare(dn_layer_plan *plan, int boxes, int values, dn_error *err) {
    const int64_t count = (int64_t)boxes * values;
    if (!dn_layer_plan_context(plan)->training) return DN_OK;
    if (count > INT32_MAX) {
        dn_shape_fail(err, "fewer boxes", "max=%d boxes of %d values each are too many: set a smaller max", boxes,
                      values);
        dn_layer_plan_blame(plan, "max", err);
        return DN_E_SHAPE;
    }
    dn_layer_plan_set_boxes(plan, boxes, values);
    return dn_layer_plan_fact(plan, "truth_size", values, err);
}

/* A label's class in the head's numbers; -1 when the head does not have it. */
static int class_of(const dn_truth_rows *rows, float label) {
    if (!(label >= 0.0F) || !(label < (float)rows->classes)) return -1;
    const int class_id = (int)label;
    if (!rows->map) return class_id;
    return class_id < rows->map_count ? rows->map[class_id] : -1;
}

bool dn_truth_next(dn_truth_rows *rows, dn_truth *out) {
    while (rows->end - rows->next >= rows->size && rows->next[0] != 0.0F) {
        const float *const row = rows->next;
        rows->next += rows->size;
        const dn_box box = {row[0], row[1], row[2], row[3]};
        const int class_id = class_of(rows, row[rows->class_at]);
        const bool sized = box.w > 0.0F && box.h > 0.0F && isfinite(box.w) && isfinite(box.h);
        if (class_id < 0 || !sized || !isfinite(box.x) || !isfinite(box.y)) continue;
        *out = (dn_truth){box, class_id, row};
        return true;
    }
    return false;
}

int dn_truth_cell(dn_box box, int columns, int rows) {
    if (!(box.x >= 0.0F && box.x <= 1.0F && box.y >= 0.0F && box.y <= 1.0F)) return -1;
    int column = (int)(box.x * (float)columns), row = (int)(box.y * (float)rows);
    if (column >= columns) column = columns - 1;
    if (row >= rows) row = rows - 1;
    return row * columns + column;
}
