/* excitation.c — assisted_excitation= of [convolutional] (arXiv:1906.05388): in training, an output of the layer is raised
 * where the boxes of the image's truth are.
 *
 *   y[n,c,i,j] = x[n,c,i,j] + a · g[n,i,j] · mean over c of x[n,c,i,j]        g: 1 in cells that a box covers, else 0
 *
 *   assisted_excitation = 1    a = (1 + cos(π · t / max_batches)) / 2           t ≤ max_batches / 2, t: the iteration
 *   assisted_excitation = T    a = (1 + cos(π · t / (burn_in + T))) / 2         burn_in ≤ t ≤ T, and 0 otherwise
 *
 * The reference's CPU code has a = 1 + cos(π · t / max_batches), or t / T while t ≤ T. Both its programs cover one column
 * more on the right of a box. Deltas go back as they are: what a box adds counts as a constant. */
#include "layers/excitation.h"

#include <math.h>
#include <string.h>

#include "layers/truth.h"

#define PI 3.14159265358979323846

enum { X, TRUTH, CLOCK, INPUTS };

/* ---- how much ---- */

static double cosine(uint64_t iteration, int64_t end) {
    return end > 0 ? 1.0 + cos(PI * (double)iteration / (double)end) : 0.0;
}

static double strength(const dn_excitation *how, uint64_t iteration) {
    const int64_t now = (int64_t)iteration;
    if (how->until == 1) return now > how->max_batches / 2 ? 0.0 : cosine(iteration, how->max_batches) / 2.0;
    if (now < how->burn_in || now > how->until) return 0.0;
    return cosine(iteration, (int64_t)how->burn_in + how->until) / 2.0;
}

static double strength_as_cpu_code(const dn_excitation *how, uint64_t iteration) {
    if (how->until <= 1) return cosine(iteration, how->max_batches);
    return (int64_t)iteration > how->until ? 0.0 : cosine(iteration, how->until);
}

/* ---- where ---- */

static int inside(float place, int cells) {
    if (!(place > 0.0F)) return 0;
    return place < (float)cells ? (int)place : cells;
}

static void cover(const dn_box *box, dn_shape shape, float *mask) {
    const float columns = (float)shape.w, rows = (float)shape.h;
    const int left = inside(floorf((box->x - box->w / 2) * columns), shape.w);
    const int right = inside(ceilf((box->x + box->w / 2) * columns) + 1.0F, shape.w);
    const int top = inside(floorf((box->y - box->h / 2) * rows), shape.h);
    const int bottom = inside(ceilf((box->y + box->h / 2) * rows), shape.h);
    for (int i = top; i < bottom; i++) {
        for (int j = left; j < right; j++) mask[(int64_t)i * shape.w + j] = 1.0F;
    }
}

/* Boxes of any class, as far as the list goes. */
static void cover_boxes(const dn_host_tensor *truth, int image, dn_shape shape, float *mask) {
    const size_t values = (size_t)dn_shape_image(truth->shape);
    const float *const first = (const float *)truth->data + (size_t)image * values;
    dn_truth_rows rows = {
        .next = first, .end = first + values, .size = truth->shape.h, .class_at = 4, .classes = INT32_MAX};
    dn_truth found;
    while (dn_truth_next(&rows, &found)) cover(&found.box, shape, mask);
}

/* ---- all of it ---- */

static void raise_image(const float *x, float *y, const float *mask, dn_shape shape, double a) {
    const int64_t plane = (int64_t)shape.h * shape.w;
    for (int64_t k = 0; k < plane; k++) {
        if (mask[k] == 0.0F) continue;
        double sum = 0.0;
        for (int c = 0; c < shape.c; c++) sum += (double)x[c * plane + k];
        const float more = (float)(a * sum / shape.c);
        for (int c = 0; c < shape.c; c++) y[c * plane + k] += more;
    }
}

/* outputs: y, mask */
static void excite_by(const dn_host_call *call, double a) {
    const dn_shape shape = call->inputs[X].shape;
    const size_t values = (size_t)dn_shape_image(shape), plane = (size_t)shape.h * (size_t)shape.w;
    const float *const x = call->inputs[X].data;
    float *const y = call->outputs[0].data, *const mask = call->outputs[1].data;
    const bool boxes = call->inputs[TRUTH].shape.h > 1;
    memcpy(y, x, (size_t)shape.n * values * sizeof *y);
    if (a == 0.0 || !boxes) return;
    memset(mask, 0, (size_t)shape.n * plane * sizeof *mask);
    for (int n = 0; n < shape.n; n++) {
        const size_t image = (size_t)n * values;
        cover_boxes(&call->inputs[TRUTH], n, shape, mask + (size_t)n * plane);
        raise_image(x + image, y + image, mask + (size_t)n * plane, shape, a);
    }
}

static void excite(const dn_host_call *call) {
    excite_by(call, strength(call->params, dn_clock(&call->inputs[CLOCK], 0, DN_CLOCK_ITERATION)));
}

static void excite_as_cpu_code(const dn_host_call *call) {
    excite_by(call, strength_as_cpu_code(call->params, dn_clock(&call->inputs[CLOCK], 0, DN_CLOCK_ITERATION)));
}

/* inputs: those of forward, y, mask, dy, none */
static void excite_back(const dn_host_call *call) {
    const float *const dy = call->inputs[INPUTS + 2].data;
    float *const dx = call->outputs[X].data;
    const int64_t count = dn_shape_count(call->inputs[X].shape);
    for (int64_t i = 0; dx && dy && i < count; i++) dx[i] += dy[i];
}

dn_status dn_emit_excitation(dn_emit *emit, int x, const dn_excitation *how, int *out) {
    const int inputs[INPUTS] = {x, emit->truth, emit->clock};
    const dn_shape shape = dn_emit_shape(emit, x), mask = {shape.n, 1, shape.h, shape.w}, shapes[] = {shape, mask};
    const dn_host_fn function = emit->graph->approximates ? excite_as_cpu_code : excite;
    int outputs[2];
    DN_TRY(dn_emit_host_trained(emit, "excitation", function, excite_back, how, inputs, INPUTS, shapes, 2, outputs));
    *out = outputs[0];
    return DN_OK;
}
