/* test_plan.c — what cfgs become: shapes, parameters, facts, ops, and errors that say where. Numbers by hand. */
#include "plan/plan.h"

#include "harness.h"

#define NET "[net]\nwidth=20\nheight=16\nchannels=3\n"

typedef struct log_lines {
    int count;
    char last[512];
} log_lines;

static void log_line(void *user, dn_log_level level, const char *message) {
    log_lines *lines = user;
    (void)level;
    lines->count++;
    snprintf(lines->last, sizeof lines->last, "%s", message);
}

static dn_status plan_with(dn_plan **out, const char *text, const dn_plan_options *plan_options,
                           const dn_options *options, dn_error *err) {
    dn_cfg *cfg;
    const dn_status status = dn_cfg_parse(&cfg, text, strlen(text), options, err);
    if (status != DN_OK) return status;
    const dn_status made = dn_plan_create(out, cfg, plan_options, options, err);
    dn_cfg_release(cfg);
    return made;
}

static dn_plan *plan_in(dn_dialect dialect, const char *text) {
    dn_plan_options options = DN_PLAN_OPTIONS_INIT;
    options.dialect = dialect;
    dn_plan *plan = NULL;
    dn_error err;
    if (!CHECK_EQ(plan_with(&plan, text, &options, NULL, &err), DN_OK)) {
        fprintf(stderr, "%s\n", err.message);
        exit(harness_result());
    }
    return plan;
}

static dn_plan *plan_of(const char *text) { return plan_in(DN_ALEXEYAB, text); }

static dn_error refused_in(dn_dialect dialect, const char *text, dn_status status) {
    dn_plan_options options = DN_PLAN_OPTIONS_INIT;
    options.dialect = dialect;
    dn_plan *plan = NULL;
    dn_error err = {0};
    CHECK_EQ(plan_with(&plan, text, &options, NULL, &err), status);
    CHECK(plan == NULL);
    CHECK(err.message[0] != '\0');
    dn_plan_release(plan);
    return err;
}

static dn_error refused(const char *text, dn_status status) { return refused_in(DN_ALEXEYAB, text, status); }

static dn_layer_facts layer_of(const dn_plan *plan, int layer) {
    dn_layer_facts facts = {0};
    CHECK_EQ(dn_plan_layer(plan, layer, &facts, NULL), DN_OK);
    return facts;
}

static void check_shape(const int64_t *shape, int n, int c, int h, int w) {
    CHECK_EQ(shape[0], n);
    CHECK_EQ(shape[1], c);
    CHECK_EQ(shape[2], h);
    CHECK_EQ(shape[3], w);
}

static void check_output(const dn_plan *plan, int layer, int n, int c, int h, int w) {
    const dn_layer_facts facts = layer_of(plan, layer);
    check_shape(facts.output, n, c, h, w);
}

static dn_fact fact_of(const dn_plan *plan, int layer, const char *name) {
    for (int k = 0;; k++) {
        const dn_fact fact = dn_plan_fact(plan, layer, k);
        if (!fact.name || strcmp(fact.name, name) == 0) return fact;
    }
}

static double number_of(const dn_plan *plan, int layer, const char *name) {
    const dn_fact fact = fact_of(plan, layer, name);
    return CHECK(fact.name && fact.count == 1) ? fact.numbers[0] : -1e9;
}

static void check_slot(const dn_plan *plan, int slot, int layer, const char *name, int64_t count, bool stored) {
    dn_slot_facts facts = {0};
    CHECK_EQ(dn_plan_slot(plan, slot, &facts, NULL), DN_OK);
    CHECK_EQ(facts.layer, layer);
    CHECK_TEXT(facts.name, name);
    CHECK_EQ(facts.count, count);
    CHECK_EQ(facts.stored, stored);
}

/* ---- layers ---- */

