/* cost.c — compares with the truth when training; otherwise passes its input on (the reference leaves its output at
 * zero when there is no truth). With d = truth − x, over all values:
 *
 *   type          cost                                     delta of x, · scale
 *   sse           Σ d²                                     d
 *   masked        the same where the truth is not −1234    0 where it is
 *   smooth        Σ d², or 2 · |d| − 1 where |d| >= 1      d, or its sign
 *   L1            Σ |d|                                    1 where d > 0, else −1
 *   seg           as sse, · noobj where the truth is 0     the same
 *   wgan          Σ x where the truth is 0, −x elsewhere   1 where the truth is above 0, else −1
 *   thresh (not 0): deltas below thresh / inputs become 0
 *   smooth (not 0; pjreddie): truth · (1 − smooth) + smooth / inputs takes the place of the truth
 *
 * alexeyab computes sse for L1, seg and wgan, and knows neither noobj nor thresh; cost_by_name=1 of [net] gives what the
 * name says. pjreddie with reference_cpu=1: smooth has the wrong sign where |d| >= 1, seg and wgan are sse, no thresh. */
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "layers/common.h"
#include "layers/loss.h"
#include "layers/training.h"

#define HIDDEN_TRUTH (-1234.0F)

typedef enum cost_type { SSE, MASKED, SMOOTH, L1, SEG, WGAN } cost_type;
static const char *const types[] = {"sse", "masked", "smooth", "L1", "seg", "wgan"};

typedef struct params {
    const char *type;
    cost_type computed;
    float scale, ratio;
    const float *training; /* noobj, thresh */
    float noobj, thresh, smooth;
    dn_dialect dialect;
} params;

/* Of pjreddie's types of cost. */
static const dn_training_key training_keys[] = {
    {"noobj", DN_TRAINING_NUMBER, 1, 0},
    {"thresh", DN_TRAINING_NUMBER, 0, 0},
    {NULL, DN_TRAINING_END, 0, 0},
};

static cost_type find_type(const char *name) {
    for (int k = 0; k < 6; k++) {
        if (strcmp(name, types[k]) == 0) return (cost_type)k;
    }
    return SSE;
}

static void choose_type(params *p, const dn_section *section, const dn_layer_context *context) {
    const cost_type named = find_type(p->type);
    const bool by_name = context->dialect == DN_PJREDDIE || context->cost_by_name;
    p->computed = named > SMOOTH && !by_name ? SSE : named;
    p->noobj = by_name ? p->training[0] : 1.0F;
    p->thresh = by_name ? p->training[1] : 0.0F;
    if (!context->training || (p->computed == named && strcmp(p->type, types[named]) == 0)) return;
    dn_log(context->options, DN_LOG_WARNING, "line %d: type=%s of [cost] computes sse%s", section->cfg->line, p->type,
           named == p->computed ? ": it is not one of sse, masked, smooth, L1, seg, wgan"
                                : ", as AlexeyAB's program does: cost_by_name=1 of [net] gives what the name says");
}

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    p->dialect = context->dialect;
    p->type = dn_section_text(section, "type", "sse");
    DN_TRY(dn_section_float(section, "scale", 1.0F, -1e30F, 1e30F, &p->scale, err));
    DN_TRY(dn_section_float(section, "ratio", 0.0F, -1e30F, 1e30F, &p->ratio, err));
    DN_TRY(dn_training_parse(section, context, training_keys, &p->training, err));
    choose_type(p, section, context);
    DN_TRY(dn_section_float(section, "smooth", 0.0F, 0.0F, 1.0F, &p->smooth, err));
    if (context->dialect != DN_PJREDDIE) p->smooth = 0.0F;
    return DN_OK;
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    const dn_shape in = dn_layer_plan_input(plan);
    dn_layer_plan_set_output(plan, in);
    dn_layer_plan_set_flat(plan, dn_layer_plan_input_flat(plan));
    dn_layer_plan_set_truths(plan, (int)dn_shape_image(in));
    DN_TRY(dn_layer_plan_fact_text(plan, "type", p->type, err));
    DN_TRY(dn_layer_plan_fact(plan, "scale", (double)p->scale, err));
    DN_TRY(dn_layer_plan_fact(plan, "ratio", (double)p->ratio, err));
    return dn_training_facts(plan, training_keys, p->training, err);
}

/* In training with a tensor, and so a delta, of its own. */
static dn_status forward(const void *from, dn_emit *emit) {
    int y = emit->input;
    (void)from;
    if (emit->training) DN_TRY(dn_emit_copy(emit, y, emit->output_shape, &y));
    return dn_emit_output(emit, y);
}

typedef struct term {
    float cost, delta;
} term;

static term smooth_term(float d, float sign) {
    if (fabsf(d) < 1.0F) return (term){d * d, d};
    return (term){2.0F * fabsf(d) - 1.0F, d < 0.0F ? -sign : sign};
}

static term term_of(const params *p, float x, float truth, float sign) {
    const float d = truth - x;
    switch (p->computed) {
    case MASKED:
        return truth == HIDDEN_TRUTH ? (term){0.0F, 0.0F} : (term){d * d, d};
    case SMOOTH:
        return smooth_term(d, sign);
    case L1:
        return (term){fabsf(d), d > 0.0F ? 1.0F : -1.0F};
    case SEG:
        return truth == 0.0F ? (term){p->noobj * d * d, p->noobj * d} : (term){d * d, d};
    case WGAN:
        return (term){truth != 0.0F ? -x : x, truth > 0.0F ? 1.0F : -1.0F};
    case SSE:
        break;
    }
    return (term){d * d, d};
}

/* sign: of smooth's delta beyond 1 */
static void compare_with(const dn_host_call *call, const params *p, float sign) {
    const dn_loss_call loss = dn_loss_open(call, 1);
    const size_t values = (size_t)dn_shape_image(call->inputs[0].shape);
    const float least = p->thresh / (float)values, share = p->smooth / (float)values;
    for (int n = 0; n < loss.rows; n++) {
        double cost = 0.0;
        for (size_t i = (size_t)n * values; i < ((size_t)n + 1) * values; i++) {
            const float truth = (1.0F - p->smooth) * loss.truth->data[i] + share;
            const term t = term_of(p, call->inputs[0].data[i], truth, sign);
            cost += (double)t.cost;
            loss.delta[i] = fabsf(t.delta) < least ? 0.0F : t.delta;
        }
        dn_loss_figures(&loss, n)[DN_FIGURE_COST] = (float)cost;
    }
}

static void compare(const dn_host_call *call) { compare_with(call, call->params, 1.0F); }

static void compare_as_cpu_code(const dn_host_call *call) {
    params p = *(const params *)call->params;
    if (p.computed == SEG || p.computed == WGAN) p.computed = SSE;
    p.thresh = 0.0F;
    compare_with(call, &p, -1.0F);
}

static dn_status loss(const void *from, dn_emit *emit) {
    const params *p = from;
    const bool cpu_code = emit->graph->overwrites_points && p->dialect == DN_PJREDDIE;
    const dn_host_fn function = cpu_code ? compare_as_cpu_code : compare;
    return dn_emit_loss(emit, "cost", function, from, &emit->output, 1, DN_FIGURES);
}

static dn_status backward(const void *from, dn_emit *emit) {
    const params *p = from;
    return dn_emit_pass_back(emit, emit->output, emit->input, p->scale);
}

const dn_layer_type dn_layer_cost = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_COST,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .loss = loss,
    .backward = backward,
};
