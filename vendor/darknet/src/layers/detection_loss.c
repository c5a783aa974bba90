/* detection_loss.c — the loss of [detection]. The truth is a row of 1 + classes + 4 values for every cell: whether an
 * object's centre lies in it, 1 for its class, x and y within the cell, w and h in units of the image. With y the
 * output and s the scale= of the kind of value, the deltas s · (t − y) are:
 *
 *   every box       objectness  t = 0
 *   every object    classes     t of the truth
 *   at one box of its cell, the one of the largest IoU with it, or, where no box overlaps, of the smallest distance
 *   √(Δx² + Δy² + Δw² + Δh²):
 *                   objectness  t = 1, or the IoU where rescore=1
 *                   x y w h     t of the truth; √w, √h where sqrt=1
 *
 *   forced=1   the second box is for objects of less than a tenth of the image, the first for others
 *   random=1   any box, until 64,000 images were seen
 *   cost       Σ delta² */
#include "layers/detection.h"

#include <math.h>

#include "base/rng.h"
#include "layers/loss.h"

enum { RANDOM_UNTIL = 64000 }; /* images */

typedef struct detection_image {
    const dn_detection *detection;
    const float *classes, *objectness, *boxes; /* parts of the output */
    float *class_deltas, *objectness_deltas, *box_deltas;
    const float *truth;
    float *figures;
    uint64_t seen;
    dn_rng rng;
} detection_image;

static size_t cell_truths(const dn_detection *detection) { return 5 + (size_t)detection->classes; }

dn_status dn_detection_truths(const dn_detection *detection, dn_layer_plan *plan, dn_error *err) {
    const int64_t values = dn_detection_cells(detection) * (int64_t)cell_truths(detection);
    if (!dn_layer_plan_context(plan)->training) return DN_OK;
    if (values <= INT32_MAX) {
        dn_layer_plan_set_truths(plan, (int)values);
        return DN_OK;
    }
    dn_shape_fail(err, "fewer cells or classes", "side %d x %d cells of %d classes are too many to train: set less",
                  detection->side, detection->side, detection->classes);
    dn_layer_plan_blame(plan, "classes", err);
    return DN_E_SHAPE;
}

static float scale_of(const detection_image *image, int key) { return image->detection->training[key]; }
static bool is_set(const detection_image *image, int key) { return image->detection->training[key] != 0; }

static void compare_background(const detection_image *image) {
    const int64_t count = dn_detection_cells(image->detection) * image->detection->num;
    for (int64_t k = 0; k < count; k++) {
        image->objectness_deltas[k] = scale_of(image, DN_DETECTION_NOOBJECT_SCALE) * (0 - image->objectness[k]);
        image->figures[DN_FIGURE_NO_OBJECTNESS] += image->objectness[k];
    }
    image->figures[DN_FIGURE_BOXES] = (float)count;
}

static void compare_classes(const detection_image *image, int64_t cell, const float *truth) {
    const int classes = image->detection->classes;
    for (int64_t k = 0; k < classes; k++) {
        const int64_t at = cell * classes + k;
        image->class_deltas[at] = scale_of(image, DN_DETECTION_CLASS_SCALE) * (truth[k] - image->classes[at]);
        if (truth[k] != 0) image->figures[DN_FIGURE_CLASS] += image->classes[at];
    }
    image->figures[DN_FIGURE_CLASS_COUNT] += 1;
}

static float distance(dn_box a, dn_box b) {
    const float x = a.x - b.x, y = a.y - b.y, w = a.w - b.w, h = a.h - b.h;
    return sqrtf(x * x + y * y + w * w + h * h);
}

static int nearest_box(const detection_image *image, int64_t cell, dn_box truth) {
    const int num = image->detection->num;
    int best = 0;
    float best_iou = 0, best_distance = 20;
    for (int k = 0; k < num; k++) {
        const dn_box box = dn_detection_box(image->detection, image->boxes + 4 * (cell * num + k), cell);
        const float iou = dn_iou(box, truth), way = distance(box, truth);
        const bool overlaps = best_iou > 0 || iou > 0; /* an IoU may be negative: nothing keeps w and h above 0 */
        if (overlaps ? iou > best_iou : way < best_distance) best = k;
        if (iou > best_iou) best_iou = iou;
        if (way < best_distance) best_distance = way;
    }
    return best;
}

