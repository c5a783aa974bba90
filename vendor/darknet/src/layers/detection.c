/* detection.c — [detection]: boxes from a grid, YOLOv1.
 *
 * Input and output: (n, side² · (classes + num · (1 + coords))), flat: first the class values of every cell, then the
 * objectness of every box, then x, y, w, h of every box; cells in rows of `side`, in each cell box by box.
 *
 *   output   as the input; softmax=1: softmax over the classes of every cell
 *   box      centre ((column + x) / side, (row + y) / side) of the input, size w, h or, with sqrt=1, w², h²
 *   score    objectness · class, 0 unless above the threshold; every box is returned
 *
 * As in the reference, boxes are those of a stretched image: a letterbox is not undone. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "layers/detection.h"

#define SIDE_MAX 4096

static const dn_training_key training_keys[] = {
    [DN_DETECTION_MAX] = {"max", DN_TRAINING_COUNT, 200, 90},
    [DN_DETECTION_JITTER] = {"jitter", DN_TRAINING_NUMBER, 0.2F, 0},
    [DN_DETECTION_RANDOM] = {"random", DN_TRAINING_NUMBER, 0, 0},
    [DN_DETECTION_RESIZE] = {"resize", DN_TRAINING_NUMBER, 1, 0},
    [DN_DETECTION_COORD_SCALE] = {"coord_scale", DN_TRAINING_NUMBER, 1, 0},
    [DN_DETECTION_OBJECT_SCALE] = {"object_scale", DN_TRAINING_NUMBER, 1, 0},
    [DN_DETECTION_NOOBJECT_SCALE] = {"noobject_scale", DN_TRAINING_NUMBER, 1, 0},
    [DN_DETECTION_CLASS_SCALE] = {"class_scale", DN_TRAINING_NUMBER, 1, 0},
    [DN_DETECTION_FORCED] = {"forced", DN_TRAINING_FLAG, 0, 0},
    [DN_DETECTION_REORG] = {"reorg", DN_TRAINING_FLAG, 0, 0},
    [DN_DETECTION_ABSOLUTE] = {"absolute", DN_TRAINING_FLAG, 0, 0},
    [DN_DETECTION_ABSOLUTE + 1] = {NULL, DN_TRAINING_END, 0, 0},
};

static dn_status parse(dn_section *section, const dn_layer_context *context, void *out, dn_error *err) {
    dn_detection *params = out;
    DN_TRY(dn_section_int(section, "coords", 1, 1, DN_ANCHORS_MAX, &params->coords, err));
    DN_TRY(dn_section_int(section, "classes", 1, 0, DN_CLASSES_MAX, &params->classes, err));
    DN_TRY(dn_section_flag(section, "rescore", false, &params->rescore, err));
    DN_TRY(dn_section_int(section, "num", 1, 1, DN_ANCHORS_MAX, &params->num, err));
    DN_TRY(dn_section_int(section, "side", 7, 1, SIDE_MAX, &params->side, err));
    DN_TRY(dn_section_flag(section, "softmax", false, &params->softmax, err));
    DN_TRY(dn_section_flag(section, "sqrt", false, &params->sqrt, err));
    return dn_training_parse(section, context, training_keys, &params->training, err);
}

static dn_status check_inputs(const dn_detection *params, const dn_layer_plan *plan, dn_error *err) {
    const int64_t found = dn_shape_image(dn_layer_plan_input(plan));
    const int64_t cell = params->classes + (int64_t)params->num * (1 + params->coords);
    const long long expected = (long long)(dn_detection_cells(params) * cell);
    if (found == expected) return DN_OK;
    dn_shape_fail(err, "",
                  "the input has %lld values, side %d x %d cells x (classes %d + num %d x (1 + coords %d)) = %lld are "
                  "needed: set output=%lld in the [connected] before it",
                  (long long)found, params->side, params->side, params->classes, params->num, params->coords, expected,
                  expected);
    dn_error_expected(err, "%lld", expected);
    dn_error_found(err, "%lld", (long long)found);
    dn_error_where(err, -1, NULL, "output", 0);
    return DN_E_SHAPE;
}

static dn_status infer(void *in, dn_layer_plan *plan, dn_error *err) {
    const dn_detection *params = in;
    DN_TRY(check_inputs(params, plan, err));
    const dn_shape input = dn_layer_plan_input(plan);
    dn_layer_plan_set_output(plan, (dn_shape){input.n, (int)dn_shape_image(input), 1, 1});
    DN_TRY(dn_detection_truths(params, plan, err));
    const struct {
        const char *name;
        int value;
    } facts[] = {
        {"classes", params->classes}, {"coords", params->coords}, {"num", params->num},         {"side", params->side},
        {"softmax", params->softmax}, {"sqrt", params->sqrt},     {"rescore", params->rescore},
    };
    for (size_t k = 0; k < sizeof facts / sizeof *facts; k++) {
        DN_TRY(dn_layer_plan_fact(plan, facts[k].name, facts[k].value, err));
    }
    return dn_training_facts(plan, training_keys, params->training, err);
}

/* ---- forward ---- */

