/* batchnorm.c — normalises every channel by its rolling statistics.
 *
 *   y = scale[c] · (x − mean[c]) / sqrt(variance[c] + 1e-5) + bias[c]    pjreddie: / (sqrt(variance[c]) + 1e-6)
 *   slots    alexeyab: biases, scales, rolling_mean, rolling_variance (channels each); pjreddie has no biases */
#include "layers/common.h"

typedef struct params {
    bool stored;
    dn_dialect dialect;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    bool scales;
    p->dialect = context->dialect;
    return dn_parse_stored(section, &p->stored, &scales, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    const int64_t shape[] = {in.c};
    const dn_init zero = {DN_INIT_CONSTANT, 0.0F, 0.0F};
    dn_layer_plan_set_output(plan, in);
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    if (p->dialect == DN_ALEXEYAB) DN_TRY(dn_layer_plan_slot(plan, "biases", 1, shape, p->stored, zero, err));
    return dn_layer_plan_batchnorm_slots(plan, in.c, p->stored, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const bool biased = p->dialect == DN_ALEXEYAB;
    const int *norm = emit->slots + (biased ? 1 : 0);
    int x = emit->input, y;
    if (emit->training) DN_TRY(dn_emit_copy(emit, x, emit->output_shape, &x)); /* whose delta is the layer's */
    dn_emit_show_delta(emit, x);
    DN_TRY(dn_emit_batchnorm(emit, x, norm[0], norm[1], norm[2], biased ? emit->slots[0] : -1,
                             dn_batchnorm_of(p->dialect), &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_batchnorm = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
