/* shortcut.c — adds earlier layers to the input.
 *
 *   y = f(a_0 · x_0 + a_1 · x_1 + …)     x_0 the input of this layer, x_1 … the layers of `from`; y has x_0's shape
 *   a_k      1; or trained weights: one a layer (per_feature), one a layer and channel (per_channel), normalised by
 *            nothing, by relu or by softmax (op.h, dn_op_add)
 *   slots    weighted: weights (1 + layers) or (1 + layers, channels)
 *   flops    layers · values, twice that when weighted
 *
 * Channels that only one side has are copied from x_0 or left out. Rows and columns must be equal in alexeyab. In
 * pjreddie they may differ, and alpha= and beta= scale x_0 and x_1 where they meet:
 *   y[c, i·t, j·t] = alpha · x_0[c, i·t, j·t] + beta · x_1[c, i·s, j·s]
 * with s and t the widths of x_1 over x_0 and of x_0 over x_1, cut to whole numbers, 1 at least; heights must agree.
 * Backward by the chain rule: where the two do not meet, x_0 gets the delta as it is. */
#include <string.h>

#include "layers/common.h"

typedef struct params {
    const int *from; /* as written, then absolute */
    int count;
    dn_op_add op;
    float alpha, beta;
    dn_activation activation;
    dn_dialect dialect;
    bool stored, scaled;
} params;

static dn_status parse_weights(dn_section *section, params *p, dn_error *err) {
    static const char *const types[] = {"none", "per_feature", "per_layer", "per_channel", NULL};
    static const char *const normalizations[] = {"none", "relu", "avg_relu", "softmax", NULL};
    static const dn_add_weights weights[] = {DN_ADD_PLAIN, DN_ADD_PER_FEATURE, DN_ADD_PER_FEATURE, DN_ADD_PER_CHANNEL};
    static const dn_add_normalization rules[] = {DN_ADD_RAW, DN_ADD_RELU, DN_ADD_RELU, DN_ADD_SOFTMAX};
    int type, normalization;
    bool scales;
    DN_TRY(dn_section_choice(section, "weights_type", types, 0, &type, err));
    DN_TRY(dn_section_choice(section, "weights_normalization", normalizations, 0, &normalization, err));
    p->op.weights = weights[type];
    p->op.normalization = rules[normalization];
    return dn_parse_stored(section, &p->stored, &scales, err);
}

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    p->dialect = context->dialect;
    p->alpha = p->beta = 1.0F;
    DN_TRY(dn_section_ints(section, "from", INT32_MIN, INT32_MAX, &p->from, &p->count, err));
    if (p->count < 1 || p->count > DN_REFERENCES_MAX) {
        return dn_section_fail(section, "from", err, "1 to 4096 layers",
                               "names %d layers: give from= 1 to 4096, such as from=-3", p->count);
    }
    p->op.terms = p->count + 1;
    DN_TRY(dn_parse_activation(section, context, DN_LINEAR, &p->activation, err));
    DN_TRY(parse_weights(section, p, err));
    if (p->dialect != DN_PJREDDIE) return DN_OK;
    DN_TRY(dn_section_float(section, "alpha", 1.0F, -1e30F, 1e30F, &p->alpha, err));
    DN_TRY(dn_section_float(section, "beta", 1.0F, -1e30F, 1e30F, &p->beta, err));
    p->scaled = p->alpha != 1.0F || p->beta != 1.0F;
    if (!p->scaled || (p->count == 1 && p->op.weights == DN_ADD_PLAIN)) return DN_OK;
    return dn_fail(err, DN_E_UNSUPPORTED, "alpha= and beta= need a single layer in from= and no weights_type=");
}

/* The ratios of widths and of heights, as whole numbers, are the same. */
static bool alike(dn_shape a, dn_shape b) { return a.w / b.w == a.h / b.h && b.w / a.w == b.h / a.h; }

static dn_status check_sides(params *p, const dn_layer_plan *plan, dn_error *err) {
    const dn_shape in = dn_layer_plan_input(plan);
    const bool may_differ = p->dialect == DN_PJREDDIE && p->count == 1 && p->op.weights == DN_ADD_PLAIN;
    for (int k = 0; k < p->count; k++) {
        const dn_shape from = dn_layer_plan_output_of(plan, p->from[k]);
        if (from.h == in.h && from.w == in.w) continue;
        p->op.sampled = may_differ && alike(from, in);
        if (p->op.sampled) continue;
        const bool overlap = alike(from, in) && !dn_layer_plan_input_flat(plan);
        dn_shape_fail(err, "layers of equal rows and columns",
                      "the input is %dx%dx%d and layer %d is %dx%dx%d (c x h x w): from= must name a layer of the "
                      "input's rows and columns%s",
                      in.c, in.h, in.w, p->from[k], from.c, from.h, from.w,
                      p->dialect == DN_ALEXEYAB && overlap ? " (dialect pjreddie adds what overlaps)" : "");
        dn_layer_plan_blame(plan, "from", err);
        dn_error_found(err, "%dx%d and %dx%d", in.h, in.w, from.h, from.w);
        return DN_E_SHAPE;
    }
    return DN_OK;
}

