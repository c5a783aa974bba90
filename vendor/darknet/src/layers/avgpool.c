/* avgpool.c — y[c] = mean over rows and columns of x[c]; output (c, 1, 1). */
#include "layers/common.h"

typedef struct params {
    char unused;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    (void)section, (void)context, (void)into, (void)err;
    return DN_OK;
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    (void)into;
    const dn_shape in = dn_layer_plan_input(plan);
    DN_TRY(dn_check_image(plan, err));
    dn_layer_plan_set_output(plan, (dn_shape){in.n, in.c, 1, 1});
    return DN_OK;
}

static dn_status forward(const void *from, dn_emit *emit) {
    (void)from;
    int y;
    DN_TRY(dn_emit_pool_global(emit, emit->input, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_avgpool = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