static void test_convolutional(void) {
    dn_plan *plan = plan_of(NET "[conv]\nbatch_normalize=1\nfilters=4\nsize=3\nstride=2\npad=1\nactivation=leaky\n");
    const dn_layer_facts layer = layer_of(plan, 0);
    CHECK_TEXT(layer.kind, "convolutional");
    CHECK_TEXT(layer.activation, "leaky");
    check_shape(layer.input, 1, 3, 16, 20);
    check_shape(layer.output, 1, 4, 8, 10); /* (16 + 2 − 3) / 2 + 1, (20 + 2 − 3) / 2 + 1 */
    CHECK_EQ(layer.section, 1);
    CHECK(layer.head && !layer.detector && !layer.flat);
    CHECK_EQ(layer.parameters, 4 + 3 * 4 + 4 * 3 * 9);
    CHECK_NEAR(layer.flops, 2.0 * 4 * 3 * 9 * 8 * 10, 0);
    CHECK_EQ(dn_plan_slots(plan), 5);
    check_slot(plan, 0, 0, "biases", 4, true);
    check_slot(plan, 1, 0, "scales", 4, true);
    check_slot(plan, 2, 0, "rolling_mean", 4, true);
    check_slot(plan, 3, 0, "rolling_variance", 4, true);
    check_slot(plan, 4, 0, "weights", 108, true);
    dn_slot_facts weights;
    CHECK_EQ(dn_plan_slot(plan, 4, &weights, NULL), DN_OK);
    CHECK_EQ(weights.dimensions, 4);
    check_shape(weights.shape, 4, 3, 3, 3);
    CHECK_NEAR(number_of(plan, 0, "filters"), 4, 0);
    CHECK_NEAR(number_of(plan, 0, "padding"), 1, 0);
    CHECK_NEAR(number_of(plan, 0, "stride_y"), 2, 0);
    dn_plan_release(plan);
}

static void test_convolutional_ops(void) {
    dn_plan *plan = plan_of(NET "[conv]\nbatch_normalize=1\nfilters=4\nsize=3\npad=1\ndilation=2\nactivation=leaky\n"
                                "[conv]\nfilters=2\nactivation=linear\n");
    const dn_graph graph = dn_plan_graph(plan);
    if (CHECK_EQ(graph.op_count, 5)) {
        CHECK_EQ(graph.ops[0].kind, DN_OP_conv2d);
        CHECK_EQ(graph.ops[0].as.conv2d.pad, 2); /* padding 1 · dilation 2 */
        CHECK_EQ(graph.ops[1].kind, DN_OP_batchnorm);
        CHECK_NEAR(graph.ops[1].as.batchnorm.epsilon, 1e-5, 1e-12);
        CHECK(!graph.ops[1].as.batchnorm.outside);
        CHECK_EQ(graph.ops[2].kind, DN_OP_activation);
        CHECK_EQ(graph.ops[2].as.activation.kind, DN_LEAKY);
        CHECK_EQ(graph.ops[3].kind, DN_OP_conv2d);
        CHECK_EQ(graph.ops[3].inputs[0], graph.ops[2].outputs[0]);
        CHECK_EQ(graph.ops[4].kind, DN_OP_bias);
        CHECK_EQ(plan->layers[1].tensor, graph.ops[4].outputs[0]); /* linear needs no op */
    }
    CHECK_EQ(graph.tensors[plan->input_tensor].role, DN_ROLE_INPUT);
    CHECK_EQ(graph.tensors[graph.ops[0].inputs[1]].role, DN_ROLE_PARAMETER);
    CHECK_EQ(graph.tensors[graph.ops[0].inputs[1]].slot, dn_plan_find_slot(plan, 0, "weights"));
    dn_plan_release(plan);

    plan = plan_in(DN_PJREDDIE, NET "[conv]\nbatch_normalize=1\n");
    CHECK_NEAR(plan->graph.ops[1].as.batchnorm.epsilon, 1e-6, 1e-12);
    CHECK(plan->graph.ops[1].as.batchnorm.outside);
    CHECK_EQ(plan->graph.ops[2].as.activation.kind, DN_LOGISTIC); /* the default */
    dn_plan_release(plan);
}

static void test_convolutional_windows(void) {
    dn_plan *plan = plan_of(NET "[conv]\nfilters=6\nsize=5\nstride_x=3\nstride_y=2\npadding=2\n"
                                "[conv]\nfilters=6\nsize=3\npad=1\ndilation=3\ngroups=3\n"
                                "[conv]\nfilters=1\nsize=9\nstride=3\nxnor=1\n"
                                "[conv]\nsize=1\nstride=2\npad=1\ndilation=4\n");
    check_output(plan, 0, 1, 6, 8, 7); /* (16 + 4 − 5) / 2 + 1, (20 + 4 − 5) / 3 + 1 */
    check_output(plan, 1, 1, 6, 8, 7); /* dilation does not shrink it */
    CHECK_EQ(layer_of(plan, 1).parameters, 6 + 6 * 2 * 9);
    check_output(plan, 2, 1, 1, 1, 1); /* (8 − 9) / 3 is 0 in C, so there is one place */
    CHECK_NEAR(layer_of(plan, 2).flops, 2.0 * 6 * 81 / 32, 1e-9);
    check_output(plan, 3, 1, 1, 1, 1);
    CHECK_NEAR(number_of(plan, 3, "dilation"), 1, 0);
    dn_plan_release(plan);
}

