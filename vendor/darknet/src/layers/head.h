/* head.h — what detection heads have in common. */
#ifndef DN_LAYERS_HEAD_H
#define DN_LAYERS_HEAD_H

#include "layers/layer.h"

#define DN_CLASSES_MAX (1 << 20)
#define DN_ANCHORS_MAX (1 << 12)

/* anchors=, pairs of width and height. *pairs: as many as num= says or the cfg lists, whichever is more. What the cfg
 * lacks is 0.5, as in darknet, with a warning. */
dn_status dn_head_parse_anchors(dn_section *section, const dn_layer_context *context, int num, const float **out,
                                int *pairs, dn_error *err);
/* map=: one class number a line. It renumbers the classes of training labels and takes no part in decoding, so a file
 * that was not handed in matters to training only: then *out is NULL. */
dn_status dn_head_parse_map(dn_section *section, const dn_layer_context *context, int classes, const int **out,
                            int *count, dn_error *err);
/* DN_E_SHAPE unless the input has (classes + others) · anchors channels; says which filters= or classes= would fit. */
dn_status dn_head_check_filters(const dn_layer_plan *plan, int classes, int others, int anchors, dn_error *err);

#endif