static void softmax_in_place(float *values, int count) {
    float largest = -FLT_MAX, sum = 0;
    for (int i = 0; i < count; i++) largest = fmaxf(largest, values[i]);
    for (int i = 0; i < count; i++) sum += values[i] = expf(values[i] - largest);
    for (int i = 0; i < count; i++) values[i] /= sum;
}

static void softmax_of_cells(const dn_host_call *call) {
    const dn_detection *params = call->params;
    const dn_shape shape = call->outputs[0].shape;
    const size_t image = (size_t)dn_shape_image(shape);
    memcpy(call->outputs[0].data, call->inputs[0].data, (size_t)shape.n * image * sizeof(float));
    for (int n = 0; n < shape.n; n++) {
        float *classes = call->outputs[0].data + (size_t)n * image;
        for (int64_t cell = 0; cell < dn_detection_cells(params); cell++, classes += params->classes) {
            softmax_in_place(classes, params->classes);
        }
    }
}

static dn_status forward(const void *in, dn_emit *emit) {
    const dn_detection *params = in;
    int output;
    if (params->softmax) {
        DN_TRY(dn_emit_host(emit, "detection", softmax_of_cells, in, &emit->input, 1, &emit->output_shape, 1, &output));
    } else {
        DN_TRY(dn_emit_copy(emit, emit->input, emit->output_shape, &output));
    }
    return dn_emit_output(emit, output);
}

/* The loss fills in the deltas of the values before the softmax. */
static dn_status backward(const void *in, dn_emit *emit) {
    (void)in;
    return dn_emit_pass_back(emit, emit->output, emit->input, 1);
}

/* ---- decode ---- */

dn_box dn_detection_box(const dn_detection *params, const float *values, int64_t cell) {
    const float side = (float)params->side;
    const float w = params->sqrt ? values[2] * values[2] : values[2];
    const float h = params->sqrt ? values[3] * values[3] : values[3];
    return (dn_box){((float)(cell % params->side) + values[0]) / side,
                    ((float)(cell / params->side) + values[1]) / side, w, h};
}

static void write_row(const dn_detection *params, const float *output, int64_t index, const dn_decode_options *options,
                      dn_detections *into, int row) {
    const int64_t cells = dn_detection_cells(params), cell = index / params->num;
    const float *objectness = output + cells * params->classes;
    const float *boxes = objectness + cells * params->num;
    const dn_box box = dn_box_to_image(dn_detection_box(params, boxes + 4 * index, cell), options);
    memcpy(into->boxes + 4 * (size_t)row, &(float[4]){box.x, box.y, box.w, box.h}, 4 * sizeof(float));
    into->objectness[row] = objectness[index];
    float *scores = into->probabilities + (size_t)row * (size_t)into->classes;
    for (int j = 0; j < params->classes; j++) {
        const float score = objectness[index] * output[cell * params->classes + j];
        scores[j] = score > options->threshold ? score : 0;
    }
}

static dn_status decode(const void *in, dn_shape shape, const float *output, const dn_decode_options *options,
                        dn_detections *into, dn_error *err) {
    const dn_detection *params = in;
    (void)shape;
    if (into->classes < params->classes)
        return dn_fail(err, DN_E_ARGUMENT, "a table for %d classes cannot take boxes of %d", into->classes,
                       params->classes);
    if (params->coords != 4)
        return dn_fail(err, DN_E_UNSUPPORTED, "boxes have 4 coordinates, this [detection] has coords=%d: set coords=4",
                       params->coords);
    dn_decode_options stretched = *options;
    stretched.letterbox = false;
    const int count = (int)(dn_detection_cells(params) * params->num);
    int row;
    DN_TRY(dn_detections_extend(into, count, &row, err));
    for (int i = 0; i < count; i++) write_row(params, output, i, &stretched, into, row + i);
    return DN_OK;
}

extern const dn_layer_type dn_layer_detection;
const dn_layer_type dn_layer_detection = {
    .params_size = sizeof(dn_detection),
    .flags = DN_LAYER_HEAD | DN_LAYER_DETECTOR | DN_LAYER_FLAT,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .loss = dn_detection_loss,
    .backward = backward,
    .decode = decode,
};
