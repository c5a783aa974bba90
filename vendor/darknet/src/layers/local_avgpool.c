/* local_avgpool.c — mean over a window.
 *
 *   y[c,i,j] = mean  x[c, i·stride_y − padding/2 + u, j·stride_x − padding/2 + v]     0 <= u, v < size
 *   cfg      stride (1), stride_x, stride_y (= stride), size (= stride), padding (= size − 1: both sides together)
 *   output   (h + padding − size) / stride + 1 rows; cells outside the image are left out of the mean
 *   flops    size² · channels · places of the output */
#include "layers/common.h"

typedef struct params {
    int size, stride_x, stride_y, padding;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    int stride;
    (void)context;
    DN_TRY(dn_section_int(section, "stride", 1, 1, DN_STRIDE_MAX, &stride, err));
    DN_TRY(dn_section_int(section, "stride_x", stride, 1, DN_STRIDE_MAX, &p->stride_x, err));
    DN_TRY(dn_section_int(section, "stride_y", stride, 1, DN_STRIDE_MAX, &p->stride_y, err));
    DN_TRY(dn_section_int(section, "size", stride, 1, DN_STRIDE_MAX, &p->size, err));
    return dn_section_int(section, "padding", p->size - 1, 0, DN_STRIDE_MAX, &p->padding, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    dn_shape out;
    DN_TRY(dn_check_image(plan, err));
    DN_TRY(dn_shape_make(&out, in.n, in.c, dn_window_places(in.h, p->padding, p->size, p->stride_y),
                         dn_window_places(in.w, p->padding, p->size, p->stride_x), err));
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_flops(plan, (double)p->size * p->size * in.c * out.h * out.w);
    DN_TRY(dn_layer_plan_fact(plan, "size", p->size, err));
    DN_TRY(dn_layer_plan_fact(plan, "stride_x", p->stride_x, err));
    DN_TRY(dn_layer_plan_fact(plan, "stride_y", p->stride_y, err));
    return dn_layer_plan_fact(plan, "padding", p->padding, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const dn_op_pool2d pool = {
        .average = true,
        .size = p->size,
        .stride_x = p->stride_x,
        .stride_y = p->stride_y,
        .pad_x = p->padding / 2,
        .pad_y = p->padding / 2,
    };
    int y;
    DN_TRY(dn_emit_pool2d(emit, emit->input, emit->output_shape, pool, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_local_avgpool = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
