/* yolo_loss.h — what [yolo] and [Gaussian_yolo] learn from: which predicted boxes belong to which labelled ones, and
 * the deltas that follow. */
#ifndef DN_LAYERS_YOLO_LOSS_H
#define DN_LAYERS_YOLO_LOSS_H

#include "layers/head.h"
#include "layers/loss.h"
#include "layers/truth.h"

typedef enum dn_yolo_form {
    DN_YOLO_V3,       /* pjreddie's [yolo]               */
    DN_YOLO_V4,       /* AlexeyAB's [yolo]               */
    DN_YOLO_GAUSSIAN, /* AlexeyAB's [Gaussian_yolo]      */
} dn_yolo_form;

typedef struct dn_yolo_loss {
    dn_yolo_form form;
    int classes;
    int num;     /* anchors that a truth may choose from */
    int anchors; /* of this head: the length of mask     */
    const int *mask;
    const float *sizes; /* (num or more, 2), pixels */
    int net_width, net_height;
    int boxes;  /* rows of truth an image */
    int values; /* a row                  */
    const int *map;
    int map_count;
    const float *class_weights; /* one a class, or NULL */
    float ignore_thresh, truth_thresh, iou_thresh;
    bool mse; /* box deltas: squared error in place of an overlap */
    dn_iou_kind iou_loss, iou_thresh_kind;
    float iou_normalizer, obj_normalizer, cls_normalizer, uc_normalizer, delta_normalizer, max_delta, label_smooth_eps;
    bool focal_loss, objectness_smooth, show_details, new_coords;
    int point; /* DN_POINT_… that x and y stand for */
    dn_delta_limits limits;
} dn_yolo_loss;

/* Fills in what the training keys say and declares the truths; the caller has set form, classes, num, anchors, mask,
 * sizes, map, map_count, the three …_thresh, new_coords, uc_normalizer and point. */
dn_status dn_yolo_loss_make(dn_yolo_loss *loss, dn_layer_plan *plan, const dn_head_training *training, dn_error *err);
/* A layer's loss and backward. */
dn_status dn_yolo_loss_emit(const dn_yolo_loss *loss, dn_emit *emit);
dn_status dn_yolo_loss_pass_back(const dn_yolo_loss *loss, dn_emit *emit);

/* Entries of an anchor, in planes of h · w values: x, y, w, h (Gaussian: each before its uncertainty), objectness,
 * one a class. */
static inline size_t dn_yolo_step(const dn_yolo_loss *loss) { return loss->form == DN_YOLO_GAUSSIAN ? 2 : 1; }
static inline size_t dn_yolo_objectness(const dn_yolo_loss *loss) { return 4 * dn_yolo_step(loss); }
static inline size_t dn_yolo_class(const dn_yolo_loss *loss) { return dn_yolo_objectness(loss) + 1; }
static inline size_t dn_yolo_entries(const dn_yolo_loss *loss) { return dn_yolo_class(loss) + (size_t)loss->classes; }

/* The loss of a [yolo] layer, by its params (dn_layer_plan_type_of). */
const dn_yolo_loss *dn_yolo_loss_of(const void *yolo_params);
/* For losses that compare boxes with each other: the track and the class of the truth that each box (anchor · h · w +
 * cell) of an image learns as the one of the best anchor, -1 for all others. `truths`: of that image. */
void dn_yolo_label(const dn_yolo_loss *loss, dn_shape shape, const float *truths, int *tracks, int *classes);

/* ---- which box a truth belongs to ---- */

dn_truth_rows dn_yolo_rows(const dn_yolo_loss *loss, const float *first, const float *end);
int dn_yolo_find_anchor(const dn_yolo_loss *loss, int which); /* in mask; -1: this head does not have it */
/* Overlap of an anchor and a truth that have the same centre. */
float dn_yolo_anchor_overlap(const dn_yolo_loss *loss, int which, dn_box truth, dn_iou_kind kind);
int dn_yolo_best_anchor(const dn_yolo_loss *loss, dn_box truth); /* of all, the head's or not */
/* Where the truth's point is, a corner outside of the image as on its border; -1: its centre is outside. */
int dn_yolo_cell(const dn_yolo_loss *loss, dn_box truth, dn_shape shape);

/* ---- for the rules that assign truths (yolo_loss.c) and those that compute box deltas (yolo_loss_box.c) ---- */

/* One predicted box. */
typedef struct dn_yolo_place {
    const float *output; /* x; the others follow at distances of `plane` */
    float *delta;
    size_t plane;
    int h, w, row, column;
    const float *anchor; /* width and height in pixels */
} dn_yolo_place;

/* Keeps numbers of the deltas from mini-batch to mini-batch: columns of the figures' first row, `before` those of the
 * last mini-batch. Leaves out deltas as [net] asks for. */
bool dn_yolo_limits_deltas(const dn_yolo_loss *loss);
enum { DN_YOLO_KEPT = 4 };
void dn_yolo_limit_deltas(const dn_yolo_loss *loss, uint64_t iteration, float *deltas, size_t count,
                          const float *before, float *after);

/* Whether a truth has given deltas to its sides. */
bool dn_yolo_touched(const dn_yolo_loss *loss, const dn_yolo_place *place);
dn_box dn_yolo_box(const dn_yolo_loss *loss, const dn_yolo_place *place);

typedef struct dn_yolo_fit {
    float iou, giou;
    bool rewritten; /* another truth had given it deltas before */
} dn_yolo_fit;
/* Adds the deltas that pull the box at `place` to the truth; `weight`: of the truth's class. */
dn_yolo_fit dn_yolo_pull(const dn_yolo_loss *loss, const dn_yolo_place *place, dn_box truth, float weight);

#endif
