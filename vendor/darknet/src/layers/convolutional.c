/* convolutional.c — convolution, batch norm or bias, activation.
 *
 *   y[f,i,j] = Σ_{c,u,v} w[f,c,u,v] · x[c, i·stride_y − padding·dilation + u·dilation, …]     c over the group of f
 *   output   (h + 2·padding − size) / stride + 1 rows: the dilation moves the taps but does not shrink the output
 *   slots    biases (filters), with batch_normalize scales, rolling_mean, rolling_variance (filters),
 *            weights (filters, channels/groups, size, size); share_index uses those of another layer, and stores none
 *   flops    2 · weights · places of the output; xnor counts a 32nd
 *
 * pad=1 means padding = size/2. ternary=1: training computes with weights of ±α and 0, which files hold as they are.
 * binary=1 is plain float, as on the reference's CPU, unless binary_by_name=1 stands in [net]: then weights are ±mean|w|.
 * xnor=1: the input's signs as well. network/forms.c has the formulas.
 * batch_normalize=2 or cbn=1 (alexeyab): training normalizes by the mini-batches of an iteration so far (op/cross_norm.c).
 * antialiasing=1 or 2 convolves and activates with stride 1, then blurs with the stride (blur.h).
 *
 * pjreddie's CPU code reads the image as it lies when size is 1, so that a stride above 1 picks the first values of
 * the image in place of every stride-th one. No network was trained so (its GPU code strides): here it strides. */
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "layers/blur.h"
#include "layers/common.h"
#include "layers/excitation.h"
#include "layers/smooth.h"
#include "layers/training.h"
#include "op/cross_norm.h"

typedef struct params {
    int filters, size, stride_x, stride_y, padding, groups, dilation, antialiasing, share_index;
    int channels; /* of the input */
    bool pad, batch_normalize, binary, xnor, ternary, shared, stored, stored_scales;
    dn_weights_form form;
    dn_activation activation;
    bool cross; /* batch norm over the mini-batches of an iteration */
    dn_op_batchnorm norm;
    dn_dialect dialect;
    dn_blur blur;
    dn_shape convolved; /* before the blur */
    const float *training;
    float smooth;
    dn_excitation excitation;
} params;

/* And the streams of a GPU. */
static const dn_training_key training_keys[] = {
    {"dot", DN_TRAINING_NUMBER, 0, 0},
    {"sway", DN_TRAINING_FLAG, 0, 0},
    {"rotate", DN_TRAINING_FLAG, 0, 0},
    {"stretch", DN_TRAINING_FLAG, 0, 0},
    {"stretch_sway", DN_TRAINING_FLAG, 0, 0},
    {"angle", DN_TRAINING_NUMBER, 15, 0},
    {"reverse", DN_TRAINING_NUMBER, 0, 0},
    {"grad_centr", DN_TRAINING_FLAG, 0, 0},
    {"bin_output", DN_TRAINING_FLAG, 0, 0},
    {"assisted_excitation", DN_TRAINING_NUMBER, 0, 0},
    {"stream", DN_TRAINING_SIGNED, -1, 0},
    {"wait_stream", DN_TRAINING_SIGNED, -1, 0},
    {NULL, DN_TRAINING_END, 0, 0},
};

static dn_status parse_window(dn_section *section, params *p, dn_error *err) {
    DN_TRY(dn_section_int(section, "size", 1, 1, DN_SIZE_MAX, &p->size, err));
    DN_TRY(dn_parse_strides(section, &p->stride_x, &p->stride_y, err));
    DN_TRY(dn_section_flag(section, "pad", false, &p->pad, err));
    DN_TRY(dn_section_int(section, "padding", 0, 0, DN_PADDING_MAX, &p->padding, err));
    if (p->pad) p->padding = p->size / 2;
    DN_TRY(dn_section_int(section, "dilation", 1, 1, DN_PADDING_MAX, &p->dilation, err));
    if (p->size == 1) p->dilation = 1;
    DN_TRY(dn_section_int(section, "antialiasing", 0, 0, 2, &p->antialiasing, err));
    p->blur = dn_blur_make(p->antialiasing, p->stride_x, p->stride_y);
    if (p->antialiasing) p->stride_x = p->stride_y = 1;
    return DN_OK;
}

static void choose_form(params *p, const dn_section *section, const dn_layer_context *context) {
    const bool binary = p->binary && context->binary_by_name;
    p->form = p->xnor ? DN_FORM_XNOR : p->ternary ? DN_FORM_TERNARY : binary ? DN_FORM_BINARY : DN_FORM_OWN;
    if (!context->training || !p->binary || p->form != DN_FORM_OWN) return;
    dn_log(context->options, DN_LOG_WARNING,
           "line %d: binary=1 of [convolutional] computes with weights as they are, as the reference does on a CPU: "
           "binary_by_name=1 of [net] makes them binary",
           section->cfg->line);
}