static void test_start_values(void) {
    const char *text = NET "[conv]\nfilters=4\nsize=3\nbatch_normalize=1\n[connected]\noutput=2\n";
    dn_plan *plan = plan_of(text);
    const dn_slot *slots = plan->slots;
    CHECK_EQ(slots[4].init.kind, DN_INIT_UNIFORM);
    CHECK_NEAR(slots[4].init.scale, sqrt(2.0 / 27), 1e-7);
    CHECK_EQ(slots[1].init.kind, DN_INIT_CONSTANT);
    CHECK_NEAR(slots[1].init.value, 1, 0);
    CHECK_NEAR(slots[3].init.value, 0, 0);
    CHECK_NEAR(slots[6].init.scale, sqrt(2.0 / (4 * 14 * 18)), 1e-7);
    dn_plan_release(plan);
    plan = plan_in(DN_PJREDDIE, text);
    CHECK_EQ(plan->slots[4].init.kind, DN_INIT_NORMAL);
    CHECK_EQ(plan->slots[6].init.kind, DN_INIT_UNIFORM);
    dn_plan_release(plan);
}

static void test_stored(void) {
    dn_plan *plan = plan_of(NET "[conv]\nbatch_normalize=1\nfilters=2\ndontloadscales=1\n"
                                "[conv]\nfilters=2\ndontload=1\n[conv]\nfilters=2\n[conv]\nfilters=2\nshare_index=-1\n"
                                "[conv]\nfilters=2\nshare_index=3\n");
    check_slot(plan, 0, 0, "biases", 2, true);
    check_slot(plan, 1, 0, "scales", 2, false);
    check_slot(plan, 4, 0, "weights", 6, true);
    check_slot(plan, 5, 1, "biases", 2, false);
    check_slot(plan, 6, 1, "weights", 4, false);
    CHECK_EQ(dn_plan_slots(plan), 9);
    CHECK_EQ(dn_plan_find_slot(plan, 2, "weights"), 8);
    CHECK_EQ(dn_plan_find_slot(plan, 3, "weights"), 8);
    CHECK_EQ(dn_plan_find_slot(plan, 4, "biases"), 7); /* shared by sharing */
    CHECK_EQ(dn_plan_find_slot(plan, 4, "scales"), -1);
    CHECK_EQ(dn_plan_find_slot(plan, 5, "biases"), -1);
    CHECK_EQ(layer_of(plan, 3).parameters, 0);
    dn_net_facts net;
    dn_plan_net(plan, &net);
    CHECK_EQ(net.parameters, 2 + 6 + 2 + 4);
    dn_plan_release(plan);
    refused(NET "[conv]\nfilters=2\n[conv]\nfilters=2\nshare_index=0\n", DN_E_SHAPE); /* 3 and 2 channels */
    refused(NET "[avgpool]\n[conv]\nshare_index=0\n", DN_E_SHAPE);
}

static void test_connected_and_batchnorm(void) {
    const char *text = NET "[batchnorm]\n[connected]\noutput=7\nbatch_normalize=1\n";
    dn_plan *plan = plan_of(text);
    static const char *const alexeyab[] = {"biases",  "scales", "rolling_mean", "rolling_variance", "biases",
                                           "weights", "scales", "rolling_mean", "rolling_variance"};
    CHECK_EQ(dn_plan_slots(plan), 9);
    for (int k = 0; k < 9; k++) check_slot(plan, k, k / 4 > 0, alexeyab[k], k < 4 ? 3 : k == 5 ? 7 * 960 : 7, true);
    check_output(plan, 1, 1, 7, 1, 1);
    dn_plan_release(plan);
    plan = plan_in(DN_PJREDDIE, text);
    CHECK_EQ(dn_plan_slots(plan), 8);
    check_slot(plan, 0, 0, "scales", 3, true);
    CHECK_EQ(plan->graph.ops[0].inputs[4], -1);
    dn_plan_release(plan);
}

