/* test_gradients.cpp — the kernels of training beside the reference's: statistics, gradients, deltas. Shapes are such that
 * channels are summed in one part and in several, and that no size divides the number of threads. */
#include "compare.h"

extern "C" {
#include "op/activation.h"
}

using compare::test;

/* ---- sums: bias_gradient, batchnorm ---- */

static void bias_gradient(test &c, dn_shape shape, size_t workspace_bytes) {
    c.workspace_bytes = workspace_bytes;
    c.float_input(shape);
    c.sum_output({1, shape.c, 1, 1});
}

OP_TEST(bias_gradient, "small planes") { bias_gradient(c, {3, 7, 5, 4}, DN_CUDA_WORKSPACE_MIN); }
OP_TEST(bias_gradient, "rows of values") { bias_gradient(c, {5, 300, 1, 1}, DN_CUDA_WORKSPACE_MIN); }
OP_TEST(bias_gradient, "one value") { bias_gradient(c, {1, 1, 1, 1}, DN_CUDA_WORKSPACE_MIN); }
OP_TEST(bias_gradient, "channels in several parts") { bias_gradient(c, {2, 3, 97, 89}, DN_CUDA_WORKSPACE_MIN); }
OP_TEST(bias_gradient, "a workspace for three channels at once") { bias_gradient(c, {2, 10, 3, 3}, 12); }

/* A hundred times 0.3 a thread: rounded each time, the sum is a millionth too small. */
OP_TEST(bias_gradient, "equal values") {
    c.workspace_bytes = DN_CUDA_WORKSPACE_MIN;
    c.tolerance = 2e-7;
    c.float_input({1, 1, 1280, 1280}, 0.3F, 0.3F);
    c.sum_output({1, 1, 1, 1});
}

static void batchnorm_train(test &c, dn_shape shape, dn_op_batchnorm params, float low, float high) {
    c.workspace_bytes = DN_CUDA_WORKSPACE_MIN;
    c.op.as.batchnorm_train = params;
    c.input(shape, low, high);
    c.parameter({1, shape.c, 1, 1}, 0.5F, 2.0F);
    c.parameter({1, shape.c, 1, 1});
    c.output(shape);
    for (int k = 0; k < 2; k++) c.float_output({1, shape.c, 1, 1});
}

OP_TEST(batchnorm_train, "small planes") { batchnorm_train(c, {3, 7, 5, 4}, {1e-5F, false}, -1.0F, 1.0F); }
OP_TEST(batchnorm_train, "epsilon outside of the root") {
    batchnorm_train(c, {2, 5, 6, 6}, {1e-2F, true}, -1.0F, 1.0F);
}
OP_TEST(batchnorm_train, "channels in several parts") {
    batchnorm_train(c, {2, 3, 97, 89}, {1e-5F, false}, -1.0F, 1.0F);
}
OP_TEST(batchnorm_train, "a mean apart from zero") { batchnorm_train(c, {4, 3, 31, 17}, {1e-5F, false}, 9.0F, 11.0F); }
OP_TEST(batchnorm_train, "rows of values") { batchnorm_train(c, {4, 300, 1, 1}, {1e-5F, false}, -1.0F, 1.0F); }
OP_TEST(batchnorm_train, "one value a channel") { batchnorm_train(c, {1, 9, 1, 1}, {1e-5F, false}, -1.0F, 1.0F); }
OP_TEST(batchnorm_train, "without biases") {
    c.workspace_bytes = DN_CUDA_WORKSPACE_MIN;
    c.op.as.batchnorm_train = {1e-5F, false};
    c.input({2, 4, 5, 5});
    c.parameter({1, 4, 1, 1}, 0.5F, 2.0F);
    c.no_input();
    c.output({2, 4, 5, 5});
    for (int k = 0; k < 2; k++) c.float_output({1, 4, 1, 1});
}

