/* test_ref_moves.c — the plain kernels that pool, join, add and move values, against values worked out by hand. */
#include <float.h>

#include "ref_fixture.h"

/* ---- pooling ---- */

static dn_op pool2d(bool average, int size, int stride, int pad) {
    return (dn_op){.kind = DN_OP_pool2d, .as.pool2d = {average, size, stride, stride, pad, pad}};
}

static void test_pool2d_leaves_absent_cells_out(void) {
    float x[] = {-1, -2, -3, -4, -5, -6, -7, -8, -9};
    fixture f;
    const float *y = run_one(&f, pool2d(false, 3, 2, 1), SHAPE(1, 1, 3, 3), x, SHAPE(1, 1, 2, 2));
    CHECK(EQUALS(y, -1, -2, -4, -5)); /* absent cells do not count as 0 */
    close_fixture(&f);
    y = run_one(&f, pool2d(true, 3, 2, 1), SHAPE(1, 1, 3, 3), x, SHAPE(1, 1, 2, 2));
    CHECK(EQUALS(y, -3, -4, -6, -7)); /* nor in the average: (1 + 2 + 4 + 5) / 4 */
    close_fixture(&f);
}

static void test_pool2d_stride_larger_than_the_window_and_batch(void) {
    float x[15];
    count_up(x, 15);
    fixture f;
    const float *y = run_one(&f, pool2d(false, 1, 3, 0), SHAPE(3, 1, 1, 5), x, SHAPE(3, 1, 1, 2));
    CHECK(EQUALS(y, 1, 4, 6, 9, 11, 14));
    close_fixture(&f);
}

static void test_pool2d_empty_windows(void) {
    float x[] = {5};
    fixture f; /* windows at columns -2 … -1, 0 … 1 and 2 … 3 of one */
    const float *y = run_one(&f, (dn_op){.kind = DN_OP_pool2d, .as.pool2d = {false, 2, 2, 2, 2, 0}}, SHAPE(1, 1, 1, 1),
                             x, SHAPE(1, 1, 1, 3));
    CHECK(EQUALS(y, -FLT_MAX, 5, -FLT_MAX));
    close_fixture(&f);
    y = run_one(&f, (dn_op){.kind = DN_OP_pool2d, .as.pool2d = {true, 2, 2, 2, 2, 0}}, SHAPE(1, 1, 1, 1), x,
                SHAPE(1, 1, 1, 3));
    CHECK(EQUALS(y, 0, 5, 0));
    close_fixture(&f);
}

static void test_pool2d_argmax_is_an_index_in_the_image(void) {
    float x[] = {1, 4, 4, 2, 9, 1, 1, 8}; /* two channels of 2 × 2; of equal values the first */
    fixture f;
    open_fixture(&f, 1);
    const int input = add_input(&f, SHAPE(1, 2, 2, 2), x);
    const int y = add_op(&f, pool2d(false, 2, 2, 0), INPUTS(input), SHAPE(1, 2, 1, 1));
    const int argmax = add_tensor(&f, DN_ROLE_ACTIVATION, SHAPE(1, 2, 1, 1), NULL);
    f.tensors[argmax].dtype = DN_I32;
    f.outputs[0][1] = argmax;
    f.ops[0].output_count = 2;
    run(&f, 1);
    CHECK(EQUALS(f.data[y], 4, 9));
    const int32_t *const indices = (const int32_t *)(const void *)f.data[argmax];
    CHECK(indices[0] == 1 && indices[1] == 4);
    close_fixture(&f);
}

static void test_pool_depth_takes_channels_modulo(void) {
    float x[] = {1, -5, 7, -8, 3, -2}; /* channels 0 and 2 meet, 1 stays alone */
    fixture f;
    const float *y = run_one(&f, (dn_op){.kind = DN_OP_pool_depth}, SHAPE(1, 3, 1, 2), x, SHAPE(1, 2, 1, 2));
    CHECK(EQUALS(y, 3, -2, 7, -8));
    close_fixture(&f);
}

static void test_pool_global_averages_a_plane(void) {
    float x[] = {1, 2, 6, 10, 20, 60};
    fixture f;
    const float *y = run_one(&f, (dn_op){.kind = DN_OP_pool_global}, SHAPE(1, 2, 1, 3), x, SHAPE(1, 2, 1, 1));
    CHECK(EQUALS(y, 3, 30));
    close_fixture(&f);
}

/* ---- joining and adding ---- */

