/* head.c — parsing and checking that detection heads share. */
#include "layers/head.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/number.h"
#include "layers/registry.h"

dn_status dn_head_parse_anchors(dn_section *section, const dn_layer_context *context, int num, const float **out,
                                int *pairs, dn_error *err) {
    const float *given;
    int count;
    DN_TRY(dn_section_floats(section, "anchors", 0, FLT_MAX, &given, &count, err));
    if (count / 2 > DN_ANCHORS_MAX)
        return dn_section_fail(section, "anchors", err, "at most 4096 pairs", "has %d pairs, at most %d", count / 2,
                               DN_ANCHORS_MAX);
    if (count < 2 * num)
        dn_log(context->options, DN_LOG_WARNING,
               "line %d: anchors= of layer %d has %d numbers, num=%d needs %d; the missing ones are 0.5",
               dn_section_line_of(section, "anchors"), context->index, count, num, 2 * num);
    *pairs = count / 2 > num ? count / 2 : num;
    void *memory;
    DN_TRY(dn_zone_alloc(context->zone, &memory, 2 * (size_t)*pairs, sizeof(float), err));
    float *anchors = memory;
    for (int i = 0; i < 2 * *pairs; i++) anchors[i] = i < count ? given[i] : 0.5F;
    *out = anchors;
    return DN_OK;
}

dn_status dn_head_parse_mask(dn_section *section, const dn_layer_context *context, int num, int pairs, const int **out,
                             int *count, dn_error *err) {
    DN_TRY(dn_section_ints(section, "mask", 0, INT32_MAX, out, count, err));
    for (int i = 0; i < *count; i++) {
        if ((*out)[i] >= pairs)
            return dn_section_fail(section, "mask", err, "indices of anchors",
                                   "names anchor %d, but num= and anchors= give only 0 to %d: correct one of them",
                                   (*out)[i], pairs - 1);
    }
    if (*count > 0) return DN_OK;
    void *memory;
    DN_TRY(dn_zone_alloc(context->zone, &memory, (size_t)num, sizeof(int), err));
    int *all = memory;
    for (int i = 0; i < num; i++) all[i] = i;
    *out = all;
    *count = num;
    return DN_OK;
}

const char *dn_head_parse_nms_kind(dn_section *section, const dn_layer_context *context, bool corners) {
    static const char *const names[] = {"default", "greedynms", "diounms", "cornersnms"};
    const size_t count = corners ? 4 : 3;
    const char *name = dn_section_text(section, "nms_kind", names[0]);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) return names[i];
    }
    dn_log(context->options, DN_LOG_WARNING,
           "layer %d: nms_kind=%s is none of default, greedynms, diounms%s; default is used", context->index, name,
           corners ? ", cornersnms" : "");
    return names[0];
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static const dn_resource *find_resource(const dn_layer_context *context, const char *name) {
    for (int k = 0; k < context->resource_count; k++) {
        if (strcmp(context->resources[k].name, name) == 0) return &context->resources[k];
    }
    return NULL;
}

dn_status dn_head_parse_map(dn_section *section, const dn_layer_context *context, int classes, const int **out,
                            int *count, dn_error *err) {
    *out = NULL;
    *count = 0;
    const char *name = dn_section_text(section, "map", NULL);
    const dn_resource *file = name ? find_resource(context, name) : NULL;
    if (name && !file && context->training) return dn_parse_resource(section, context, "map", &file, err);
    if (!file) return DN_OK;
    int *map = NULL;
    size_t room = 0;
    const char *at = file->bytes, *end = file->size ? at + file->size : at;
    for (;;) {
        while (at < end && is_space(*at)) at++;
        if (at == end) break;
        int64_t value;
        if (!dn_parse_int(at, end, &value, &at) || value < 0 || value >= classes || *count == DN_CLASSES_MAX)
            return dn_section_fail(section, "map", err, "class numbers",
                                   "must hold class numbers from 0 to %d; number %d of it is none", classes - 1,
                                   *count + 1);
        void *array = map;
        DN_TRY(dn_zone_grow(context->zone, &array, (size_t)*count, &room, sizeof(int), err));
        map = array;
        map[(*count)++] = (int)value;
    }
    *out = map;
    return DN_OK;
}

