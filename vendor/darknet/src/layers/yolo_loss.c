/* yolo_loss.c — the loss of [yolo] and [Gaussian_yolo]: which boxes belong to which truths, and deltas of objectness
 * and classes.
 *
 * First every predicted box: its objectness is pulled to 0, unless it overlaps a truth by more than ignore_thresh (and,
 * but for pjreddie, some class is above .25); above truth_thresh it learns the truth that it overlaps most.
 * Then every truth: the anchor of its size (both moved to the origin) that overlaps it most learns it, in the cell of
 * the truth's point, if this head has the anchor; with iou_thresh below 1 so do all anchors above it.
 * Deltas of boxes that several truths met are divided by the number of classes pulled upwards (with iou_thresh below 1;
 * Gaussian: always).
 *
 * Deltas are target − value, of the values before the logistic function as well as behind it. The cost is the sum of
 * their squares or, for AlexeyAB's [yolo] with an overlap as loss, obj_normalizer · Σ δ² without the boxes +
 * iou_normalizer · mean of (1 − IoU), or of (1 − GIoU) if that is the loss. */
#include "layers/yolo_loss.h"

#include <math.h>

enum { LANES = 8 };

/* One image at work. */
typedef struct image {
    const dn_yolo_loss *loss;
    dn_shape shape;
    size_t plane;
    const float *output;
    float *delta;
    const float *truths, *truths_end; /* rows up to the one that ends them */
    float *figures;
    double no_objectness;
} image;

/* ---- places ---- */

static dn_yolo_place place_of(const image *im, int anchor, int cell) {
    const size_t offset = (size_t)anchor * dn_yolo_entries(im->loss) * im->plane + (size_t)cell;
    return (dn_yolo_place){
        .output = im->output + offset,
        .delta = im->delta + offset,
        .plane = im->plane,
        .h = im->shape.h,
        .w = im->shape.w,
        .row = cell / im->shape.w,
        .column = cell % im->shape.w,
        .anchor = im->loss->sizes + 2 * im->loss->mask[anchor],
    };
}

static float finite_or_0(float value) { return isfinite(value) ? value : 0; }

static float objectness_of(const dn_yolo_loss *loss, const dn_yolo_place *place) {
    return finite_or_0(place->output[dn_yolo_objectness(loss) * place->plane]);
}

static float *objectness_delta(const dn_yolo_loss *loss, const dn_yolo_place *place) {
    return place->delta + dn_yolo_objectness(loss) * place->plane;
}

static float class_weight(const dn_yolo_loss *loss, int class_id) {
    return loss->class_weights ? loss->class_weights[class_id] : 1;
}

/* ---- classes ---- */

/* The slope of focal loss, divided by that of the squared error. */
static float focus(float probability) {
    const float p = probability + 1e-15F;
    return -0.5F * (1 - p) * (2 * p * logf(p) + p - 1);
}

/* A box that has learned a class before: this one is added to it. */
static bool has_class(const dn_yolo_loss *loss, const float *delta, size_t plane, int class_id) {
    return delta[loss->form == DN_YOLO_V4 ? (size_t)class_id * plane : 0] != 0.0F;
}

static void learn_class(const dn_yolo_loss *loss, const dn_yolo_place *place, int class_id) {
    const size_t first = dn_yolo_class(loss) * place->plane;
    const float *const output = place->output + first;
    float *const delta = place->delta + first;
    const size_t plane = place->plane, chosen = (size_t)class_id * plane;
    const float smooth = loss->label_smooth_eps, yes = 1 - smooth + 0.5F * smooth, no = 0.5F * smooth;
    if (has_class(loss, delta, plane, class_id)) {
        if (isfinite(output[chosen])) delta[chosen] = yes - output[chosen];
        delta[chosen] *= class_weight(loss, class_id);
        return;
    }
    const bool focal = loss->focal_loss;
    const float factor = focal ? focus(output[chosen]) : 1;
    for (size_t k = 0; k < (size_t)loss->classes * plane; k += plane) {
        const float target = focal ? (k == chosen ? 1.0F : 0.0F) : k == chosen ? yes : no;
        if (isfinite(output[k])) delta[k] = (target - output[k]) * factor;
    }
    if (loss->class_weights && !focal) delta[chosen] *= loss->class_weights[class_id] * loss->cls_normalizer;
}

static bool is_sure(const dn_yolo_loss *loss, const dn_yolo_place *place) {
    const float *const classes = place->output + dn_yolo_class(loss) * place->plane;
    if (loss->form == DN_YOLO_V3) return true;
    for (int k = 0; k < loss->classes; k++) {
        if (classes[(size_t)k * place->plane] > 0.25F) return true;
    }
    return false;
}

/* ---- every predicted box ---- */

