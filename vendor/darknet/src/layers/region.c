/* region.c — [region]: boxes from anchors, YOLOv2 and YOLO9000.
 *
 * Input: (n, anchors · (coords + 1 + classes), h, w); per anchor x, y, w, h, …, objectness, one score a class. With σ
 * the logistic function, the output is, per dialect:
 *
 *              alexeyab                                     pjreddie
 *   order      [row · w + column][anchor][entry], flat      as the input
 *   x, y       as they are (decoding applies σ)             σ
 *   w, h       as they are                                  as they are
 *   objectness σ                                            σ, as it is with background=1
 *   classes    softmax over all, or over each tree group    the same (background=1: objectness is one of them);
 *              else as they are                             else σ
 *
 *   box      centre ((column + σ(x)) / w, (row + σ(y)) / h) of the input, size anchor · e^w / w; anchors in cells
 *   score    objectness · class, 0 unless above the threshold; every box is returned
 *
 * With a tree, class values become absolute (times those of the ancestors). alexeyab names the last node above
 * hier_threshold, with its value; pjreddie walks down from the roots and gives the node the box's objectness. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "layers/region.h"
#include "layers/truth.h"
#include "op/activation.h"

enum { X = DN_REGION_X, Y = DN_REGION_Y, W = DN_REGION_W, H = DN_REGION_H };

static const dn_training_key training_keys[] = {
    [DN_REGION_MAX] = {"max", DN_TRAINING_COUNT, 200, 30},
    [DN_REGION_JITTER] = {"jitter", DN_TRAINING_NUMBER, 0.2F, 0},
    [DN_REGION_RANDOM] = {"random", DN_TRAINING_NUMBER, 0, 0},
    [DN_REGION_RESIZE] = {"resize", DN_TRAINING_NUMBER, 1, 0},
    [DN_REGION_COORD_SCALE] = {"coord_scale", DN_TRAINING_NUMBER, 1, 0},
    [DN_REGION_OBJECT_SCALE] = {"object_scale", DN_TRAINING_NUMBER, 1, 0},
    [DN_REGION_NOOBJECT_SCALE] = {"noobject_scale", DN_TRAINING_NUMBER, 1, 0},
    [DN_REGION_MASK_SCALE] = {"mask_scale", DN_TRAINING_NUMBER, 1, 0},
    [DN_REGION_CLASS_SCALE] = {"class_scale", DN_TRAINING_NUMBER, 1, 0},
    [DN_REGION_LOG] = {"log", DN_TRAINING_FLAG, 0, 0},
    [DN_REGION_SQRT] = {"sqrt", DN_TRAINING_FLAG, 0, 0},
    [DN_REGION_RESCORE] = {"rescore", DN_TRAINING_FLAG, 0, 0},
    [DN_REGION_ABSOLUTE] = {"absolute", DN_TRAINING_FLAG, 0, 0},
    [DN_REGION_BIAS_MATCH] = {"bias_match", DN_TRAINING_FLAG, 0, 0},
    [DN_REGION_FOCAL_LOSS] = {"focal_loss", DN_TRAINING_FLAG, 0, 0},
    [DN_REGION_FOCAL_LOSS + 1] = {NULL, DN_TRAINING_END, 0, 0},
};

static dn_status parse_tree(dn_section *section, const dn_layer_context *context, dn_region *params, dn_error *err) {
    params->tree_name = dn_section_text(section, "tree", "");
    DN_TRY(dn_tree_parse(section, context, &params->tree, err));
    if (!params->tree || params->tree->nodes == params->classes) return DN_OK;
    return dn_section_fail(section, "tree", err, "one line a class", "has %d lines, classes=%d: set classes=%d",
                           params->tree->nodes, params->classes, params->tree->nodes);
}

static dn_status parse(dn_section *section, const dn_layer_context *context, void *out, dn_error *err) {
    dn_region *params = out;
    params->dialect = context->dialect;
    const bool pjreddie = context->dialect == DN_PJREDDIE;
    DN_TRY(dn_section_int(section, "classes", 20, 1, DN_CLASSES_MAX, &params->classes, err));
    DN_TRY(dn_section_int(section, "coords", 4, 4, pjreddie ? DN_CLASSES_MAX : 4, &params->coords, err));
    DN_TRY(dn_section_int(section, "num", 1, 1, DN_ANCHORS_MAX, &params->num, err));
    DN_TRY(dn_head_parse_anchors(section, context, params->num, &params->anchors, &params->pairs, err));
    DN_TRY(dn_section_flag(section, "softmax", false, &params->softmax, err));
    if (pjreddie) DN_TRY(dn_section_flag(section, "background", false, &params->background, err));
    DN_TRY(dn_section_int(section, "classfix", 0, INT32_MIN, INT32_MAX, &params->classfix, err));
    DN_TRY(dn_section_float(section, "thresh", 0.5F, -FLT_MAX, FLT_MAX, &params->thresh, err));
    DN_TRY(dn_training_parse(section, context, training_keys, &params->training, err));
    DN_TRY(parse_tree(section, context, params, err));
    return dn_head_parse_map(section, context, params->classes, &params->map, &params->map_count, err);
}

static dn_status facts(const dn_region *params, dn_layer_plan *plan, dn_error *err) {
    DN_TRY(dn_layer_plan_fact(plan, "classes", params->classes, err));
    DN_TRY(dn_layer_plan_fact(plan, "coords", params->coords, err));
    DN_TRY(dn_layer_plan_fact(plan, "num", params->num, err));
    DN_TRY(dn_layer_plan_fact_floats(plan, "anchors", params->anchors, 2 * params->pairs, err));
    DN_TRY(dn_layer_plan_fact(plan, "softmax", params->softmax, err));
    DN_TRY(dn_layer_plan_fact(plan, "background", params->background, err));
    DN_TRY(dn_layer_plan_fact(plan, "classfix", params->classfix, err));
    DN_TRY(dn_layer_plan_fact(plan, "thresh", (double)params->thresh, err));
    DN_TRY(dn_training_facts(plan, training_keys, params->training, err));
    DN_TRY(dn_tree_facts(plan, params->tree, params->tree_name, err));
    return params->map ? dn_layer_plan_fact_ints(plan, "map", params->map, params->map_count, err) : DN_OK;
}

static dn_status infer(void *in, dn_layer_plan *plan, dn_error *err) {
    const dn_region *params = in;
    DN_TRY(dn_head_check_filters(plan, params->classes, params->coords + 1, params->num, err));
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    const int boxes = (int)params->training[DN_REGION_MAX];
    const int values = params->dialect == DN_ALEXEYAB ? dn_truth_values(DN_ALEXEYAB) : params->coords + 1;
    DN_TRY(dn_truth_declare(plan, boxes, values, err));
    return facts(params, plan, err);
}

/* ---- forward ---- */

