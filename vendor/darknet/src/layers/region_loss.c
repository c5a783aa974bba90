/* region_loss.c — the loss of [region]. With y the output, t the truth, σ' = y (1 − y) of what went through σ, and s
 * the scale= of the kind of value, the deltas (minus the gradient, of the raw values) are, in this order, a later one
 * taking the place of an earlier one:
 *
 *   every box       objectness  noobject_scale · (0 − y) · σ', 0 where the IoU with some truth exceeds thresh
 *   seen < 12800    x y w h     0.01 · (t − y), t the anchor in the middle of its cell; x, y · σ'
 *   every truth, at the anchor of the largest IoU (anchor and truth moved to the same centre; bias_match=0: the box
 *   predicted there) in the cell of its centre:
 *                   x y w h     coord_scale · (t − y), x, y · σ', t of w: log(w · columns / anchor); pjreddie:
 *                               also · (2 − w · h)
 *                   objectness  object_scale · (t − y) · σ', t = 1, or the IoU with the truth where rescore=1
 *                   classes     class_scale · (t − y); of a tree: for the class, its ancestors, and their groups
 *
 *   cost = Σ delta², in pjreddie without σ'
 *
 * alexeyab: focal_loss=1 multiplies the deltas of classes by (1 − p)(1 − p − 2 p log p) / 2, p of the true class.
 * classfix=-1: the objectness of every box goes towards its largest IoU; 1, 2: boxes above thresh learn the class of
 * that truth too (2: times their objectness).
 * pjreddie: without softmax a box that has the deltas of one truth's class keeps them when it gets another's.
 * background=1: 1 is no object. Values past the fourth coordinate are learned as they are, · mask_scale.
 * With a tree, a truth whose centre lies beyond 100000 says only that the image shows the class: the box that is
 * surest of it learns it, and no other box learns anything. */
#include <math.h>

#include "layers/loss.h"
#include "layers/region.h"
#include "layers/truth.h"
#include "op/activation.h"

enum { EARLY = 12800 }; /* images */
static const float ANYWHERE = 100000.0F;

typedef struct region_image {
    const dn_region *region;
    dn_shape shape;
    size_t plane, step;
    const float *output, *truth;
    int truths;
    float *delta, *figures;
    bool early;
} region_image;

/* One anchor in one cell: entry k is y[k · step] of the output; its delta lies in the order of the input. */
typedef struct region_place {
    const float *y;
    float *delta;
    size_t cell, anchor;
} region_place;

static region_place place_at(const region_image *image, size_t cell, size_t anchor) {
    const dn_region *region = image->region;
    return (region_place){
        .y = image->output + dn_region_first(region, image->plane, cell, anchor),
        .delta = image->delta + anchor * dn_region_entries(region) * image->plane + cell,
        .cell = cell,
        .anchor = anchor,
    };
}

static float scale_of(const region_image *image, int key) { return image->region->training[key]; }

static dn_box box_at(const region_image *image, const region_place *place) {
    return dn_region_box(image->region, place->y, image->step, image->shape, place->cell, place->anchor);
}

static dn_truth_rows truths_of(const region_image *image) {
    const dn_region *region = image->region;
    const bool alexeyab = region->dialect == DN_ALEXEYAB;
    return (dn_truth_rows){
        .next = image->truth,
        .end = image->truth + image->truths,
        .size = alexeyab ? dn_truth_values(DN_ALEXEYAB) : region->coords + 1,
        .class_at = region->coords,
        .classes = region->classes,
        .map = region->map,
        .map_count = region->map_count,
    };
}

/* ---- deltas of one place ---- */

/* σ' where the delta has it from the start; pjreddie's comes after the cost. */
static float early_slope(const region_image *image, float y) {
    return image->region->dialect == DN_ALEXEYAB ? y * (1 - y) : 1;
}

static void pull_objectness(const region_image *image, const region_place *place, float target, float scale) {
    const size_t entry = (size_t)image->region->coords;
    const float y = place->y[entry * image->step];
    place->delta[entry * image->plane] = scale * (target - y) * early_slope(image, y);
}

