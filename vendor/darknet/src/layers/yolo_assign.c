/* yolo_assign.c — which anchor and which cell a truth belongs to. */
#include <math.h>

#include "layers/yolo_loss.h"

int dn_yolo_find_anchor(const dn_yolo_loss *loss, int which) {
    for (int k = 0; k < loss->anchors; k++) {
        if (loss->mask[k] == which) return k;
    }
    return -1;
}

float dn_yolo_anchor_overlap(const dn_yolo_loss *loss, int which, dn_box truth, dn_iou_kind kind) {
    const float *const size = loss->sizes + 2 * which;
    const dn_box anchor = {0, 0, size[0] / (float)loss->net_width, size[1] / (float)loss->net_height};
    truth.x = truth.y = 0;
    return dn_overlap(anchor, truth, kind);
}

int dn_yolo_best_anchor(const dn_yolo_loss *loss, dn_box truth) {
    float best = 0;
    int found = 0;
    for (int k = 0; k < loss->num; k++) {
        const float overlap = dn_yolo_anchor_overlap(loss, k, truth, DN_IOU);
        if (overlap > best) {
            best = overlap;
            found = k;
        }
    }
    return found;
}

int dn_yolo_cell(const dn_yolo_loss *loss, dn_box truth, dn_shape shape) {
    if (loss->point == DN_POINT_CENTER || dn_truth_cell(truth, 1, 1) < 0) return dn_truth_cell(truth, shape.w, shape.h);
    const float way = loss->point == DN_POINT_LEFT_TOP ? -0.5F : 0.5F;
    truth.x = fminf(fmaxf(truth.x + way * truth.w, 0), 1);
    truth.y = fminf(fmaxf(truth.y + way * truth.h, 0), 1);
    return dn_truth_cell(truth, shape.w, shape.h);
}

dn_truth_rows dn_yolo_rows(const dn_yolo_loss *loss, const float *first, const float *end) {
    return (dn_truth_rows){first, end, loss->values, 4, loss->classes, loss->map, loss->map_count};
}

void dn_yolo_label(const dn_yolo_loss *loss, dn_shape shape, const float *truths, int *tracks, int *classes) {
    const int plane = shape.h * shape.w, places = loss->anchors * plane;
    for (int k = 0; k < places; k++) tracks[k] = classes[k] = -1;
    dn_truth_rows rows = dn_yolo_rows(loss, truths, truths + (size_t)loss->boxes * (size_t)loss->values);
    dn_truth truth;
    while (dn_truth_next(&rows, &truth)) {
        const int cell = dn_yolo_cell(loss, truth.box, shape);
        const int anchor = dn_yolo_find_anchor(loss, dn_yolo_best_anchor(loss, truth.box));
        if (cell < 0 || anchor < 0) continue;
        const float track = loss->values > 5 ? truth.values[5] : 0;
        tracks[anchor * plane + cell] = track > -1e9F && track < 1e9F ? (int)track : -1;
        classes[anchor * plane + cell] = truth.class_id;
    }
}
