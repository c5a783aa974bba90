/* test_cpu.c — the cpu backend against the ref backend on chosen graphs, for every instruction set, number of images,
 * number of threads and form of preparation; its steps; failing allocations. */
#include "cpu_random.h"

static int steps_of(const graph_fixture *g, dn_prepare prepare) {
    running r;
    CHECK_EQ(start_running(&r, g, &dn_backend_cpu, prepare, NULL, NULL), DN_OK);
    const int count = ((const dn_cpu_program *)(const void *)r.program)->step_count;
    stop_running(&r);
    return count;
}

/* ---- chosen graphs ---- */

/* What the fusion is for: four ops, one step; nothing between them in memory. */
static void test_chain_is_one_step(void) {
    graph_fixture g;
    graph_open(&g, 2, 1);
    const int x = add_block(&g, add_input(&g, 3, 12, 10), 32, 3, 1);
    const int y = add_activation(&g, add_sum(&g, add_block(&g, x, 32, 3, 1), x), DN_RELU);
    g.keep[add_conv(&g, y, 5, 1, 1)] = true;
    CHECK_EQ(steps_of(&g, DN_PREPARE_FUSE), 3);
    CHECK_EQ(steps_of(&g, DN_PREPARE_NONE), 6); /* each batchnorm with its leaky, and the add with its relu */
    CHECK(agrees_everywhere(&g));
    graph_close(&g);
}

/* Both branches end in front of the add: the later one takes it. */
static void test_two_branches(void) {
    graph_fixture g;
    graph_open(&g, 3, 2);
    const int x = add_block(&g, add_input(&g, 16, 9, 9), 16, 3, 1);
    const int a = add_block(&g, x, 30, 3, 1), b = add_block(&g, x, 30, 1, 1);
    g.keep[add_sum(&g, a, b)] = true;
    CHECK_EQ(steps_of(&g, DN_PREPARE_FUSE), 4); /* the input is read through a reorder */
    CHECK(agrees_everywhere(&g));
    graph_close(&g);
}

/* Parts written in place, a part of odd width, the same part twice, slices, an upsampled part. */
static void test_concatenations(void) {
    graph_fixture g;
    graph_open(&g, 3, 3);
    const int x = add_block(&g, add_input(&g, 3, 8, 8), 32, 3, 1);
    const int half = add_concat(&g, INPUTS(x), (const int[]){16}, (const int[]){16}, false);
    const int a = add_block(&g, half, 16, 3, 1), b = add_block(&g, a, 17, 3, 1);
    const int inner = add_concat(&g, INPUTS(a, b), NULL, NULL, false);
    const int small = add_pool(&g, inner, (dn_op_pool2d){false, 2, 2, 2, 0, 0, false});
    const int large = add_upsample(&g, small, 2, 1.5F);
    const int outer = add_concat(&g, INPUTS(x, large, inner, x), NULL, NULL, false);
    const int parts = add_concat(&g, INPUTS(outer, b), (const int[]){7, 3}, (const int[]){50, 9}, false);
    g.keep[add_conv(&g, parts, 9, 1, 1)] = true;
    g.keep[add_concat(&g, INPUTS(x, small), NULL, NULL, true)] = true;
    CHECK(agrees_everywhere(&g));
    check_placements(&g, DN_PREPARE_FUSE);
    graph_close(&g);
}

/* A concatenation that an activation overwrites must not hold a tensor that is read after that. */
static void test_part_read_after_overwriting(void) {
    graph_fixture g;
    graph_open(&g, 2, 4);
    const int x = add_block(&g, add_input(&g, 3, 6, 7), 32, 3, 1), y = add_block(&g, x, 32, 3, 1);
    const int both = add_concat(&g, INPUTS(x, y), NULL, NULL, false);
    const int f = add_activation(&g, both, DN_MISH);
    const int late = add_sum(&g, add_conv(&g, f, 32, 1, 1), x);
    g.keep[add_activation(&g, late, DN_SWISH)] = true;
    CHECK(agrees_everywhere(&g));
    graph_close(&g);
}

