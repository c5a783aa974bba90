/* yolo.c — [yolo]: boxes from anchors, YOLOv3 and later.
 *
 * Input and output: (n, anchors · (5 + classes), h, w); per anchor x, y, w, h, objectness, one score a class. With σ
 * the logistic function and α = scale_x_y:
 *
 *   output   x, y → α·σ(x) − (α − 1)/2; objectness and classes → σ; w, h as they are
 *            new_coords: the layer before has already applied σ to everything, so only x, y → α·x − (α − 1)/2
 *   box      centre ((column + x) / w, (row + y) / h) of the input; size anchor · e^w or, with new_coords, anchor · (2w)²,
 *            anchors in pixels of the network's input
 *   score    objectness · class, 0 unless above the threshold; boxes whose objectness is not above it are left out
 *
 * embedding_layer= names an earlier layer with (n, anchors · size, h, w): every box has a vector of `size` values that
 * tells one object from another. That layer's output stays readable, and dn_network_detect hands the vectors out.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "detect/box.h"
#include "layers/yolo_loss.h"

enum { X, Y, W, H, OBJECTNESS, CLASSES }; /* entries of an anchor */

typedef struct yolo_params {
    int classes, num, pairs;
    int anchors; /* that this head uses: the length of mask */
    const int *mask;
    const float *sizes; /* (pairs, 2) */
    float scale_x_y, beta_nms, ignore_thresh, truth_thresh, iou_thresh;
    float sim_thresh, track_ciou_norm;
    int track_history_size, dets_for_track, dets_for_show;
    int embedding_layer, embedding_size; /* values a box; meaningful when `embeds` */
    bool new_coords, embeds;
    const char *nms_kind;
    const int *map;
    int map_count;
    int rule_count;
    dn_channel_rule *rules;
    dn_head_training training;
    dn_yolo_loss loss;
    dn_zone *zone;
} yolo_params;

static dn_status parse_tracking(dn_section *section, yolo_params *params, dn_error *err) {
    params->embeds = dn_section_has(section, "embedding_layer");
    DN_TRY(dn_section_int(section, "embedding_layer", 0, INT32_MIN, INT32_MAX, &params->embedding_layer, err));
    DN_TRY(dn_section_float(section, "sim_thresh", 0.8F, -FLT_MAX, FLT_MAX, &params->sim_thresh, err));
    DN_TRY(dn_section_int(section, "track_history_size", 5, 0, INT32_MAX, &params->track_history_size, err));
    DN_TRY(dn_section_int(section, "dets_for_track", 1, 0, INT32_MAX, &params->dets_for_track, err));
    DN_TRY(dn_section_int(section, "dets_for_show", 1, 0, INT32_MAX, &params->dets_for_show, err));
    return dn_section_float(section, "track_ciou_norm", 0.01F, -FLT_MAX, FLT_MAX, &params->track_ciou_norm, err);
}

static dn_status parse(dn_section *section, const dn_layer_context *context, void *out, dn_error *err) {
    yolo_params *params = out;
    params->zone = context->zone;
    DN_TRY(dn_section_int(section, "classes", 20, 1, DN_CLASSES_MAX, &params->classes, err));
    DN_TRY(dn_section_int(section, "num", 1, 1, DN_ANCHORS_MAX, &params->num, err));
    DN_TRY(dn_head_parse_anchors(section, context, params->num, &params->sizes, &params->pairs, err));
    DN_TRY(dn_head_parse_mask(section, context, params->num, params->pairs, &params->mask, &params->anchors, err));
    params->scale_x_y = 1;
    if (context->dialect == DN_ALEXEYAB) { /* pjreddie's program knows neither key: its boxes are those of YOLOv3 */
        DN_TRY(dn_section_float(section, "scale_x_y", 1, -FLT_MAX, FLT_MAX, &params->scale_x_y, err));
        DN_TRY(dn_section_flag(section, "new_coords", false, &params->new_coords, err));
    }
    DN_TRY(dn_section_float(section, "beta_nms", 0.6F, FLT_MIN, 1e6F, &params->beta_nms, err));
    DN_TRY(dn_section_float(section, "ignore_thresh", 0.5F, -FLT_MAX, FLT_MAX, &params->ignore_thresh, err));
    DN_TRY(dn_section_float(section, "truth_thresh", 1, -FLT_MAX, FLT_MAX, &params->truth_thresh, err));
    DN_TRY(dn_section_float(section, "iou_thresh", 1, -FLT_MAX, FLT_MAX, &params->iou_thresh, err));
    params->nms_kind = dn_head_parse_nms_kind(section, context, false);
    DN_TRY(parse_tracking(section, params, err));
    DN_TRY(dn_head_parse_training(section, context, &params->training, err));
    return dn_head_parse_map(section, context, params->classes, &params->map, &params->map_count, err);
}

