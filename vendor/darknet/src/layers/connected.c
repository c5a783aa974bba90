/* connected.c — every output reads every input.
 *
 *   y[o] = Σ_i w[o,i] · x[i], then batch norm or bias, then the activation
 *   slots    biases (outputs), weights (outputs, inputs), with batch_normalize scales, rolling_mean, rolling_variance
 *   flops    0: darknet's tables leave these layers out */
#include <math.h>

#include "layers/common.h"

typedef struct params {
    int outputs;
    bool batch_normalize, stored, stored_scales;
    dn_activation activation;
    dn_dialect dialect;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    p->dialect = context->dialect;
    DN_TRY(dn_section_int(section, "output", 1, 1, DN_FILTERS_MAX, &p->outputs, err));
    DN_TRY(dn_parse_activation(section, context, DN_LOGISTIC, &p->activation, err));
    DN_TRY(dn_section_flag(section, "batch_normalize", false, &p->batch_normalize, err));
    return dn_parse_stored(section, &p->stored, &p->stored_scales, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    const int64_t inputs = dn_shape_image(in), shape[] = {p->outputs, inputs};
    const dn_init zero = {DN_INIT_CONSTANT, 0.0F, 0.0F};
    const dn_init uniform = {DN_INIT_UNIFORM, 0.0F, (float)sqrt(2.0 / (double)inputs)};
    dn_shape out;
    DN_TRY(dn_shape_make(&out, in.n, p->outputs, 1, 1, err));
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_activation(plan, p->activation);
    DN_TRY(dn_layer_plan_slot(plan, "biases", 1, shape, p->stored, zero, err));
    DN_TRY(dn_layer_plan_slot(plan, "weights", 2, shape, p->stored, uniform, err));
    if (p->batch_normalize) DN_TRY(dn_layer_plan_batchnorm_slots(plan, p->outputs, p->stored_scales, err));
    DN_TRY(dn_layer_plan_fact(plan, "output", p->outputs, err));
    return dn_layer_plan_fact(plan, "batch_normalize", p->batch_normalize, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const int *slots = emit->slots;
    int y;
    DN_TRY(dn_emit_linear(emit, emit->input, slots[1], p->outputs, (dn_op_linear){false}, &y));
    dn_emit_show_delta(emit, y);
    if (p->batch_normalize) {
        const dn_op_batchnorm norm = dn_batchnorm_of(p->dialect);
        /* In training with biases apart: their delta is wanted whatever that of a batch norm's is. */
        DN_TRY(dn_emit_batchnorm(emit, y, slots[2], slots[3], slots[4], emit->training ? -1 : slots[0], norm, &y));
        if (emit->training) DN_TRY(dn_emit_bias(emit, y, slots[0], &y));
        dn_graph_builder *graph = emit->graph;
        if (graph->approximates) graph->rollings[graph->rolling_count - 1].momentum = 0.95F;
    } else {
        DN_TRY(dn_emit_bias(emit, y, slots[0], &y));
    }
    DN_TRY(dn_emit_activation(emit, y, p->activation, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_connected = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