/* The same for a slice of such a tensor, cut before the concatenation or after it. */
static void test_slice_read_after_overwriting(void) {
    for (int after = 0; after < 2; after++) {
        graph_fixture g;
        graph_open(&g, 2, 11);
        const int x = add_block(&g, add_input(&g, 3, 6, 7), 32, 3, 1), y = add_block(&g, x, 16, 3, 1);
        const int *const all = INPUTS(x, y);
        int slice = -1, both;
        if (!after) slice = add_concat(&g, INPUTS(x), (const int[]){16}, (const int[]){16}, false);
        both = add_concat(&g, all, NULL, NULL, false);
        if (after) slice = add_concat(&g, INPUTS(x), (const int[]){16}, (const int[]){16}, false);
        const int f = add_activation(&g, both, DN_MISH), late = add_conv(&g, slice, 48, 1, 1);
        g.keep[add_conv(&g, add_op(&g, (dn_op){.kind = DN_OP_mul}, INPUTS(f, late), shape_of(&g, f)), 3, 1, 1)] = true;
        CHECK(agrees_everywhere(&g));
        graph_close(&g);
    }
}

/* x + b + x: the second x must not be the sum of the first two. */
static void test_term_twice(void) {
    graph_fixture g;
    graph_open(&g, 2, 12);
    const int x = add_block(&g, add_input(&g, 3, 6, 7), 20, 3, 1), b = add_block(&g, x, 20, 3, 1);
    const dn_op op = {.kind = DN_OP_add, .as.add = {.terms = 3}};
    const int sum = add_op(&g, op, INPUTS(x, b, x), shape_of(&g, x));
    g.keep[add_activation(&g, add_conv(&g, sum, 5, 1, 1), DN_TANH)] = true;
    CHECK(agrees_everywhere(&g));
    graph_close(&g);
}

/* state' = tanh(conv(x) + state): what reads the old value must not see the new one. */
static void test_state(void) {
    graph_fixture g;
    graph_open(&g, 2, 5);
    const int x = add_input(&g, 8, 5, 5);
    const int state = add_tensor(&g, DN_ROLE_STATE, SHAPE(2, 24, 5, 5));
    const int own = add_block(&g, x, 24, 3, 1), from = add_conv(&g, state, 24, 3, 1);
    const int sum = add_sum(&g, own, from), hidden = add_activation(&g, sum, DN_TANH);
    g.keep[add_sum(&g, hidden, state)] = true;
    (void)add_op_into(&g, (dn_op){.kind = DN_OP_copy}, INPUTS(hidden), state);
    g.keep[add_conv(&g, state, 4, 1, 1)] = true;
    CHECK(agrees_everywhere(&g));
    graph_close(&g);
}

/* The new state is made in place of the old one only after everything has read the old one. */
static void test_state_in_place(void) {
    graph_fixture g;
    graph_open(&g, 2, 13);
    const int x = add_input(&g, 24, 5, 5), state = add_tensor(&g, DN_ROLE_STATE, SHAPE(2, 24, 5, 5));
    const int gated = add_op(&g, (dn_op){.kind = DN_OP_mul}, INPUTS(x, state), shape_of(&g, x));
    const int scores = add_conv(&g, state, 24, 3, 1), old = add_conv(&g, state, 5, 3, 1);
    (void)add_op_into(&g, (dn_op){.kind = DN_OP_bias}, INPUTS(gated, add_parameter(&g, 24, 0.5F, 1.0F)), state);
    g.keep[add_activation(&g, scores, DN_TANH)] = true; /* of the state before, although it comes after */
    g.keep[add_activation(&g, old, DN_RELU)] = true;
    CHECK(agrees_everywhere(&g));
    graph_close(&g);
}