static dn_status tracking_facts(const yolo_params *params, dn_layer_plan *plan, dn_error *err) {
    if (params->embeds) {
        DN_TRY(dn_layer_plan_fact(plan, "embedding_layer", params->embedding_layer, err));
        DN_TRY(dn_layer_plan_fact(plan, "embedding_size", params->embedding_size, err));
    }
    DN_TRY(dn_layer_plan_fact(plan, "sim_thresh", (double)params->sim_thresh, err));
    DN_TRY(dn_layer_plan_fact(plan, "track_history_size", params->track_history_size, err));
    DN_TRY(dn_layer_plan_fact(plan, "dets_for_track", params->dets_for_track, err));
    DN_TRY(dn_layer_plan_fact(plan, "dets_for_show", params->dets_for_show, err));
    return dn_layer_plan_fact(plan, "track_ciou_norm", (double)params->track_ciou_norm, err);
}

static dn_status facts(const yolo_params *params, dn_layer_plan *plan, dn_error *err) {
    DN_TRY(dn_layer_plan_fact(plan, "classes", params->classes, err));
    DN_TRY(dn_layer_plan_fact(plan, "num", params->num, err));
    DN_TRY(dn_layer_plan_fact_ints(plan, "mask", params->mask, params->anchors, err));
    DN_TRY(dn_layer_plan_fact_floats(plan, "anchors", params->sizes, 2 * params->pairs, err));
    DN_TRY(dn_layer_plan_fact(plan, "scale_x_y", (double)params->scale_x_y, err));
    DN_TRY(dn_layer_plan_fact(plan, "new_coords", params->new_coords, err));
    DN_TRY(dn_layer_plan_fact_text(plan, "nms_kind", params->nms_kind, err));
    DN_TRY(dn_layer_plan_fact(plan, "beta_nms", (double)params->beta_nms, err));
    DN_TRY(dn_layer_plan_fact(plan, "ignore_thresh", (double)params->ignore_thresh, err));
    DN_TRY(dn_layer_plan_fact(plan, "truth_thresh", (double)params->truth_thresh, err));
    DN_TRY(dn_layer_plan_fact(plan, "iou_thresh", (double)params->iou_thresh, err));
    DN_TRY(tracking_facts(params, plan, err));
    DN_TRY(dn_head_training_facts(plan, &params->training, err));
    return params->map ? dn_layer_plan_fact_ints(plan, "map", params->map, params->map_count, err) : DN_OK;
}

static dn_status make_rules(yolo_params *params, dn_error *err) {
    void *memory;
    DN_TRY(dn_zone_alloc(params->zone, &memory, 2 * (size_t)params->anchors, sizeof(dn_channel_rule), err));
    params->rules = memory;
    const float scale = params->scale_x_y, offset = -0.5F * (scale - 1);
    const dn_activation centre = params->new_coords ? DN_LINEAR : DN_LOGISTIC;
    for (int anchor = 0; anchor < params->anchors; anchor++) {
        const int first = anchor * (CLASSES + params->classes);
        if (centre != DN_LINEAR || scale != 1)
            params->rules[params->rule_count++] = (dn_channel_rule){first + X, 2, centre, scale, offset};
        if (!params->new_coords)
            params->rules[params->rule_count++] =
                (dn_channel_rule){first + OBJECTNESS, 1 + params->classes, DN_LOGISTIC, 1, 0};
    }
    return DN_OK;
}

/* A box's embedding: the embedding_size channels of its anchor, in its cell. */
static dn_status infer_embedding(yolo_params *params, dn_layer_plan *plan, dn_error *err) {
    if (!params->embeds) return DN_OK;
    int layer;
    DN_TRY(dn_layer_plan_resolve(plan, "embedding_layer", params->embedding_layer, &layer, err));
    const dn_shape in = dn_layer_plan_input(plan), of = dn_layer_plan_output_of(plan, layer);
    if (of.h != in.h || of.w != in.w || of.c % params->anchors != 0) {
        dn_shape_fail(err, "rows and columns of this layer, channels that the anchors divide",
                      "embedding_layer names layer %d of %dx%dx%d; it must have %dx%d cells and a multiple of %d "
                      "channels: name the embedding layer of this head",
                      layer, of.w, of.h, of.c, in.w, in.h, params->anchors);
        dn_error_found(err, "%dx%dx%d", of.w, of.h, of.c);
        dn_layer_plan_blame(plan, "embedding_layer", err);
        return DN_E_SHAPE;
    }
    params->embedding_layer = layer;
    params->embedding_size = of.c / params->anchors;
    dn_layer_plan_keep(plan, layer);
    return DN_OK;
}

static dn_status make_loss(yolo_params *params, dn_layer_plan *plan, dn_error *err) {
    const dn_layer_context *context = dn_layer_plan_context(plan);
    params->loss = (dn_yolo_loss){
        .form = context->dialect == DN_PJREDDIE ? DN_YOLO_V3 : DN_YOLO_V4,
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
        .new_coords = params->new_coords,
        .point = DN_POINT_CENTER,
    };
    return dn_yolo_loss_make(&params->loss, plan, &params->training, err);
}

