/* reorg3d.c — space to depth: every stride × stride block of cells becomes channels.
 *
 *   y[(u·stride + v)·C + c, i, j] = x[c, i·stride + u, j·stride + v]      0 <= u, v < stride, 0 <= c < C
 *   output   (C·stride², h/stride, w/stride)
 *   reverse  the way back: output (C/stride², h·stride, w·stride)
 *
 * The reference's reverse=1 reorders memory by other sides than the input's and gives no inverse; no published
 * network uses it. */
#include <string.h>

#include "layers/common.h"

typedef struct params {
    int stride;
    bool reverse;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    (void)context;
    DN_TRY(dn_section_int(section, "stride", 1, 1, DN_SIZE_MAX, &p->stride, err));
    return dn_section_flag(section, "reverse", false, &p->reverse, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    const int64_t s = p->stride;
    dn_shape out;
    DN_TRY(dn_check_image(plan, err));
    if (p->reverse ? in.c % (s * s) != 0 : in.h % s != 0 || in.w % s != 0) {
        dn_shape_fail(err, p->reverse ? "channels divisible by stride²" : "rows and columns divisible by stride",
                      "%d channels, %d rows and %d columns cannot be reordered with stride %d: give a stride %s", in.c,
                      in.h, in.w, p->stride,
                      p->reverse ? "whose square divides the channels" : "that divides the sides");
        dn_error_found(err, "%dx%dx%d", in.c, in.h, in.w);
        dn_layer_plan_blame(plan, "stride", err);
        return DN_E_SHAPE;
    }
    if (p->reverse) {
        DN_TRY(dn_shape_make(&out, in.n, in.c / (s * s), in.h * s, in.w * s, err));
    } else {
        DN_TRY(dn_shape_make(&out, in.n, in.c * s * s, in.h / s, in.w / s, err));
    }
    dn_layer_plan_set_output(plan, out);
    DN_TRY(dn_layer_plan_fact(plan, "stride", p->stride, err));
    return dn_layer_plan_fact(plan, "reverse", p->reverse, err);
}

/* y += x, from the side with more channels to the other one or back. Walks the deep side in its order; `large` is where
 * the same cell lies on the other side. */
static void add_reordered(const params *p, dn_shape deep, bool from_deep, const float *x, float *y) {
    const int64_t s = p->stride, channels = deep.c / (s * s), width = deep.w * s;
    for (int64_t n = 0, at = 0; n < deep.n; n++) {
        for (int64_t k = 0; k < deep.c; k++) {
            const int64_t u = k / channels / s, v = k / channels % s;
            for (int64_t i = 0; i < deep.h; i++) {
                const int64_t row = (n * channels + k % channels) * deep.h * s + i * s + u;
                for (int64_t j = 0; j < deep.w; j++, at++) {
                    const int64_t large = row * width + j * s + v;
                    y[from_deep ? large : at] += x[from_deep ? at : large];
                }
            }
        }
    }
}

static void reorder(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    memset(call->outputs[0].data, 0, (size_t)dn_shape_count(out) * sizeof(float));
    add_reordered(p, p->reverse ? in : out, p->reverse, call->inputs[0].data, call->outputs[0].data);
}

/* inputs: x, y, dy */
static void reorder_back(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->inputs[2].shape;
    if (!call->outputs[0].data) return;
    add_reordered(p, p->reverse ? in : out, !p->reverse, call->inputs[2].data, call->outputs[0].data);
}

static dn_status forward(const void *from, dn_emit *emit) {
    int y;
    DN_TRY(dn_emit_host_trained(emit, "reorg3d", reorder, reorder_back, from, &emit->input, 1, &emit->output_shape, 1,
                                &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_reorg3d = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