/* Squeeze and excitation, a classifier's end, a gate per pixel. */
static void test_gates_and_classifier(void) {
    graph_fixture g;
    graph_open(&g, 3, 6);
    const int x = add_block(&g, add_input(&g, 3, 7, 9), 40, 3, 1);
    const int mean = add_op(&g, (dn_op){.kind = DN_OP_pool_global}, INPUTS(x), SHAPE(3, 40, 1, 1));
    const int gate = add_activation(&g, add_bias(&g, add_conv(&g, mean, 40, 1, 1)), DN_LOGISTIC);
    const int y = add_op(&g, (dn_op){.kind = DN_OP_mul}, INPUTS(x, gate), shape_of(&g, x));
    const int pixel = add_activation(&g, add_conv(&g, y, 1, 1, 1), DN_LOGISTIC);
    const int z = add_op(&g, (dn_op){.kind = DN_OP_mul}, INPUTS(y, pixel), shape_of(&g, x));
    const int end = add_op(&g, (dn_op){.kind = DN_OP_pool_global}, INPUTS(z), SHAPE(3, 40, 1, 1));
    const int scores = add_batchnorm(&g, add_linear(&g, end, 11, false));
    const int copy = add_op(&g, (dn_op){.kind = DN_OP_copy}, INPUTS(add_linear(&g, z, 10, true)), SHAPE(3, 2, 5, 1));
    g.keep[add_op(&g, (dn_op){.kind = DN_OP_softmax, .as.softmax = {1, 1.0F, false, NULL, 0}}, INPUTS(scores),
                  shape_of(&g, scores))] = true;
    g.keep[copy] = true;
    CHECK(agrees_everywhere(&g));
    graph_close(&g);
}

/* Windows that are partly or wholly outside, in both layouts. */
static void test_windows(void) {
    for (int variant = 0; variant < 8; variant++) {
        graph_fixture g;
        graph_open(&g, 2, 20);
        const dn_op_pool2d wide = {variant % 2 > 0, 5, 1 + variant / 4, 1, 2, 1, false};
        const dn_op_pool2d empty = {variant % 2 > 0, 1, 2, 1, 1, 1, false};
        const int x = add_input(&g, 19, 7, 9), y = variant % 4 < 2 ? add_block(&g, x, 21, 1, 1) : x;
        g.keep[add_pool(&g, add_pool(&g, y, wide), empty)] = variant % 4 != 1;
        g.keep[add_conv(&g, add_pool(&g, y, wide), 4, 1, 1)] = true;
        g.keep[g.outputs[variant % 4 < 2 ? 4 : 1][0]] = true;
        CHECK(agrees_everywhere(&g));
        graph_close(&g);
    }
}

/* One convolution per shape, in front of a kept tensor, and in the middle of a chain. */
static void test_convolutions(void) {
    static const int channels[] = {1, 3, 5, 17, 30, 32};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        for (int variant = 0; variant < 6; variant++) {
            graph_fixture g;
            graph_open(&g, 3, 100 + i);
            const int c = channels[i];
            const dn_op_conv2d params[] = {{1, 1, 1, 1, 0, 1, 0}, {1, 3, 1, 1, 1, 1, 0},
                                           {1, 3, 2, 2, 1, 1, 0}, {1, 3, 1, 1, 2, 2, 0},
                                           {c, 3, 1, 2, 1, 1, 0}, {c % 2 ? 1 : 2, 5, 3, 2, 0, 1, 0}};
            const int x = add_input(&g, c, 11, 13);
            const int y = add_conv_op(&g, x, variant == 4 ? c : 2 * c, params[variant]);
            const int z = add_conv_op(&g, add_activation(&g, add_bias(&g, y), DN_LEAKY), 3, params[0]);
            g.keep[add_channel_map(&g, z)] = true;
            CHECK(agrees_everywhere(&g));
            graph_close(&g);
        }
    }
}

/* What goes through the plain kernels in the middle of a blocked chain: xnor, with its batchnorm folded or not. */
static void test_xnor(void) {
    graph_fixture g;
    graph_open(&g, 2, 10);
    const int x = add_input(&g, 17, 8, 8);
    const dn_op_conv2d params = {1, 3, 1, 1, 1, 1, DN_BINARY_XNOR};
    const int y = add_activation(&g, add_batchnorm(&g, add_conv_op(&g, x, 24, params)), DN_LEAKY);
    g.keep[add_block(&g, y, 16, 3, 1)] = true;
    CHECK(agrees_everywhere(&g));
    graph_close(&g);
}

/* ---- threads, versions, memory ---- */

