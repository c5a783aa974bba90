/* softmax.c — [softmax]: y = softmax(x / temperature) over each of `groups` equal parts of an image, or over each
 * level of a class tree. Output: (n, inputs), flat.
 *
 * spatial=1: over the channels at every row and column. The CPU code that defines the dialect "pjreddie" reads the
 * key and does not act on it; neither does that dialect here. */
#include <float.h>
#include <math.h>

#include "layers/common.h"
#include "layers/loss.h"
#include "layers/tree.h"

#define HIDDEN_TRUTH (-1234.0F)

typedef struct softmax_params {
    int groups;
    float temperature;
    bool spatial, noloss;
    const dn_tree *tree;
    const char *tree_name;
} softmax_params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *out, dn_error *err) {
    softmax_params *params = out;
    DN_TRY(dn_section_int(section, "groups", 1, 1, INT32_MAX, &params->groups, err));
    DN_TRY(dn_section_float(section, "temperature", 1, FLT_MIN, FLT_MAX, &params->temperature, err));
    DN_TRY(dn_section_flag(section, "spatial", false, &params->spatial, err));
    params->spatial = params->spatial && context->dialect == DN_ALEXEYAB;
    DN_TRY(dn_section_flag(section, "noloss", false, &params->noloss, err));
    params->tree_name = dn_section_text(section, "tree", "");
    return dn_tree_parse(section, context, &params->tree, err);
}

static dn_status facts(const softmax_params *params, dn_layer_plan *plan, dn_error *err) {
    DN_TRY(dn_layer_plan_fact(plan, "groups", params->groups, err));
    DN_TRY(dn_layer_plan_fact(plan, "temperature", (double)params->temperature, err));
    DN_TRY(dn_layer_plan_fact(plan, "spatial", params->spatial, err));
    DN_TRY(dn_layer_plan_fact(plan, "noloss", params->noloss, err));
    return dn_tree_facts(plan, params->tree, params->tree_name, err);
}

static dn_status infer(void *in, dn_layer_plan *plan, dn_error *err) {
    const softmax_params *params = in;
    const dn_shape input = dn_layer_plan_input(plan);
    dn_shape output;
    DN_TRY(dn_shape_make(&output, input.n, dn_shape_image(input), 1, 1, err));
    const int inputs = output.c;
    if (params->tree && params->tree->nodes != inputs) {
        const dn_status status =
            dn_shape_fail(err, "one input a node", "%s has %d nodes, the input %d values: set output=%d before it",
                          params->tree_name, params->tree->nodes, inputs, params->tree->nodes);
        dn_error_found(err, "%d nodes, %d inputs", params->tree->nodes, inputs);
        dn_error_where(err, -1, NULL, "tree", 0);
        return status;
    }
    if (inputs % params->groups) {
        dn_shape_fail(err, "a divisor of the inputs", "groups=%d must divide the %d inputs: give a divisor of %d",
                      params->groups, inputs, inputs);
        dn_error_found(err, "%d inputs", inputs);
        dn_layer_plan_blame(plan, "groups", err);
        return DN_E_SHAPE;
    }
    dn_layer_plan_set_output(plan, output);
    if (!params->noloss) dn_layer_plan_set_truths(plan, inputs);
    return facts(params, plan, err);
}

static dn_status forward(const void *in, dn_emit *emit) {
    const softmax_params *params = in;
    dn_op_softmax op = {.groups = params->groups, .temperature = params->temperature};
    if (params->tree) {
        op.groups = 1;
        op.sizes = params->tree->group_size;
        op.size_count = params->tree->groups;
    } else if (params->spatial) {
        op.groups = 1;
        op.spatial = true;
    }
    int output;
    DN_TRY(dn_emit_softmax(emit, emit->input, op, &output));
    return dn_emit_output(emit, output);
}

/* cost = Σ −log p wherever the truth is not 0, unweighted; delta = truth − p, whatever the temperature. */
static double compare_values(const float *p, const float *truth, float *delta, size_t count) {
    double cost = 0.0;
    for (size_t i = 0; i < count; i++) {
        delta[i] = truth[i] - p[i];
        if (truth[i] != 0.0F) cost -= log((double)p[i]);
    }
    return cost;
}

static bool says_nothing(const float *truth, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (truth[i] != 0.0F && truth[i] != HIDDEN_TRUTH) return false;
    }
    return true;
}

/* Only groups in which the image has a class learn. */
static double compare_tree(const dn_tree *tree, const float *p, const float *truth, float *delta) {
    double cost = 0.0;
    for (int group = 0; group < tree->groups; group++) {
        const size_t first = (size_t)tree->group_offset[group], count = (size_t)tree->group_size[group];
        if (!says_nothing(truth + first, count)) cost += compare_values(p + first, truth + first, delta + first, count);
    }
    return cost;
}

static void compare_with(const dn_host_call *call, const dn_tree *tree) {
    const dn_loss_call loss = dn_loss_open(call, 1);
    const size_t values = (size_t)dn_shape_image(call->inputs[0].shape);
    for (int n = 0; n < loss.rows; n++) {
        const size_t at = (size_t)n * values;
        const float *const p = call->inputs[0].data + at, *const truth = loss.truth->data + at;
        const double cost =
            tree ? compare_tree(tree, p, truth, loss.delta + at) : compare_values(p, truth, loss.delta + at, values);
        dn_loss_figures(&loss, n)[DN_FIGURE_COST] = (float)cost;
    }
}

static void compare(const dn_host_call *call) { compare_with(call, ((const softmax_params *)call->params)->tree); }
static void compare_all_groups(const dn_host_call *call) { compare_with(call, NULL); }

static dn_status loss(const void *in, dn_emit *emit) {
    const softmax_params *params = in;
    if (params->noloss) return DN_OK;
    const dn_host_fn function = emit->graph->overwrites_points ? compare_all_groups : compare;
    return dn_emit_loss(emit, "softmax_loss", function, params, &emit->output, 1, DN_FIGURES);
}

/* The delta is that of the values before the softmax already. */
static dn_status backward(const void *in, dn_emit *emit) {
    (void)in;
    return dn_emit_pass_back(emit, emit->output, emit->input, 1.0F);
}

extern const dn_layer_type dn_layer_softmax;
const dn_layer_type dn_layer_softmax = {
    .params_size = sizeof(softmax_params),
    .flags = DN_LAYER_HEAD | DN_LAYER_FLAT,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .loss = loss,
    .backward = backward,
};