static void softmax_in_place(float *values, int count, size_t step) {
    float largest = -FLT_MAX, sum = 0;
    for (size_t i = 0; i < (size_t)count; i++) largest = fmaxf(largest, values[i * step]);
    for (size_t i = 0; i < (size_t)count; i++) sum += values[i * step] = expf(values[i * step] - largest);
    for (size_t i = 0; i < (size_t)count; i++) values[i * step] /= sum;
}

static void activate_classes(const dn_region *params, float *entry, size_t step) {
    float *classes = entry + (size_t)(params->coords + 1) * step;
    if (params->tree) {
        for (int group = 0; group < params->tree->groups; group++)
            softmax_in_place(classes + (size_t)params->tree->group_offset[group] * step,
                             params->tree->group_size[group], step);
    } else if (params->softmax && params->background) {
        softmax_in_place(classes - step, params->classes + 1, step);
    } else if (params->softmax) {
        softmax_in_place(classes, params->classes, step);
    } else if (params->dialect == DN_PJREDDIE) {
        for (size_t j = 0; j < (size_t)params->classes; j++)
            classes[j * step] = dn_activate(DN_LOGISTIC, classes[j * step]);
    }
}

static void activate(const dn_region *params, float *entry, size_t step) {
    float *objectness = entry + (size_t)params->coords * step;
    if (params->dialect == DN_PJREDDIE) {
        entry[X * step] = dn_activate(DN_LOGISTIC, entry[X * step]);
        entry[Y * step] = dn_activate(DN_LOGISTIC, entry[Y * step]);
    }
    if (!params->background) *objectness = dn_activate(DN_LOGISTIC, *objectness);
    activate_classes(params, entry, step);
}

static void forward_host(const dn_host_call *call) {
    const dn_region *params = call->params;
    const dn_shape shape = call->inputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w, entries = dn_region_entries(params);
    const size_t step = dn_region_step(params, plane), image = (size_t)dn_shape_image(shape);
    for (int n = 0; n < shape.n; n++) {
        const float *x = call->inputs[0].data + (size_t)n * image;
        float *y = call->outputs[0].data + (size_t)n * image;
        for (size_t anchor = 0; anchor < (size_t)params->num; anchor++) {
            for (size_t cell = 0; cell < plane; cell++) {
                float *entry = y + dn_region_first(params, plane, cell, anchor);
                for (size_t i = 0; i < entries; i++) entry[i * step] = x[(anchor * entries + i) * plane + cell];
                activate(params, entry, step);
            }
        }
    }
}

