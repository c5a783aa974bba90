/* detections.h — a growing table of boxes, filled by the layers' decode. */
#ifndef DN_DETECT_DETECTIONS_H
#define DN_DETECT_DETECTIONS_H

#include "base/alloc.h"

/* What a box's x and y were measured at: yolo_point= of [Gaussian_yolo]. A box that took others in has several. */
enum { DN_POINT_CENTER = 1, DN_POINT_LEFT_TOP = 2, DN_POINT_RIGHT_BOTTOM = 4 };

struct dn_detections {
    dn_allocator allocator;
    int count, room, classes;
    float *boxes;         /* (room, 4) centre x, centre y, width, height */
    float *objectness;    /* (room,) */
    float *probabilities; /* (room, classes) */
    float *uncertainty;   /* (room, 4) or NULL */
    int *points;          /* (room,) beside uncertainty: the points that a box stands for, DN_POINT_… */
    int embedding_size;   /* 0: no embeddings; set before the first row                               */
    float *embeddings;    /* (room, embedding_size)                                                   */
    int *places;          /* (room,) beside embeddings: anchor · cells + cell of the head's output    */
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
