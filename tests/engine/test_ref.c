/* test_ref.c — the plain kernels that calculate, one op at a time, against values worked out by hand. */
#include "op/activation.h"
#include "ref_fixture.h"

/* ---- conv2d ---- */

static dn_op conv2d(int groups, int size, int stride, int pad, int dilation) {
    return (dn_op){.kind = DN_OP_conv2d, .as.conv2d = {groups, size, stride, stride, pad, dilation, DN_BINARY_NONE}};
}

static const float *run_conv2d(fixture *f, dn_op op, dn_shape in, float *x, float *w, int weights, dn_shape out) {
    open_fixture(f, in.n);
    const int input = add_input(f, in, x), parameter = add_parameter(f, weights, w);
    const int y = add_op(f, op, INPUTS(input, parameter), out);
    run(f, in.n);
    return f->data[y];
}

static void test_conv2d_adds_the_cells_inside_the_image(void) {
    float x[9], w[9];
    count_up(x, 9);
    for (int i = 0; i < 9; i++) w[i] = 1.0F;
    fixture f;
    const float *y = run_conv2d(&f, conv2d(1, 3, 1, 1, 1), SHAPE(1, 1, 3, 3), x, w, 9, SHAPE(1, 1, 3, 3));
    CHECK(EQUALS(y, 12, 21, 16, 27, 45, 33, 24, 39, 28));
    close_fixture(&f);
    y = run_conv2d(&f, conv2d(1, 3, 2, 1, 1), SHAPE(1, 1, 3, 3), x, w, 9, SHAPE(1, 1, 2, 2));
    CHECK(EQUALS(y, 12, 16, 24, 28)); /* every other one of the above */
    close_fixture(&f);
    y = run_conv2d(&f, conv2d(1, 3, 1, 2, 2), SHAPE(1, 1, 3, 3), x, w, 9, SHAPE(1, 1, 3, 3));
    CHECK(EQUALS(y, 20, 10, 20, 10, 5, 10, 20, 10, 20)); /* cells two apart: corners meet corners */
    close_fixture(&f);
}

static void test_conv2d_stride_larger_than_the_kernel(void) {
    float x[14], w[] = {10};
    count_up(x, 14);
    fixture f;
    const float *y = run_conv2d(&f, conv2d(1, 1, 3, 0, 1), SHAPE(1, 1, 2, 7), x, w, 1, SHAPE(1, 1, 1, 3));
    CHECK(EQUALS(y, 10, 40, 70));
    close_fixture(&f);
    dn_op op = conv2d(1, 1, 2, 0, 1); /* strides differ */
    op.as.conv2d.stride_y = 1;
    y = run_conv2d(&f, op, SHAPE(1, 1, 2, 7), x, w, 1, SHAPE(1, 1, 2, 4));
    CHECK(EQUALS(y, 10, 30, 50, 70, 80, 100, 120, 140));
    close_fixture(&f);
}

static void test_conv2d_kernel_wider_than_the_image(void) {
    float x[] = {3}, w[25];
    count_up(w, 25);
    fixture f;
    const float *y = run_conv2d(&f, conv2d(1, 5, 1, 2, 1), SHAPE(1, 1, 1, 1), x, w, 25, SHAPE(1, 1, 1, 1));
    CHECK(EQUALS(y, 39)); /* the middle weight, 13 */
    close_fixture(&f);
}

/* Five input channels: the loop over four at a time and the rest. y = Σ c·x_c, then twice that. */
static void test_conv2d_sums_channels_per_filter(void) {
    float x[10], w[10];
    count_up(x, 10); /* x_c = (2c + 1, 2c + 2) */
    for (int c = 0; c < 5; c++) w[c] = (float)(c + 1), w[5 + c] = (float)(2 * (c + 1));
    fixture f;
    const float *y = run_conv2d(&f, conv2d(1, 1, 1, 0, 1), SHAPE(1, 5, 1, 2), x, w, 10, SHAPE(1, 2, 1, 2));
    CHECK(EQUALS(y, 95, 110, 190, 220)); /* 1·1 + 2·3 + 3·5 + 4·7 + 5·9 = 95 */
    close_fixture(&f);
}