static dn_status infer(void *in, dn_layer_plan *plan, dn_error *err) {
    yolo_params *params = in;
    DN_TRY(dn_head_check_filters(plan, params->classes, CLASSES, params->anchors, err));
    DN_TRY(make_rules(params, err));
    DN_TRY(infer_embedding(params, plan, err));
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    DN_TRY(make_loss(params, plan, err));
    return facts(params, plan, err);
}

static dn_status forward(const void *in, dn_emit *emit) {
    const yolo_params *params = in;
    int output;
    if (params->rule_count == 0) {
        DN_TRY(dn_emit_copy(emit, emit->input, emit->output_shape, &output));
    } else {
        DN_TRY(dn_emit_channel_map(emit, emit->input, params->rules, params->rule_count, &output));
    }
    return dn_emit_output(emit, output);
}

const dn_yolo_loss *dn_yolo_loss_of(const void *in) {
    const yolo_params *params = in;
    return &params->loss;
}

static dn_status loss(const void *in, dn_emit *emit) {
    const yolo_params *params = in;
    return dn_yolo_loss_emit(&params->loss, emit);
}

static dn_status backward(const void *in, dn_emit *emit) {
    const yolo_params *params = in;
    return dn_yolo_loss_pass_back(&params->loss, emit);
}

static int count_above(const yolo_params *params, const float *output, size_t plane, float threshold) {
    const size_t entries = (size_t)(CLASSES + params->classes);
    int count = 0;
    for (int anchor = 0; anchor < params->anchors; anchor++) {
        const float *objectness = output + ((size_t)anchor * entries + OBJECTNESS) * plane;
        for (size_t cell = 0; cell < plane; cell++) count += objectness[cell] > threshold;
    }
    return count;
}

/* entry: x of one anchor in one cell; the others follow at distances of `plane`. */
static dn_box box_of(const yolo_params *params, const float *entry, size_t plane, const float *anchor,
                     const dn_decode_options *options) {
    const float w = entry[W * plane], h = entry[H * plane];
    const float wide = params->new_coords ? 4 * w * w : expf(w), high = params->new_coords ? 4 * h * h : expf(h);
    return (dn_box){entry[X * plane], entry[Y * plane], wide * anchor[0] / (float)options->net_width,
                    high * anchor[1] / (float)options->net_height};
}

static void write_row(const yolo_params *params, const float *entry, size_t plane, dn_box box, float threshold,
                      dn_detections *into, int row) {
    const float objectness = entry[OBJECTNESS * plane];
    memcpy(into->boxes + 4 * (size_t)row, &(float[4]){box.x, box.y, box.w, box.h}, 4 * sizeof(float));
    into->objectness[row] = objectness;
    float *probabilities = into->probabilities + (size_t)row * (size_t)into->classes;
    for (int j = 0; j < params->classes; j++) {
        const float probability = objectness * entry[(size_t)(CLASSES + j) * plane];
        probabilities[j] = probability > threshold ? probability : 0;
    }
}

/* Cell by cell, in each cell anchor by anchor: the reference's order. */
static dn_status decode(const void *in, dn_shape shape, const float *output, const dn_decode_options *options,
                        dn_detections *into, dn_error *err) {
    const yolo_params *params = in;
    if (into->classes < params->classes)
        return dn_fail(err, DN_E_ARGUMENT, "a table for %d classes cannot take boxes of %d", into->classes,
                       params->classes);
    const size_t plane = (size_t)shape.h * (size_t)shape.w, entries = (size_t)(CLASSES + params->classes);
    const int count = count_above(params, output, plane, options->threshold);
    int row;
    DN_TRY(dn_detections_extend(into, count, &row, err));
    for (size_t cell = 0; cell < plane && row < into->count; cell++) {
        for (int anchor = 0; anchor < params->anchors; anchor++) {
            const float *entry = output + (size_t)anchor * entries * plane + cell;
            if (!(entry[OBJECTNESS * plane] > options->threshold)) continue;
            dn_box box = box_of(params, entry, plane, params->sizes + 2 * params->mask[anchor], options);
            box.x = ((float)(cell % (size_t)shape.w) + box.x) / (float)shape.w;
            box.y = ((float)(cell / (size_t)shape.w) + box.y) / (float)shape.h;
            if (into->places) into->places[row] = anchor * (int)plane + (int)cell;
            write_row(params, entry, plane, dn_box_to_image(box, options), options->threshold, into, row++);
        }
    }
    return DN_OK;
}

extern const dn_layer_type dn_layer_yolo;
const dn_layer_type dn_layer_yolo = {
    .params_size = sizeof(yolo_params),
    .flags = DN_LAYER_HEAD | DN_LAYER_DETECTOR,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .loss = loss,
    .backward = backward,
    .decode = decode,
};
