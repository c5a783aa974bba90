/* deconvolutional.c — transposed convolution, batch norm or bias, activation (pjreddie).
 *
 *   y[f, i·stride − padding + u, j·stride − padding + v] += w[c,f,u,v] · x[c,i,j]     for every c, i, j, u, v
 *   output   (h − 1)·stride + size − 2·padding rows; what falls outside is dropped
 *   slots    biases (filters), with batch_normalize scales, rolling_mean, rolling_variance (filters),
 *            weights (channels, filters, size, size)
 *   flops    2 · weights · places of the input
 *
 * pad=1 means padding = size/2. */
#include <string.h>

#include "layers/common.h"

typedef struct params {
    int filters, size, stride, padding;
    bool pad, batch_normalize, stored, stored_scales;
    dn_activation activation;
    dn_dialect dialect;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    p->dialect = context->dialect;
    DN_TRY(dn_section_int(section, "filters", 1, 1, DN_FILTERS_MAX, &p->filters, err));
    DN_TRY(dn_section_int(section, "size", 1, 1, DN_SIZE_MAX, &p->size, err));
    DN_TRY(dn_section_int(section, "stride", 1, 1, DN_STRIDE_MAX, &p->stride, err));
    DN_TRY(dn_section_flag(section, "pad", false, &p->pad, err));
    DN_TRY(dn_section_int(section, "padding", 0, 0, DN_PADDING_MAX, &p->padding, err));
    if (p->pad) p->padding = p->size / 2;
    DN_TRY(dn_parse_activation(section, context, DN_LOGISTIC, &p->activation, err));
    DN_TRY(dn_section_flag(section, "batch_normalize", false, &p->batch_normalize, err));
    return dn_parse_stored(section, &p->stored, &p->stored_scales, err);
}

static dn_status slots(const params *p, dn_shape in, dn_shape out, dn_layer_plan *plan, dn_error *err) {
    const int64_t filters[] = {p->filters}, shape[] = {in.c, p->filters, p->size, p->size};
    const dn_init zero = {DN_INIT_CONSTANT, 0.0F, 0.0F};
    const double growth = (double)out.h * out.w / ((double)in.h * in.w);
    const dn_init normal = {DN_INIT_NORMAL, 0.0F, (float)(0.02 * growth)};
    DN_TRY(dn_layer_plan_slot(plan, "biases", 1, filters, p->stored, zero, err));
    if (p->batch_normalize) DN_TRY(dn_layer_plan_batchnorm_slots(plan, p->filters, p->stored_scales, err));
    return dn_layer_plan_slot(plan, "weights", 4, shape, p->stored, normal, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    const int64_t border = p->size - 2 * (int64_t)p->padding;
    dn_shape out;
    DN_TRY(dn_check_image(plan, err));
    DN_TRY(dn_shape_make(&out, in.n, p->filters, (in.h - 1) * (int64_t)p->stride + border,
                         (in.w - 1) * (int64_t)p->stride + border, err));
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_activation(plan, p->activation);
    dn_layer_plan_set_flops(plan, 2.0 * in.c * p->filters * p->size * p->size * in.h * in.w);
    DN_TRY(slots(p, in, out, plan, err));
    DN_TRY(dn_layer_plan_fact(plan, "filters", p->filters, err));
    DN_TRY(dn_layer_plan_fact(plan, "size", p->size, err));
    DN_TRY(dn_layer_plan_fact(plan, "stride", p->stride, err));
    DN_TRY(dn_layer_plan_fact(plan, "pad", p->pad, err));
    DN_TRY(dn_layer_plan_fact(plan, "padding", p->padding, err));
    return dn_layer_plan_fact(plan, "batch_normalize", p->batch_normalize, err);
}

/* One weight's share of one channel: cell (i, j) of x goes to (i·stride + top, j·stride + left) of y. */
static void add_tap(const dn_host_call *call, const float *x, float w, int top, int left, float *y) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    for (int64_t i = 0; i < in.h; i++) {
        const int64_t row = i * p->stride + top;
        if (row < 0 || row >= out.h) continue;
        for (int64_t j = 0; j < in.w; j++) {
            const int64_t column = j * p->stride + left;
            if (column >= 0 && column < out.w) y[row * out.w + column] += w * x[i * in.w + j];
        }
    }
}