static void test_conv2d_groups_and_batch(void) {
    float x[12], w[] = {1, 10, 2, 20}; /* two groups of one channel, two filters each */
    count_up(x, 12);                   /* three images of two channels of two cells */
    fixture f;
    const float *y = run_conv2d(&f, conv2d(2, 1, 1, 0, 1), SHAPE(3, 2, 1, 2), x, w, 4, SHAPE(3, 4, 1, 2));
    CHECK(EQUALS(y, 1, 2, 10, 20, 6, 8, 60, 80));
    CHECK(EQUALS(y + 16, 9, 10, 90, 100, 22, 24, 220, 240));
    close_fixture(&f);
}

/* w is + − + − + − + − + times its mean of 5; x is + − − +, zero counting as −. Inside the image the four products
 * agree in sign. The nine weights sum to +5: packed, the cells outside take the rest of that away. */
static void test_conv2d_xnor_pads_with_minus_one_when_packed(void) {
    float x[] = {1, -1, 0, 2}, w[] = {1, -2, 3, -4, 5, -6, 7, -8, 9};
    dn_op op = conv2d(1, 3, 1, 1, 1);
    op.as.conv2d.binary = DN_BINARY_XNOR;
    const float expected[3][4] = {{20, -20, -20, 20}, {20, -20, -20, 20}, {15, -25, -25, 15}};
    for (int prepare = DN_PREPARE_NONE; prepare <= DN_PREPARE_BINARY; prepare++) {
        fixture f;
        open_fixture(&f, 1);
        f.prepare = (dn_prepare)prepare;
        const int input = add_input(&f, SHAPE(1, 1, 2, 2), x), parameter = add_parameter(&f, 9, w);
        const int y = add_op(&f, op, INPUTS(input, parameter), SHAPE(1, 1, 2, 2));
        run(&f, 1);
        CHECK(equal(f.data[y], expected[prepare], 4));
        close_fixture(&f);
    }
}

static void test_conv2d_xnor_packed_only_for_stride_1(void) {
    float x[] = {1, -1, 0, 2}, w[] = {1, -2, 3, -4, 5, -6, 7, -8, 9};
    dn_op op = conv2d(1, 3, 2, 1, 1);
    op.as.conv2d.binary = DN_BINARY_XNOR;
    fixture f;
    open_fixture(&f, 1);
    f.prepare = DN_PREPARE_BINARY;
    const int input = add_input(&f, SHAPE(1, 1, 2, 2), x), parameter = add_parameter(&f, 9, w);
    const int y = add_op(&f, op, INPUTS(input, parameter), SHAPE(1, 1, 1, 1));
    run(&f, 1);
    CHECK(EQUALS(f.data[y], 20));
    close_fixture(&f);
}

/* ---- linear, bias, batchnorm ---- */

static void test_linear_both_orders_of_weights(void) {
    float x[] = {1, 2, 3, 4, 5, 6}, w[] = {1, 0, 2, 0, 1, -1}, w_transposed[] = {1, 0, 0, 1, 2, -1};
    for (int transposed = 0; transposed < 2; transposed++) {
        const dn_op op = {.kind = DN_OP_linear, .as.linear = {transposed != 0}};
        fixture f;
        open_fixture(&f, 2);
        const int input = add_input(&f, SHAPE(2, 3, 1, 1), x);
        const int parameter = add_parameter(&f, 6, transposed != 0 ? w_transposed : w);
        const int y = add_op(&f, op, INPUTS(input, parameter), SHAPE(2, 2, 1, 1));
        run(&f, 2);
        CHECK(EQUALS(f.data[y], 7, -1, 16, -1));
        close_fixture(&f);
    }
}

