/* l2norm.c — every place's channels are divided by their length (pjreddie).
 *
 *   y[c,i,j] = x[c,i,j] / sqrt(Σ_k x[k,i,j]²); where all channels are 0 they stay 0
 *
 * The reference's CPU code divides by 0 there, its GPU code by 1. */
#include <math.h>

#include "layers/common.h"

typedef struct params {
    char unused;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    (void)section, (void)context, (void)into, (void)err;
    return DN_OK;
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    (void)into, (void)err;
    dn_layer_plan_set_output(plan, dn_layer_plan_input(plan));
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    return DN_OK;
}

static void divide_by_length(const dn_host_call *call) {
    const dn_shape shape = call->inputs[0].shape;
    const int64_t plane = (int64_t)shape.h * shape.w, image = dn_shape_image(shape);
    for (int64_t n = 0; n < shape.n; n++) {
        for (int64_t place = 0; place < plane; place++) {
            const float *const x = call->inputs[0].data + n * image + place;
            float *const y = call->outputs[0].data + n * image + place;
            double sum = 0.0;
            for (int64_t k = 0; k < image; k += plane) sum += (double)x[k] * (double)x[k];
            const double length = sum > 0.0 ? sqrt(sum) : 1.0;
            for (int64_t k = 0; k < image; k += plane) y[k] = (float)((double)x[k] / length);
        }
    }
}

/* dx_c = (dy_c − y_c · Σ_k dy_k · y_k) / length: the derivative. (The reference passes dy on as it is.) inputs: x, y, dy */
static void back(const dn_host_call *call) {
    const dn_shape shape = call->inputs[0].shape;
    const int64_t plane = (int64_t)shape.h * shape.w, image = dn_shape_image(shape);
    float *const dx = call->outputs[0].data;
    for (int64_t at = 0; dx && at < shape.n * plane; at++) {
        const int64_t first = at / plane * image + at % plane;
        const float *const x = call->inputs[0].data, *const y = call->inputs[1].data, *const dy = call->inputs[2].data;
        double sum = 0.0, along = 0.0;
        for (int64_t k = first; k < first + image; k += plane) {
            sum += (double)x[k] * (double)x[k];
            along += (double)dy[k] * (double)y[k];
        }
        const double length = sum > 0.0 ? sqrt(sum) : 1.0;
        for (int64_t k = first; k < first + image; k += plane) {
            dx[k] += (float)(((double)dy[k] - (double)y[k] * along) / length);
        }
    }
}

static dn_status forward(const void *from, dn_emit *emit) {
    int y;
    DN_TRY(dn_emit_host_trained(emit, "l2norm", divide_by_length, back, from, &emit->input, 1, &emit->output_shape, 1,
                                &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_l2norm = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
