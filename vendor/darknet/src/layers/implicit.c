/* implicit.c — values that are learnt and read no input (YOLOR).
 *
 *   y[n,f,a] = w[f,a]         output (filters, atoms, 1)
 *   cfg      filters (128), atoms (1), mean (0) and std (0.2) of the start values: mean ± std, uniform
 *   slots    weights (filters, atoms) */
#include <string.h>

#include "layers/common.h"

typedef struct params {
    int filters, atoms;
    float mean, std;
    bool stored;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    bool scales;
    (void)context;
    DN_TRY(dn_section_float(section, "mean", 0.0F, -1e30F, 1e30F, &p->mean, err));
    DN_TRY(dn_section_float(section, "std", 0.2F, 0.0F, 1e30F, &p->std, err));
    DN_TRY(dn_section_int(section, "filters", 128, 1, DN_FILTERS_MAX, &p->filters, err));
    DN_TRY(dn_section_int(section, "atoms", 1, 1, DN_FILTERS_MAX, &p->atoms, err));
    return dn_parse_stored(section, &p->stored, &scales, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const int n = dn_layer_plan_input(plan).n;
    const int64_t shape[] = {p->filters, p->atoms};
    dn_shape out;
    DN_TRY(dn_shape_make(&out, n, p->filters, p->atoms, 1, err));
    dn_layer_plan_set_input(plan, (dn_shape){n, 1, 1, 1});
    dn_layer_plan_set_output(plan, out);
    DN_TRY(dn_layer_plan_slot(plan, "weights", 2, shape, p->stored, (dn_init){DN_INIT_UNIFORM, p->mean, p->std}, err));
    DN_TRY(dn_layer_plan_fact(plan, "filters", p->filters, err));
    DN_TRY(dn_layer_plan_fact(plan, "atoms", p->atoms, err));
    DN_TRY(dn_layer_plan_fact(plan, "mean", (double)p->mean, err));
    return dn_layer_plan_fact(plan, "std", (double)p->std, err);
}

static void repeat(const dn_host_call *call) {
    const dn_shape shape = call->outputs[0].shape;
    const size_t image = (size_t)dn_shape_image(shape);
    for (size_t n = 0; n < (size_t)shape.n; n++) {
        memcpy(call->outputs[0].data + n * image, call->inputs[0].data, image * sizeof(float));
    }
}

/* dw = Σ_n dy; inputs: w, y, dy. */
static void sum_images(const dn_host_call *call) {
    const dn_shape shape = call->inputs[2].shape;
    const size_t image = (size_t)dn_shape_image(shape);
    float *const dw = call->outputs[0].data;
    for (size_t k = 0; dw && k < (size_t)shape.n * image; k++) dw[k % image] += call->inputs[2].data[k];
}

static dn_status forward(const void *from, dn_emit *emit) {
    int y;
    DN_TRY(
        dn_emit_host_trained(emit, "implicit", repeat, sum_images, from, emit->slots, 1, &emit->output_shape, 1, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_implicit = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
