/* gaussian_yolo.c — [Gaussian_yolo]: boxes from anchors, each coordinate with its uncertainty (arXiv:1904.04620).
 *
 * Input and output: (n, anchors · (9 + classes), h, w); per anchor x, its uncertainty, y, its uncertainty, w, …, h, …,
 * objectness, one score a class. With σ the logistic function and α = scale_x_y:
 *
 *   output   x, y → α·σ − (α − 1)/2; w, h as they are; uncertainties, objectness, classes → σ
 *   box      point ((column + x) / w, (row + y) / h) of the input, size anchor · e^w, anchors in pixels of the input;
 *            yolo_point says whether the point is the centre, the left top or the right bottom corner
 *   score    objectness · class · (1 − mean uncertainty), 0 unless above the threshold; boxes whose objectness is not
 *            above it are left out
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "detect/box.h"
#include "layers/yolo_loss.h"

enum { X, Y = 2, W = 4, H = 6, OBJECTNESS = 8, CLASSES = 9 }; /* entries of an anchor; + 1: the uncertainty */
enum { RULES = 6 };                                           /* of an anchor */

typedef struct gaussian_params {
    int classes, num, pairs;
    int anchors; /* that this head uses: the length of mask */
    const int *mask;
    const float *sizes; /* (pairs, 2) */
    float scale_x_y, beta_nms, ignore_thresh, truth_thresh, iou_thresh, uc_normalizer;
    const char *nms_kind;
    int point; /* index into point_names */
    const int *map;
    int map_count;
    dn_channel_rule *rules;
    dn_head_training training;
    dn_yolo_loss loss;
    dn_zone *zone;
} gaussian_params;

static const char *const point_names[] = {"center", "left_top", "right_bottom", NULL};
static const int point_bits[] = {DN_POINT_CENTER, DN_POINT_LEFT_TOP, DN_POINT_RIGHT_BOTTOM};

static dn_status parse(dn_section *section, const dn_layer_context *context, void *out, dn_error *err) {
    gaussian_params *params = out;
    params->zone = context->zone;
    DN_TRY(dn_section_int(section, "classes", 20, 1, DN_CLASSES_MAX, &params->classes, err));
    DN_TRY(dn_section_int(section, "num", 1, 1, DN_ANCHORS_MAX, &params->num, err));
    DN_TRY(dn_head_parse_anchors(section, context, params->num, &params->sizes, &params->pairs, err));
    DN_TRY(dn_head_parse_mask(section, context, params->num, params->pairs, &params->mask, &params->anchors, err));
    DN_TRY(dn_section_float(section, "scale_x_y", 1, -FLT_MAX, FLT_MAX, &params->scale_x_y, err));
    DN_TRY(dn_section_float(section, "uc_normalizer", 1, -FLT_MAX, FLT_MAX, &params->uc_normalizer, err));
    DN_TRY(dn_section_float(section, "beta_nms", 0.6F, FLT_MIN, 1e6F, &params->beta_nms, err));
    DN_TRY(dn_section_float(section, "ignore_thresh", 0.5F, -FLT_MAX, FLT_MAX, &params->ignore_thresh, err));
    DN_TRY(dn_section_float(section, "truth_thresh", 1, -FLT_MAX, FLT_MAX, &params->truth_thresh, err));
    DN_TRY(dn_section_float(section, "iou_thresh", 1, -FLT_MAX, FLT_MAX, &params->iou_thresh, err));
    DN_TRY(dn_section_choice(section, "yolo_point", point_names, 0, &params->point, err));
    params->nms_kind = dn_head_parse_nms_kind(section, context, true);
    DN_TRY(dn_head_parse_training(section, context, &params->training, err));
    return dn_head_parse_map(section, context, params->classes, &params->map, &params->map_count, err);
}

