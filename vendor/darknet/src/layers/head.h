/* head.h — what detection heads have in common. */
#ifndef DN_LAYERS_HEAD_H
#define DN_LAYERS_HEAD_H

#include "layers/layer.h"
#include "layers/training.h"

#define DN_CLASSES_MAX (1 << 20)
#define DN_ANCHORS_MAX (1 << 12)

/* anchors=, pairs of width and height. *pairs: as many as num= says or the cfg lists, whichever is more. What the cfg
 * lacks is 0.5, as in darknet, with a warning. */
dn_status dn_head_parse_anchors(dn_section *section, const dn_layer_context *context, int num, const float **out,
                                int *pairs, dn_error *err);
/* mask=, indices of the anchors that the head uses, or all of `num`. */
dn_status dn_head_parse_mask(dn_section *section, const dn_layer_context *context, int num, int pairs, const int **out,
                             int *count, dn_error *err);
/* nms_kind=; `corners`: cornersnms is one of the names. As in darknet, an unknown name stands for the default; it is
 * warned about. */
const char *dn_head_parse_nms_kind(dn_section *section, const dn_layer_context *context, bool corners);
/* map=: one class number a line. It renumbers the classes of training labels and takes no part in decoding, so a file
 * that was not handed in matters to training only, where it is an error; otherwise *out is then NULL. */
dn_status dn_head_parse_map(dn_section *section, const dn_layer_context *context, int classes, const int **out,
                            int *count, dn_error *err);
/* What the losses of [yolo] and [Gaussian_yolo] are made of. */
typedef enum dn_head_number { /* in the order of the keys in head.c */
                              DN_HEAD_MAX,
                              DN_HEAD_JITTER,
                              DN_HEAD_RANDOM,
                              DN_HEAD_RESIZE,
                              DN_HEAD_IOU_NORMALIZER,
                              DN_HEAD_OBJ_NORMALIZER,
                              DN_HEAD_CLS_NORMALIZER,
                              DN_HEAD_DELTA_NORMALIZER,
                              DN_HEAD_MAX_DELTA,
                              DN_HEAD_LABEL_SMOOTH_EPS,
                              DN_HEAD_FOCAL_LOSS,
                              DN_HEAD_OBJECTNESS_SMOOTH,
                              DN_HEAD_SHOW_DETAILS,
                              DN_HEAD_NUMBERS
} dn_head_number;
typedef struct dn_head_training {
    const float *numbers; /* dn_head_number */
    const char *iou_loss, *iou_thresh_kind;
    const int *counters_per_class;
    int counter_count;
} dn_head_training;
dn_status dn_head_parse_training(dn_section *section, const dn_layer_context *context, dn_head_training *out,
                                 dn_error *err);
dn_status dn_head_training_facts(dn_layer_plan *plan, const dn_head_training *training, dn_error *err);

/* DN_E_SHAPE unless the input has (classes + others) · anchors channels; says which filters= or classes= would fit. */
dn_status dn_head_check_filters(const dn_layer_plan *plan, int classes, int others, int anchors, dn_error *err);

#endif