static void test_bias_is_per_channel(void) {
    float x[8] = {0}, b[] = {1, 2};
    fixture f;
    open_fixture(&f, 2);
    const int input = add_input(&f, SHAPE(2, 2, 1, 2), x), parameter = add_parameter(&f, 2, b);
    const int y = add_op(&f, (dn_op){.kind = DN_OP_bias}, INPUTS(input, parameter), SHAPE(2, 2, 1, 2));
    run(&f, 2);
    CHECK(EQUALS(f.data[y], 1, 1, 2, 2, 1, 1, 2, 2));
    close_fixture(&f);
}

typedef struct norm {
    float scales[2], mean[2], variance[2], biases[2];
} norm;

static int add_batchnorm(fixture *f, int x, norm *p, dn_op_batchnorm params, bool with_biases) {
    const int scales = add_parameter(f, 2, p->scales), mean = add_parameter(f, 2, p->mean);
    const int variance = add_parameter(f, 2, p->variance);
    const int biases = with_biases ? add_parameter(f, 2, p->biases) : -1;
    const dn_op op = {.kind = DN_OP_batchnorm, .as.batchnorm = params};
    return add_op(f, op, INPUTS(x, scales, mean, variance, biases), f->tensors[x].shape);
}

static void test_batchnorm_epsilon_inside_and_outside_the_root(void) {
    norm p = {{2, 10}, {1, 0}, {3, 8}, {5, 0}}; /* variance + 1 = 4 and 9 */
    float x[] = {1, 3, 6, 9};
    fixture f;
    open_fixture(&f, 1);
    int y = add_batchnorm(&f, add_input(&f, SHAPE(1, 2, 1, 2), x), &p, (dn_op_batchnorm){1.0F, false}, true);
    run(&f, 1);
    CHECK(EQUALS(f.data[y], 5, 7, 20, 30));
    close_fixture(&f);
    norm q = {{2, 10}, {1, 0}, {1, 4}, {5, 7}}; /* root + 1 = 2 and 3; the biases are left out */
    open_fixture(&f, 1);
    y = add_batchnorm(&f, add_input(&f, SHAPE(1, 2, 1, 2), x), &q, (dn_op_batchnorm){1.0F, true}, false);
    run(&f, 1);
    CHECK(EQUALS(f.data[y], 0, 2, 20, 30));
    close_fixture(&f);
}

/* ---- activations ---- */

static void test_activation_formulas(void) {
    static const struct {
        dn_activation kind;
        float x, y;
    } cases[] = {
        {DN_LINEAR, -3, -3},      {DN_LOGISTIC, 0, 0.5F},
        {DN_LOGISTIC, -200, 0}, /* e^200 overflows */
        {DN_LOGGY, 0, 0},         {DN_RELU, -1, 0},
        {DN_RELU, 2, 2},          {DN_RELU6, -1, 0},
        {DN_RELU6, 5, 5},         {DN_RELU6, 7, 6},
        {DN_ELU, 3, 3},           {DN_ELU, -1, -0.63212056F}, /* 1/e − 1 */
        {DN_SELU, 1, 1.0507F},    {DN_SELU, -1, -1.1112877F}, /* 1.0507 · 1.6732 · (1/e − 1) */
        {DN_GELU, 0, 0},          {DN_GELU, 20, 20},
        {DN_RELIE, -1, -0.01F},   {DN_RAMP, -1, -0.1F},
        {DN_RAMP, 1, 1.1F},       {DN_TANH, 0.5F, 0.46211716F},
        {DN_PLSE, -5, -0.01F},    {DN_PLSE, 0, 0.5F},
        {DN_PLSE, 5, 1.01F},      {DN_LEAKY, -2, -0.2F},
        {DN_STAIR, 2.5F, 1},      {DN_STAIR, 3.5F, 1.5F},
        {DN_STAIR, -0.5F, -0.5F}, /* floor is -1, odd */
        {DN_HARDTAN, -7, -1},     {DN_HARDTAN, 0.25F, 0.25F},
        {DN_LHTAN, -1, -0.001F},  {DN_LHTAN, 2, 1.001F},
        {DN_SWISH, 0, 0},         {DN_SWISH, 100, 100},
        {DN_MISH, 0, 0},          {DN_MISH, 1, 0.86509836F}, /* tanh(ln(1 + e)) */
        {DN_MISH, 30, 30},        {DN_MISH, -30, 0},
        {DN_HARD_MISH, -3, 0},    {DN_HARD_MISH, -1, -0.5F},
        {DN_HARD_MISH, 4, 4},     {DN_REVLEAKY, -2, -0.2F},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float x = cases[i].x;
        fixture f;
        const dn_op op = {.kind = DN_OP_activation, .as.activation = {cases[i].kind}};
        CHECK(near(*run_one(&f, op, SHAPE(1, 1, 1, 1), &x, SHAPE(1, 1, 1, 1)), cases[i].y));
        close_fixture(&f);
    }
}