static dn_status facts(const params *p, dn_layer_plan *plan, dn_error *err) {
    static const char *const types[] = {"none", "per_feature", "per_channel"};
    static const char *const normalizations[] = {"none", "relu", "softmax"};
    DN_TRY(dn_layer_plan_fact_ints(plan, "from", p->from, p->count, err));
    DN_TRY(dn_layer_plan_fact_text(plan, "weights_type", types[p->op.weights], err));
    DN_TRY(dn_layer_plan_fact_text(plan, "weights_normalization", normalizations[p->op.normalization], err));
    DN_TRY(dn_layer_plan_fact(plan, "alpha", (double)p->alpha, err));
    return dn_layer_plan_fact(plan, "beta", (double)p->beta, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    DN_TRY(dn_layer_plan_resolve_list(plan, "from", p->from, p->count, &p->from, err));
    DN_TRY(check_sides(p, plan, err));
    const bool weighted = p->op.weights != DN_ADD_PLAIN;
    dn_layer_plan_set_output(plan, in);
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    dn_layer_plan_set_activation(plan, p->activation);
    dn_layer_plan_set_flops(plan, (weighted ? 2.0 : 1.0) * (double)dn_shape_image(in) * p->count);
    if (weighted) {
        const int64_t shape[] = {p->op.terms, in.c};
        const dn_init one = {DN_INIT_CONSTANT, 1.0F, 0.0F};
        const int dimensions = p->op.weights == DN_ADD_PER_CHANNEL ? 2 : 1;
        DN_TRY(dn_layer_plan_slot(plan, "weights", dimensions, shape, p->stored, one, err));
    }
    return facts(p, plan, err);
}

/* Where the input and the layer of `from` meet: cells (i·t, j·t) of the one and (i·s, j·s) of the other. */
typedef struct meeting {
    int s, t, channels, rows, columns;
} meeting;

static meeting meeting_of(dn_shape out, dn_shape in) {
    return (meeting){.s = in.w / out.w > 0 ? in.w / out.w : 1,
                     .t = out.w / in.w > 0 ? out.w / in.w : 1,
                     .channels = in.c < out.c ? in.c : out.c,
                     .rows = in.h < out.h ? in.h : out.h,
                     .columns = in.w < out.w ? in.w : out.w};
}

/* One image of y = x, then the sum where `add` and x meet. */
static void add_image(const params *p, float *y, dn_shape out, const float *add, dn_shape in) {
    const meeting m = meeting_of(out, in);
    for (int c = 0; c < m.channels; c++) {
        for (int i = 0; i < m.rows; i++) {
            float *to = y + ((int64_t)c * out.h + (int64_t)i * m.t) * out.w;
            const float *term = add + ((int64_t)c * in.h + (int64_t)i * m.s) * in.w;
            for (int j = 0; j < m.columns; j++) to[j * m.t] = p->alpha * to[j * m.t] + p->beta * term[j * m.s];
        }
    }
}

static void add_scaled(const dn_host_call *call) {
    const dn_shape out = call->outputs[0].shape, in = call->inputs[1].shape;
    const size_t image = (size_t)dn_shape_image(out), other = (size_t)dn_shape_image(in);
    memcpy(call->outputs[0].data, call->inputs[0].data, (size_t)out.n * image * sizeof(float));
    for (size_t n = 0; n < (size_t)out.n; n++) {
        add_image(call->params, call->outputs[0].data + n * image, out, call->inputs[1].data + n * other, in);
    }
}

/* One image of dx_0 += dy, alpha · dy where the two meet, and of dx_1 += beta · dy there; NULL where nobody wants it. */
static void back_image(const params *p, const float *dy, dn_shape out, float *dx, float *other, dn_shape in) {
    const meeting m = meeting_of(out, in);
    for (int64_t k = 0; k < dn_shape_image(out); k++) {
        const int64_t j = k % out.w, i = k / out.w % out.h, c = k / out.w / out.h;
        const bool meets = c < m.channels && i % m.t == 0 && i / m.t < m.rows && j % m.t == 0 && j / m.t < m.columns;
        if (dx) dx[k] += meets ? p->alpha * dy[k] : dy[k];
        if (other && meets) other[(c * in.h + i / m.t * m.s) * in.w + j / m.t * m.s] += p->beta * dy[k];
    }
}

/* inputs: x_0, x_1, y, dy; outputs: dx_0, dx_1. */
static void add_scaled_back(const dn_host_call *call) {
    const dn_shape out = call->inputs[3].shape, in = call->inputs[1].shape;
    const size_t image = (size_t)dn_shape_image(out), other = (size_t)dn_shape_image(in);
    float *const dx = call->outputs[0].data, *const dx_other = call->outputs[1].data;
    for (size_t n = 0; n < (size_t)out.n; n++) {
        back_image(call->params, call->inputs[3].data + n * image, out, dx ? dx + n * image : NULL,
                   dx_other ? dx_other + n * other : NULL, in);
    }
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const bool weighted = p->op.weights != DN_ADD_PLAIN;
    void *list;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &list, (size_t)p->count + 1, sizeof(int), emit->err));
    int *const xs = list;
    xs[0] = emit->input;
    for (int k = 0; k < p->count; k++) xs[k + 1] = emit->layer_outputs[p->from[k]];
    int y;
    if (p->scaled) {
        DN_TRY(dn_emit_host_trained(emit, "add_scaled", add_scaled, add_scaled_back, p, xs, 2, &emit->output_shape, 1,
                                    &y));
    } else {
        DN_TRY(dn_emit_add(emit, xs, weighted ? emit->slots[0] : -1, p->op, &y));
    }
    dn_emit_show_delta(emit, y);
    DN_TRY(dn_emit_activation(emit, y, p->activation, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_shortcut = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