static void test_pools(void) {
    dn_plan *plan = plan_of(NET "[max]\nsize=3\nstride=2\n[maxpool]\nstride=3\n[maxpool]\nsize=2\nstride=2\npadding=0\n"
                                "[maxpool]\nmaxpool_depth=1\nout_channels=2\nsize=1\n[avg]\n[dropout]\n[cost]\n");
    check_output(plan, 0, 1, 3, 8, 10); /* (16 + 2 − 3) / 2 + 1 */
    CHECK_NEAR(layer_of(plan, 0).flops, 9.0 * 3 * 8 * 10, 0);
    check_output(plan, 1, 1, 3, 3, 4); /* size 3, padding 2 */
    check_output(plan, 2, 1, 3, 1, 2);
    check_output(plan, 3, 1, 2, 1, 2);
    check_output(plan, 4, 1, 2, 1, 1);
    CHECK_EQ(plan->graph.ops[0].as.pool2d.pad_x, 1);
    CHECK_EQ(plan->graph.op_count, 5); /* dropout and cost compute nothing */
    CHECK_EQ(plan->layers[6].tensor, plan->layers[4].tensor);
    CHECK(layer_of(plan, 4).head && !layer_of(plan, 5).head && !layer_of(plan, 6).head);
    CHECK_EQ(plan->head_count, 1);
    CHECK_TEXT(fact_of(plan, 6, "type").text, "sse");
    dn_plan_release(plan);
    plan = plan_of("[net]\nwidth=1\nheight=1\nchannels=1\n[maxpool]\nsize=2\nstride=2\npadding=0\n");
    check_output(plan, 0, 1, 1, 1, 1); /* (1 − 2) / 2 + 1, cut towards zero as in C */
    dn_plan_release(plan);
}

static void test_route(void) {
    dn_plan *plan = plan_of(NET "[conv]\nfilters=8\n[conv]\nfilters=4\n[route]\nlayers=-1,0\n"
                                "[route]\nlayers=0\ngroups=4\ngroup_id=2\n[route]\nlayers=1\n"
                                "[conv]\nfilters=2\nstride=2\n[route]\nlayers=0,-1\n");
    check_output(plan, 2, 1, 12, 16, 20);
    const dn_fact layers = fact_of(plan, 2, "layers");
    if (CHECK_EQ(layers.count, 2)) {
        CHECK_NEAR(layers.numbers[0], 1, 0);
        CHECK_NEAR(layers.numbers[1], 0, 0);
    }
    check_output(plan, 3, 1, 2, 16, 20);
    check_shape(layer_of(plan, 3).input, 1, 8, 16, 20);
    CHECK_EQ(plan->layers[4].tensor, plan->layers[1].tensor);
    CHECK(layer_of(plan, 6).flat);
    check_output(plan, 6, 1, 8 * 16 * 20 + 2 * 8 * 10, 1, 1);
    for (size_t k = 0; k < plan->graph.op_count; k++) {
        const dn_op *op = &plan->graph.ops[k];
        if (op->layer != 3) continue;
        CHECK_EQ(op->kind, DN_OP_concat);
        CHECK_EQ(op->as.concat.first[0], 4);
        CHECK_EQ(op->as.concat.channels[0], 2);
    }
    dn_plan_release(plan);
    refused(NET "[conv]\nfilters=8\n[route]\nlayers=0\ngroups=3\n", DN_E_SHAPE);
    refused(NET "[conv]\nfilters=8\n[route]\n", DN_E_PARSE);
    refused(NET "[conv]\nfilters=8\n[route]\nlayers=0\ngroups=2\ngroup_id=2\n", DN_E_PARSE);
}

static void test_moves(void) {
    dn_plan *plan = plan_of(NET "[conv]\nfilters=8\n[reorg]\nstride=2\n[reorg]\nstride=2\nreverse=1\n[upsample]\n"
                                "[upsample]\nstride=-4\nscale=.5\n");
    check_output(plan, 1, 1, 32, 8, 10);
    check_output(plan, 2, 1, 8, 16, 20);
    check_output(plan, 3, 1, 8, 32, 40);
    check_output(plan, 4, 1, 8, 8, 10);
    CHECK_NEAR(number_of(plan, 4, "stride"), -4, 0);
    dn_plan_release(plan);
    refused(NET "[reorg]\nstride=2\n", DN_E_SHAPE); /* 3 channels */
    refused(NET "[upsample]\nstride=0\n", DN_E_PARSE);
}

static void test_attention(void) {
    dn_plan *plan = plan_of(NET "[conv]\nfilters=6\n[avgpool]\n[conv]\nfilters=6\n[scale_channels]\nfrom=0\n"
                                "[conv]\nfilters=1\n[scale_channels]\nfrom=3\nscale_wh=1\n[sam]\nfrom=-3\n");
    check_output(plan, 3, 1, 6, 16, 20);
    check_output(plan, 5, 1, 6, 16, 20);
    dn_plan_release(plan);
}

static void test_attention_refused(void) {
    refused(NET "[conv]\nfilters=6\n[avgpool]\n[conv]\nfilters=5\n[scale_channels]\nfrom=0\n", DN_E_SHAPE);
    const dn_error err = refused(NET "[conv]\nfilters=6\n[conv]\nfilters=5\n[sam]\nfrom=0\n", DN_E_SHAPE);
    CHECK_EQ(err.layer, 2);
    CHECK_EQ(err.line, 10);
    CHECK_TEXT(err.section, "sam");
    CHECK_HAS(err.message, "5x16x20");
    CHECK_HAS(err.message, "6x16x20");
    refused(NET "[sam]\n", DN_E_PARSE);
}

