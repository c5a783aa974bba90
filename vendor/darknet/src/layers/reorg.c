/* reorg.c — trades rows and columns for channels, in the reference's own order.
 *
 * With s = stride, C' = C/s² and (C, H, W) the input's shape, the pairs
 *   a(k,j,i) = i + W·(j + H·k)                                            0 <= k < C, 0 <= j < H, 0 <= i < W
 *   b(k,j,i) = i·s + o mod s + W·s·(j·s + o div s + H·s·(k mod C'))        o = k div C'
 * number the same values in two ways:
 *   y[a] = x[b]            output (C·s², H/s, W/s)   — both index flat memory; this is not space-to-depth
 *   reverse: y[b] = x[a]   output (C/s², H·s, W·s)
 *
 * pjreddie also has flatten=1 (y[place, c] = x[c, place], shape as above) and extra=n (a flat copy followed by n zeros). */
#include <string.h>

#include "layers/common.h"

typedef struct params {
    int stride, extra;
    bool reverse, flatten;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    DN_TRY(dn_section_int(section, "stride", 1, 1, DN_SIZE_MAX, &p->stride, err));
    DN_TRY(dn_section_flag(section, "reverse", false, &p->reverse, err));
    if (context->dialect != DN_PJREDDIE) return DN_OK;
    DN_TRY(dn_section_flag(section, "flatten", false, &p->flatten, err));
    return dn_section_int(section, "extra", 0, 0, DN_FILTERS_MAX, &p->extra, err);
}

static dn_status facts(const params *p, dn_layer_plan *plan, dn_error *err) {
    DN_TRY(dn_layer_plan_fact(plan, "stride", p->stride, err));
    DN_TRY(dn_layer_plan_fact(plan, "reverse", p->reverse, err));
    DN_TRY(dn_layer_plan_fact(plan, "flatten", p->flatten, err));
    return dn_layer_plan_fact(plan, "extra", p->extra, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    const int64_t s = p->stride;
    dn_shape out;
    DN_TRY(dn_check_image(plan, err));
    if (p->extra && !p->flatten) {
        DN_TRY(dn_shape_make(&out, in.n, dn_shape_image(in) + p->extra, 1, 1, err));
        dn_layer_plan_set_flat(plan, true);
    } else if (in.c % (s * s) != 0 || (!p->reverse && (in.h % s != 0 || in.w % s != 0))) {
        dn_shape_fail(err, "channels divisible by stride², rows and columns by stride",
                      "%d channels, %d rows and %d columns cannot be reordered with stride %d: give a stride that "
                      "divides the sides, and whose square divides the channels",
                      in.c, in.h, in.w, p->stride);
        dn_error_found(err, "%dx%dx%d", in.c, in.h, in.w);
        dn_layer_plan_blame(plan, "stride", err);
        return DN_E_SHAPE;
    } else if (p->reverse) {
        DN_TRY(dn_shape_make(&out, in.n, in.c / (s * s), in.h * s, in.w * s, err));
    } else {
        DN_TRY(dn_shape_make(&out, in.n, in.c * s * s, in.h / s, in.w / s, err));
    }
    dn_layer_plan_set_output(plan, out);
    return facts(p, plan, err);
}

/* y += x of one image, whose channels become the fastest index or (back) the slowest again. */
static void add_flattened(dn_shape shape, bool back, const float *x, float *y) {
    const int64_t places = (int64_t)shape.h * shape.w;
    for (int64_t c = 0; c < shape.c; c++) {
        for (int64_t place = 0; place < places; place++) {
            const int64_t planar = c * places + place, interleaved = place * shape.c + c;
            y[back ? planar : interleaved] += x[back ? interleaved : planar];
        }
    }
}

static void flatten(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape;
    const int64_t image = dn_shape_image(in);
    memset(call->outputs[0].data, 0, (size_t)dn_shape_count(in) * sizeof(float));
    for (int64_t at = 0; at < in.n * image; at += image)
        add_flattened(in, p->reverse, call->inputs[0].data + at, call->outputs[0].data + at);
}

/* inputs: x, y, dy */
static void flatten_back(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape;
    const int64_t image = dn_shape_image(in);
    for (int64_t at = 0; call->outputs[0].data && at < in.n * image; at += image)
        add_flattened(in, !p->reverse, call->inputs[2].data + at, call->outputs[0].data + at);
}

static void append_zeros(const dn_host_call *call) {
    const size_t in = (size_t)dn_shape_image(call->inputs[0].shape);
    const size_t out = (size_t)dn_shape_image(call->outputs[0].shape);
    for (size_t n = 0; n < (size_t)call->inputs[0].shape.n; n++) {
        memcpy(call->outputs[0].data + n * out, call->inputs[0].data + n * in, in * sizeof(float));
        memset(call->outputs[0].data + n * out + in, 0, (out - in) * sizeof(float));
    }
}

/* inputs: x, y, dy */
static void append_zeros_back(const dn_host_call *call) {
    const size_t in = (size_t)dn_shape_image(call->inputs[0].shape);
    const size_t out = (size_t)dn_shape_image(call->inputs[2].shape), rows = (size_t)call->inputs[0].shape.n;
    for (size_t k = 0; call->outputs[0].data && k < rows * in; k++)
        call->outputs[0].data[k] += call->inputs[2].data[k / in * out + k % in];
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    int y;
    if (p->flatten || p->extra) {
        DN_TRY(dn_emit_host_trained(emit, p->flatten ? "flatten" : "append_zeros", p->flatten ? flatten : append_zeros,
                                    p->flatten ? flatten_back : append_zeros_back, p, &emit->input, 1,
                                    &emit->output_shape, 1, &y));
    } else {
        DN_TRY(dn_emit_reorg(emit, emit->input, emit->output_shape,
                             (dn_op_reorg){.stride = p->stride, .reverse = p->reverse}, &y));
    }
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_reorg = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