/* The truth that overlaps the box most. Most truths are far away: they are left out by two comparisons. */
static float best_truth(const image *im, dn_box box, dn_truth *out) {
    const dn_yolo_loss *loss = im->loss;
    float best = 0;
    for (const float *row = im->truths; row < im->truths_end; row += loss->values) {
        if (2 * fabsf(box.x - row[0]) >= box.w + row[2] || 2 * fabsf(box.y - row[1]) >= box.h + row[3]) continue;
        const float iou = dn_iou(box, (dn_box){row[0], row[1], row[2], row[3]});
        if (!(iou > best)) continue;
        dn_truth_rows rows = dn_yolo_rows(loss, row, row + loss->values);
        if (dn_truth_next(&rows, out)) best = iou;
    }
    return best;
}

static void ignore(const dn_yolo_loss *loss, const dn_yolo_place *place, float overlap, const dn_truth *truth) {
    const float objectness = objectness_of(loss, place);
    float *const delta = objectness_delta(loss, place);
    if (!loss->objectness_smooth) {
        *delta = 0;
    } else if (loss->form == DN_YOLO_V4) {
        *delta = fmaxf(*delta, loss->obj_normalizer * (overlap - objectness));
    } else {
        *delta = loss->obj_normalizer * (overlap * overlap - objectness);
        if (overlap > 0) learn_class(loss, place, truth->class_id);
    }
}

static void learn_overlapped(image *im, const dn_yolo_place *place, float overlap, const dn_truth *truth) {
    const dn_yolo_loss *loss = im->loss;
    const float target = loss->objectness_smooth ? overlap * overlap : 1, weight = class_weight(loss, truth->class_id);
    *objectness_delta(loss, place) = loss->obj_normalizer * (target - objectness_of(loss, place));
    learn_class(loss, place, truth->class_id);
    if (loss->objectness_smooth) {
        const size_t chosen = (dn_yolo_class(loss) + (size_t)truth->class_id) * place->plane;
        place->delta[chosen] = weight * (target - finite_or_0(place->output[chosen]));
    }
    im->figures[DN_FIGURE_ASSIGNED]++;
    im->figures[DN_FIGURE_REWRITTEN] += dn_yolo_pull(loss, place, truth->box, weight).rewritten;
}

static void look_at_box(image *im, int anchor, int cell) {
    const dn_yolo_loss *loss = im->loss;
    const dn_yolo_place place = place_of(im, anchor, cell);
    const float objectness = objectness_of(loss, &place);
    dn_truth truth = {.class_id = -1};
    float overlap = 0;
    im->no_objectness += (double)objectness;
    *objectness_delta(loss, &place) = -loss->obj_normalizer * objectness;
    if (im->truths < im->truths_end) overlap = best_truth(im, dn_yolo_box(loss, &place), &truth);
    if (overlap > loss->ignore_thresh) {
        const float matched = is_sure(loss, &place) ? overlap : 0;
        if (matched > loss->ignore_thresh) ignore(loss, &place, matched, &truth);
    }
    if (overlap > loss->truth_thresh && truth.class_id >= 0) learn_overlapped(im, &place, overlap, &truth);
}

/* ---- every truth ---- */

static void count_match(image *im, const dn_yolo_place *place, int class_id, dn_yolo_fit fit) {
    const dn_yolo_loss *loss = im->loss;
    const size_t chosen = (dn_yolo_class(loss) + (size_t)class_id) * place->plane;
    const float shown = loss->form == DN_YOLO_GAUSSIAN && !loss->mse ? fit.giou : fit.iou;
    float *const figures = im->figures;
    figures[DN_FIGURE_COUNT]++;
    figures[DN_FIGURE_CLASS_COUNT]++;
    figures[DN_FIGURE_ASSIGNED]++;
    figures[DN_FIGURE_REWRITTEN] += fit.rewritten;
    figures[DN_FIGURE_IOU] += fit.iou;
    figures[DN_FIGURE_GIOU] += fit.giou;
    figures[DN_FIGURE_RECALL_50] += shown > 0.5F;
    figures[DN_FIGURE_RECALL_75] += shown > 0.75F;
    figures[DN_FIGURE_OBJECTNESS] += objectness_of(loss, place);
    figures[DN_FIGURE_CLASS] += place->output[chosen];
}

static void learn(image *im, const dn_truth *truth, int anchor, int cell) {
    const dn_yolo_loss *loss = im->loss;
    const dn_yolo_place place = place_of(im, anchor, cell);
    const float weight = class_weight(loss, truth->class_id);
    const dn_yolo_fit fit = dn_yolo_pull(loss, &place, truth->box, weight);
    float *const delta = objectness_delta(loss, &place);
    const bool keeps = loss->form == DN_YOLO_V4 && loss->objectness_smooth && *delta != 0.0F;
    if (!keeps) *delta = weight * loss->obj_normalizer * (1 - objectness_of(loss, &place));
    learn_class(loss, &place, truth->class_id);
    count_match(im, &place, truth->class_id, fit);
}