static void test_shortcut(void) {
    dn_plan *plan = plan_of(NET "[conv]\nfilters=5\n[conv]\nfilters=5\n[conv]\nfilters=7\n[shortcut]\nfrom=-2,-3\n"
                                "weights_type=per_channel\nweights_normalization=softmax\nactivation=mish\n"
                                "[shortcut]\nfrom=0\nweights_type=per_layer\nweights_normalization=avg_relu\n");
    check_output(plan, 3, 1, 7, 16, 20);
    check_slot(plan, 6, 3, "weights", 3 * 7, true);
    check_slot(plan, 7, 4, "weights", 2, true);
    CHECK_NEAR(layer_of(plan, 3).flops, 2.0 * 2 * 7 * 16 * 20, 0);
    CHECK_TEXT(layer_of(plan, 3).activation, "mish");
    CHECK_TEXT(fact_of(plan, 4, "weights_type").text, "per_feature");
    CHECK_TEXT(fact_of(plan, 4, "weights_normalization").text, "relu");
    dn_plan_release(plan);

    const char *uneven = NET "[conv]\nfilters=5\n[conv]\nfilters=7\nstride=2\n[shortcut]\nfrom=0\n";
    const dn_error err = refused(uneven, DN_E_SHAPE);
    CHECK_HAS(err.message, "7x8x10");
    CHECK_HAS(err.message, "5x16x20");
    CHECK_EQ(err.layer, 2);
    plan = plan_in(DN_PJREDDIE, uneven);
    CHECK(plan->graph.ops[plan->graph.op_count - 1].as.add.sampled);
    dn_plan_release(plan);
}

/* ---- host ops ---- */

static const dn_op *last_op(const dn_plan *plan) { return &plan->graph.ops[plan->graph.op_count - 1]; }

static void run_host(const dn_plan *plan, const dn_host_tensor *inputs, dn_host_tensor output) {
    const dn_op *op = last_op(plan);
    if (!CHECK_EQ(op->kind, DN_OP_host)) return;
    const dn_host_call call = {op->as.host.params, inputs, &output};
    op->as.host.function(&call);
}

static void check_floats(const float *a, const float *b, int count) {
    for (int k = 0; k < count; k++) CHECK_NEAR(a[k], b[k], 1e-6);
}

static void test_blur(void) {
    const char *text = "[net]\nwidth=3\nheight=2\nchannels=1\n[maxpool]\nsize=1\nstride=2\nantialiasing=%d\n";
    float x[] = {16, 32, 48, 0, 64, 16}, y[2];
    char cfg[128];
    snprintf(cfg, sizeof cfg, text, 1);
    dn_plan *plan = plan_of(cfg);
    check_output(plan, 0, 1, 1, 1, 2);
    const dn_host_tensor in = {x, {1, 1, 2, 3}};
    run_host(plan, &in, (dn_host_tensor){y, {1, 1, 1, 2}});
    /* (4·16 + 2·32 + 2·0 + 64)/16, (2·32 + 4·48 + 64 + 2·16)/16 */
    check_floats(y, (const float[]){12, 22}, 2);
    dn_plan_release(plan);
    snprintf(cfg, sizeof cfg, text, 2);
    plan = plan_of(cfg);
    check_output(plan, 0, 1, 1, 1, 1);
    run_host(plan, &in, (dn_host_tensor){y, {1, 1, 1, 1}});
    check_floats(y, (const float[]){28}, 1); /* (16 + 32 + 0 + 64)/4 */
    dn_plan_release(plan);
}

static void test_pjreddie_reorg(void) {
    float x[] = {0, 1, 2, 3, 4, 5, 6, 7}, y[8];
    const dn_host_tensor in = {x, {1, 4, 1, 2}};
    const char *net = "[net]\nwidth=2\nheight=2\nchannels=4\n[reorg]\n";
    char cfg[128];
    snprintf(cfg, sizeof cfg, "%sflatten=1\n", net);
    dn_plan *plan = plan_in(DN_PJREDDIE, cfg);
    run_host(plan, &in, (dn_host_tensor){y, {1, 4, 1, 2}});
    check_floats(y, (const float[]){0, 2, 4, 6, 1, 3, 5, 7}, 8);
    dn_plan_release(plan);
    snprintf(cfg, sizeof cfg, "%sflatten=1\nreverse=1\n", net);
    plan = plan_in(DN_PJREDDIE, cfg);
    run_host(plan, &in, (dn_host_tensor){y, {1, 4, 1, 2}});
    check_floats(y, (const float[]){0, 4, 1, 5, 2, 6, 3, 7}, 8);
    dn_plan_release(plan);
    snprintf(cfg, sizeof cfg, "%sextra=2\n", net);
    plan = plan_in(DN_PJREDDIE, cfg);
    check_output(plan, 0, 1, 18, 1, 1);
    CHECK(layer_of(plan, 0).flat);
    const dn_host_tensor two = {x, {2, 1, 1, 2}}; /* two images of two values, each followed by two zeros */
    run_host(plan, &two, (dn_host_tensor){y, {2, 4, 1, 1}});
    check_floats(y, (const float[]){0, 1, 0, 0, 2, 3, 0, 0}, 8);
    dn_plan_release(plan);
}