/* Large enough that steps are split; the same bits for any number of threads, also of a pool that grows afterwards. */
static void test_threads(void) {
    graph_fixture g;
    graph_open(&g, 2, 7);
    const int x = add_block(&g, add_input(&g, 3, 64, 64), 32, 3, 2);
    const int y = add_sum(&g, add_block(&g, add_block(&g, x, 64, 1, 1), 32, 3, 1), x);
    const int both = add_concat(&g, INPUTS(y, add_activation(&g, x, DN_MISH)), NULL, NULL, false);
    g.keep[add_pool(&g, both, (dn_op_pool2d){false, 3, 1, 1, 1, 1, false})] = true;
    g.keep[add_channel_map(&g, add_conv(&g, both, 21, 1, 1))] = true;
    running alone, many;
    CHECK_EQ(start_running(&alone, &g, &dn_backend_cpu, DN_PREPARE_FUSE, NULL, NULL), DN_OK);
    run_all(&alone, 2);
    for (int threads = 2; threads <= 5; threads++) {
        dn_options options = DN_OPTIONS_INIT;
        CHECK_EQ(dn_pool_create(&options.pool, threads, NULL), DN_OK);
        CHECK_EQ(start_running(&many, &g, &dn_backend_cpu, DN_PREPARE_FUSE, &options, NULL), DN_OK);
        for (int pass = 0; pass < 2; pass++) {
            int where = -1;
            run_all(&many, 2);
            CHECK(difference(&many, &alone, 2, &where) == 0.0);
            CHECK_EQ(dn_pool_resize(options.pool, threads + 3, NULL), DN_OK);
            CHECK_EQ(many.type->run(many.program, many.addresses, 2, 0, g.op_count, NULL), DN_OK);
            CHECK(difference(&many, &alone, 2, &where) == 0.0);
        }
        stop_running(&many);
        dn_pool_release(options.pool);
    }
    stop_running(&alone);
    graph_close(&g);
}

/* Changed parameters count when their version changes, and not before. */
static void test_versions(void) {
    graph_fixture g;
    graph_open(&g, 1, 8);
    const int x = add_input(&g, 3, 6, 6);
    const int y = add_block(&g, x, 16, 3, 1);
    g.keep[add_bias(&g, add_conv(&g, y, 5, 1, 1))] = true;
    running ref, cpu;
    CHECK_EQ(start_running(&ref, &g, &dn_backend_ref, DN_PREPARE_FUSE, NULL, NULL), DN_OK);
    CHECK_EQ(start_running(&cpu, &g, &dn_backend_cpu, DN_PREPARE_FUSE, NULL, NULL), DN_OK);
    run_all(&ref, 1);
    run_all(&cpu, 1);
    int where = -1;
    CHECK(difference(&cpu, &ref, 1, &where) <= TOLERANCE);
    for (int t = 0; t < g.tensor_count; t++) {
        if (g.tensors[t].role != DN_ROLE_PARAMETER) continue;
        g.values[t][0] += 0.5F;
        run_all(&cpu, 1);
        CHECK(difference(&cpu, &ref, 1, &where) <= TOLERANCE); /* both as before */
        g.versions[t]++;
        run_all(&cpu, 1);
        CHECK(difference(&cpu, &ref, 1, &where) > TOLERANCE);
        run_all(&ref, 1);
        CHECK(difference(&cpu, &ref, 1, &where) <= TOLERANCE);
    }
    stop_running(&cpu);
    stop_running(&ref);
    graph_close(&g);
}

static dn_status compile_and_refresh(const dn_options *options, void *user, dn_error *err) {
    running r;
    const graph_fixture *g = user;
    dn_status status = start_running(&r, g, &dn_backend_cpu, DN_PREPARE_FUSE, options, err);
    if (status == DN_OK) {
        status = r.type->refresh(r.program, (const float *const *)g->values, g->versions, err);
        place_all(&r, g->batch);
        test_memory *memory = options->allocator.user;
        const int calls = atomic_load(&memory->calls);
        if (status == DN_OK) CHECK_EQ(r.type->run(r.program, r.addresses, g->batch, 0, g->op_count, err), DN_OK);
        CHECK_EQ(atomic_load(&memory->calls), calls); /* a run allocates nothing */
    }
    if (r.program) {
        stop_running(&r);
    } else if (r.backend) {
        r.type->close(r.backend);
    }
    return status;
}