static void test_concat_takes_ranges_of_channels(void) {
    float a[12], c[] = {200, 201, 202, 203}, d[] = {300, 301, 302, 303};
    count_up(a, 12); /* two images of three channels of two cells */
    static const int first[] = {1, 0, 0}, channels[] = {2, 1, 1};
    fixture f;
    open_fixture(&f, 2);
    const int x0 = add_input(&f, SHAPE(2, 3, 1, 2), a), x1 = add_input(&f, SHAPE(2, 1, 1, 2), c);
    const int x2 = add_input(&f, SHAPE(2, 1, 1, 2), d);
    const dn_op op = {.kind = DN_OP_concat, .as.concat = {false, first, channels}};
    const int y = add_op(&f, op, INPUTS(x0, x1, x2), SHAPE(2, 4, 1, 2));
    run(&f, 2);
    CHECK(EQUALS(f.data[y], 3, 4, 5, 6, 200, 201, 300, 301, 9, 10, 11, 12, 202, 203, 302, 303));
    close_fixture(&f);
}

static void test_concat_flat_joins_unequal_planes(void) {
    float a[] = {1, 2, 3, 4}, b[] = {5, 6};
    static const int first[] = {0, 0}, channels[] = {2, 1};
    fixture f;
    open_fixture(&f, 2);
    const int x0 = add_input(&f, SHAPE(2, 1, 1, 2), a), x1 = add_input(&f, SHAPE(2, 1, 1, 1), b);
    const dn_op op = {.kind = DN_OP_concat, .as.concat = {true, first, channels}};
    const int y = add_op(&f, op, INPUTS(x0, x1), SHAPE(2, 3, 1, 1));
    run(&f, 2);
    CHECK(EQUALS(f.data[y], 1, 2, 5, 3, 4, 6));
    close_fixture(&f);
}

static void test_add_with_fewer_and_more_channels(void) {
    float a[] = {1, 2, 3, 4}, fewer[] = {10, 20}, more[] = {100, 200, 300, 400, 500, 600};
    fixture f;
    open_fixture(&f, 2); /* images of two, one and three channels */
    const int x0 = add_input(&f, SHAPE(2, 2, 1, 1), a), x1 = add_input(&f, SHAPE(2, 1, 1, 1), fewer);
    const int x2 = add_input(&f, SHAPE(2, 3, 1, 1), more);
    const dn_op op = {.kind = DN_OP_add, .as.add = {3, DN_ADD_PLAIN, DN_ADD_RAW, false}};
    const int y = add_op(&f, op, INPUTS(x0, x1, x2), SHAPE(2, 2, 1, 1));
    run(&f, 2);
    CHECK(EQUALS(f.data[y], 111, 202, 423, 504));
    close_fixture(&f);
}

/* Two terms of two channels, x_0 = (1, 1), x_1 = (10, 10): y = a_0 + 10 · a_1. */
static void check_weighted_add(dn_add_weights weights, dn_add_normalization normalization, dn_prepare prepare, float *w,
                               float expected_0, float expected_1) {
    float a[] = {1, 1}, b[] = {10, 10};
    fixture f;
    open_fixture(&f, 1);
    f.prepare = prepare;
    const int x0 = add_input(&f, SHAPE(1, 2, 1, 1), a), x1 = add_input(&f, SHAPE(1, 2, 1, 1), b);
    const int parameter = add_parameter(&f, weights == DN_ADD_PER_CHANNEL ? 4 : 2, w);
    const dn_op op = {.kind = DN_OP_add, .as.add = {2, weights, normalization, false}};
    const int y = add_op(&f, op, INPUTS(x0, x1, parameter), SHAPE(1, 2, 1, 1));
    run(&f, 1);
    CHECK(EQUALS(f.data[y], expected_0, expected_1));
    close_fixture(&f);
}

static void test_add_weighted(void) {
    float per_feature[] = {3, -1}, per_channel[] = {3, 2, -1, 2};
    const float e4 = expf(-4.0F);
    check_weighted_add(DN_ADD_PER_FEATURE, DN_ADD_RAW, DN_PREPARE_NONE, per_feature, -7, -7);
    check_weighted_add(DN_ADD_PER_CHANNEL, DN_ADD_RAW, DN_PREPARE_NONE, per_channel, -7, 22);
    check_weighted_add(DN_ADD_PER_FEATURE, DN_ADD_RELU, DN_PREPARE_NONE, per_feature, 3 / 3.0001F, 3 / 3.0001F);
    check_weighted_add(DN_ADD_PER_CHANNEL, DN_ADD_RELU, DN_PREPARE_NONE, per_channel, 3 / 3.0001F, 22 / 4.0001F);
    check_weighted_add(DN_ADD_PER_CHANNEL, DN_ADD_RELU, DN_PREPARE_FUSE, per_channel, 3.01F / 3.0011F, 22 / 4.0001F);
    for (int prepare = DN_PREPARE_NONE; prepare <= DN_PREPARE_BINARY; prepare++) {
        check_weighted_add(DN_ADD_PER_CHANNEL, DN_ADD_SOFTMAX, (dn_prepare)prepare, per_channel,
                           (1 + 10 * e4) / (1.0001F + e4), 11 / 2.0001F);
    }
}