/* x_0 is 1×2×2, x_1 is 1×4×4, read at every second place: y = 2·x_0 + 10·x_1. */
static void test_scaled_shortcut(void) {
    dn_plan *plan = plan_in(DN_PJREDDIE, "[net]\nwidth=4\nheight=4\nchannels=1\n[conv]\n[maxpool]\nstride=2\n"
                                         "[shortcut]\nfrom=0\nalpha=2\nbeta=10\n");
    float x[] = {1, 2, 3, 4}, other[16], y[4];
    for (int k = 0; k < 16; k++) other[k] = (float)k;
    const dn_host_tensor in[] = {{x, {1, 1, 2, 2}}, {other, {1, 1, 4, 4}}};
    run_host(plan, in, (dn_host_tensor){y, {1, 1, 2, 2}});
    check_floats(y, (const float[]){2 + 0, 4 + 20, 6 + 80, 8 + 100}, 4);
    dn_plan_release(plan);
    plan = plan_of("[net]\nwidth=4\nheight=4\nchannels=1\n[conv]\n[conv]\n[shortcut]\nfrom=0\nalpha=2\n");
    CHECK_EQ(last_op(plan)->kind, DN_OP_add); /* alexeyab has no alpha= */
    CHECK_EQ(plan->unused_count, 1);
    dn_plan_release(plan);
}

/* ---- [net] ---- */

static void test_net(void) {
    dn_plan *plan =
        plan_of("[network]\nbatch=64\nsubdivisions=16\nwidth=20\nheight=16\nchannels=3\nletter_box=1\n"
                "learning_rate=.001\npolicy=steps\nsteps=400,450\nscales=.5,.25\nmax_batches=500\n[avgpool]\n");
    dn_net_facts net;
    dn_plan_net(plan, &net);
    CHECK_EQ(net.batch, 1);
    CHECK_EQ(net.cfg_batch, 64);
    CHECK_EQ(net.subdivisions, 16);
    CHECK_EQ(net.time_steps, 1);
    CHECK_EQ(net.inputs, 960);
    CHECK_EQ(net.layers, 1);
    CHECK(net.letter_box);
    CHECK_NEAR(number_of(plan, -1, "batch"), 64, 0);
    CHECK_NEAR(number_of(plan, -1, "learning_rate"), 0.001F, 0);
    CHECK_NEAR(number_of(plan, -1, "momentum"), 0.9F, 0);
    CHECK_NEAR(number_of(plan, -1, "max_batches"), 500, 0);
    CHECK_NEAR(number_of(plan, -1, "max_crop"), 40, 0);
    CHECK_TEXT(fact_of(plan, -1, "policy").text, "steps");
    const dn_fact steps = fact_of(plan, -1, "steps");
    if (CHECK_EQ(steps.count, 2)) CHECK_NEAR(steps.numbers[1], 450, 0);
    CHECK_EQ(dn_plan_unused_option(plan, 0).section, -1);
    CHECK(dn_plan_fact(plan, -2, 0).name == NULL && dn_plan_fact(plan, 1, 0).name == NULL);
    CHECK_EQ(dn_plan_layer(plan, 1, NULL, NULL), DN_E_ARGUMENT);
    CHECK_EQ(dn_plan_slot(plan, 0, NULL, NULL), DN_E_ARGUMENT);
    dn_plan_release(plan);
}

static void test_flat_input(void) {
    dn_plan *plan = plan_of("[net]\ninputs=30\n[dropout]\n[connected]\noutput=4\n[conv]\nfilters=2\n");
    check_output(plan, 0, 1, 30, 1, 1);
    CHECK(layer_of(plan, 0).flat && !layer_of(plan, 1).flat);
    check_slot(plan, 1, 1, "weights", 120, true);
    dn_plan_release(plan);
    const dn_error err = refused("[net]\ninputs=30\n[conv]\nfilters=2\n", DN_E_SHAPE);
    CHECK_HAS(err.message, "30");
}

