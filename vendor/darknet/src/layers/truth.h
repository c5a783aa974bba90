/* truth.h — the labelled boxes of one image, as the losses of detectors read them: rows of x, y, w, h, class (and, in
 * the dialect "alexeyab", the number of a track), in units of the image. A row whose x is 0 ends them.
 *
 * Rows that no loss can use are passed over: a value that is not finite, a width or height that is not positive, a
 * class that the head does not have. */
#ifndef DN_LAYERS_TRUTH_H
#define DN_LAYERS_TRUTH_H

#include "detect/box.h"
#include "layers/layer.h"

typedef struct dn_truth {
    dn_box box;
    int class_id; /* after map= */
    const float *values;
} dn_truth;

typedef struct dn_truth_rows {
    const float *next, *end; /* of one image                          */
    int size;                /* values a row                          */
    int class_at;            /* where in a row the class is           */
    int classes;             /* of the head                           */
    const int *map;          /* class numbers of labels to the head's */
    int map_count;
} dn_truth_rows;

/* Values of one row, where boxes have four coordinates. */
static inline int dn_truth_values(dn_dialect dialect) { return dialect == DN_ALEXEYAB ? 6 : 5; }

/* Declares, in a plan for training, the truths of a layer: `boxes` rows of `values` values. Fails where that many cannot
 * be counted. */
dn_status dn_truth_declare(dn_layer_plan *plan, int boxes, int values, dn_error *err);

/* The next row that can be used; false at the end. */
bool dn_truth_next(dn_truth_rows *rows, dn_truth *out);

/* The cell of a grid that the box's centre is in, counted row by row; -1 when it is outside of the image. A centre on
 * the right or lower border belongs to the last column or row. */
int dn_truth_cell(dn_box box, int columns, int rows);

#endif