static void deconvolve(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    const int64_t x_plane = (int64_t)in.h * in.w, y_plane = (int64_t)out.h * out.w;
    memset(call->outputs[0].data, 0, (size_t)dn_shape_count(out) * sizeof(float));
    for (int64_t n = 0; n < in.n; n++) {
        const float *w = call->inputs[1].data;
        for (int64_t c = 0; c < in.c; c++) {
            const float *const x = call->inputs[0].data + (n * in.c + c) * x_plane;
            for (int64_t f = 0; f < out.c; f++) {
                float *const y = call->outputs[0].data + (n * out.c + f) * y_plane;
                for (int u = 0; u < p->size; u++) {
                    for (int v = 0; v < p->size; v++) add_tap(call, x, *w++, u - p->padding, v - p->padding, y);
                }
            }
        }
    }
}

/* The same tap backwards: returns Σ x · dy over its cells, for dw, and adds w · dy to dx. */
static double back_tap(const dn_host_call *call, const float *x, float w, int top, int left, const float *dy,
                       float *dx) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->inputs[3].shape;
    double sum = 0.0;
    for (int64_t i = 0; i < in.h; i++) {
        const int64_t row = i * p->stride + top;
        if (row < 0 || row >= out.h) continue;
        for (int64_t j = 0; j < in.w; j++) {
            const int64_t column = j * p->stride + left;
            if (column < 0 || column >= out.w) continue;
            const float delta = dy[row * out.w + column];
            sum += (double)x[i * in.w + j] * (double)delta;
            if (dx) dx[i * in.w + j] += w * delta;
        }
    }
    return sum;
}

/* inputs: x, w, y, dy; outputs: dx, dw. */
static void deconvolve_back(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->inputs[3].shape;
    const int64_t x_plane = (int64_t)in.h * in.w, y_plane = (int64_t)out.h * out.w;
    const int64_t taps = (int64_t)p->size * p->size;
    for (int64_t k = 0; k < (int64_t)in.n * in.c * out.c; k++) {
        const int64_t n = k / out.c / in.c, c = k / out.c % in.c, f = k % out.c, x = (n * in.c + c) * x_plane;
        const float *const w = call->inputs[1].data + (c * out.c + f) * taps;
        for (int64_t tap = 0; tap < taps; tap++) {
            const int top = (int)(tap / p->size) - p->padding, left = (int)(tap % p->size) - p->padding;
            const double sum = back_tap(call, call->inputs[0].data + x, w[tap], top, left,
                                        call->inputs[3].data + (n * out.c + f) * y_plane,
                                        call->outputs[0].data ? call->outputs[0].data + x : NULL);
            if (call->outputs[1].data) call->outputs[1].data[(c * out.c + f) * taps + tap] += (float)sum;
        }
    }
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const int biases = emit->slots[0], inputs[] = {emit->input, emit->slots[emit->slot_count - 1]};
    int y;
    DN_TRY(dn_emit_host_trained(emit, "deconvolution", deconvolve, deconvolve_back, p, inputs, 2, &emit->output_shape,
                                1, &y));
    dn_emit_show_delta(emit, y);
    if (p->batch_normalize) {
        DN_TRY(dn_emit_batchnorm(emit, y, emit->slots[1], emit->slots[2], emit->slots[3], biases,
                                 dn_batchnorm_of(p->dialect), &y));
    } else {
        DN_TRY(dn_emit_bias(emit, y, biases, &y));
    }
    DN_TRY(dn_emit_activation(emit, y, p->activation, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_deconvolutional = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