static void batchnorm_inputs(test &c, dn_shape shape, dn_op_batchnorm params) {
    const dn_shape channels = {1, shape.c, 1, 1};
    c.workspace_bytes = DN_CUDA_WORKSPACE_MIN;
    c.op.as.batchnorm_gradient = params;
    c.input(shape);
    c.float_input(channels, -0.1F, 0.1F);
    c.float_input(channels, 0.2F, 0.5F);
    c.parameter(channels, 0.5F, 2.0F);
    c.float_input(shape);
}

static void batchnorm_gradient(test &c, dn_shape shape, dn_op_batchnorm params) {
    batchnorm_inputs(c, shape, params);
    c.float_output(shape);
    for (int k = 0; k < 2; k++) c.sum_output({1, shape.c, 1, 1});
}

OP_TEST(batchnorm_gradient, "small planes") { batchnorm_gradient(c, {3, 7, 5, 4}, {1e-5F, false}); }
OP_TEST(batchnorm_gradient, "epsilon outside of the root") { batchnorm_gradient(c, {2, 5, 6, 6}, {1e-2F, true}); }
OP_TEST(batchnorm_gradient, "channels in several parts") { batchnorm_gradient(c, {2, 3, 97, 89}, {1e-5F, false}); }
OP_TEST(batchnorm_gradient, "rows of values") { batchnorm_gradient(c, {4, 300, 1, 1}, {1e-5F, false}); }
OP_TEST(batchnorm_gradient, "added to dx") {
    c.op.accumulate = true;
    batchnorm_gradient(c, {3, 4, 5, 5}, {1e-5F, false});
}
OP_TEST(batchnorm_gradient, "a variance of zero") {
    batchnorm_gradient(c, {1, 3, 1, 1}, {1e-5F, false});
    c.inputs[2].values = {0.0F, 0.0F, 1e-8F};
}
OP_TEST(batchnorm_gradient, "a small variance, epsilon outside of the root") {
    batchnorm_gradient(c, {2, 3, 2, 2}, {1e-2F, true});
    c.inputs[2].values = {1e-6F, 1e-5F, 1e-4F};
}
OP_TEST(batchnorm_gradient, "dx alone") {
    batchnorm_inputs(c, {2, 4, 5, 5}, {1e-5F, false});
    c.float_output({2, 4, 5, 5});
    for (int k = 0; k < 2; k++) c.no_output();
}
OP_TEST(batchnorm_gradient, "without dx") {
    batchnorm_inputs(c, {2, 4, 5, 5}, {1e-5F, false});
    c.no_output();
    for (int k = 0; k < 2; k++) c.sum_output({1, 4, 1, 1});
}

/* ---- activations ---- */

/* y is f(x); x has the places where slopes change. */
static void slopes(test &c, dn_activation kind, bool approximate) {
    const float corners[] = {0.0F, -0.0F, 1.0F, -1.0F, 2.0F, -2.0F, 3.0F, 4.0F, -4.0F, 6.0F, 20.5F, -20.5F};
    const dn_shape shape = {3, 5, 7, 9};
    c.op.as.activation_gradient = {kind, approximate};
    c.input(shape, -8.0F, 8.0F);
    c.input(shape);
    compare::floats &x = c.inputs[0].values, &y = c.inputs[1].values;
    for (size_t i = 0; i < sizeof corners / sizeof corners[0]; i++) x[i * 5] = corners[i];
    for (size_t i = 0; i < x.size(); i++) y[i] = dn_activate(kind, x[i]);
    c.float_input(shape);
    c.float_output(shape);
}