static void test_add_sampled_reads_or_writes_every_other_cell(void) {
    float small[] = {10, 20, 30, 40}, large[16];
    count_up(large, 16);
    const dn_op op = {.kind = DN_OP_add, .as.add = {2, DN_ADD_PLAIN, DN_ADD_RAW, true}};
    fixture f;
    open_fixture(&f, 1);
    int x0 = add_input(&f, SHAPE(1, 1, 2, 2), small), x1 = add_input(&f, SHAPE(1, 1, 4, 4), large);
    int y = add_op(&f, op, INPUTS(x0, x1), SHAPE(1, 1, 2, 2));
    run(&f, 1);
    CHECK(EQUALS(f.data[y], 11, 23, 39, 51));
    close_fixture(&f);
    open_fixture(&f, 1);
    x0 = add_input(&f, SHAPE(1, 1, 4, 4), large);
    x1 = add_input(&f, SHAPE(1, 1, 2, 2), small);
    y = add_op(&f, op, INPUTS(x0, x1), SHAPE(1, 1, 4, 4));
    run(&f, 1);
    CHECK(EQUALS(f.data[y], 11, 2, 23, 4, 5, 6, 7, 8, 39, 10, 51, 12, 13, 14, 15, 16));
    close_fixture(&f);
}

static void test_mul_with_each_shape_of_scale(void) {
    float x[] = {1, 2, 3, 4, 5, 6, 7, 8}, s[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const struct {
        dn_shape scale;
        float y[8];
    } cases[] = {
        {{2, 2, 1, 2}, {1, 4, 9, 16, 25, 36, 49, 64}},
        {{2, 2, 1, 1}, {1, 2, 6, 8, 15, 18, 28, 32}},
        {{2, 1, 1, 2}, {1, 4, 3, 8, 15, 24, 21, 32}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        open_fixture(&f, 2);
        const int input = add_input(&f, SHAPE(2, 2, 1, 2), x), scale = add_input(&f, cases[i].scale, s);
        const int y = add_op(&f, (dn_op){.kind = DN_OP_mul}, INPUTS(input, scale), SHAPE(2, 2, 1, 2));
        run(&f, 2);
        CHECK(equal(f.data[y], cases[i].y, 8));
        close_fixture(&f);
    }
}

/* ---- moving ---- */

static void test_upsample_and_its_reverse(void) {
    float x[] = {1, 2, 3, 4, 5, 6, 7, 8};
    fixture f;
    const dn_op op = {.kind = DN_OP_upsample, .as.upsample = {2, 0.5F, false}};
    const float *y = run_one(&f, op, SHAPE(2, 1, 1, 2), x, SHAPE(2, 1, 2, 4));
    CHECK(EQUALS(y, 0.5F, 0.5F, 1, 1, 0.5F, 0.5F, 1, 1, 1.5F, 1.5F, 2, 2, 1.5F, 1.5F, 2, 2));
    close_fixture(&f);
    const dn_op reverse = {.kind = DN_OP_upsample, .as.upsample = {2, 2.0F, true}};
    y = run_one(&f, reverse, SHAPE(1, 1, 2, 4), x, SHAPE(1, 1, 1, 2));
    CHECK(EQUALS(y, 28, 44)); /* 2 · (1 + 2 + 5 + 6), 2 · (3 + 4 + 7 + 8) */
    close_fixture(&f);
}

/* The input counts as one plane of 4 × 4; output channel k takes the cells at row k/2, column k%2 of its 2 × 2 blocks.
 * Space-to-depth of the (4, 2, 2) that it is on paper would leave it unchanged. */
static void test_reorg_reinterprets_its_input(void) {
    float x[16];
    count_up(x, 16);
    fixture f;
    const dn_op op = {.kind = DN_OP_reorg, .as.reorg = {2, false}};
    const float *y = run_one(&f, op, SHAPE(1, 4, 2, 2), x, SHAPE(1, 16, 1, 1));
    CHECK(EQUALS(y, 1, 3, 9, 11, 2, 4, 10, 12, 5, 7, 13, 15, 6, 8, 14, 16));
    float moved[16];
    memcpy(moved, y, sizeof moved);
    close_fixture(&f);
    const dn_op reverse = {.kind = DN_OP_reorg, .as.reorg = {2, true}};
    y = run_one(&f, reverse, SHAPE(1, 4, 2, 2), moved, SHAPE(1, 1, 4, 4));
    CHECK(equal(y, x, 16));
    close_fixture(&f);
}

static void test_softmax_of_groups_levels_and_positions(void) {
    const float e = 2.7182818F, one = e / (1 + e), zero = 1 / (1 + e);
    float x[] = {0, 1, 1000, 1000, 1, 0, 0, 0};
    fixture f;
    dn_op op = {.kind = DN_OP_softmax, .as.softmax = {2, 1.0F, false, NULL, 0}};
    const float *y = run_one(&f, op, SHAPE(2, 4, 1, 1), x, SHAPE(2, 4, 1, 1));
    CHECK(EQUALS(y, zero, one, 0.5F, 0.5F, one, zero, 0.5F, 0.5F));
    close_fixture(&f);
    static const int sizes[] = {1, 2, 1};
    op.as.softmax = (dn_op_softmax){1, 1.0F, false, sizes, 3};
    y = run_one(&f, op, SHAPE(2, 4, 1, 1), x, SHAPE(2, 4, 1, 1));
    CHECK(EQUALS(y, 1, 0, 1, 1, 1, 0.5F, 0.5F, 1)); /* each level by itself; e^-999 is 0 */
    close_fixture(&f);
    float halves[] = {0, 2, 2, 0}; /* over channels, temperature 2 */
    op.as.softmax = (dn_op_softmax){1, 2.0F, true, NULL, 0};
    y = run_one(&f, op, SHAPE(1, 2, 1, 2), halves, SHAPE(1, 2, 1, 2));
    CHECK(EQUALS(y, zero, one, one, zero));
    close_fixture(&f);
}

static void test_channel_map_copies_what_no_rule_names(void) {
    float x[] = {-100, 0, 7, 8, -2, 2, 9, 10};
    static const dn_channel_rule rules[] = {{0, 1, DN_LOGISTIC, 2.0F, -0.5F}, {2, 1, DN_RELU, 10.0F, 0.0F}};
    const dn_op op = {.kind = DN_OP_channel_map, .as.channel_map = {rules, 2}};
    fixture f;
    const float *y = run_one(&f, op, SHAPE(1, 4, 1, 2), x, SHAPE(1, 4, 1, 2));
    CHECK(EQUALS(y, -0.5F, 0.5F, 7, 8, 0, 20, 9, 10));
    close_fixture(&f);
}

static void test_copy_changes_only_the_shape(void) {
    float x[] = {1, 2, 3, 4, 5, 6};
    fixture f;
    const float *y = run_one(&f, (dn_op){.kind = DN_OP_copy}, SHAPE(1, 1, 2, 3), x, SHAPE(1, 6, 1, 1));
    CHECK(equal(y, x, 6));
    close_fixture(&f);
}

static void sum_of_inputs(const dn_host_call *call) {
    for (int n = 0; n < call->outputs[0].shape.n; n++) {
        const float absent = call->inputs[1].data == NULL ? 1.0F : 0.0F;
        call->outputs[0].data[n] = call->inputs[0].data[n] + absent * *(const float *)call->params;
    }
}

static void test_host_gets_params_absent_tensors_and_rows(void) {
    float x[] = {1, 2, 3};
    static const float params = 10;
    fixture f;
    open_fixture(&f, 3);
    const int input = add_input(&f, SHAPE(3, 1, 1, 1), x);
    const dn_op op = {.kind = DN_OP_host, .as.host = {.function = sum_of_inputs, .params = &params, .name = "sum"}};
    const int y = add_op(&f, op, INPUTS(input, -1), SHAPE(3, 1, 1, 1));
    run(&f, 2);
    CHECK(EQUALS(f.data[y], 11, 12, UNTOUCHED));
    close_fixture(&f);
}

int main(void) {
    test_pool2d_leaves_absent_cells_out();
    test_pool2d_stride_larger_than_the_window_and_batch();
    test_pool2d_empty_windows();
    test_pool2d_argmax_is_an_index_in_the_image();
    test_pool_depth_takes_channels_modulo();
    test_pool_global_averages_a_plane();
    test_concat_takes_ranges_of_channels();
    test_concat_flat_joins_unequal_planes();
    test_add_with_fewer_and_more_channels();
    test_add_weighted();
    test_add_sampled_reads_or_writes_every_other_cell();
    test_mul_with_each_shape_of_scale();
    test_upsample_and_its_reverse();
    test_reorg_reinterprets_its_input();
    test_softmax_of_groups_levels_and_positions();
    test_channel_map_copies_what_no_rule_names();
    test_copy_changes_only_the_shape();
    test_host_gets_params_absent_tensors_and_rows();
    return harness_result();
}
