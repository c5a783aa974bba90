/* upsample.c — repeats every value stride × stride times, or (negative stride) adds up stride × stride values.
 *
 *   y[c,i,j] = scale · x[c, i/stride, j/stride]
 *   stride < 0:  y[c,i,j] = scale · Σ x[c, i·|stride| + u, j·|stride| + v]     0 <= u, v < |stride| */
#include "layers/common.h"

typedef struct params {
    dn_op_upsample op;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    int stride;
    (void)context;
    DN_TRY(dn_section_int(section, "stride", 2, -DN_SIZE_MAX, DN_SIZE_MAX, &stride, err));
    DN_TRY(dn_section_float(section, "scale", 1.0F, -1e30F, 1e30F, &p->op.scale, err));
    if (stride == 0)
        return dn_section_fail(section, "stride", err, "a number other than 0",
                               "leaves no output: give another number, such as 2");
    p->op.reverse = stride < 0;
    p->op.stride = stride < 0 ? -stride : stride;
    return DN_OK;
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    const int64_t s = p->op.stride;
    dn_shape out;
    DN_TRY(dn_check_image(plan, err));
    if (p->op.reverse)
        DN_TRY(dn_shape_make(&out, in.n, in.c, in.h / s, in.w / s, err));
    else
        DN_TRY(dn_shape_make(&out, in.n, in.c, in.h * s, in.w * s, err));
    dn_layer_plan_set_output(plan, out);
    DN_TRY(dn_layer_plan_fact(plan, "stride", p->op.reverse ? -p->op.stride : p->op.stride, err));
    return dn_layer_plan_fact(plan, "scale", (double)p->op.scale, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    int y;
    DN_TRY(dn_emit_upsample(emit, emit->input, emit->output_shape, p->op, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_upsample = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
