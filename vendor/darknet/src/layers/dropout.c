/* dropout.c — drops values at random when training; otherwise passes its input on.
 *
 *   y = 0 with the given probability, else x / (1 − probability)
 *   dropblock=1: in an image's channel, a block of cells; what stays is divided by the part of the image's values that
 *   stays. Probability and block grow with the iteration, up to 0.85 · max_batches of [net]: a cell starts a block with
 *   probability / block², at most one block a channel. */
#include <math.h>

#include "layers/chance.h"
#include "layers/common.h"

typedef struct params {
    float probability, size_rel;
    bool dropblock;
    int size_abs, layer, max_batches;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    p->layer = context->index;
    p->max_batches = (int)context->delta_limits.max_batches;
    const float probability = context->dialect == DN_PJREDDIE ? 0.5F : 0.2F;
    DN_TRY(dn_section_float(section, "probability", probability, 0.0F, 1.0F, &p->probability, err));
    DN_TRY(dn_section_flag(section, "dropblock", false, &p->dropblock, err));
    DN_TRY(dn_section_float(section, "dropblock_size_rel", 0.0F, 0.0F, 1.0F, &p->size_rel, err));
    DN_TRY(dn_section_int(section, "dropblock_size_abs", 0, 0, DN_SIZE_MAX, &p->size_abs, err));
    if (p->dropblock && p->size_rel == 0.0F && p->size_abs == 0) p->size_abs = 7;
    return DN_OK;
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    DN_TRY(dn_layer_plan_fact(plan, "probability", (double)p->probability, err));
    DN_TRY(dn_layer_plan_fact(plan, "dropblock", p->dropblock, err));
    DN_TRY(dn_layer_plan_fact(plan, "dropblock_size_rel", (double)p->size_rel, err));
    return dn_layer_plan_fact(plan, "dropblock_size_abs", p->size_abs, err);
}

/* ---- what is kept, and how much it counts ---- */

static void drop_values(const params *p, dn_rng *rng, float *factors, size_t count) {
    const float scale = p->probability < 1.0F ? 1.0F / (1.0F - p->probability) : 0.0F;
    for (size_t i = 0; i < count; i++) factors[i] = dn_rng_uniform(rng, 0.0F, 1.0F) < p->probability ? 0.0F : scale;
}

static double progress(const params *p, uint64_t iteration) {
    const double end = 0.85 * p->max_batches;
    return (double)iteration < end ? (double)iteration / end : 1.0;
}

static int between(double value, int low, int high) {
    if (!(value > low)) return low;
    return value < high ? (int)value : high;
}

static void clear_block(float *plane, int width, int top, int left, int block) {
    for (int i = top; i < top + block; i++) {
        for (int j = left; j < left + block; j++) plane[(int64_t)i * width + j] = 0.0F;
    }
}

static void drop_blocks(const params *p, dn_rng *rng, double part, float *factors, dn_shape shape) {
    const int shorter = shape.h < shape.w ? shape.h : shape.w;
    const double wanted = p->size_rel > 0.0F ? (double)p->size_rel * shorter : (double)p->size_abs;
    const int block = between(wanted * part, 1, shorter), cells = shape.h * shape.w;
    const double start = (double)p->probability * part / ((double)block * block);
    int64_t dropped = 0;
    for (int64_t c = 0; c < shape.c; c++) {
        for (int64_t k = c * cells; k < (c + 1) * cells; k++) factors[k] = 1.0F;
        if ((double)dn_rng_uniform(rng, 0.0F, 1.0F) >= 1.0 - pow(1.0 - start, cells)) continue;
        const int top = dn_chance_below(rng, shape.h - block + 1), left = dn_chance_below(rng, shape.w - block + 1);
        clear_block(factors + c * cells, shape.w, top, left, block);
        dropped += (int64_t)block * block;
    }
    const int64_t count = dn_shape_image(shape);
    const float scale = dropped < count ? (float)((double)count / (double)(count - dropped)) : 0.0F;
    for (int64_t k = 0; k < count; k++) factors[k] *= scale;
}

/* inputs: x, clock; outputs: y, factors */
static void drop(const dn_host_call *call) {
    const params *p = call->params;
    const dn_shape shape = call->inputs[0].shape;
    const size_t image = (size_t)dn_shape_image(shape);
    float *const factors = call->outputs[1].data;
    for (int n = 0; n < shape.n; n++) {
        dn_rng rng = dn_chance(&call->inputs[1], n, p->layer);
        if (p->dropblock) {
            const double part = progress(p, dn_clock(&call->inputs[1], n, DN_CLOCK_ITERATION));
            drop_blocks(p, &rng, part, factors + (size_t)n * image, shape);
        } else {
            drop_values(p, &rng, factors + (size_t)n * image, image);
        }
    }
    for (size_t i = 0; i < (size_t)shape.n * image; i++)
        call->outputs[0].data[i] = call->inputs[0].data[i] * factors[i];
}

/* inputs: x, clock, y, factors, dy; outputs: dx */
static void drop_back(const dn_host_call *call) {
    const float *const factors = call->inputs[3].data, *const dy = call->inputs[4].data;
    const size_t count = (size_t)dn_shape_count(call->inputs[4].shape);
    float *const dx = call->outputs[0].data;
    for (size_t i = 0; dx && i < count; i++) dx[i] += factors[i] * dy[i];
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    if (!emit->training || p->probability == 0.0F) return dn_emit_output(emit, emit->input);
    const int inputs[] = {emit->input, emit->clock};
    const dn_shape shapes[] = {emit->output_shape, emit->output_shape};
    int outputs[2];
    DN_TRY(dn_emit_host_trained(emit, "dropout", drop, drop_back, p, inputs, 2, shapes, 2, outputs));
    return dn_emit_output(emit, outputs[0]);
}

const dn_layer_type dn_layer_dropout = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
