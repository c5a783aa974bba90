/* contrastive.h — what the parts of [contrastive] share. */
#ifndef DN_LAYERS_CONTRASTIVE_H
#define DN_LAYERS_CONTRASTIVE_H

#include "layers/yolo_loss.h"

typedef struct dn_contrastive {
    int classes, yolo_layer, contrastive_neg_max;
    float temperature, cls_normalizer, max_delta;
    int steps;                /* time steps */
    const dn_yolo_loss *yolo; /* of the [yolo] layer; its output: */
    dn_shape yolo_shape;
} dn_contrastive;

/* layer.h's loss. */
dn_status dn_contrastive_loss(const void *contrastive, dn_emit *emit);

#endif