static float objectness(const region_image *image, const region_place *place) {
    return place->y[(size_t)image->region->coords * image->step];
}

/* targets: of σ(x), σ(y), w, h. */
static void pull_box(const region_image *image, const region_place *place, const float targets[4], float scale) {
    const bool raw = image->region->dialect == DN_ALEXEYAB;
    for (size_t k = 0; k < 4; k++) {
        const bool centre = k == DN_REGION_X || k == DN_REGION_Y;
        float y = place->y[k * image->step];
        if (centre && raw) y = dn_activate(DN_LOGISTIC, y);
        place->delta[k * image->plane] = scale * (targets[k] - y) * (centre ? early_slope(image, y) : 1);
    }
}

static void pull_to_truth(const region_image *image, const region_place *place, dn_box truth, float scale) {
    const float columns = (float)image->shape.w, rows = (float)image->shape.h;
    const float *anchor = image->region->anchors + 2 * place->anchor;
    const float targets[4] = {
        truth.x * columns - (float)(place->cell % (size_t)image->shape.w),
        truth.y * rows - (float)(place->cell / (size_t)image->shape.w),
        logf(truth.w * columns / anchor[0]),
        logf(truth.h * rows / anchor[1]),
    };
    pull_box(image, place, targets, scale);
}

/* ---- classes ---- */

/* The node and its ancestors towards 1, all others of their groups towards 0. */
static void pull_branch(const region_image *image, const float *y, float *delta, int node, float scale) {
    const dn_tree *tree = image->region->tree;
    for (; node >= 0; node = tree->parent[node]) {
        const int group = dn_tree_group(tree, node);
        const size_t first = (size_t)tree->group_offset[group], end = first + (size_t)tree->group_size[group];
        for (size_t k = first; k < end; k++) {
            const float target = k == (size_t)node ? 1 : 0;
            delta[k * image->plane] = scale * (target - y[k * image->step]);
        }
    }
}

static float focal_factor(const region_image *image, float p) {
    if (image->region->dialect != DN_ALEXEYAB || image->region->training[DN_REGION_FOCAL_LOSS] == 0) return 1;
    p += 1e-15F;
    return 0.5F * (1 - p) * (1 - p - 2 * p * logf(p));
}

static void pull_flat(const region_image *image, const float *y, float *delta, int class_id, float scale) {
    const dn_region *region = image->region;
    const bool several = region->dialect == DN_PJREDDIE && !region->softmax;
    const size_t own = (size_t)class_id;
    if (several && delta[0] != 0) {
        delta[own * image->plane] = scale * (1 - y[own * image->step]);
        return;
    }
    const float factor = focal_factor(image, y[own * image->step]);
    for (size_t k = 0; k < (size_t)region->classes; k++) {
        delta[k * image->plane] = scale * ((k == own ? 1.0F : 0.0F) - y[k * image->step]) * factor;
    }
}

static void pull_classes(const region_image *image, const region_place *place, int class_id, float scale) {
    const dn_region *region = image->region;
    const size_t first = (size_t)region->coords + 1;
    const float *y = place->y + first * image->step;
    float *delta = place->delta + first * image->plane;
    image->figures[DN_FIGURE_CLASS_COUNT] += 1;
    if (region->tree) {
        image->figures[DN_FIGURE_CLASS] += dn_tree_probability(region->tree, y, image->step, class_id);
        pull_branch(image, y, delta, class_id, scale);
    } else {
        image->figures[DN_FIGURE_CLASS] += y[(size_t)class_id * image->step];
        pull_flat(image, y, delta, class_id, scale);
    }
}

/* ---- every box ---- */

/* The largest IoU of a box with a truth, and that truth's class; -1 when none overlaps. */
static float best_overlap(const region_image *image, dn_box box, int *class_id) {
    dn_truth_rows rows = truths_of(image);
    dn_truth truth;
    float best = 0;
    *class_id = -1;
    while (dn_truth_next(&rows, &truth)) {
        const float iou = dn_iou(box, truth.box);
        if (iou > best) {
            best = iou;
            *class_id = truth.class_id;
        }
    }
    return best;
}