#define SLOPE_TEST(kind)                                                                                               \
    OP_TEST_NAMED(activation_gradient, #kind, slope_##kind) { slopes(c, kind, false); }
SLOPE_TEST(DN_LINEAR)
SLOPE_TEST(DN_LOGISTIC)
SLOPE_TEST(DN_LOGGY)
SLOPE_TEST(DN_RELU)
SLOPE_TEST(DN_RELU6)
SLOPE_TEST(DN_ELU)
SLOPE_TEST(DN_SELU)
SLOPE_TEST(DN_GELU)
SLOPE_TEST(DN_RELIE)
SLOPE_TEST(DN_RAMP)
SLOPE_TEST(DN_TANH)
SLOPE_TEST(DN_PLSE)
SLOPE_TEST(DN_LEAKY)
SLOPE_TEST(DN_STAIR)
SLOPE_TEST(DN_HARDTAN)
SLOPE_TEST(DN_LHTAN)
SLOPE_TEST(DN_SWISH)
SLOPE_TEST(DN_MISH)
SLOPE_TEST(DN_HARD_MISH)
SLOPE_TEST(DN_REVLEAKY)
OP_TEST(activation_gradient, "gelu of y") { slopes(c, DN_GELU, true); }
OP_TEST(activation_gradient, "mish, approximate, added") {
    c.op.accumulate = true;
    slopes(c, DN_MISH, true);
}

/* y is f(x), by the reference. */
static void across_channels(test &c, dn_activation kind, bool approximate, bool accumulate) {
    const dn_shape shape = {2, 11, 5, 6};
    c.op.accumulate = accumulate;
    c.op.as.activation_gradient = {kind, approximate};
    c.input(shape, -2.0F, 2.0F);
    c.input(shape);
    const dn_host_tensor x = {c.inputs[0].values.data(), shape}, y = {c.inputs[1].values.data(), shape};
    dn_op op = {};
    op.kind = DN_OP_activation;
    op.as.activation.kind = kind;
    const dn_ref_state none = {};
    const dn_ref_call call = {&op, &x, &y, &none};
    dn_ref_run_op(&call);
    c.float_input(shape);
    c.float_output(shape);
}

#define ACROSS_TEST(kind)                                                                                              \
    OP_TEST_NAMED(activation_gradient, #kind, exact_##kind) { across_channels(c, kind, false, false); }                \
    OP_TEST_NAMED(activation_gradient, #kind " added", added_##kind) { across_channels(c, kind, false, true); }        \
    OP_TEST_NAMED(activation_gradient, #kind " approximate", approximate_##kind) {                                     \
        across_channels(c, kind, true, false);                                                                         \
    }
ACROSS_TEST(DN_NORMALIZE_CHANNELS)
ACROSS_TEST(DN_NORMALIZE_CHANNELS_SOFTMAX)
ACROSS_TEST(DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL)

/* Small values of y: what the softmax's small term takes from their sum is large. */
OP_TEST(activation_gradient, "what is missing from the sum goes to the largest") {
    const dn_shape shape = {2, 4, 3, 3};
    c.op.as.activation_gradient = {DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL, false};
    c.input(shape);
    c.input(shape, 0.0F, 0.1F);
    c.float_input(shape);
    c.float_output(shape);
}

/* ---- pooling ---- */

/* x in steps, so that there are equal values; argmax by the reference. */
static void max_gradient(test &c, dn_op_pool2d params, dn_shape in, dn_shape out) {
    c.op.as.pool2d_gradient = params;
    c.float_input(out);
    compare::floats x((size_t)dn_shape_count(in)), y((size_t)dn_shape_count(out));
    for (size_t i = 0; i < x.size(); i++) x[i] = (float)(i * i % 7);
    std::vector<int32_t> argmax(y.size());
    dn_op op = {};
    op.kind = DN_OP_pool2d;
    op.output_count = 2;
    op.as.pool2d = params;
    const dn_host_tensor from = {x.data(), in};
    const dn_host_tensor to[] = {{y.data(), out}, {(float *)(void *)argmax.data(), out}};
    const dn_ref_state none = {};
    const dn_ref_call call = {&op, &from, to, &none};
    dn_ref_run_op(&call);
    c.index_input(out, argmax);
    c.float_output(in);
    c.tolerance = 1e-30; /* the order of the sums is the reference's: to the bit */
}

OP_TEST(pool2d_gradient, "max, 2 x 2") { max_gradient(c, {false, 2, 2, 2, 0, 0, false}, {3, 4, 8, 6}, {3, 4, 4, 3}); }
OP_TEST(pool2d_gradient, "max, windows that overlap") {
    max_gradient(c, {false, 5, 1, 1, 2, 2, false}, {2, 3, 7, 9}, {2, 3, 7, 9});
}
OP_TEST(pool2d_gradient, "max, windows with gaps") {
    max_gradient(c, {false, 2, 3, 4, 0, 0, false}, {2, 3, 9, 13}, {2, 3, 3, 3});
}
OP_TEST(pool2d_gradient, "max, strides apart, padded unevenly") {
    max_gradient(c, {false, 3, 2, 1, 1, 0, false}, {2, 3, 6, 9}, {2, 3, 9, 3});
}
OP_TEST(pool2d_gradient, "max, windows outside of the image") {
    max_gradient(c, {false, 2, 2, 2, 4, 4, false}, {2, 3, 4, 4}, {2, 3, 7, 7});
}
OP_TEST(pool2d_gradient, "max, added") {
    c.op.accumulate = true;
    max_gradient(c, {false, 3, 2, 2, 1, 1, false}, {2, 3, 7, 7}, {2, 3, 4, 4});
}

static void average_gradient(test &c, dn_op_pool2d params, dn_shape in, dn_shape out) {
    c.op.as.pool2d_gradient = params;
    c.float_input(out);
    c.no_input();
    c.float_output(in);
}

OP_TEST(pool2d_gradient, "average") { average_gradient(c, {true, 2, 2, 2, 0, 0, false}, {3, 4, 8, 6}, {3, 4, 4, 3}); }
OP_TEST(pool2d_gradient, "average, partly absent cells") {
    average_gradient(c, {true, 3, 2, 1, 1, 2, false}, {2, 3, 8, 8}, {2, 3, 10, 5});
}
OP_TEST(pool2d_gradient, "average, approximate") {
    average_gradient(c, {true, 3, 2, 2, 1, 1, true}, {2, 3, 7, 7}, {2, 3, 4, 4});
}
OP_TEST(pool2d_gradient, "average, added, windows outside of the image") {
    c.op.accumulate = true;
    average_gradient(c, {true, 2, 2, 2, 4, 4, false}, {2, 3, 4, 4}, {2, 3, 7, 7});
}

static void pool_depth_gradient(test &c, dn_shape in, dn_shape out) {
    c.input(in);
    for (float &x : c.inputs[0].values) x = (float)(int)(x * 3.0F); /* equal values */
    c.float_input(out);
    c.float_output(in);
}

OP_TEST(pool_depth_gradient, "one of all channels") { pool_depth_gradient(c, {2, 6, 5, 3}, {2, 1, 5, 3}); }
OP_TEST(pool_depth_gradient, "groups of unequal size") { pool_depth_gradient(c, {3, 7, 4, 5}, {3, 3, 4, 5}); }
OP_TEST(pool_depth_gradient, "added") {
    c.op.accumulate = true;
    pool_depth_gradient(c, {2, 6, 5, 3}, {2, 2, 5, 3});
}

static void pool_global_gradient(test &c, dn_shape in) {
    c.float_input({in.n, in.c, 1, 1});
    c.float_output(in);
}

OP_TEST(pool_global_gradient, "planes") { pool_global_gradient(c, {3, 5, 7, 9}); }
OP_TEST(pool_global_gradient, "added") {
    c.op.accumulate = true;
    pool_global_gradient(c, {2, 3, 4, 5});
}

/* ---- parts: channels, rows ---- */

static void channels(test &c, dn_op_channels params, dn_shape in, dn_shape out) {
    c.op.as.channels = params;
    c.float_input(in);
    c.sum_output(out); /* channels that are not named stay */
}

OP_TEST(channels, "all of a concatenation's part") { channels(c, {3, 0, 4, false}, {2, 9, 5, 6}, {2, 4, 5, 6}); }
OP_TEST(channels, "into the middle") { channels(c, {1, 2, 3, false}, {2, 5, 4, 3}, {2, 8, 4, 3}); }
OP_TEST(channels, "single values") { channels(c, {11, 3, 20, true}, {3, 40, 1, 1}, {3, 2, 3, 4}); }
OP_TEST(channels, "added") {
    c.op.accumulate = true;
    channels(c, {1, 2, 3, false}, {2, 5, 4, 3}, {2, 8, 4, 3});
}

static void rows_gradient(test &c, int step) {
    c.op.as.rows_gradient.step = step;
    c.float_input({2, 3, 4, 5});
    c.sum_output({8, 3, 4, 5}); /* other steps stay */
}

OP_TEST(rows_gradient, "the first step") { rows_gradient(c, 0); }
OP_TEST(rows_gradient, "the last step") { rows_gradient(c, 3); }
OP_TEST(rows_gradient, "added") {
    c.op.accumulate = true;
    rows_gradient(c, 2);
}

/* ---- sums of layers ---- */

static dn_op_add sum_of(int terms, dn_add_weights weights, dn_add_normalization normalization, bool approximate) {
    dn_op_add params = {};
    params.terms = terms;
    params.weights = weights;
    params.normalization = normalization;
    params.approximate = approximate;
    return params;
}

/* Three terms, of which one has fewer channels and one more. */
static void add_gradient(test &c, dn_op_add params, dn_shape y) {
    const int terms[] = {y.c, y.c - 2, y.c + 3};
    c.workspace_bytes = DN_CUDA_WORKSPACE_MIN;
    c.op.as.add_gradient = params;
    c.float_input(y);
    for (int channels : terms) c.input({y.n, channels, y.h, y.w});
    if (params.weights != DN_ADD_PLAIN) {
        c.parameter({1, params.weights == DN_ADD_PER_FEATURE ? 3 : 3 * y.c, 1, 1}, -0.3F, 1.0F);
    }
    for (int channels : terms) c.float_output({y.n, channels, y.h, y.w});
    if (params.weights != DN_ADD_PLAIN) c.sum_output(c.inputs[4].shape);
}

#define ADD_TEST(weights, normalization)                                                                               \
    OP_TEST_NAMED(add_gradient, #weights ", " #normalization, add_##weights##_##normalization) {                       \
        add_gradient(c, sum_of(3, weights, normalization, false), {3, 5, 4, 7});                                       \
    }                                                                                                                  \
    OP_TEST_NAMED(add_gradient, #weights ", " #normalization ", approximate", ours_##weights##_##normalization) {      \
        add_gradient(c, sum_of(3, weights, normalization, true), {3, 5, 4, 7});                                        \
    }
ADD_TEST(DN_ADD_PER_FEATURE, DN_ADD_RAW)
ADD_TEST(DN_ADD_PER_FEATURE, DN_ADD_RELU)
ADD_TEST(DN_ADD_PER_FEATURE, DN_ADD_SOFTMAX)
ADD_TEST(DN_ADD_PER_CHANNEL, DN_ADD_RAW)
ADD_TEST(DN_ADD_PER_CHANNEL, DN_ADD_RELU)
ADD_TEST(DN_ADD_PER_CHANNEL, DN_ADD_SOFTMAX)

OP_TEST(add_gradient, "plain") { add_gradient(c, sum_of(3, DN_ADD_PLAIN, DN_ADD_RAW, false), {2, 5, 4, 7}); }
OP_TEST(add_gradient, "plain, added") {
    c.op.accumulate = true;
    add_gradient(c, sum_of(3, DN_ADD_PLAIN, DN_ADD_RAW, false), {2, 5, 4, 7});
}
OP_TEST(add_gradient, "softmax, sums in several parts, added") {
    c.op.accumulate = true;
    add_gradient(c, sum_of(3, DN_ADD_PER_FEATURE, DN_ADD_SOFTMAX, false), {2, 4, 61, 53});
}
/* dw is 0: what the softmax's small term takes from the one coefficient goes back to its weight. */
OP_TEST(add_gradient, "softmax of one term") {
    c.workspace_bytes = DN_CUDA_WORKSPACE_MIN;
    c.op.as.add_gradient = sum_of(1, DN_ADD_PER_FEATURE, DN_ADD_SOFTMAX, false);
    c.float_input({2, 3, 4, 5});
    c.input({2, 3, 4, 5}, 0.5F, 1.0F);
    c.parameter({1, 1, 1, 1});
    c.float_output({2, 3, 4, 5});
    c.sum_output({1, 1, 1, 1});
}
OP_TEST(add_gradient, "weights alone, and a term alone") {
    add_gradient(c, sum_of(3, DN_ADD_PER_CHANNEL, DN_ADD_RELU, false), {2, 5, 4, 7});
    c.outputs[0] = c.outputs[2] = {{1, 1, 1, 1}, DN_ROLE_ACTIVATION, compare::holds::float32, true, false, {}};
}
OP_TEST(add_gradient, "without weights' gradient") {
    add_gradient(c, sum_of(3, DN_ADD_PER_CHANNEL, DN_ADD_RELU, false), {2, 5, 4, 7});
    c.outputs[3] = {{1, 1, 1, 1}, DN_ROLE_ACTIVATION, compare::holds::float32, true, false, {}};
}

static void sampled_add(test &c, dn_shape other, dn_shape y) {
    c.op.as.add_gradient = sum_of(2, DN_ADD_PLAIN, DN_ADD_RAW, false);
    c.op.as.add_gradient.sampled = true;
    c.float_input(y);
    c.input(y);
    c.input(other);
    c.float_output(y);
    c.float_output(other);
}

OP_TEST(add_gradient, "sampled, a larger second term") { sampled_add(c, {2, 3, 9, 8}, {2, 5, 4, 4}); }
OP_TEST(add_gradient, "sampled, a smaller second term") { sampled_add(c, {2, 6, 3, 3}, {2, 4, 7, 6}); }
OP_TEST(add_gradient, "sampled, added") {
    c.op.accumulate = true;
    sampled_add(c, {2, 3, 9, 8}, {2, 5, 4, 4});
}

/* ---- products of layers ---- */

static void mul_gradient(test &c, dn_shape x, dn_shape s) {
    c.workspace_bytes = DN_CUDA_WORKSPACE_MIN;
    c.input(x);
    c.input(s);
    c.float_input(x);
    c.float_output(x);
    c.float_output(s);
}

OP_TEST(mul_gradient, "value by value") { mul_gradient(c, {2, 5, 4, 7}, {2, 5, 4, 7}); }
OP_TEST(mul_gradient, "value by value, rows") { mul_gradient(c, {3, 50, 1, 1}, {3, 50, 1, 1}); }
OP_TEST(mul_gradient, "value by value, one channel") { mul_gradient(c, {3, 1, 6, 5}, {3, 1, 6, 5}); }
OP_TEST(mul_gradient, "a factor a channel") { mul_gradient(c, {2, 5, 4, 7}, {2, 5, 1, 1}); }
OP_TEST(mul_gradient, "a factor a channel, in several parts") { mul_gradient(c, {2, 3, 97, 89}, {2, 3, 1, 1}); }
OP_TEST(mul_gradient, "a factor a position") { mul_gradient(c, {2, 5, 4, 7}, {2, 1, 4, 7}); }
OP_TEST(mul_gradient, "a factor an image") { mul_gradient(c, {2, 5, 4, 7}, {2, 1, 1, 1}); }
OP_TEST(mul_gradient, "a factor a channel, added") {
    c.op.accumulate = true;
    mul_gradient(c, {2, 5, 4, 7}, {2, 5, 1, 1});
}
OP_TEST(mul_gradient, "a factor a position, added") {
    c.op.accumulate = true;
    mul_gradient(c, {2, 5, 4, 7}, {2, 1, 4, 7});
}
OP_TEST(mul_gradient, "dx alone") {
    mul_gradient(c, {2, 5, 4, 7}, {2, 5, 1, 1});
    c.outputs[1] = {{1, 1, 1, 1}, DN_ROLE_ACTIVATION, compare::holds::float32, true, false, {}};
}
OP_TEST(mul_gradient, "ds alone") {
    mul_gradient(c, {2, 5, 4, 7}, {2, 5, 1, 1});
    c.outputs[0] = {{1, 1, 1, 1}, DN_ROLE_ACTIVATION, compare::holds::float32, true, false, {}};
}
