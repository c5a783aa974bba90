/* normalization.c — local response normalisation: divides by the energy of the neighbouring channels.
 *
 *   y[c] = x[c] · (kappa + alpha · (Σ_k x[k]² − x[size/2]²))^−beta     c − (size−1)/2 <= k <= c + size/2, inside
 *   cfg      alpha (1e-4), beta (0.75), kappa (1), size (5)
 *
 * The reference slides the window from channel to channel and starts without channel size/2, so that this channel's
 * square is missing from every sum, even from those whose window does not reach it. alpha is not divided by size. With
 * fewer channels than size/2 the reference starts with values behind the image; here only those inside count. */
#include <math.h>

#include "layers/common.h"

typedef struct params {
    int size;
    float alpha, beta, kappa;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    (void)context;
    DN_TRY(dn_section_float(section, "alpha", 0.0001F, -1e30F, 1e30F, &p->alpha, err));
    DN_TRY(dn_section_float(section, "beta", 0.75F, -1e30F, 1e30F, &p->beta, err));
    DN_TRY(dn_section_float(section, "kappa", 1.0F, -1e30F, 1e30F, &p->kappa, err));
    return dn_section_int(section, "size", 5, 1, DN_FILTERS_MAX, &p->size, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    DN_TRY(dn_check_image(plan, err));
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    DN_TRY(dn_layer_plan_fact(plan, "size", p->size, err));
    DN_TRY(dn_layer_plan_fact(plan, "alpha", (double)p->alpha, err));
    DN_TRY(dn_layer_plan_fact(plan, "beta", (double)p->beta, err));
    return dn_layer_plan_fact(plan, "kappa", (double)p->kappa, err);
}

/* (kappa + alpha · …)^−beta of channel c at one place; consecutive channels are `plane` values apart. */
static double power_of(const params *p, const float *x, int c, int channels, int64_t plane) {
    const int middle = p->size / 2;
    const int first = c - (p->size - 1) / 2 > 0 ? c - (p->size - 1) / 2 : 0;
    const int last = c + middle < channels ? c + middle : channels - 1;
    double sum = middle < channels ? -(double)x[middle * plane] * (double)x[middle * plane] : 0.0;
    for (int k = first; k <= last; k++) sum += (double)x[k * plane] * (double)x[k * plane];
    return pow((double)p->kappa + (double)p->alpha * sum, -(double)p->beta);
}

static void normalize(const params *p, const float *x, float *y, int channels, int64_t plane) {
    for (int c = 0; c < channels; c++) {
        y[c * plane] = (float)((double)x[c * plane] * power_of(p, x, c, channels, plane));
    }
}

static void normalize_all(const dn_host_call *call) {
    const dn_shape shape = call->inputs[0].shape;
    const int64_t plane = (int64_t)shape.h * shape.w;
    for (int64_t n = 0; n < shape.n; n++) {
        const int64_t image = n * dn_shape_image(shape);
        for (int64_t place = 0; place < plane; place++) {
            normalize(call->params, call->inputs[0].data + image + place, call->outputs[0].data + image + place,
                      shape.c, plane);
        }
    }
}

/* dx = dy · (…)^−beta, as in the reference: the powers count as constants.
 * inputs: x, y, dy */
static void back(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape shape = call->inputs[0].shape;
    const int64_t plane = (int64_t)shape.h * shape.w;
    float *const dx = call->outputs[0].data;
    for (int64_t at = 0; dx && at < shape.n * plane; at++) {
        const int64_t first = at / plane * dn_shape_image(shape) + at % plane;
        const float *const x = call->inputs[0].data + first, *const dy = call->inputs[2].data + first;
        for (int c = 0; c < shape.c; c++) {
            dx[first + c * plane] += (float)((double)dy[c * plane] * power_of(p, x, c, shape.c, plane));
        }
    }
}

static dn_status forward(const void *from, dn_emit *emit) {
    int y;
    DN_TRY(dn_emit_host_trained(emit, "normalization", normalize_all, back, from, &emit->input, 1, &emit->output_shape,
                                1, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_normalization = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