static dn_status facts(const gaussian_params *params, dn_layer_plan *plan, dn_error *err) {
    DN_TRY(dn_layer_plan_fact(plan, "classes", params->classes, err));
    DN_TRY(dn_layer_plan_fact(plan, "num", params->num, err));
    DN_TRY(dn_layer_plan_fact_ints(plan, "mask", params->mask, params->anchors, err));
    DN_TRY(dn_layer_plan_fact_floats(plan, "anchors", params->sizes, 2 * params->pairs, err));
    DN_TRY(dn_layer_plan_fact(plan, "scale_x_y", (double)params->scale_x_y, err));
    DN_TRY(dn_layer_plan_fact(plan, "uc_normalizer", (double)params->uc_normalizer, err));
    DN_TRY(dn_layer_plan_fact_text(plan, "yolo_point", point_names[params->point], err));
    DN_TRY(dn_layer_plan_fact_text(plan, "nms_kind", params->nms_kind, err));
    DN_TRY(dn_layer_plan_fact(plan, "beta_nms", (double)params->beta_nms, err));
    DN_TRY(dn_layer_plan_fact(plan, "ignore_thresh", (double)params->ignore_thresh, err));
    DN_TRY(dn_layer_plan_fact(plan, "truth_thresh", (double)params->truth_thresh, err));
    DN_TRY(dn_layer_plan_fact(plan, "iou_thresh", (double)params->iou_thresh, err));
    DN_TRY(dn_layer_plan_fact(plan, "uncertainty", 1, err));
    DN_TRY(dn_head_training_facts(plan, &params->training, err));
    return params->map ? dn_layer_plan_fact_ints(plan, "map", params->map, params->map_count, err) : DN_OK;
}

/* x, its uncertainty, y, its uncertainty, then what σ alone applies to: of w, of h and all that follows. */
static dn_status make_rules(gaussian_params *params, dn_error *err) {
    void *memory;
    DN_TRY(dn_zone_alloc(params->zone, &memory, RULES * (size_t)params->anchors, sizeof(dn_channel_rule), err));
    params->rules = memory;
    const float scale = params->scale_x_y, offset = -0.5F * (scale - 1);
    for (int anchor = 0; anchor < params->anchors; anchor++) {
        const int first = anchor * (CLASSES + params->classes);
        dn_channel_rule *rules = params->rules + (size_t)anchor * RULES;
        rules[0] = (dn_channel_rule){first + X, 1, DN_LOGISTIC, scale, offset};
        rules[1] = (dn_channel_rule){first + X + 1, 1, DN_LOGISTIC, 1, 0};
        rules[2] = (dn_channel_rule){first + Y, 1, DN_LOGISTIC, scale, offset};
        rules[3] = (dn_channel_rule){first + Y + 1, 1, DN_LOGISTIC, 1, 0};
        rules[4] = (dn_channel_rule){first + W + 1, 1, DN_LOGISTIC, 1, 0};
        rules[5] = (dn_channel_rule){first + H + 1, 2 + params->classes, DN_LOGISTIC, 1, 0};
    }
    return DN_OK;
}

static dn_status make_loss(gaussian_params *params, dn_layer_plan *plan, dn_error *err) {
    params->loss = (dn_yolo_loss){
        .form = DN_YOLO_GAUSSIAN,
        .classes = params->classes,
        .num = params->num,
        .anchors = params->anchors,
        .mask = params->mask,
        .sizes = params->sizes,
        .map = params->map,
        .map_count = params->map_count,
        .ignore_thresh = params->ignore_thresh,
        .truth_thresh = params->truth_thresh,
        .iou_thresh = params->iou_thresh,
        .uc_normalizer = params->uc_normalizer,
        .point = point_bits[params->point],
    };
    return dn_yolo_loss_make(&params->loss, plan, &params->training, err);
}

static dn_status infer(void *in, dn_layer_plan *plan, dn_error *err) {
    gaussian_params *params = in;
    DN_TRY(dn_head_check_filters(plan, params->classes, CLASSES, params->anchors, err));
    DN_TRY(make_rules(params, err));
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    DN_TRY(make_loss(params, plan, err));
    return facts(params, plan, err);
}

static dn_status forward(const void *in, dn_emit *emit) {
    const gaussian_params *params = in;
    int output;
    DN_TRY(dn_emit_channel_map(emit, emit->input, params->rules, RULES * params->anchors, &output));
    return dn_emit_output(emit, output);
}

/* ---- decode ---- */

static dn_status loss(const void *in, dn_emit *emit) {
    const gaussian_params *params = in;
    return dn_yolo_loss_emit(&params->loss, emit);
}