static void compare_background(const region_image *image, const region_place *place) {
    const dn_region *region = image->region;
    const int classfix = region->dialect == DN_ALEXEYAB ? region->classfix : 0;
    const float scale = scale_of(image, DN_REGION_NOOBJECT_SCALE);
    int class_id;
    const float iou = best_overlap(image, box_at(image, place), &class_id);
    image->figures[DN_FIGURE_NO_OBJECTNESS] += objectness(image, place);
    if (classfix == -1) {
        pull_objectness(image, place, iou, scale);
    } else if (iou > region->thresh) {
        const float factor = classfix == 2 ? objectness(image, place) : 1;
        if (classfix > 0 && class_id >= 0)
            pull_classes(image, place, class_id, scale_of(image, DN_REGION_CLASS_SCALE) * factor);
    } else {
        pull_objectness(image, place, region->background ? 1 : 0, scale);
    }
    if (image->early) pull_box(image, place, (const float[4]){0.5F, 0.5F, 0, 0}, 0.01F);
}

/* ---- every truth ---- */

static region_place best_place(const region_image *image, size_t cell, dn_box truth) {
    const dn_region *region = image->region;
    region_place best = place_at(image, cell, 0);
    float best_iou = 0;
    truth.x = truth.y = 0;
    for (size_t anchor = 0; anchor < (size_t)region->num; anchor++) {
        const region_place at = place_at(image, cell, anchor);
        dn_box box = box_at(image, &at);
        if (region->training[DN_REGION_BIAS_MATCH] != 0) {
            box.w = region->anchors[2 * anchor] / (float)image->shape.w;
            box.h = region->anchors[2 * anchor + 1] / (float)image->shape.h;
        }
        box.x = box.y = 0;
        const float iou = dn_iou(box, truth);
        if (iou > best_iou) {
            best_iou = iou;
            best = at;
        }
    }
    return best;
}

static void count_match(const region_image *image, float iou, float confidence) {
    image->figures[DN_FIGURE_COUNT] += 1;
    image->figures[DN_FIGURE_IOU] += iou;
    image->figures[DN_FIGURE_RECALL_50] += iou > 0.5F ? 1 : 0;
    image->figures[DN_FIGURE_RECALL_75] += iou > 0.75F ? 1 : 0;
    image->figures[DN_FIGURE_OBJECTNESS] += confidence;
}

static void pull_mask(const region_image *image, const region_place *place, const float *values) {
    for (size_t k = 4; k < (size_t)image->region->coords; k++) {
        const float y = place->y[k * image->step];
        place->delta[k * image->plane] = scale_of(image, DN_REGION_MASK_SCALE) * (values[k] - y);
    }
}

static void compare_truth(const region_image *image, const dn_truth *truth) {
    const dn_region *region = image->region;
    const int cell = dn_truth_cell(truth->box, image->shape.w, image->shape.h);
    if (cell < 0) return;
    const region_place place = best_place(image, (size_t)cell, truth->box);
    const float area = truth->box.w * truth->box.h, iou = dn_iou(box_at(image, &place), truth->box);
    const float small = region->dialect == DN_PJREDDIE ? 2 - area : 1;
    count_match(image, iou, objectness(image, &place));
    pull_to_truth(image, &place, truth->box, scale_of(image, DN_REGION_COORD_SCALE) * small);
    pull_mask(image, &place, truth->values);
    const float confidence = region->background ? 0 : region->training[DN_REGION_RESCORE] != 0 ? iou : 1;
    pull_objectness(image, &place, confidence, scale_of(image, DN_REGION_OBJECT_SCALE));
    pull_classes(image, &place, truth->class_id, scale_of(image, DN_REGION_CLASS_SCALE));
}

/* ---- images that say only what they show ---- */

static bool is_anywhere(const dn_truth *truth) { return truth->box.x > ANYWHERE && truth->box.y > ANYWHERE; }

static bool find_anywhere(const region_image *image, int *class_id) {
    dn_truth_rows rows = truths_of(image);
    dn_truth truth;
    while (image->region->tree && dn_truth_next(&rows, &truth)) {
        *class_id = truth.class_id;
        if (is_anywhere(&truth)) return true;
    }
    return false;
}

