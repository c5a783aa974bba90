/* local.c — a convolution whose weights differ from place to place.
 *
 *   y[f,i,j] = act(b[f,i,j] + Σ_{c,u,v} w[i,j,f,c,u,v] · x[c, i·stride − padding + u, j·stride − padding + v])
 *   pad=1    padding = size/2, (h − 1) / stride + 1 rows;  pad=0: padding = 0, (h − size) / stride + 1 rows
 *   slots    biases (filters · places), weights (places, filters, channels, size, size)
 *   flops    0: darknet's tables leave these layers out
 *
 * pad=1 with sizes other than 3: the reference pads by one cell whatever the size, and so reads its table of windows
 * with the wrong row length. Here the window is centred, as the reference's count of places says. */
#include <math.h>
#include <string.h>

#include "layers/common.h"

typedef struct params {
    int filters, size, stride, padding;
    bool pad, stored;
    dn_activation activation;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    bool scales;
    DN_TRY(dn_section_int(section, "filters", 1, 1, DN_FILTERS_MAX, &p->filters, err));
    DN_TRY(dn_section_int(section, "size", 1, 1, DN_SIZE_MAX, &p->size, err));
    DN_TRY(dn_section_int(section, "stride", 1, 1, DN_STRIDE_MAX, &p->stride, err));
    DN_TRY(dn_section_flag(section, "pad", false, &p->pad, err));
    p->padding = p->pad ? p->size / 2 : 0;
    DN_TRY(dn_parse_activation(section, context, DN_LOGISTIC, &p->activation, err));
    return dn_parse_stored(section, &p->stored, &scales, err);
}