static void test_activation_keeps_not_a_number(void) {
    for (int kind = 0; kind < DN_ACTIVATIONS; kind++) CHECK(isnan(dn_activate((dn_activation)kind, NAN)));
}

static void test_activation_names(void) {
    for (int kind = 0; kind < DN_ACTIVATIONS; kind++) {
        dn_activation found = DN_ACTIVATIONS;
        CHECK(dn_activation_find(dn_activation_name((dn_activation)kind), &found));
        CHECK((int)found == kind);
    }
    dn_activation untouched = DN_MISH;
    CHECK(!dn_activation_find("Mish", &untouched));
    CHECK_EQ(untouched, DN_MISH);
    CHECK(dn_activation_find("hard_mish", &untouched) && untouched == DN_HARD_MISH);
    CHECK(dn_activation_find("revleaky", &untouched) && untouched == DN_REVLEAKY);
}

static void test_activation_across_channels(void) {
    float x[] = {1, -2, 3, 0}; /* positions (1, 3) and (-2, 0) */
    fixture f;
    dn_op op = {.kind = DN_OP_activation, .as.activation = {DN_NORMALIZE_CHANNELS}};
    const float *y = run_one(&f, op, SHAPE(1, 2, 1, 2), x, SHAPE(1, 2, 1, 2));
    CHECK(EQUALS(y, 1 / 4.0001F, 0, 3 / 4.0001F, 0));
    close_fixture(&f);
    const float e = 2.7182818F, low = 1 / (e * e);
    op.as.activation.kind = DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL;
    y = run_one(&f, op, SHAPE(1, 2, 1, 2), x, SHAPE(1, 2, 1, 2));
    CHECK(EQUALS(y, low / (1.0001F + low), low / (1.0001F + low), 1 / (1.0001F + low), 1 / (1.0001F + low)));
    close_fixture(&f);
    op.as.activation.kind = DN_NORMALIZE_CHANNELS_SOFTMAX;
    y = run_one(&f, op, SHAPE(1, 2, 1, 2), x, SHAPE(1, 2, 1, 2));
    CHECK(near(y[1], low / (1.0001F + low)));
    CHECK(near(y[2], e * e * e / (e * e * e + e + 0.0001F)));
    close_fixture(&f);
}

int main(void) {
    test_conv2d_adds_the_cells_inside_the_image();
    test_conv2d_stride_larger_than_the_kernel();
    test_conv2d_kernel_wider_than_the_image();
    test_conv2d_sums_channels_per_filter();
    test_conv2d_groups_and_batch();
    test_conv2d_xnor_pads_with_minus_one_when_packed();
    test_conv2d_xnor_packed_only_for_stride_1();
    test_linear_both_orders_of_weights();
    test_bias_is_per_channel();
    test_batchnorm_epsilon_inside_and_outside_the_root();
    test_activation_formulas();
    test_activation_keeps_not_a_number();
    test_activation_names();
    test_activation_across_channels();
    return harness_result();
}