/* network/deform.c makes copies of whole groups of filters. */
static void check_deform(const params *p, const dn_section *section, const dn_layer_context *context) {
    enum { SWAY = 1, STRETCH_SWAY = 4 }; /* among training_keys */
    int asked = 0;
    for (int k = SWAY; k <= STRETCH_SWAY; k++) asked += p->training[k] != 0.0F ? 1 : 0;
    const int groups = p->training[STRETCH_SWAY] != 0.0F ? 8 : 4;
    if (!context->training || asked == 0 || (p->size >= 3 && p->filters % groups == 0)) return;
    dn_log(
        context->options, DN_LOG_WARNING,
        "line %d: the kernels of [convolutional] are not deformed: that takes a size of 3 or more and a multiple of %d "
        "filters, these are %d of size %d",
        section->cfg->line, groups, p->filters, p->size);
}

static void choose_excitation(params *p, const dn_layer_context *context) {
    enum { ASSISTED_EXCITATION = 9 }; /* among training_keys */
    const float until = p->training[ASSISTED_EXCITATION];
    p->excitation = (dn_excitation){.burn_in = context->burn_in, .max_batches = context->delta_limits.max_batches};
    if (context->dialect == DN_ALEXEYAB) p->excitation.until = until < 1e9F ? (int)until : 1000000000;
}

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    bool cbn;
    p->dialect = context->dialect;
    DN_TRY(dn_section_int(section, "filters", 1, 1, DN_FILTERS_MAX, &p->filters, err));
    DN_TRY(dn_section_int(section, "groups", 1, 1, DN_FILTERS_MAX, &p->groups, err));
    DN_TRY(parse_window(section, p, err));
    DN_TRY(dn_parse_activation(section, context, DN_LOGISTIC, &p->activation, err));
    DN_TRY(dn_section_flag(section, "batch_normalize", false, &p->batch_normalize, err));
    DN_TRY(dn_section_flag(section, "cbn", false, &cbn, err));
    p->batch_normalize |= cbn;
    p->cross = context->dialect == DN_ALEXEYAB &&
               (cbn || strtol(dn_section_text(section, "batch_normalize", "0"), NULL, 10) == 2);
    p->norm = dn_batchnorm_of(context->dialect);
    DN_TRY(dn_section_flag(section, "binary", false, &p->binary, err));
    DN_TRY(dn_section_flag(section, "xnor", false, &p->xnor, err));
    DN_TRY(dn_section_flag(section, "ternary", false, &p->ternary, err));
    choose_form(p, section, context);
    DN_TRY(dn_parse_stored(section, &p->stored, &p->stored_scales, err));
    p->shared = dn_section_has(section, "share_index");
    DN_TRY(dn_section_int(section, "share_index", 0, INT32_MIN, INT32_MAX, &p->share_index, err));
    DN_TRY(dn_parse_refuse(section, "flipped", err));
    DN_TRY(dn_parse_refuse(section, "coordconv", err));
    DN_TRY(dn_parse_refuse(section, "numload", err));
    DN_TRY(dn_section_float(section, "smooth", 0.0F, 0.0F, 1e30F, &p->smooth, err));
    if (context->dialect != DN_PJREDDIE) p->smooth = 0.0F;
    DN_TRY(dn_training_parse(section, context, training_keys, &p->training, err));
    check_deform(p, section, context);
    choose_excitation(p, context);
    return DN_OK;
}

static dn_status share(const params *p, dn_layer_plan *plan, dn_error *err) {
    static const char *const names[] = {"biases", "scales", "rolling_mean", "rolling_variance", "weights"};
    const void *other_params;
    int other;
    DN_TRY(dn_layer_plan_resolve(plan, "share_index", p->share_index, &other, err));
    const bool same_type = dn_layer_plan_type_of(plan, other, &other_params)->parse == parse;
    if (!same_type)
        return dn_shape_fail(err, "a convolutional layer", "share_index names layer %d: name a [convolutional]", other);
    const params *q = other_params;
    if (q->filters != p->filters || q->size != p->size || q->groups != p->groups || q->channels != p->channels ||
        q->batch_normalize != p->batch_normalize) {
        return dn_shape_fail(
            err, "the same filters, size, groups, channels and batch_normalize",
            "layer %d shares weights of %d filters of %dx%d over %d channels; this one has %d of %dx%d "
            "over %d",
            other, q->filters, q->size, q->size, q->channels, p->filters, p->size, p->size, p->channels);
    }
    for (int k = 0; k < 5; k++) {
        if (!p->batch_normalize && k > 0 && k < 4) continue;
        DN_TRY(dn_layer_plan_share_slot(plan, other, names[k], err));
    }
    return DN_OK;
}

/* Start values of the weights, as each dialect draws them. */
static dn_init weights_init(const params *p) {
    const int64_t inputs = (int64_t)p->size * p->size * p->channels / p->groups;
    const float scale = (float)sqrt(2.0 / (double)inputs);
    if (p->dialect == DN_PJREDDIE) return (dn_init){DN_INIT_NORMAL, 0.0F, scale};
    const bool normalized = p->activation == DN_NORMALIZE_CHANNELS || p->activation == DN_NORMALIZE_CHANNELS_SOFTMAX ||
                            p->activation == DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL;
    return normalized ? (dn_init){DN_INIT_CONSTANT, 1.0F, 0.0F} : (dn_init){DN_INIT_UNIFORM, 0.0F, scale};
}

