/* common.c — what several layer files need to parse keys and to find their shapes. */
#include "layers/common.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "op/activation.h"

/* ---- keys ---- */

dn_status dn_parse_activation(dn_section *section, const dn_layer_context *context, dn_activation fallback,
                              dn_activation *out, dn_error *err) {
    return dn_parse_named_activation(section, context, "activation", fallback, out, err);
}

dn_status dn_parse_named_activation(dn_section *section, const dn_layer_context *context, const char *key,
                                    dn_activation fallback, dn_activation *out, dn_error *err) {
    (void)err;
    const char *name = dn_section_text(section, key, NULL);
    if (!name) {
        *out = fallback;
    } else if (!dn_activation_find(name, out)) {
        *out = DN_RELU;
        dn_log(context->options, DN_LOG_WARNING, "layer %d [%s], line %d: %s=%s is unknown; relu is used",
               context->index, section->cfg->name, dn_section_line_of(section, key), key, name);
    }
    return DN_OK;
}

dn_status dn_parse_common(dn_section *section, dn_layer_training *out, dn_error *err) {
    static const char *const flags[] = {"dontload", "dontloadscales", "smooth"};
    static const char *const numload[] = {"numload", NULL}; /* [convolutional] alone acts on it */
    bool flag;
    for (size_t k = 0; k < sizeof flags / sizeof *flags; k++) {
        DN_TRY(dn_section_flag(section, flags[k], false, &flag, err));
    }
    DN_TRY(dn_section_float(section, "learning_rate", 1.0F, -1e30F, 1e30F, &out->learning_rate, err));
    DN_TRY(dn_section_float(section, "clip", 0.0F, -1e30F, 1e30F, &out->clip, err));
    DN_TRY(dn_section_int(section, "stopbackward", 0, INT32_MIN, INT32_MAX, &out->stop_backward, err));
    DN_TRY(dn_section_int(section, "burnin_update", 0, INT32_MIN, INT32_MAX, &out->burnin_update, err));
    DN_TRY(dn_section_int(section, "dont_update", 0, INT32_MIN, INT32_MAX, &out->dont_update, err));
    DN_TRY(dn_section_flag(section, "onlyforward", false, &out->only_forward, err));
    DN_TRY(dn_section_flag(section, "train_only_bn", false, &out->train_only_bn, err));
    DN_TRY(dn_section_flag(section, "truth", false, &out->truth, err));
    DN_TRY(dn_section_flag(section, "dontsave", false, &out->dont_save, err));
    dn_section_ignore(section, numload);
    return DN_OK;
}

dn_status dn_parse_resource(dn_section *section, const dn_layer_context *context, const char *key,
                            const dn_resource **out, dn_error *err) {
    const char *name = dn_section_text(section, key, NULL);
    if (!name) {
        *out = NULL;
        return DN_OK;
    }
    for (int k = 0; k < context->resource_count; k++) {
        if (strcmp(context->resources[k].name, name) != 0) continue;
        *out = &context->resources[k];
        return DN_OK;
    }
    return dn_section_fail(section, key, err, "a file handed in with the cfg",
                           "names a file that is not there: hand it in with the cfg");
}

dn_status dn_parse_strides(dn_section *section, int *stride_x, int *stride_y, dn_error *err) {
    int stride, x, y;
    DN_TRY(dn_section_int(section, "stride", 1, 1, DN_STRIDE_MAX, &stride, err));
    DN_TRY(dn_section_int(section, "stride_x", -1, -1, DN_STRIDE_MAX, &x, err));
    DN_TRY(dn_section_int(section, "stride_y", -1, -1, DN_STRIDE_MAX, &y, err));
    *stride_x = x < 1 ? stride : x;
    *stride_y = y < 1 ? stride : y;
    return DN_OK;
}

dn_status dn_parse_stored(dn_section *section, bool *weights, bool *scales, dn_error *err) {
    bool skip, skip_scales;
    DN_TRY(dn_section_flag(section, "dontload", false, &skip, err));
    DN_TRY(dn_section_flag(section, "dontloadscales", false, &skip_scales, err));
    *weights = !skip;
    *scales = !skip && !skip_scales;
    return DN_OK;
}