static int box_for(detection_image *image, int64_t cell, dn_box truth) {
    const int num = image->detection->num;
    if (is_set(image, DN_DETECTION_RANDOM) && image->seen < RANDOM_UNTIL) {
        image->rng.counter = (uint64_t)cell;
        return (int)(dn_rng_next(&image->rng) % (uint64_t)num);
    }
    if (is_set(image, DN_DETECTION_FORCED)) return truth.w * truth.h < 0.1F && num > 1 ? 1 : 0;
    return nearest_box(image, cell, truth);
}

static void compare_box(const detection_image *image, const float *y, float *delta, const float *truth) {
    for (int k = 0; k < 4; k++) {
        const bool root = k >= 2 && image->detection->sqrt;
        delta[k] = scale_of(image, DN_DETECTION_COORD_SCALE) * ((root ? sqrtf(truth[k]) : truth[k]) - y[k]);
    }
}

static void compare_object(detection_image *image, int64_t cell, const float *truth) {
    const dn_detection *detection = image->detection;
    const float *row = truth + 1 + detection->classes;
    const float side = (float)detection->side;
    const dn_box box = {((float)(cell % detection->side) + row[0]) / side,
                        ((float)(cell / detection->side) + row[1]) / side, row[2], row[3]};
    const int64_t at = cell * detection->num + box_for(image, cell, box);
    const float iou = dn_iou(dn_detection_box(detection, image->boxes + 4 * at, cell), box);
    const float target = detection->rescore ? iou : 1;
    compare_classes(image, cell, truth + 1);
    image->objectness_deltas[at] = scale_of(image, DN_DETECTION_OBJECT_SCALE) * (target - image->objectness[at]);
    compare_box(image, image->boxes + 4 * at, image->box_deltas + 4 * at, row);
    image->figures[DN_FIGURE_COUNT] += 1;
    image->figures[DN_FIGURE_IOU] += iou;
    image->figures[DN_FIGURE_OBJECTNESS] += image->objectness[at];
}

/* Whether a cell's truth says that there is an object, in numbers that something can be learned from. */
static bool has_object(const dn_detection *detection, const float *truth) {
    const float *row = truth + 1 + detection->classes;
    for (size_t k = 0; k < cell_truths(detection); k++) {
        if (!isfinite(truth[k])) return false;
    }
    return truth[0] >= 1 && row[2] >= 0 && row[3] >= 0;
}

static void compare_image(detection_image *image) {
    const size_t values = cell_truths(image->detection);
    compare_background(image);
    for (int64_t cell = 0; cell < dn_detection_cells(image->detection); cell++) {
        const float *truth = image->truth + (size_t)cell * values;
        if (has_object(image->detection, truth)) compare_object(image, cell, truth);
    }
}

static float squares(const float *values, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) sum += (double)values[i] * (double)values[i];
    return (float)sum;
}

static dn_rng rng_of(const dn_loss_call *loss, int row) {
    return (dn_rng){
        .seed = dn_clock(loss->clock, row, DN_CLOCK_SEED),
        .stream = dn_clock(loss->clock, row, DN_CLOCK_ITERATION) << 24 ^ dn_clock(loss->clock, row, DN_CLOCK_IMAGE),
    };
}

static void compare(const dn_host_call *call) {
    const dn_loss_call loss = dn_loss_open(call, 1);
    const dn_detection *detection = call->params;
    const size_t values = (size_t)dn_shape_image(call->inputs[0].shape);
    const size_t cells = (size_t)dn_detection_cells(detection);
    const size_t classes = cells * (size_t)detection->classes, boxes = cells * (size_t)detection->num;
    for (int n = 0; n < loss.rows; n++) {
        const float *y = call->inputs[0].data + (size_t)n * values;
        float *delta = loss.delta + (size_t)n * values;
        detection_image image = {
            .detection = detection,
            .classes = y,
            .objectness = y + classes,
            .boxes = y + classes + boxes,
            .class_deltas = delta,
            .objectness_deltas = delta + classes,
            .box_deltas = delta + classes + boxes,
            .truth = loss.truth->data + (size_t)n * cells * cell_truths(detection),
            .figures = dn_loss_figures(&loss, n),
            .seen = dn_loss_seen(&loss, n),
            .rng = rng_of(&loss, n),
        };
        compare_image(&image);
        image.figures[DN_FIGURE_COST] = squares(delta, values);
    }
}

dn_status dn_detection_loss(const void *in, dn_emit *emit) {
    const dn_detection *detection = in;
    if (detection->coords != 4)
        return dn_fail(emit->err, DN_E_UNSUPPORTED,
                       "boxes have 4 coordinates, this [detection] has coords=%d: set coords=4", detection->coords);
    return dn_emit_loss(emit, "detection_loss", compare, detection, &emit->output, 1, DN_FIGURES);
}