/* Ops with the same weights, as in the time steps of a recurrent layer, pack them once; other filters of another slot,
 * or another batchnorm behind them, are packed for themselves. */
static size_t packed_floats(int steps, bool same_weights, bool same_batchnorm) {
    graph_fixture g;
    graph_open(&g, 2, 77);
    int x = add_input(&g, 16, 9, 9), weights = -1, batchnorm[4] = {-1, -1, -1, -1};
    for (int step = 0; step < steps; step++) {
        x = add_conv(&g, x, 16, 3, 1);
        int *inputs = g.inputs[g.op_count - 1];
        if (step > 0 && same_weights) inputs[1] = weights;
        weights = inputs[1];
        x = add_batchnorm(&g, x);
        for (int k = 0; k < 4; k++) {
            int *input = &g.inputs[g.op_count - 1][k + 1];
            if (step > 0 && same_batchnorm) *input = batchnorm[k];
            batchnorm[k] = *input;
        }
        g.ops[g.op_count - 1].as.batchnorm.outside = false;
        x = add_activation(&g, x, DN_TANH);
    }
    g.keep[add_conv(&g, x, 16, 1, 1)] = true;
    CHECK(agrees_everywhere(&g));
    running r;
    dn_error err = {0};
    CHECK_EQ(start_running(&r, &g, &dn_backend_cpu, DN_PREPARE_FUSE, NULL, &err), DN_OK);
    const dn_cpu_program *program = (const dn_cpu_program *)(const void *)r.program;
    const size_t count = program->packed_floats;
    stop_running(&r);
    graph_close(&g);
    return count;
}

static void test_shared_weights(void) {
    const size_t one = packed_floats(1, false, false), apart = packed_floats(3, false, false);
    CHECK(apart > one);
    CHECK_EQ(packed_floats(3, true, true), one);
    CHECK_EQ(packed_floats(3, true, false), apart);
    CHECK_EQ(packed_floats(3, false, true), apart);
}

static void test_failing_allocations(void) {
    graph_fixture g;
    random_graph(&g, 1234);
    g.keep[add_conv_op(&g, 0, 4, (dn_op_conv2d){1, 1, 1, 1, 0, 1, DN_BINARY_XNOR})] = true;
    g.keep[add_block(&g, 0, 20, 3, 1)] = true;
    check_every_allocation(compile_and_refresh, &g);
    graph_close(&g);
}

static void test_refusals(void) {
    graph_fixture g;
    graph_open(&g, 2, 9);
    g.keep[add_conv(&g, add_input(&g, 3, 4, 4), 5, 3, 1)] = true;
    running r;
    dn_error err = {0};
    CHECK_EQ(start_running(&r, &g, &dn_backend_cpu, DN_PREPARE_FUSE, NULL, &err), DN_OK);
    place_all(&r, 2);
    run_range(&r, 2, 0, 1);
    CHECK_EQ(r.type->run(r.program, r.addresses, 3, 0, 1, &err), DN_E_ARGUMENT);
    CHECK_HAS(err.message, "3 images");
    dn_program *program = NULL;
    const dn_graph graph = graph_of(&g);
    const dn_compile_options other = {DN_PRECISION_BF16, DN_PREPARE_FUSE, g.keep};
    CHECK_EQ(r.type->compile(r.backend, &graph, &other, &program, &err), DN_E_UNSUPPORTED);
    dn_backend *backend = NULL;
    CHECK_EQ(dn_backend_cpu.open(&backend, NULL, 7, &err), DN_E_ARGUMENT);
    CHECK(program == NULL && backend == NULL);
    stop_running(&r);
    graph_close(&g);
}

int main(void) {
    test_chain_is_one_step();
    test_two_branches();
    test_concatenations();
    test_part_read_after_overwriting();
    test_slice_read_after_overwriting();
    test_term_twice();
    test_state();
    test_state_in_place();
    test_gates_and_classifier();
    test_windows();
    test_xnor();
    test_convolutions();
    test_threads();
    test_versions();
    test_shared_weights();
    test_failing_allocations();
    test_refusals();
    return harness_result();
}