static void test_sizes(void) {
    dn_plan_options options = DN_PLAN_OPTIONS_INIT;
    options.batch = 3;
    options.width = 40;
    dn_plan *plan = NULL, *again = NULL;
    dn_error err;
    CHECK_EQ(plan_with(&plan, NET "inputs=960\n[maxpool]\nstride=2\n", &options, NULL, &err), DN_OK);
    check_output(plan, 0, 3, 3, 8, 20);
    CHECK_EQ(dn_plan_again(&again, plan, 2, 0, 32, NULL, &err), DN_OK);
    check_output(again, 0, 2, 3, 16, 20);
    dn_plan_release(plan);
    dn_plan_retain(again);
    dn_plan_release(again);
    check_output(again, 0, 2, 3, 16, 20);
    dn_plan_release(again);
}

static void test_net_refused(void) {
    const dn_error missing = refused("[net]\nwidth=20\nheight=16\n[avgpool]\n", DN_E_PARSE);
    CHECK_EQ(missing.line, 1);
    CHECK_TEXT(missing.key, "channels");
    const dn_error inputs = refused(NET "inputs=100\n[avgpool]\n", DN_E_SHAPE);
    CHECK_EQ(inputs.line, 5);
    CHECK_TEXT(inputs.expected, "960");
    const dn_error negative = refused("[net]\nwidth=-1\nheight=2\nchannels=1\n[avgpool]\n", DN_E_PARSE);
    CHECK_EQ(negative.line, 2);
    refused(NET "batch=0\n[avgpool]\n", DN_E_PARSE);
    refused(NET, DN_E_PARSE);
    refused("[net]\nwidth=1000000\nheight=1000000\nchannels=1000000\n[avgpool]\n", DN_E_SHAPE);
}

static void test_options_refused(void) {
    dn_plan *plan = NULL;
    dn_error err;
    dn_plan_options options = DN_PLAN_OPTIONS_INIT;
    options.batch = -1;
    CHECK_EQ(plan_with(&plan, NET "[avgpool]\n", &options, NULL, &err), DN_E_ARGUMENT);
    options = (dn_plan_options)DN_PLAN_OPTIONS_INIT;
    options.struct_size = 1000;
    CHECK_EQ(plan_with(&plan, NET "[avgpool]\n", &options, NULL, &err), DN_E_ARGUMENT);
    options = (dn_plan_options)DN_PLAN_OPTIONS_INIT;
    options.height = 10;
    CHECK_EQ(plan_with(&plan, "[net]\ninputs=9\n[dropout]\n", &options, NULL, &err), DN_E_ARGUMENT);
    CHECK(plan == NULL);
}

/* ---- messages ---- */

static void test_unknown_sections(void) {
    const dn_error near = refused(NET "[avgpool]\n[Maxpol]\nsize=2\n", DN_E_UNSUPPORTED);
    CHECK_EQ(near.line, 6);
    CHECK_EQ(near.layer, 1);
    CHECK_TEXT(near.section, "Maxpol");
    CHECK_TEXT(near.expected, "[maxpool]");
    CHECK_TEXT(near.found, "[Maxpol]");
    CHECK_HAS(near.message, "[maxpool]");
    CHECK_HAS(refused(NET "[conv-select]\n", DN_E_UNSUPPORTED).message, "darkflow");
    CHECK_TEXT(refused(NET "[quantum_annealing]\n", DN_E_UNSUPPORTED).expected, "");
    refused(NET "[conv]\nflipped=1\n", DN_E_UNSUPPORTED);
}

static void test_references_refused(void) {
    const dn_error later = refused(NET "[conv]\n[route]\nlayers=-1,1\n", DN_E_PARSE);
    CHECK_EQ(later.layer, 1);
    CHECK_EQ(later.line, 7);
    CHECK_TEXT(later.key, "layers");
    CHECK_TEXT(later.expected, "0 to 0, or -1 to -1");
    CHECK_TEXT(later.found, "1");
    CHECK_TEXT(refused(NET "[conv]\n[shortcut]\nfrom=-2\n", DN_E_PARSE).found, "-2");
    refused(NET "[route]\nlayers=-1\n", DN_E_PARSE);
    refused(NET "[conv]\n[route]\nlayers=-2147483648\n", DN_E_PARSE);
}

