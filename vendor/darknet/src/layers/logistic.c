/* logistic.c — y = 1 / (1 + e^−x), each value a probability of its own (pjreddie). When training, with truth t:
 *   cost = Σ −t · log y − (1 − t) · log(1 − y)      delta of x = t − y
 * A truth below 0 is unknown: it adds nothing to either. */
#include <math.h>

#include "layers/common.h"
#include "layers/loss.h"

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
    dn_layer_plan_set_truths(plan, (int)dn_shape_image(dn_layer_plan_input(plan)));
    return DN_OK;
}

static dn_status forward(const void *from, dn_emit *emit) {
    int y;
    (void)from;
    DN_TRY(dn_emit_activation(emit, emit->input, DN_LOGISTIC, &y));
    return dn_emit_output(emit, y);
}

static void compare(const dn_host_call *call) {
    const dn_loss_call loss = dn_loss_open(call, 1);
    const float *const y = call->inputs[0].data, *const truth = loss.truth->data;
    const size_t values = (size_t)dn_shape_image(call->inputs[0].shape);
    for (int n = 0; n < loss.rows; n++) {
        double cost = 0.0;
        for (size_t i = (size_t)n * values; i < ((size_t)n + 1) * values; i++) {
            const double t = (double)truth[i], p = (double)y[i];
            loss.delta[i] = t < 0.0 ? 0.0F : truth[i] - y[i];
            if (t < 0.0) continue;
            /* 0 · log 0 is 0 here. */
            if (t != 0.0) cost -= t * log(p);
            if (t != 1.0) cost -= (1.0 - t) * log(1.0 - p);
        }
        dn_loss_figures(&loss, n)[DN_FIGURE_COST] = (float)cost;
    }
}

static dn_status loss(const void *from, dn_emit *emit) {
    return dn_emit_loss(emit, "logistic_loss", compare, from, &emit->output, 1, DN_FIGURES);
}

/* The delta is that of the values before the function already. */
static dn_status backward(const void *from, dn_emit *emit) {
    (void)from;
    return dn_emit_pass_back(emit, emit->output, emit->input, 1.0F);
}

const dn_layer_type dn_layer_logistic = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_HEAD,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .loss = loss,
    .backward = backward,
};
