/* detection.h — what the parts of [detection] share. */
#ifndef DN_LAYERS_DETECTION_H
#define DN_LAYERS_DETECTION_H

#include "detect/box.h"
#include "layers/head.h"

/* Places in dn_detection.training. */
enum {
    DN_DETECTION_MAX,
    DN_DETECTION_JITTER,
    DN_DETECTION_RANDOM,
    DN_DETECTION_RESIZE,
    DN_DETECTION_COORD_SCALE,
    DN_DETECTION_OBJECT_SCALE,
    DN_DETECTION_NOOBJECT_SCALE,
    DN_DETECTION_CLASS_SCALE,
    DN_DETECTION_FORCED,
    DN_DETECTION_REORG,
    DN_DETECTION_ABSOLUTE
};

typedef struct dn_detection {
    int classes, coords, num, side;
    bool softmax, sqrt, rescore;
    const float *training;
} dn_detection;

static inline int64_t dn_detection_cells(const dn_detection *detection) {
    return (int64_t)detection->side * detection->side;
}

/* x, y, w, h of one box → the box in units of the image. */
dn_box dn_detection_box(const dn_detection *detection, const float *values, int64_t cell);

/* Declares what the loss reads. */
dn_status dn_detection_truths(const dn_detection *detection, dn_layer_plan *plan, dn_error *err);
/* layer.h's loss. */
dn_status dn_detection_loss(const void *detection, dn_emit *emit);

#endif