static dn_status places(const params *p, dn_shape in, dn_shape *out, dn_error *err) {
    const int64_t lost = p->pad ? 1 : p->size;
    const int64_t rows = in.h < lost ? 0 : (in.h - lost) / p->stride + 1;
    const int64_t columns = in.w < lost ? 0 : (in.w - lost) / p->stride + 1;
    return dn_shape_make(out, in.n, p->filters, rows, columns, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    dn_shape out;
    DN_TRY(dn_check_image(plan, err));
    DN_TRY(places(p, in, &out, err));
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_activation(plan, p->activation);
    const int64_t biases[] = {dn_shape_image(out)};
    const int64_t weights[] = {(int64_t)out.h * out.w, p->filters, in.c, p->size, p->size};
    const float scale = (float)sqrt(2.0 / ((double)p->size * p->size * in.c));
    DN_TRY(dn_layer_plan_slot(plan, "biases", 1, biases, p->stored, (dn_init){DN_INIT_CONSTANT, 0.0F, 0.0F}, err));
    DN_TRY(dn_layer_plan_slot(plan, "weights", 5, weights, p->stored, (dn_init){DN_INIT_UNIFORM, 0.0F, scale}, err));
    DN_TRY(dn_layer_plan_fact(plan, "filters", p->filters, err));
    DN_TRY(dn_layer_plan_fact(plan, "size", p->size, err));
    DN_TRY(dn_layer_plan_fact(plan, "stride", p->stride, err));
    DN_TRY(dn_layer_plan_fact(plan, "pad", p->pad, err));
    return dn_layer_plan_fact(plan, "padding", p->padding, err);
}

/* The cells of a window in the order of the weights; 0 outside the image. */
static void gather(const float *x, dn_shape in, int size, int top, int left, float *window) {
    for (int c = 0; c < in.c; c++, x += (int64_t)in.h * in.w) {
        for (int i = top; i < top + size; i++) {
            for (int j = left; j < left + size; j++) {
                const bool inside = i >= 0 && i < in.h && j >= 0 && j < in.w;
                *window++ = inside ? x[(int64_t)i * in.w + j] : 0.0F;
            }
        }
    }
}

/* Sixteen sums side by side: a single one would wait for itself. */
static float dot(const float *a, const float *b, int64_t count) {
    float sums[16] = {0.0F}, total = 0.0F;
    int64_t k = 0;
    for (; k + 16 <= count; k += 16) {
        for (int lane = 0; lane < 16; lane++) sums[lane] += a[k + lane] * b[k + lane];
    }
    for (; k < count; k++) total += a[k] * b[k];
    for (int lane = 0; lane < 16; lane++) total += sums[lane];
    return total;
}

static void correlate(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    const float *biases = call->inputs[2].data;
    float *const window = call->outputs[1].data;
    const int64_t cells = (int64_t)in.c * p->size * p->size, locations = (int64_t)out.h * out.w;
    for (int64_t n = 0; n < in.n; n++) {
        const float *const x = call->inputs[0].data + n * dn_shape_image(in);
        float *const y = call->outputs[0].data + n * dn_shape_image(out);
        for (int64_t place = 0; place < locations; place++) {
            const int i = (int)(place / out.w), j = (int)(place % out.w);
            const float *const w = call->inputs[1].data + place * p->filters * cells;
            gather(x, in, p->size, i * p->stride - p->padding, j * p->stride - p->padding, window);
            for (int64_t f = 0; f < p->filters; f++) {
                const int64_t k = f * locations + place;
                y[k] = biases[k] + dot(w + f * cells, window, cells);
            }
        }
    }
}

/* dx += what `gather` took from there. */
static void scatter(float *dx, dn_shape in, int size, int top, int left, const float *window) {
    for (int c = 0; c < in.c; c++, dx += (int64_t)in.h * in.w) {
        for (int i = top; i < top + size; i++) {
            for (int j = left; j < left + size; j++, window++) {
                if (i >= 0 && i < in.h && j >= 0 && j < in.w) dx[(int64_t)i * in.w + j] += *window;
            }
        }
    }
}

static void add_product(float *y, float factor, const float *x, int64_t count) {
    for (int64_t k = 0; y && k < count; k++) y[k] += factor * x[k];
}

/* One image at one place: all filters. `window` and its delta have room for the cells of one window each. */
static void back_place(const dn_host_call *call, int64_t n, int64_t place, float *window, float *delta) {
    const params *p = call->params;
    const dn_shape in = call->inputs[0].shape, out = call->inputs[3].shape;
    const int64_t cells = (int64_t)in.c * p->size * p->size, locations = (int64_t)out.h * out.w;
    const int top = (int)(place / out.w) * p->stride - p->padding, left = (int)(place % out.w) * p->stride - p->padding;
    const float *const dy = call->inputs[5].data + n * dn_shape_image(out);
    float *const dx = call->outputs[0].data, *const dw = call->outputs[1].data, *const db = call->outputs[2].data;
    gather(call->inputs[0].data + n * dn_shape_image(in), in, p->size, top, left, window);
    memset(delta, 0, (size_t)cells * sizeof(float));
    for (int64_t f = 0; f < p->filters; f++) {
        const int64_t k = f * locations + place, w = (place * p->filters + f) * cells;
        add_product(delta, dy[k], call->inputs[1].data + w, cells);
        if (dw) add_product(dw + w, dy[k], window, cells);
        if (db) db[k] += dy[k];
    }
    if (dx) scatter(dx + n * dn_shape_image(in), in, p->size, top, left, delta);
}

/* inputs: x, w, b, y, window, dy, its delta (none); outputs: dx, dw, db. */
static void correlate_back(const dn_host_call *call) {
    const dn_shape out = call->inputs[3].shape;
    const int64_t cells = dn_shape_image(call->inputs[4].shape) / 2;
    float *const window = call->inputs[4].data;
    for (int64_t n = 0; n < out.n; n++) {
        for (int64_t place = 0; place < (int64_t)out.h * out.w; place++) {
            back_place(call, n, place, window, window + cells);
        }
    }
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const int inputs[] = {emit->input, emit->slots[1], emit->slots[0]};
    const dn_shape in = dn_emit_shape(emit, emit->input);
    dn_shape shapes[] = {emit->output_shape, {0, 0, 0, 0}}; /* the second: two windows, to work in */
    int outputs[2], y;
    DN_TRY(dn_shape_make(&shapes[1], in.n, 2 * (int64_t)in.c * p->size * p->size, 1, 1, emit->err));
    DN_TRY(dn_emit_host_trained(emit, "local", correlate, correlate_back, p, inputs, 3, shapes, 2, outputs));
    dn_emit_show_delta(emit, outputs[0]);
    DN_TRY(dn_emit_activation(emit, outputs[0], p->activation, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_local = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
