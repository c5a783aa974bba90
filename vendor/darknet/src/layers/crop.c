/* crop.c — the middle of the image, from [0, 1] to [−1, 1]; when training, any part of it, flipped or not (flip=1).
 *
 *   y[c,i,j] = 2 · x[c, (h − crop_height)/2 + i, (w − crop_width)/2 + j] − 1     noadjust=1: x as it is
 *   output   (channels, crop_height, crop_width)
 *
 * angle, saturation, exposure and shift are facts for those who train. */
#include "layers/chance.h"
#include "layers/common.h"

typedef struct params {
    int crop_height, crop_width;
    bool flip, noadjust;
    float angle, saturation, exposure, shift;
    int layer;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    p->layer = context->index;
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

typedef struct window { /* of an image */
    int top, left;
    bool flip;
} window;

/* The middle without a clock. */
static window choose(const params *p, const dn_host_tensor *clock, int row, dn_shape in, dn_shape out) {
    if (!clock->data) return (window){(in.h - out.h) / 2, (in.w - out.w) / 2, false};
    dn_rng rng = dn_chance(clock, row, p->layer);
    const bool flip = dn_chance_below(&rng, 2) == 1;
    const int top = dn_chance_below(&rng, in.h - out.h + 1), left = dn_chance_below(&rng, in.w - out.w + 1);
    return (window){top, left, p->flip && flip};
}

/* Where the cell (i, j) of the output's plane lies in that of the input. */
static int64_t source(window part, dn_shape in, int i, int j) {
    const int64_t column = part.flip ? in.w - part.left - j - 1 : part.left + j;
    return ((int64_t)part.top + i) * in.w + column;
}

/* inputs: x, clock (-1: none) */
static void crop(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    const float scale = p->noadjust ? 1.0F : 2.0F, offset = p->noadjust ? 0.0F : -1.0F;
    float *y = call->outputs[0].data;
    for (int n = 0; n < in.n; n++) {
        const window part = choose(p, &call->inputs[1], n, in, out);
        for (int c = 0; c < in.c; c++) {
            const float *x = call->inputs[0].data + ((int64_t)n * in.c + c) * in.h * in.w;
            for (int k = 0; k < out.h * out.w; k++) *y++ = x[source(part, in, k / out.w, k % out.w)] * scale + offset;
        }
    }
}

/* inputs: x, clock, y, dy; outputs: dx, none */
static void crop_back(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->inputs[3].shape;
    const float scale = p->noadjust ? 1.0F : 2.0F, *dy = call->inputs[3].data;
    for (int n = 0; call->outputs[0].data && n < in.n; n++) {
        const window part = choose(p, &call->inputs[1], n, in, out);
        for (int c = 0; c < in.c; c++) {
            float *dx = call->outputs[0].data + ((int64_t)n * in.c + c) * in.h * in.w;
            for (int k = 0; k < out.h * out.w; k++) dx[source(part, in, k / out.w, k % out.w)] += *dy++ * scale;
        }
    }
}

static dn_status forward(const void *from, dn_emit *emit) {
    const int inputs[] = {emit->input, emit->training ? emit->clock : -1};
    int y;
    DN_TRY(dn_emit_host_trained(emit, "crop", crop, crop_back, from, inputs, 2, &emit->output_shape, 1, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_crop = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