static void learn_truth(image *im, const dn_truth *truth, int cell) {
    const dn_yolo_loss *loss = im->loss;
    const int best = dn_yolo_best_anchor(loss, truth->box), own = dn_yolo_find_anchor(loss, best);
    if (own >= 0) learn(im, truth, own, cell);
    for (int k = 0; loss->iou_thresh < 1 && k < loss->num; k++) {
        const int anchor = dn_yolo_find_anchor(loss, k);
        if (k == best || anchor < 0) continue;
        if (dn_yolo_anchor_overlap(loss, k, truth->box, loss->iou_thresh_kind) > loss->iou_thresh)
            learn(im, truth, anchor, cell);
    }
}

static void learn_truths(image *im) {
    dn_truth_rows rows = dn_yolo_rows(im->loss, im->truths, im->truths_end);
    dn_truth truth;
    int usable = 0;
    while (dn_truth_next(&rows, &truth)) {
        const int cell = dn_yolo_cell(im->loss, truth.box, im->shape);
        if (cell < 0) continue;
        learn_truth(im, &truth, cell);
        usable++;
    }
    im->figures[DN_FIGURE_SKIPPED] = (float)((im->truths_end - im->truths) / im->loss->values - usable);
}

/* ---- boxes that several truths met ---- */

static void average_box(const dn_yolo_loss *loss, const dn_yolo_place *place) {
    const size_t sides = dn_yolo_objectness(loss), classes = dn_yolo_class(loss);
    int learned = 0;
    for (size_t k = classes; k < dn_yolo_entries(loss); k++) learned += place->delta[k * place->plane] > 0;
    for (size_t k = 0; learned > 1 && k < sides; k++) place->delta[k * place->plane] /= (float)learned;
}

static void average_boxes(const image *im) {
    const dn_yolo_loss *loss = im->loss;
    if (loss->form == DN_YOLO_V3 || (loss->form == DN_YOLO_V4 && !(loss->iou_thresh < 1))) return;
    for (int anchor = 0; anchor < loss->anchors; anchor++) {
        for (int cell = 0; cell < (int)im->plane; cell++) {
            const dn_yolo_place place = place_of(im, anchor, cell);
            if (!dn_yolo_touched(loss, &place)) continue;
            if (loss->form == DN_YOLO_V4 && *objectness_delta(loss, &place) == 0.0F) continue;
            average_box(loss, &place);
        }
    }
}

/* ---- cost ---- */

static double sum_of_squares(const float *values, size_t count) {
    double sums[LANES] = {0}, sum = 0.0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (size_t k = 0; k < LANES; k++) sums[k] += (double)values[i + k] * (double)values[i + k];
    }
    for (; i < count; i++) sum += (double)values[i] * (double)values[i];
    for (size_t k = 0; k < LANES; k++) sum += sums[k];
    return sum;
}

/* Of an image's deltas, by what they belong to. */
typedef struct squares {
    double sides; /* the first four entries of an anchor: of Gaussian, x and y and their uncertainties */
    double others, objectness, classes;
} squares;

static squares squares_of(const image *im) {
    const dn_yolo_loss *loss = im->loss;
    const size_t plane = im->plane, others = dn_yolo_objectness(loss) - 4;
    squares sum = {0};
    for (int anchor = 0; anchor < loss->anchors; anchor++) {
        const float *const delta = im->delta + (size_t)anchor * dn_yolo_entries(loss) * plane;
        sum.sides += sum_of_squares(delta, 4 * plane);
        sum.others += sum_of_squares(delta + 4 * plane, others * plane);
        sum.objectness += sum_of_squares(delta + dn_yolo_objectness(loss) * plane, plane);
        sum.classes += sum_of_squares(delta + dn_yolo_class(loss) * plane, (size_t)loss->classes * plane);
    }
    return sum;
}

static bool costs_overlaps(const dn_yolo_loss *loss) {
    return loss->form == DN_YOLO_V4 && !loss->mse && loss->show_details;
}

static void sum_up(const image *im) {
    const dn_yolo_loss *loss = im->loss;
    const squares sum = squares_of(im);
    const double all = sum.sides + sum.others + sum.objectness + sum.classes;
    const double factor = loss->form == DN_YOLO_V4 ? (double)loss->obj_normalizer : 1;
    const double without_boxes = factor * (sum.objectness + sum.classes);
    im->figures[DN_FIGURE_COST] = (float)(costs_overlaps(loss) ? without_boxes : all);
    im->figures[DN_FIGURE_CLASS_LOSS] = (float)without_boxes;
    im->figures[DN_FIGURE_IOU_LOSS] = (float)(all - sum.others - without_boxes);
    im->figures[DN_FIGURE_OBJECTNESS_LOSS] = (float)(factor * sum.objectness);
}

