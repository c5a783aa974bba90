/* maxpool.c — maximum over a window, or over channels.
 *
 *   y[c,i,j] = max  x[c, i·stride_y − padding/2 + u, j·stride_x − padding/2 + v]     0 <= u, v < size
 *   maxpool_depth:  y[k,i,j] = max over the channels c with c mod out_channels = k
 *   cfg      stride (1), size (= stride), padding (= size − 1: both sides together)
 *   output   (h + padding − size) / stride + 1 rows
 *   flops    size² · channels · places of the output
 *
 * antialiasing=1 or 2 takes the maximum with stride 1, then blurs with the stride (blur.h). */
#include "layers/blur.h"
#include "layers/common.h"

typedef struct params {
    int size, stride_x, stride_y, padding, out_channels, antialiasing;
    bool depth;
    dn_blur blur;
    dn_shape pooled; /* before the blur */
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    int stride;
    (void)context;
    DN_TRY(dn_section_int(section, "stride", 1, 1, DN_STRIDE_MAX, &stride, err));
    DN_TRY(dn_section_int(section, "stride_x", stride, 1, DN_STRIDE_MAX, &p->stride_x, err));
    DN_TRY(dn_section_int(section, "stride_y", stride, 1, DN_STRIDE_MAX, &p->stride_y, err));
    DN_TRY(dn_section_int(section, "size", stride, 1, DN_STRIDE_MAX, &p->size, err));
    DN_TRY(dn_section_int(section, "padding", p->size - 1, 0, DN_STRIDE_MAX, &p->padding, err));
    DN_TRY(dn_section_flag(section, "maxpool_depth", false, &p->depth, err));
    DN_TRY(dn_section_int(section, "out_channels", 1, 1, DN_FILTERS_MAX, &p->out_channels, err));
    DN_TRY(dn_section_int(section, "antialiasing", 0, 0, 2, &p->antialiasing, err));
    DN_TRY(dn_parse_refuse(section, "maxpool_zero_nonmax", err));
    p->blur = dn_blur_make(p->antialiasing, p->stride_x, p->stride_y);
    if (p->antialiasing) p->stride_x = p->stride_y = 1;
    return DN_OK;
}

static dn_status facts(const params *p, dn_layer_plan *plan, dn_error *err) {
    DN_TRY(dn_layer_plan_fact(plan, "size", p->size, err));
    DN_TRY(dn_layer_plan_fact(plan, "stride_x", p->blur.stride_x, err));
    DN_TRY(dn_layer_plan_fact(plan, "stride_y", p->blur.stride_y, err));
    DN_TRY(dn_layer_plan_fact(plan, "padding", p->padding, err));
    DN_TRY(dn_layer_plan_fact(plan, "maxpool_depth", p->depth, err));
    DN_TRY(dn_layer_plan_fact(plan, "out_channels", p->out_channels, err));
    return dn_layer_plan_fact(plan, "antialiasing", p->antialiasing, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    DN_TRY(dn_check_image(plan, err));
    if (p->depth && p->out_channels > in.c) {
        dn_shape_fail(err, "out_channels of at most the input's channels",
                      "out_channels=%d of %d channels: give at most as many as there are", p->out_channels, in.c);
        dn_layer_plan_blame(plan, "out_channels", err);
        return DN_E_SHAPE;
    }
    if (p->depth) {
        DN_TRY(dn_shape_make(&p->pooled, in.n, p->out_channels, in.h, in.w, err));
    } else {
        DN_TRY(dn_shape_make(&p->pooled, in.n, in.c, dn_window_places(in.h, p->padding, p->size, p->stride_y),
                             dn_window_places(in.w, p->padding, p->size, p->stride_x), err));
    }
    dn_shape out = p->pooled;
    if (p->antialiasing) DN_TRY(dn_blur_shape(&p->blur, p->pooled, &out, err));
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_flops(plan, (double)p->size * p->size * in.c * p->pooled.h * p->pooled.w);
    return facts(p, plan, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    int y;
    if (p->depth) {
        DN_TRY(dn_emit_pool_depth(emit, emit->input, p->out_channels, &y));
    } else {
        const dn_op_pool2d pool = {
            .size = p->size,
            .stride_x = p->stride_x,
            .stride_y = p->stride_y,
            .pad_x = p->padding / 2,
            .pad_y = p->padding / 2,
        };
        DN_TRY(dn_emit_pool2d(emit, emit->input, p->pooled, pool, &y));
    }
    if (p->antialiasing) DN_TRY(dn_emit_blur(emit, y, &p->blur, emit->output_shape, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_maxpool = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