/* pjreddie also lowers the objectness of all other boxes. */
static void compare_anywhere(const region_image *image, int class_id) {
    const dn_region *region = image->region;
    const size_t first = ((size_t)region->coords + 1) * image->step;
    region_place best = place_at(image, 0, 0);
    float largest = 0;
    for (size_t anchor = 0; anchor < (size_t)region->num; anchor++) {
        for (size_t cell = 0; cell < image->plane; cell++) {
            const region_place at = place_at(image, cell, anchor);
            if (region->dialect == DN_PJREDDIE)
                pull_objectness(image, &at, 0, scale_of(image, DN_REGION_NOOBJECT_SCALE));
            const float p = dn_tree_probability(region->tree, at.y + first, image->step, class_id);
            if (p * objectness(image, &at) > largest) {
                largest = p * objectness(image, &at);
                best = at;
            }
        }
    }
    best.delta[(size_t)region->coords * image->plane] = 0;
    pull_classes(image, &best, class_id, scale_of(image, DN_REGION_CLASS_SCALE));
}

/* ---- whole images ---- */

static void compare_boxes(const region_image *image) {
    for (size_t cell = 0; cell < image->plane; cell++) {
        for (size_t anchor = 0; anchor < (size_t)image->region->num; anchor++) {
            const region_place at = place_at(image, cell, anchor);
            compare_background(image, &at);
        }
    }
    dn_truth_rows rows = truths_of(image);
    dn_truth truth;
    while (dn_truth_next(&rows, &truth)) compare_truth(image, &truth);
}

static void add_cost(const region_image *image) {
    const size_t values = (size_t)dn_shape_image(image->shape);
    double cost = 0.0;
    for (size_t i = 0; i < values; i++) cost += (double)image->delta[i] * (double)image->delta[i];
    image->figures[DN_FIGURE_COST] = (float)cost;
}

/* σ' of x, y and objectness, where it was left out of the cost. */
static void apply_late_slopes(const region_image *image) {
    const dn_region *region = image->region;
    const size_t entries[3] = {DN_REGION_X, DN_REGION_Y, (size_t)region->coords};
    const size_t count = region->background ? 2 : 3;
    for (size_t anchor = 0; anchor < (size_t)region->num; anchor++) {
        for (size_t cell = 0; cell < image->plane; cell++) {
            const region_place at = place_at(image, cell, anchor);
            for (size_t k = 0; k < count; k++) {
                const float y = at.y[entries[k] * image->step];
                at.delta[entries[k] * image->plane] *= y * (1 - y);
            }
        }
    }
}

static void compare_image(const region_image *image) {
    int class_id;
    image->figures[DN_FIGURE_BOXES] = (float)(image->plane * (size_t)image->region->num);
    if (find_anywhere(image, &class_id)) {
        compare_anywhere(image, class_id);
    } else {
        compare_boxes(image);
    }
    add_cost(image);
    if (image->region->dialect == DN_PJREDDIE) apply_late_slopes(image);
}

static void compare(const dn_host_call *call) {
    const dn_loss_call loss = dn_loss_open(call, 1);
    const dn_shape shape = call->inputs[0].shape;
    const size_t values = (size_t)dn_shape_image(shape), plane = (size_t)shape.h * (size_t)shape.w;
    const int truths = (int)dn_shape_image(loss.truth->shape);
    for (int n = 0; n < loss.rows; n++) {
        const region_image image = {
            .region = call->params,
            .shape = shape,
            .plane = plane,
            .step = dn_region_step(call->params, plane),
            .output = call->inputs[0].data + (size_t)n * values,
            .truth = loss.truth->data + (size_t)n * (size_t)truths,
            .truths = truths,
            .delta = loss.delta + (size_t)n * values,
            .figures = dn_loss_figures(&loss, n),
            .early = dn_loss_seen(&loss, n) < EARLY,
        };
        compare_image(&image);
    }
}

dn_status dn_region_loss(const void *region, dn_emit *emit) {
    return dn_emit_loss(emit, "region_loss", compare, region, &emit->output, 1, DN_FIGURES);
}