static dn_status backward(const void *in, dn_emit *emit) {
    const gaussian_params *params = in;
    return dn_yolo_loss_pass_back(&params->loss, emit);
}

static int count_above(const gaussian_params *params, const float *output, size_t plane, float threshold) {
    const size_t entries = (size_t)(CLASSES + params->classes);
    int count = 0;
    for (int anchor = 0; anchor < params->anchors; anchor++) {
        const float *objectness = output + ((size_t)anchor * entries + OBJECTNESS) * plane;
        for (size_t cell = 0; cell < plane; cell++) count += objectness[cell] > threshold;
    }
    return count;
}

/* entry: x of one anchor in one cell; the others follow at distances of `plane`. */
static dn_box box_of(const gaussian_params *params, const float *entry, dn_shape shape, size_t cell,
                     const float *anchor, const dn_decode_options *options) {
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    const float column = (float)(cell % (size_t)shape.w), row = (float)(cell / (size_t)shape.w);
    dn_box box = {(column + entry[X * plane]) / (float)shape.w, (row + entry[Y * plane]) / (float)shape.h,
                  expf(entry[W * plane]) * anchor[0] / (float)options->net_width,
                  expf(entry[H * plane]) * anchor[1] / (float)options->net_height};
    const int point = point_bits[params->point];
    const float way = point == DN_POINT_CENTER ? 0 : point == DN_POINT_LEFT_TOP ? 0.5F : -0.5F; /* to the centre */
    box.x += way * box.w;
    box.y += way * box.h;
    return box;
}

static void write_row(const gaussian_params *params, const float *entry, size_t plane, dn_box box, float threshold,
                      dn_detections *into, int row) {
    const float objectness = entry[OBJECTNESS * plane];
    const float uncertainty[4] = {entry[(X + 1) * plane], entry[(Y + 1) * plane], entry[(W + 1) * plane],
                                  entry[(H + 1) * plane]};
    const float sure = 1 - (uncertainty[0] + uncertainty[1] + uncertainty[2] + uncertainty[3]) / 4;
    memcpy(into->boxes + 4 * (size_t)row, &(float[4]){box.x, box.y, box.w, box.h}, 4 * sizeof(float));
    into->objectness[row] = objectness;
    if (into->uncertainty) {
        memcpy(into->uncertainty + 4 * (size_t)row, uncertainty, sizeof uncertainty);
        into->points[row] = point_bits[params->point];
    }
    float *probabilities = into->probabilities + (size_t)row * (size_t)into->classes;
    for (int j = 0; j < params->classes; j++) {
        const float probability = objectness * entry[(size_t)(CLASSES + j) * plane] * sure;
        probabilities[j] = probability > threshold ? probability : 0;
    }
}

/* Cell by cell, in each cell anchor by anchor: the reference's order. */
static dn_status decode(const void *in, dn_shape shape, const float *output, const dn_decode_options *options,
                        dn_detections *into, dn_error *err) {
    const gaussian_params *params = in;
    if (into->classes < params->classes)
        return dn_fail(err, DN_E_ARGUMENT, "a table for %d classes cannot take boxes of %d", into->classes,
                       params->classes);
    const size_t plane = (size_t)shape.h * (size_t)shape.w, entries = (size_t)(CLASSES + params->classes);
    int row;
    DN_TRY(dn_detections_extend(into, count_above(params, output, plane, options->threshold), &row, err));
    for (size_t cell = 0; cell < plane && row < into->count; cell++) {
        for (int anchor = 0; anchor < params->anchors; anchor++) {
            const float *entry = output + (size_t)anchor * entries * plane + cell;
            if (!(entry[OBJECTNESS * plane] > options->threshold)) continue;
            const float *size = params->sizes + 2 * params->mask[anchor];
            const dn_box box = dn_box_to_image(box_of(params, entry, shape, cell, size, options), options);
            write_row(params, entry, plane, box, options->threshold, into, row++);
        }
    }
    return DN_OK;
}

extern const dn_layer_type dn_layer_gaussian_yolo;
const dn_layer_type dn_layer_gaussian_yolo = {
    .params_size = sizeof(gaussian_params),
    .flags = DN_LAYER_HEAD | DN_LAYER_DETECTOR,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .loss = loss,
    .backward = backward,
    .decode = decode,
};
