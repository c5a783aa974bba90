/* yolo_loss_make.c — from the keys of a section to the numbers of its loss. */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "layers/yolo_loss.h"

static dn_status check_boxes(const dn_yolo_loss *loss, const dn_layer_plan *plan, dn_error *err) {
    if (loss->boxes > 0 || !dn_layer_plan_context(plan)->training) return DN_OK;
    dn_shape_fail(err, "at least 1", "max=0 leaves no truths to learn from: set max= to the boxes of an image");
    dn_layer_plan_blame(plan, "max", err);
    return DN_E_SHAPE;
}

static dn_status fail_counters(const dn_layer_plan *plan, int found, int classes, dn_error *err) {
    char expected[24];
    (void)snprintf(expected, sizeof expected, "%d", classes);
    dn_shape_fail(err, expected, "counters_per_class has %d numbers for %d classes: give one a class", found, classes);
    dn_error_found(err, "%d", found);
    dn_layer_plan_blame(plan, "counters_per_class", err);
    return DN_E_SHAPE;
}

/* The most frequent class weighs 1, the others as many times as they are rarer, at most max_delta. */
static dn_status weigh_classes(dn_yolo_loss *loss, const dn_layer_plan *plan, const dn_head_training *training,
                               dn_error *err) {
    const dn_layer_context *context = dn_layer_plan_context(plan);
    const int count = training->counter_count;
    if (count == 0 || !context->training) return DN_OK;
    if (count != loss->classes) return fail_counters(plan, count, loss->classes, err);
    void *memory;
    DN_TRY(dn_zone_alloc(context->zone, &memory, (size_t)count, sizeof(float), err));
    float *const weights = memory, most = 1;
    for (int k = 0; k < count; k++) {
        weights[k] = training->counters_per_class[k] < 1 ? 1 : (float)training->counters_per_class[k];
        if (weights[k] > most) most = weights[k];
    }
    for (int k = 0; k < count; k++) {
        weights[k] = most / weights[k];
        if (weights[k] > loss->max_delta) weights[k] = loss->max_delta;
    }
    loss->class_weights = weights;
    return DN_OK;
}

/* As in darknet, an unknown name stands for iou. */
static dn_iou_kind kind_of(const dn_layer_plan *plan, const char *key, const char *name) {
    static const char *const names[] = {"iou", "giou", "diou", "ciou"};
    const dn_layer_context *context = dn_layer_plan_context(plan);
    for (int k = 0; k < 4; k++) {
        if (strcmp(name, names[k]) == 0) return (dn_iou_kind)k;
    }
    if (context->training)
        dn_log(context->options, DN_LOG_WARNING, "layer %d: %s=%s is none of iou, giou, diou, ciou%s; iou is used",
               context->index, key, name, strcmp(key, "iou_loss") == 0 ? ", mse" : "");
    return DN_IOU;
}

static void read_numbers(dn_yolo_loss *loss, const float *numbers) {
    loss->iou_normalizer = numbers[DN_HEAD_IOU_NORMALIZER];
    loss->obj_normalizer = numbers[DN_HEAD_OBJ_NORMALIZER];
    loss->cls_normalizer = numbers[DN_HEAD_CLS_NORMALIZER];
    loss->delta_normalizer = numbers[DN_HEAD_DELTA_NORMALIZER];
    loss->max_delta = numbers[DN_HEAD_MAX_DELTA];
    loss->label_smooth_eps = numbers[DN_HEAD_LABEL_SMOOTH_EPS];
    loss->focal_loss = numbers[DN_HEAD_FOCAL_LOSS] != 0 && loss->form == DN_YOLO_V4;
    loss->objectness_smooth = numbers[DN_HEAD_OBJECTNESS_SMOOTH] != 0;
    loss->show_details = numbers[DN_HEAD_SHOW_DETAILS] != 0;
}

/* pjreddie's program knows none of the other keys. */
static void set_v3(dn_yolo_loss *loss) {
    loss->mse = true;
    loss->iou_normalizer = loss->obj_normalizer = loss->cls_normalizer = loss->delta_normalizer = 1;
    loss->iou_thresh = 1;
    loss->max_delta = FLT_MAX;
    loss->label_smooth_eps = 0;
    loss->objectness_smooth = false;
    loss->class_weights = NULL;
}

/* The figures of the last mini-batch. */
static dn_status declare_kept(const dn_yolo_loss *loss, dn_layer_plan *plan, dn_error *err) {
    const dn_shape shape = {dn_layer_plan_input(plan).n, DN_FIGURES + DN_YOLO_KEPT, 1, 1};
    if (!dn_layer_plan_context(plan)->training || !dn_yolo_limits_deltas(loss)) return DN_OK;
    return dn_layer_plan_state(plan, shape, err);
}

dn_status dn_yolo_loss_make(dn_yolo_loss *loss, dn_layer_plan *plan, const dn_head_training *training, dn_error *err) {
    const dn_layer_context *context = dn_layer_plan_context(plan);
    loss->net_width = context->net_width;
    loss->net_height = context->net_height;
    loss->boxes = (int)training->numbers[DN_HEAD_MAX];
    loss->values = dn_truth_values(context->dialect);
    loss->limits = context->delta_limits;
    read_numbers(loss, training->numbers);
    if (loss->form == DN_YOLO_V3) {
        set_v3(loss);
    } else {
        loss->mse = strcmp(training->iou_loss, "mse") == 0;
        loss->iou_loss = loss->mse ? DN_IOU : kind_of(plan, "iou_loss", training->iou_loss);
        loss->iou_thresh_kind = kind_of(plan, "iou_thresh_kind", training->iou_thresh_kind);
        DN_TRY(weigh_classes(loss, plan, training, err));
    }
    DN_TRY(check_boxes(loss, plan, err));
    DN_TRY(declare_kept(loss, plan, err));
    return dn_truth_declare(plan, loss->boxes, loss->values, err);
}