static dn_status slots(const params *p, dn_layer_plan *plan, dn_error *err) {
    if (p->shared) return share(p, plan, err);
    const int64_t shape[] = {p->filters, p->channels / p->groups, p->size, p->size};
    const dn_init zero = {DN_INIT_CONSTANT, 0.0F, 0.0F};
    DN_TRY(dn_layer_plan_slot(plan, "biases", 1, shape, p->stored, zero, err));
    if (p->batch_normalize) DN_TRY(dn_layer_plan_batchnorm_slots(plan, p->filters, p->stored_scales, err));
    return dn_layer_plan_slot(plan, "weights", 4, shape, p->stored, weights_init(p), err);
}

static dn_status facts(const params *p, dn_layer_plan *plan, dn_error *err) {
    const struct {
        const char *name;
        int value;
    } all[] = {
        {"filters", p->filters},        {"size", p->size},         {"stride_x", p->blur.stride_x},
        {"stride_y", p->blur.stride_y}, {"pad", p->pad},           {"padding", p->padding},
        {"groups", p->groups},          {"dilation", p->dilation}, {"batch_normalize", p->batch_normalize},
        {"binary", p->binary},          {"xnor", p->xnor},         {"antialiasing", p->antialiasing},
        {"ternary", p->ternary},
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        DN_TRY(dn_layer_plan_fact(plan, all[k].name, all[k].value, err));
    }
    return dn_training_facts(plan, training_keys, p->training, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    DN_TRY(dn_check_image(plan, err));
    p->channels = in.c;
    if (in.c % p->groups != 0 || p->filters % p->groups != 0) {
        dn_shape_fail(err, "channels and filters that groups divides",
                      "%d channels and %d filters cannot be split into %d groups: groups= must divide both", in.c,
                      p->filters, p->groups);
        dn_error_found(err, "%d channels, %d filters", in.c, p->filters);
        dn_layer_plan_blame(plan, "groups", err);
        return DN_E_SHAPE;
    }
    DN_TRY(dn_shape_make(&p->convolved, in.n, p->filters,
                         dn_window_places(in.h, 2 * (int64_t)p->padding, p->size, p->stride_y),
                         dn_window_places(in.w, 2 * (int64_t)p->padding, p->size, p->stride_x), err));
    dn_shape out = p->convolved;
    if (p->antialiasing) DN_TRY(dn_blur_shape(&p->blur, p->convolved, &out, err));
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_activation(plan, p->activation);
    if (dn_layer_plan_context(plan)->training && p->excitation.until != 0) DN_TRY(dn_layer_plan_read_truth(plan, err));
    DN_TRY(slots(p, plan, err));
    dn_layer_plan_form(plan, "weights", p->form);
    const double weights = (double)p->filters * (in.c / p->groups) * p->size * p->size;
    const double flops = 2.0 * weights * p->convolved.h * p->convolved.w;
    dn_layer_plan_set_flops(plan, p->xnor ? flops / 32.0 : flops);
    return facts(p, plan, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const int biases = emit->slots[0], weights = emit->slots[emit->slot_count - 1];
    const dn_op_conv2d conv = {
        .groups = p->groups,
        .size = p->size,
        .stride_x = p->stride_x,
        .stride_y = p->stride_y,
        .pad = p->padding * p->dilation,
        .dilation = p->dilation,
        .binary = p->xnor ? DN_BINARY_XNOR : DN_BINARY_NONE,
    };
    int y;
    DN_TRY(dn_emit_conv2d(emit, emit->input, weights, p->convolved, conv, &y));
    dn_emit_show_delta(emit, y);
    if (p->cross && emit->training && !emit->graph->frozen && !emit->graph->approximates) {
        DN_TRY(dn_emit_cross_norm(emit, y, emit->slots[1], emit->slots[2], emit->slots[3], biases, &p->norm, &y));
    } else if (p->batch_normalize) {
        DN_TRY(dn_emit_batchnorm(emit, y, emit->slots[1], emit->slots[2], emit->slots[3], biases,
                                 dn_batchnorm_of(p->dialect), &y));
    } else {
        DN_TRY(dn_emit_bias(emit, y, biases, &y));
    }
    DN_TRY(dn_emit_activation(emit, y, p->activation, &y));
    if (emit->training && p->excitation.until != 0) DN_TRY(dn_emit_excitation(emit, y, &p->excitation, &y));
    if (emit->training && p->smooth > 0.0F) DN_TRY(dn_emit_smooth(emit, y, &p->smooth, &y));
    if (p->antialiasing) DN_TRY(dn_emit_blur(emit, y, &p->blur, emit->output_shape, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_convolutional = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
