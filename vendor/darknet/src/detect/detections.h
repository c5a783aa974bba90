/* detections.h — a growing table of boxes, filled by the layers' decode. */
#ifndef DN_DETECT_DETECTIONS_H
#define DN_DETECT_DETECTIONS_H

#include "base/alloc.h"

struct dn_detections {
    dn_allocator allocator;
    int count, room, classes;
    float *boxes;         /* (room, 4) centre x, centre y, width, height */
    float *objectness;    /* (room,) */
    float *probabilities; /* (room, classes) */
    float *uncertainty;   /* (room, 4) or NULL */
};

/* What decode needs to know besides its params. */
typedef struct dn_decode_options {
    float threshold, hier_threshold;
    int net_width, net_height;
    int image_width, image_height; /* >= 1 */
    bool letterbox, relative;
    dn_dialect dialect;
} dn_decode_options;

/* An empty table. */
dn_status dn_detections_create(dn_detections **out, const dn_allocator *allocator, int classes, bool uncertainty,
                               dn_error *err);
/* Appends `count` zeroed rows; *first is the index of the first. */
dn_status dn_detections_extend(dn_detections *detections, int count, int *first, dn_error *err);

#endif