static const dn_training_key training_keys[DN_HEAD_NUMBERS + 1] = {
    [DN_HEAD_MAX] = {"max", DN_TRAINING_COUNT, 200, 90},
    [DN_HEAD_JITTER] = {"jitter", DN_TRAINING_NUMBER, 0.2F, 0},
    [DN_HEAD_RANDOM] = {"random", DN_TRAINING_NUMBER, 0, 0},
    [DN_HEAD_RESIZE] = {"resize", DN_TRAINING_NUMBER, 1, 0},
    [DN_HEAD_IOU_NORMALIZER] = {"iou_normalizer", DN_TRAINING_NUMBER, 0.75F, 0},
    [DN_HEAD_OBJ_NORMALIZER] = {"obj_normalizer", DN_TRAINING_NUMBER, 1, 0},
    [DN_HEAD_CLS_NORMALIZER] = {"cls_normalizer", DN_TRAINING_NUMBER, 1, 0},
    [DN_HEAD_DELTA_NORMALIZER] = {"delta_normalizer", DN_TRAINING_NUMBER, 1, 0},
    [DN_HEAD_MAX_DELTA] = {"max_delta", DN_TRAINING_NUMBER, FLT_MAX, 0},
    [DN_HEAD_LABEL_SMOOTH_EPS] = {"label_smooth_eps", DN_TRAINING_NUMBER, 0, 0},
    [DN_HEAD_FOCAL_LOSS] = {"focal_loss", DN_TRAINING_FLAG, 0, 0},
    [DN_HEAD_OBJECTNESS_SMOOTH] = {"objectness_smooth", DN_TRAINING_FLAG, 0, 0},
    [DN_HEAD_SHOW_DETAILS] = {"show_details", DN_TRAINING_FLAG, 1, 0},
    [DN_HEAD_NUMBERS] = {NULL, DN_TRAINING_END, 0, 0},
};

dn_status dn_head_parse_training(dn_section *section, const dn_layer_context *context, dn_head_training *out,
                                 dn_error *err) {
    out->iou_loss = dn_section_text(section, "iou_loss", "mse");
    out->iou_thresh_kind = dn_section_text(section, "iou_thresh_kind", "iou");
    DN_TRY(dn_section_ints(section, "counters_per_class", 0, INT32_MAX, &out->counters_per_class, &out->counter_count,
                           err));
    return dn_training_parse(section, context, training_keys, &out->numbers, err);
}

dn_status dn_head_training_facts(dn_layer_plan *plan, const dn_head_training *training, dn_error *err) {
    DN_TRY(dn_layer_plan_fact_text(plan, "iou_loss", training->iou_loss, err));
    DN_TRY(dn_layer_plan_fact_text(plan, "iou_thresh_kind", training->iou_thresh_kind, err));
    DN_TRY(dn_layer_plan_fact_ints(plan, "counters_per_class", training->counters_per_class, training->counter_count,
                                   err));
    return dn_training_facts(plan, training_keys, training->numbers, err);
}

/* What to change, in words. */
static void advise(const dn_layer_plan *plan, int64_t filters, char *into, size_t room) {
    const int before = dn_layer_plan_context(plan)->index - 1;
    const long long number = (long long)filters;
    const void *params;
    const char *name;
    if (before < 0) {
        (void)snprintf(into, room, "put a [convolutional] with filters=%lld before it", number);
    } else if (dn_layer_plan_type_of(plan, before, &params) == dn_layer_type_find("convolutional", &name)) {
        (void)snprintf(into, room, "set filters=%lld in the [convolutional] before it (layer %d)", number, before);
    } else {
        (void)snprintf(into, room, "set filters=%lld in the [convolutional] that feeds it (layer %d is not one)",
                       number, before);
    }
}

dn_status dn_head_check_filters(const dn_layer_plan *plan, int classes, int others, int anchors, dn_error *err) {
    const int found = dn_layer_plan_input(plan).c;
    const int64_t expected = ((int64_t)classes + others) * anchors;
    if (found == expected) return DN_OK;
    char advice[112], fitting[48] = "", number[24];
    advise(plan, expected, advice, sizeof advice);
    (void)snprintf(number, sizeof number, "%lld", (long long)expected);
    if (found % anchors == 0 && found / anchors > others)
        (void)snprintf(fitting, sizeof fitting, ", or classes=%d here", found / anchors - others);
    const dn_status status =
        dn_shape_fail(err, number, "the input has %d channels, (classes %d + %d) x %d anchors = %s are needed: %s%s",
                      found, classes, others, anchors, number, advice, fitting);
    dn_error_found(err, "%d", found);
    dn_error_where(err, -1, NULL, "filters", 0);
    return status;
}