static void test_sizes_refused(void) {
    CHECK_HAS(refused(NET "[conv]\nfilters=6\ngroups=4\n", DN_E_SHAPE).message, "4 groups");
    refused(NET "[conv]\nsize=100\n", DN_E_SHAPE);
    refused(NET "[conv]\nfilters=16777216\nstride=1\n", DN_E_SHAPE);
    refused("[net]\nwidth=1\nheight=1\nchannels=100000\n[conv]\nfilters=100000\n", DN_E_SHAPE);
    refused(NET "[upsample]\nstride=4096\n[upsample]\nstride=4096\n[upsample]\nstride=4096\n", DN_E_SHAPE);
    refused(NET "[conv]\nfilters=-3\n", DN_E_PARSE);
    refused(NET "[conv]\nstride=0\n", DN_E_PARSE);
    refused(NET "[maxpool]\nmaxpool_depth=1\nout_channels=4\n", DN_E_SHAPE);
}

static void test_warnings(void) {
    log_lines lines = {0};
    dn_options options = DN_OPTIONS_INIT;
    options.log = log_line;
    options.log_user = &lines;
    dn_plan *plan = NULL;
    CHECK_EQ(plan_with(&plan, NET "[conv]\nfilterz=3\nactivation=leaky\n", NULL, &options, NULL), DN_OK);
    CHECK_EQ(lines.count, 1);
    CHECK_HAS(lines.last, "line 6: filterz=3 of [conv] is not used");
    CHECK_EQ(dn_plan_unused_option(plan, 0).section, 1);
    CHECK_EQ(dn_plan_unused_option(plan, 0).option, 0);
    CHECK_EQ(dn_plan_unused_option(plan, 1).section, -1);
    dn_plan_release(plan);
    CHECK_EQ(plan_with(&plan, NET "[conv]\nactivation=leeky\n", NULL, &options, NULL), DN_OK);
    CHECK_EQ(lines.count, 2);
    CHECK_HAS(lines.last, "leeky");
    CHECK_TEXT(layer_of(plan, 0).activation, "relu");
    dn_plan_release(plan);
    CHECK_EQ(plan_with(&plan, NET "[conv]\nfilters=2\nfilters=3\nactivation=linear\n", NULL, &options, NULL), DN_OK);
    CHECK_HAS(lines.last, "line 6 has the key already");
    check_output(plan, 0, 1, 2, 16, 20);
    dn_plan_release(plan);
}

static void test_many_layers(void) {
    enum { COUNT = 100000 }; /* with [net], one section more than a cfg may have */
    char *text = malloc(sizeof NET + COUNT * 10U);
    size_t length = sizeof NET - 1;
    if (!CHECK(text != NULL)) return;
    memcpy(text, NET, sizeof NET);
    for (int k = 0; k < COUNT; k++, length += 10) memcpy(text + length, "[dropout]\n", 11);
    refused(text, DN_E_PARSE);
    text[length - 10] = '\0';
    dn_plan *plan = plan_of(text);
    CHECK_EQ(plan->layer_count, COUNT - 1);
    dn_plan_release(plan);
    free(text);
}

static dn_status make_everything(const dn_options *options, void *user, dn_error *err) {
    dn_plan *plan = NULL;
    const dn_status status = plan_with(&plan, user, NULL, options, err);
    dn_plan_release(plan);
    return status;
}

/* Layers of every kind, often enough that every list has to grow. */
static void test_out_of_memory(void) {
    static const char once[] = "[conv]\nfilters=4\nbatch_normalize=1\nbogus=1\n[conv]\nfilters=4\nantialiasing=1\n"
                               "[shortcut]\nfrom=-2\nweights_type=per_channel\n[conv]\nfilters=4\nshare_index=-2\n"
                               "[route]\nlayers=-1,-2\n[reorg]\n[upsample]\nstride=1\n[maxpool]\n[sam]\nfrom=-2\n"
                               "[batchnorm]\n[dropout]\n";
    enum { TIMES = 60 };
    char *text = malloc(sizeof NET + TIMES * sizeof once + 32);
    if (!CHECK(text != NULL)) return;
    memcpy(text, NET, sizeof NET);
    for (int k = 0; k < TIMES; k++) strcat(text, once);
    strcat(text, "[connected]\noutput=3\n");
    check_every_allocation(make_everything, text);
    free(text);
}

int main(void) {
    test_convolutional();
    test_convolutional_ops();
    test_convolutional_windows();
    test_start_values();
    test_stored();
    test_connected_and_batchnorm();
    test_pools();
    test_route();
    test_moves();
    test_attention();
    test_attention_refused();
    test_shortcut();
    test_blur();
    test_pjreddie_reorg();
    test_scaled_shortcut();
    test_net();
    test_flat_input();
    test_sizes();
    test_net_refused();
    test_options_refused();
    test_unknown_sections();
    test_references_refused();
    test_sizes_refused();
    test_warnings();
    test_many_layers();
    test_out_of_memory();
    return harness_result();
}
