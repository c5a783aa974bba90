/* region.h — what the parts of [region] share: its keys, and where its values lie. */
#ifndef DN_LAYERS_REGION_H
#define DN_LAYERS_REGION_H

#include "detect/box.h"
#include "layers/head.h"
#include "layers/tree.h"

enum { DN_REGION_X, DN_REGION_Y, DN_REGION_W, DN_REGION_H };

/* Places in dn_region.training. */
enum {
    DN_REGION_MAX,
    DN_REGION_JITTER,
    DN_REGION_RANDOM,
    DN_REGION_RESIZE,
    DN_REGION_COORD_SCALE,
    DN_REGION_OBJECT_SCALE,
    DN_REGION_NOOBJECT_SCALE,
    DN_REGION_MASK_SCALE,
    DN_REGION_CLASS_SCALE,
    DN_REGION_LOG,
    DN_REGION_SQRT,
    DN_REGION_RESCORE,
    DN_REGION_ABSOLUTE,
    DN_REGION_BIAS_MATCH,
    DN_REGION_FOCAL_LOSS
};

typedef struct dn_region {
    int classes, coords, num, pairs, classfix;
    const float *anchors; /* (pairs, 2) */
    bool softmax, background;
    dn_dialect dialect;
    float thresh;
    const dn_tree *tree;
    const char *tree_name;
    const int *map;
    int map_count;
    const float *training;
} dn_region;

static inline size_t dn_region_entries(const dn_region *region) {
    return (size_t)region->coords + 1 + (size_t)region->classes;
}
/* Where the entries of one anchor in one cell lie in an image's output: the first, and the way to the next. */
static inline size_t dn_region_step(const dn_region *region, size_t plane) {
    return region->dialect == DN_ALEXEYAB ? 1 : plane;
}
static inline size_t dn_region_first(const dn_region *region, size_t plane, size_t cell, size_t anchor) {
    if (region->dialect == DN_ALEXEYAB) return (cell * (size_t)region->num + anchor) * dn_region_entries(region);
    return anchor * dn_region_entries(region) * plane + cell;
}

/* The box, in units of the input, of the output's values entry[0], entry[step], … */
dn_box dn_region_box(const dn_region *region, const float *entry, size_t step, dn_shape shape, size_t cell,
                     size_t anchor);

/* layer.h's loss. */
dn_status dn_region_loss(const void *region, dn_emit *emit);

#endif
