/* crop.c — the middle of the image, from [0, 1] to [−1, 1].
 *
 *   y[c,i,j] = 2 · x[c, (h − crop_height)/2 + i, (w − crop_width)/2 + j] − 1     noadjust=1: x as it is
 *   output   (channels, crop_height, crop_width)
 *
 * flip, angle, saturation, exposure and shift change training images only; they are facts for those who train. */
#include "layers/common.h"

typedef struct params {
    int crop_height, crop_width;
    bool flip, noadjust;
    float angle, saturation, exposure, shift;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    (void)context;
    DN_TRY(dn_section_int(section, "crop_height", 1, 1, DN_STRIDE_MAX, &p->crop_height, err));
    DN_TRY(dn_section_int(section, "crop_width", 1, 1, DN_STRIDE_MAX, &p->crop_width, err));
    DN_TRY(dn_section_flag(section, "flip", false, &p->flip, err));
    DN_TRY(dn_section_float(section, "angle", 0.0F, -1e30F, 1e30F, &p->angle, err));
    DN_TRY(dn_section_float(section, "saturation", 1.0F, -1e30F, 1e30F, &p->saturation, err));
    DN_TRY(dn_section_float(section, "exposure", 1.0F, -1e30F, 1e30F, &p->exposure, err));
    DN_TRY(dn_section_flag(section, "noadjust", false, &p->noadjust, err));
    return dn_section_float(section, "shift", 0.0F, -1e30F, 1e30F, &p->shift, err);
}

static dn_status facts(const params *p, dn_layer_plan *plan, dn_error *err) {
    DN_TRY(dn_layer_plan_fact(plan, "crop_height", p->crop_height, err));
    DN_TRY(dn_layer_plan_fact(plan, "crop_width", p->crop_width, err));
    DN_TRY(dn_layer_plan_fact(plan, "flip", p->flip, err));
    DN_TRY(dn_layer_plan_fact(plan, "angle", (double)p->angle, err));
    DN_TRY(dn_layer_plan_fact(plan, "saturation", (double)p->saturation, err));
    DN_TRY(dn_layer_plan_fact(plan, "exposure", (double)p->exposure, err));
    DN_TRY(dn_layer_plan_fact(plan, "noadjust", p->noadjust, err));
    return dn_layer_plan_fact(plan, "shift", (double)p->shift, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    dn_shape out;
    DN_TRY(dn_check_image(plan, err));
    if (p->crop_height > in.h || p->crop_width > in.w) {
        dn_shape_fail(err, "at most the input's rows and columns",
                      "crop_height=%d and crop_width=%d do not fit into %d rows and %d columns: crop less, or enlarge "
                      "height= and width= of [net]",
                      p->crop_height, p->crop_width, in.h, in.w);
        dn_error_found(err, "%d rows, %d columns", in.h, in.w);
        dn_layer_plan_blame(plan, p->crop_height > in.h ? "crop_height" : "crop_width", err);
        return DN_E_SHAPE;
    }
    DN_TRY(dn_shape_make(&out, in.n, in.c, p->crop_height, p->crop_width, err));
    dn_layer_plan_set_output(plan, out);
    return facts(p, plan, err);
}

static void crop(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    const int64_t top = (in.h - out.h) / 2, left = (in.w - out.w) / 2;
    const float scale = p->noadjust ? 1.0F : 2.0F, offset = p->noadjust ? 0.0F : -1.0F;
    float *y = call->outputs[0].data;
    for (int64_t plane = 0; plane < (int64_t)in.n * in.c; plane++) {
        for (int64_t i = 0; i < out.h; i++) {
            const float *x = call->inputs[0].data + (plane * in.h + top + i) * in.w + left;
            for (int64_t j = 0; j < out.w; j++) *y++ = x[j] * scale + offset;
        }
    }
}

static dn_status forward(const void *from, dn_emit *emit) {
    int y;
    DN_TRY(dn_emit_host(emit, "crop", crop, from, &emit->input, 1, &emit->output_shape, 1, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_crop = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