/* The mean over what all images matched. */
static double overlap_cost(const dn_loss_call *call, const dn_yolo_loss *loss) {
    const dn_figure which = loss->iou_loss == DN_GIOU ? DN_FIGURE_GIOU : DN_FIGURE_IOU;
    double missing = 0.0, count = 0.0;
    for (int n = 0; n < call->rows; n++) {
        const float *const figures = dn_loss_figures(call, n);
        count += (double)figures[DN_FIGURE_COUNT];
        missing += (double)figures[DN_FIGURE_COUNT] - (double)figures[which];
    }
    return count > 0 ? (double)loss->iou_normalizer * missing / count : 0;
}

/* ---- an image, all images ---- */

static const float *last_row(const dn_yolo_loss *loss, const float *row) {
    const float *const end = row + (size_t)loss->boxes * (size_t)loss->values;
    while (row < end && row[0] != 0.0F) row += loss->values;
    return row;
}

static void compare_image(image *im) {
    for (int anchor = 0; anchor < im->loss->anchors; anchor++) {
        for (int cell = 0; cell < (int)im->plane; cell++) look_at_box(im, anchor, cell);
    }
    im->figures[DN_FIGURE_BOXES] = (float)((size_t)im->loss->anchors * im->plane);
    im->figures[DN_FIGURE_NO_OBJECTNESS] = (float)im->no_objectness;
    learn_truths(im);
    average_boxes(im);
}

static image image_of(const dn_loss_call *rows, int n) {
    const dn_yolo_loss *loss = rows->call->params;
    const dn_host_tensor *output = &rows->call->inputs[0];
    const size_t values = (size_t)dn_shape_image(output->shape), truths = (size_t)loss->boxes * (size_t)loss->values;
    const float *const truth = rows->truth->data + (size_t)n * truths;
    return (image){
        .loss = loss,
        .shape = output->shape,
        .plane = (size_t)output->shape.h * (size_t)output->shape.w,
        .output = output->data + (size_t)n * values,
        .delta = rows->delta + (size_t)n * values,
        .truths = truth,
        .truths_end = last_row(loss, truth),
        .figures = dn_loss_figures(rows, n),
    };
}

static void limit_deltas(const dn_loss_call *rows) {
    const dn_yolo_loss *loss = rows->call->params;
    const size_t count = (size_t)rows->rows * (size_t)dn_shape_image(rows->call->inputs[0].shape);
    const uint64_t iteration = dn_clock(rows->clock, 0, DN_CLOCK_ITERATION);
    dn_yolo_limit_deltas(loss, iteration, rows->delta, count, rows->call->inputs[1].data + DN_FIGURES,
                         dn_loss_figures(rows, 0) + DN_FIGURES);
}

static void compare(const dn_host_call *call) {
    const dn_yolo_loss *loss = call->params;
    const bool limits = dn_yolo_limits_deltas(loss);
    const dn_loss_call rows = dn_loss_open(call, limits ? 2 : 1);
    for (int n = 0; n < rows.rows; n++) {
        image im = image_of(&rows, n);
        compare_image(&im);
    }
    if (limits) limit_deltas(&rows);
    for (int n = 0; n < rows.rows; n++) {
        const image im = image_of(&rows, n);
        sum_up(&im);
    }
    if (costs_overlaps(loss)) dn_loss_figures(&rows, 0)[DN_FIGURE_COST] += (float)overlap_cost(&rows, loss);
}

dn_status dn_yolo_loss_emit(const dn_yolo_loss *loss, dn_emit *emit) {
    const char *name = loss->form == DN_YOLO_GAUSSIAN ? "gaussian_yolo_loss" : "yolo_loss";
    if (!dn_yolo_limits_deltas(loss)) return dn_emit_loss(emit, name, compare, loss, &emit->output, 1, DN_FIGURES);
    const int xs[] = {emit->output, emit->states[0]};
    DN_TRY(dn_emit_loss(emit, name, compare, loss, xs, 2, DN_FIGURES + DN_YOLO_KEPT));
    return dn_emit_store(emit, emit->figures, emit->states[0]);
}

/* The deltas are those of the raw values already. The reference's CPU code ignores delta_normalizer. */
dn_status dn_yolo_loss_pass_back(const dn_yolo_loss *loss, dn_emit *emit) {
    const float factor = emit->graph->unnormalized ? 1 : loss->delta_normalizer;
    return dn_emit_pass_back(emit, emit->output, emit->input, factor);
}