static dn_status forward(const void *in, dn_emit *emit) {
    int output;
    DN_TRY(dn_emit_host(emit, "region", forward_host, in, &emit->input, 1, &emit->output_shape, 1, &output));
    return dn_emit_output(emit, output);
}

/* The loss fills in the deltas of the raw values, in the order of the input. */
static dn_status backward(const void *in, dn_emit *emit) {
    (void)in;
    return dn_emit_pass_back(emit, emit->output, emit->input, 1);
}

/* ---- decode ---- */

dn_box dn_region_box(const dn_region *params, const float *entry, size_t step, dn_shape shape, size_t cell,
                     size_t anchor) {
    const bool raw = params->dialect == DN_ALEXEYAB;
    const float x = raw ? dn_activate(DN_LOGISTIC, entry[X * step]) : entry[X * step];
    const float y = raw ? dn_activate(DN_LOGISTIC, entry[Y * step]) : entry[Y * step];
    const float column = (float)(cell % (size_t)shape.w), row = (float)(cell / (size_t)shape.w);
    return (dn_box){(column + x) / (float)shape.w, (row + y) / (float)shape.h,
                    expf(entry[W * step]) * params->anchors[2 * anchor] / (float)shape.w,
                    expf(entry[H * step]) * params->anchors[2 * anchor + 1] / (float)shape.h};
}

/* values: absolute probabilities of the nodes; becomes the score of the one node that is named. */
static void name_node(const dn_region *params, float *values, float scale, const dn_decode_options *options) {
    int named = params->classes - 1;
    if (params->dialect == DN_PJREDDIE) {
        named = dn_tree_top(params->tree, values, options->hier_threshold);
    } else {
        while (named >= 0 && !(values[named] > options->hier_threshold)) named--;
    }
    const float value = params->dialect == DN_PJREDDIE ? scale : named >= 0 ? values[named] : 0;
    memset(values, 0, (size_t)params->classes * sizeof(float));
    if (named >= 0 && scale > options->threshold) values[named] = value;
}

static void write_scores(const dn_region *params, const float *entry, size_t step, const dn_decode_options *options,
                         dn_detections *into, int row) {
    const float *classes = entry + (size_t)(params->coords + 1) * step;
    float *scores = into->probabilities + (size_t)row * (size_t)into->classes;
    float scale = params->background ? 1 : entry[(size_t)params->coords * step];
    if (params->dialect == DN_ALEXEYAB && params->classfix == -1 && scale < 0.5F) scale = 0;
    into->objectness[row] = params->dialect == DN_ALEXEYAB ? 1 : scale > options->threshold ? scale : 0;
    for (size_t j = 0; j < (size_t)params->classes; j++) scores[j] = classes[j * step];
    if (params->tree) {
        dn_tree_absolute(params->tree, scores);
        name_node(params, scores, scale, options);
        return;
    }
    for (int j = 0; j < params->classes; j++) {
        scores[j] *= scale;
        if (!(scores[j] > options->threshold) || into->objectness[row] == 0) scores[j] = 0;
    }
}

/* All boxes, in the reference's order: alexeyab cell by cell, pjreddie anchor by anchor. */
static dn_status decode(const void *in, dn_shape shape, const float *output, const dn_decode_options *options,
                        dn_detections *into, dn_error *err) {
    const dn_region *params = in;
    if (into->classes < params->classes)
        return dn_fail(err, DN_E_ARGUMENT, "a table for %d classes cannot take boxes of %d", into->classes,
                       params->classes);
    const size_t plane = (size_t)shape.h * (size_t)shape.w, count = plane * (size_t)params->num;
    const size_t step = dn_region_step(params, plane);
    int row;
    DN_TRY(dn_detections_extend(into, (int)count, &row, err));
    for (size_t i = 0; i < count; i++, row++) {
        const bool by_cell = params->dialect == DN_ALEXEYAB;
        const size_t cell = by_cell ? i / (size_t)params->num : i % plane;
        const size_t anchor = by_cell ? i % (size_t)params->num : i / plane;
        const float *entry = output + dn_region_first(params, plane, cell, anchor);
        const dn_box box = dn_box_to_image(dn_region_box(params, entry, step, shape, cell, anchor), options);
        memcpy(into->boxes + 4 * (size_t)row, &(float[4]){box.x, box.y, box.w, box.h}, 4 * sizeof(float));
        write_scores(params, entry, step, options, into, row);
    }
    return DN_OK;
}

extern const dn_layer_type dn_layer_region;
const dn_layer_type dn_layer_region = {
    .params_size = sizeof(dn_region),
    .flags = DN_LAYER_HEAD | DN_LAYER_DETECTOR,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .loss = dn_region_loss,
    .backward = backward,
    .decode = decode,
};