dn_status dn_parse_refuse(dn_section *section, const char *key, dn_error *err) {
    bool set;
    DN_TRY(dn_section_flag(section, key, false, &set, err));
    if (!set) return DN_OK;
    dn_fail(err, DN_E_UNSUPPORTED, "%s=1 changes what the layer computes and is not supported; remove it", key);
    dn_error_expected(err, "%s=0", key);
    dn_error_where(err, -1, section->cfg->name, key, dn_section_line_of(section, key));
    return DN_E_UNSUPPORTED;
}

/* ---- shapes ---- */

dn_status dn_shape_fail(dn_error *err, const char *expected, const char *format, ...) {
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    dn_fail(err, DN_E_SHAPE, "%s", message);
    dn_error_expected(err, "%s", expected);
    return DN_E_SHAPE;
}

dn_status dn_check_image(const dn_layer_plan *plan, dn_error *err) {
    if (!dn_layer_plan_input_flat(plan)) return DN_OK;
    const dn_shape in = dn_layer_plan_input(plan);
    dn_shape_fail(err, "an input with rows and columns",
                  "the input is a flat list of %d values (a [route] over unequal rows or columns makes "
                  "one): change width=, height= or that [route]",
                  in.c);
    dn_error_found(err, "%d values", in.c);
    return DN_E_SHAPE;
}

dn_status dn_shape_make(dn_shape *out, int64_t n, int64_t c, int64_t h, int64_t w, dn_error *err) {
    const bool fits =
        n >= 1 && c >= 1 && h >= 1 && w >= 1 && n <= INT32_MAX && c <= INT32_MAX && h <= INT32_MAX && w <= INT32_MAX;
    const dn_shape shape = fits ? (dn_shape){(int)n, (int)c, (int)h, (int)w} : (dn_shape){0, 0, 0, 0};
    if (dn_shape_valid(shape)) {
        *out = shape;
        return DN_OK;
    }
    const bool small = h < 1 || w < 1;
    dn_shape_fail(err, small ? "1 row and 1 column or more" : "at most 2^31 values",
                  "the output would have %lld x %lld x %lld x %lld values (images, channels, rows, columns): %s",
                  (long long)n, (long long)c, (long long)h, (long long)w,
                  small ? "the input is too small, enlarge width= and height= of [net] or reduce size= here"
                        : "reduce width=, height= or the layer's output to less than 2^31 values");
    dn_error_found(err, "%lld x %lld x %lld x %lld", (long long)n, (long long)c, (long long)h, (long long)w);
    return DN_E_SHAPE;
}

/* ---- batch norm ---- */

dn_status dn_layer_plan_batchnorm_slots(dn_layer_plan *plan, int channels, bool stored, dn_error *err) {
    const int64_t shape[] = {channels};
    const dn_init one = {DN_INIT_CONSTANT, 1.0F, 0.0F}, zero = {DN_INIT_CONSTANT, 0.0F, 0.0F};
    DN_TRY(dn_layer_plan_slot(plan, "scales", 1, shape, stored, one, err));
    DN_TRY(dn_layer_plan_slot(plan, "rolling_mean", 1, shape, stored, zero, err));
    return dn_layer_plan_slot(plan, "rolling_variance", 1, shape, stored, zero, err);
}

dn_op_batchnorm dn_batchnorm_of(dn_dialect dialect) {
    return dialect == DN_PJREDDIE ? (dn_op_batchnorm){1e-6F, true} : (dn_op_batchnorm){1e-5F, false};
}

/* ---- references ---- */

dn_status dn_layer_plan_resolve_list(const dn_layer_plan *plan, const char *key, const int *references, int count,
                                     const int **out, dn_error *err) {
    void *list;
    DN_TRY(dn_zone_alloc(dn_layer_plan_context(plan)->zone, &list, (size_t)count + 1, sizeof(int), err));
    int *const layers = list;
    for (int k = 0; k < count; k++) DN_TRY(dn_layer_plan_resolve(plan, key, references[k], &layers[k], err));
    *out = layers;
    return DN_OK;
}
