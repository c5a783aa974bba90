/* test_products.cpp — convolutions, linear ops and their gradients: through the libraries and by our own kernels. */
#include "compare.h"

#include <cstring>
#include <string>

namespace {

/* ---- convolutions ---- */

struct layer {
    dn_op_conv2d window; /* groups, size, stride_x, stride_y, pad, dilation, binary */
    dn_shape x, y;
};

dn_shape weights_of(const layer &l) { return {l.y.c, l.x.c / l.window.groups, l.window.size, l.window.size}; }

void forward(compare::test &c, const layer &l, bool own_kernel) {
    c.op.as.conv2d = l.window;
    c.own_kernel = own_kernel;
    c.input(l.x);
    c.parameter(weights_of(l));
    c.output(l.y);
}

void data_gradient(compare::test &c, const layer &l, bool own_kernel, bool accumulate) {
    c.op.as.conv2d_data = l.window;
    c.op.accumulate = accumulate;
    c.own_kernel = own_kernel;
    c.float_input(l.y);
    c.parameter(weights_of(l));
    c.float_output(l.x);
}

void weights_gradient(compare::test &c, const layer &l, bool own_kernel) {
    c.op.as.conv2d_weights = l.window;
    c.own_kernel = own_kernel;
    c.input(l.x);
    c.float_input(l.y);
    c.sum_output(weights_of(l));
}

} // namespace

/* A layer's convolution and both gradients, by cuDNN where it can and by our own kernels. */
#define CONVOLUTION(name, title, ...)                                                                                  \
    static const layer name = __VA_ARGS__;                                                                             \
    OP_TEST_NAMED(conv2d, title, name##_forward) { forward(c, name, false); }                                          \
    OP_TEST_NAMED(conv2d, title ", own kernel", name##_forward_own) { forward(c, name, true); }                        \
    OP_TEST_NAMED(conv2d_data, title, name##_data) { data_gradient(c, name, false, false); }                           \
    OP_TEST_NAMED(conv2d_data, title ", accumulate", name##_data_more) { data_gradient(c, name, false, true); }        \
    OP_TEST_NAMED(conv2d_data, title ", own kernel", name##_data_own) { data_gradient(c, name, true, false); }         \
    OP_TEST_NAMED(conv2d_data, title ", own kernel, accumulate", name##_data_own_more) {                               \
        data_gradient(c, name, true, true);                                                                            \
    }                                                                                                                  \
    OP_TEST_NAMED(conv2d_weights, title, name##_weights) { weights_gradient(c, name, false); }                         \
    OP_TEST_NAMED(conv2d_weights, title ", own kernel", name##_weights_own) { weights_gradient(c, name, true); }

CONVOLUTION(padded, "3 x 3, padded", {{1, 3, 1, 1, 1, 1, DN_BINARY_NONE}, {2, 5, 9, 7}, {2, 6, 9, 7}})
CONVOLUTION(unpadded, "3 x 3, no padding", {{1, 3, 1, 1, 0, 1, DN_BINARY_NONE}, {1, 3, 8, 5}, {1, 4, 6, 3}})
CONVOLUTION(pointwise, "1 x 1", {{1, 1, 1, 1, 0, 1, DN_BINARY_NONE}, {3, 17, 5, 4}, {3, 9, 5, 4}})
CONVOLUTION(strided, "strides of 2 and 3", {{1, 3, 2, 3, 1, 1, DN_BINARY_NONE}, {2, 4, 11, 10}, {2, 5, 4, 5}})
CONVOLUTION(skipping, "1 x 1, stride 2: cells that nothing reads",
            {{1, 1, 2, 2, 0, 1, DN_BINARY_NONE}, {2, 3, 7, 8}, {2, 4, 4, 4}})
CONVOLUTION(dilated, "dilation of 2", {{1, 3, 1, 1, 2, 2, DN_BINARY_NONE}, {1, 3, 9, 8}, {1, 4, 9, 8}})
CONVOLUTION(dilated_strided, "dilation of 3, stride 2",
            {{1, 3, 2, 2, 3, 3, DN_BINARY_NONE}, {1, 2, 12, 10}, {1, 3, 6, 5}})
CONVOLUTION(grouped, "three groups", {{3, 3, 1, 1, 1, 1, DN_BINARY_NONE}, {2, 6, 6, 5}, {2, 9, 6, 5}})
CONVOLUTION(depthwise, "depthwise, stride 2", {{8, 3, 2, 2, 1, 1, DN_BINARY_NONE}, {2, 8, 9, 9}, {2, 8, 5, 5}})
CONVOLUTION(wide_padding, "padding as wide as the filter",
            {{1, 2, 1, 1, 2, 1, DN_BINARY_NONE}, {1, 2, 4, 3}, {1, 3, 7, 6}})
CONVOLUTION(one_cell, "one cell, 7 x 7 filters", {{1, 7, 1, 1, 3, 1, DN_BINARY_NONE}, {1, 3, 1, 1}, {1, 2, 1, 1}})
CONVOLUTION(many, "more values than a block has threads",
            {{1, 3, 1, 1, 1, 1, DN_BINARY_NONE}, {4, 3, 16, 20}, {4, 5, 16, 20}})
/* Rows and columns that cuDNN would not compute: only our own kernels take these. */
CONVOLUTION(cut, "fewer rows and columns", {{1, 3, 1, 1, 1, 1, DN_BINARY_NONE}, {2, 3, 8, 8}, {2, 4, 7, 6}})
CONVOLUTION(beyond, "more rows and columns", {{1, 3, 2, 2, 0, 1, DN_BINARY_NONE}, {2, 3, 8, 8}, {2, 4, 5, 6}})
CONVOLUTION(larger_filter, "filters larger than the image",
            {{1, 5, 1, 1, 0, 1, DN_BINARY_NONE}, {1, 2, 3, 3}, {1, 2, 2, 2}})

OP_TEST(conv2d, "biases and an activation") {
    forward(c, padded, false);
    c.biases = {0.5F, -1.0F, 0.0F, 2.0F, -0.25F, 1.5F};
    c.activation = DN_LEAKY;
}

OP_TEST(conv2d, "biases and an activation, own kernel") {
    forward(c, grouped, true);
    c.biases = {0.5F, -1.0F, 0.0F, 2.0F, -0.25F, 1.5F, 3.0F, -3.0F, 0.125F};
    c.activation = DN_LOGISTIC;
}

OP_TEST(conv2d, "an activation without biases") {
    forward(c, pointwise, false);
    c.activation = DN_MISH;
}

OP_TEST(conv2d, "weights that are an activation") {
    c.op.as.conv2d = strided.window;
    c.input(strided.x);
    c.input(weights_of(strided));
    c.output(strided.y);
}

OP_TEST(conv2d, "weights that are an activation, own kernel") {
    c.op.as.conv2d = strided.window;
    c.own_kernel = true;
    c.input(strided.x);
    c.input(weights_of(strided));
    c.output(strided.y);
}

OP_TEST(conv2d_data, "weights that are an activation, own kernel") {
    c.op.as.conv2d_data = strided.window;
    c.own_kernel = true;
    c.float_input(strided.y);
    c.input(weights_of(strided));
    c.float_output(strided.x);
}

OP_TEST(conv2d, "tf32") {
    forward(c, padded, false);
    c.tf32 = true;
}

/* ---- xnor: an input of 0 counts as −1 ---- */

static void xnor(compare::test &c, layer l, dn_prepare prepare) {
    l.window.binary = DN_BINARY_XNOR;
    forward(c, l, false);
    c.prepare = prepare;
    for (size_t i = 0; i < c.inputs[0].values.size(); i += 3) c.inputs[0].values[i] = i % 2 ? 0.0F : -0.0F;
}

OP_TEST(conv2d, "xnor, 0 outside") { xnor(c, padded, DN_PREPARE_NONE); }
OP_TEST(conv2d, "xnor, -1 outside") { xnor(c, padded, DN_PREPARE_BINARY); }
OP_TEST(conv2d, "xnor, strides: 0 outside") { xnor(c, strided, DN_PREPARE_BINARY); }
OP_TEST(conv2d, "xnor, groups, -1 outside") { xnor(c, grouped, DN_PREPARE_BINARY); }
OP_TEST(conv2d, "xnor, dilation, -1 outside") { xnor(c, dilated, DN_PREPARE_BINARY); }
OP_TEST(conv2d, "xnor, biases and an activation") {
    xnor(c, padded, DN_PREPARE_BINARY);
    c.biases = {0.5F, -1.0F, 0.0F, 2.0F, -0.25F, 1.5F};
    c.activation = DN_LEAKY;
}

/* ---- linear ops ---- */

static void linear(compare::test &c, dn_shape x, int outputs, bool transposed) {
    const int inputs = (int)dn_shape_image(x);
    c.op.as.linear.transposed = transposed;
    c.input(x);
    c.parameter(transposed ? dn_shape{inputs, outputs, 1, 1} : dn_shape{outputs, inputs, 1, 1});
    c.output({x.n, outputs, 1, 1});
}

OP_TEST(linear, "rows of images") { linear(c, {3, 2, 5, 4}, 7, false); }
OP_TEST(linear, "transposed weights") { linear(c, {3, 2, 5, 4}, 7, true); }
OP_TEST(linear, "one row") { linear(c, {1, 33, 1, 1}, 20, false); }
OP_TEST(linear, "one output, transposed") { linear(c, {5, 6, 1, 1}, 1, true); }
OP_TEST(linear, "biases and an activation") {
    linear(c, {4, 9, 1, 1}, 5, false);
    c.biases = {0.5F, -1.0F, 0.0F, 2.0F, -0.25F};
    c.activation = DN_TANH;
}
OP_TEST(linear, "transposed weights, biases") {
    linear(c, {4, 9, 1, 1}, 3, true);
    c.biases = {0.5F, -1.0F, 2.0F};
}
OP_TEST(linear, "weights that are an activation") {
    c.input({4, 6, 1, 1});
    c.input({5, 6, 1, 1});
    c.output({4, 5, 1, 1});
}
OP_TEST(linear, "tf32") {
    linear(c, {3, 40, 1, 1}, 7, false);
    c.tf32 = true;
}

static void linear_data(compare::test &c, dn_shape x, int outputs, bool transposed, bool accumulate) {
    const int inputs = (int)dn_shape_image(x);
    c.op.as.linear_data.transposed = transposed;
    c.op.accumulate = accumulate;
    c.float_input({x.n, outputs, 1, 1});
    c.parameter(transposed ? dn_shape{inputs, outputs, 1, 1} : dn_shape{outputs, inputs, 1, 1});
    c.float_output(x);
}

OP_TEST(linear_data, "rows of images") { linear_data(c, {3, 2, 5, 4}, 7, false, false); }
OP_TEST(linear_data, "accumulate") { linear_data(c, {3, 2, 5, 4}, 7, false, true); }
OP_TEST(linear_data, "transposed weights") { linear_data(c, {3, 2, 5, 4}, 7, true, false); }
OP_TEST(linear_data, "transposed weights, accumulate") { linear_data(c, {1, 12, 1, 1}, 5, true, true); }

static void linear_weights(compare::test &c, dn_shape x, int outputs, bool transposed) {
    const int inputs = (int)dn_shape_image(x);
    c.op.as.linear_weights.transposed = transposed;
    c.input(x);
    c.float_input({x.n, outputs, 1, 1});
    c.sum_output(transposed ? dn_shape{inputs, outputs, 1, 1} : dn_shape{outputs, inputs, 1, 1});
}

OP_TEST(linear_weights, "rows of images") { linear_weights(c, {3, 2, 5, 4}, 7, false); }
OP_TEST(linear_weights, "one row") { linear_weights(c, {1, 6, 1, 1}, 4, false); }
OP_TEST(linear_weights, "transposed weights") { linear_weights(c, {5, 2, 3, 1}, 7, true); }

/* ---- the choice of an algorithm ---- */

/* Those whose results repeat to the bit, as cuDNN documents them. */
static bool repeats(dn_op_kind kind, int algorithm) {
    if (kind == DN_OP_conv2d_data) return algorithm != CUDNN_CONVOLUTION_BWD_DATA_ALGO_0;
    if (kind != DN_OP_conv2d_weights) return true;
    return algorithm != CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 && algorithm != 3; /* …_ALGO_3 */
}

/* What is chosen for a layer: by a program that is compiled, then for fewer images in `room` bytes of workspace. */
static void choose(compare::test &c, const char *title, dn_op_kind kind, const layer &l, bool by_library) {
    dn_cuda_context context = {};
    context.type = c.type;
    context.training = kind != DN_OP_conv2d;
    compare::check(cudnnCreate(&context.dnn) == CUDNN_STATUS_SUCCESS, "cudnnCreate");
    dn_op op = {};
    op.kind = kind;
    op.as.conv2d = l.window;
    dn_cuda_state state = {};
    const size_t bytes = dn_cuda_choose_algorithm(&context, &op, l.x, l.y, &state);
    compare::check((state.algorithm >= 0) == by_library, "%s: algorithm %d", title, state.algorithm);
    compare::check(state.algorithm < 0 || repeats(kind, state.algorithm), "%s: algorithm %d does not repeat to the bit",
                   title, state.algorithm);
    compare::check(state.rows == l.x.n, "%s: chosen for %d rows", title, state.rows);
    compare::check(bytes == state.workspace_bytes && bytes <= (size_t)512 << 20, "%s: %zu bytes", title, bytes);
    layer fewer = l;
    fewer.x.n = fewer.y.n = 1;
    compare::check(dn_cuda_choose_algorithm(&context, &op, fewer.x, fewer.y, &state) == 0,
                   "%s: %zu bytes where there are none", title, state.workspace_bytes);
    compare::check(state.rows == 1, "%s: chosen again for %d rows", title, state.rows);
    compare::check(context.failure[0] == '\0', "%s: %s", title, context.failure);
    (void)cudnnDestroy(context.dnn);
}

OP_TEST(conv2d, "choices") {
    layer xnor_layer = padded;
    xnor_layer.window.binary = DN_BINARY_XNOR;
    choose(c, "padded", DN_OP_conv2d, padded, true);
    choose(c, "strided", DN_OP_conv2d, strided, true);
    choose(c, "xnor", DN_OP_conv2d, xnor_layer, false);
    choose(c, "fewer rows", DN_OP_conv2d, cut, false);
    choose(c, "more rows", DN_OP_conv2d, beyond, false);
    choose(c, "filters larger than the image", DN_OP_conv2d, larger_filter, false);
    forward(c, padded, false);
}

OP_TEST(conv2d_data, "choices") {
    choose(c, "padded", DN_OP_conv2d_data, padded, true);
    choose(c, "fewer rows", DN_OP_conv2d_data, cut, false);
    data_gradient(c, padded, false, false);
}

OP_TEST(conv2d_weights, "choices") {
    choose(c, "padded", DN_OP_conv2d_weights, padded, true);
    choose(c, "fewer rows", DN_OP_conv2d_weights, cut, false);
    weights_gradient(c, padded, false);
}

/* ---- gradients that nobody wants: without a library, they would fail if they computed anything ---- */

static void unwanted(void (*kernel)(const dn_cuda_call *), const layer &l, bool back) {
    dn_cuda_context context = {};
    dn_op op = {};
    op.as.conv2d = l.window;
    dn_cuda_state state = {};
    state.algorithm = -1;
    state.rows = l.x.n;
    const dn_cuda_tensor x = {nullptr, l.x}, y = {nullptr, l.y}, weights = {nullptr, weights_of(l)};
    const dn_cuda_tensor inputs[] = {back ? y : x, back ? weights : y};
    const dn_cuda_tensor output = back ? x : weights;
    const dn_cuda_call call = {&op, inputs, &output, &state, &context};
    kernel(&call);
    compare::check(context.failure[0] == '\0', "an output that is absent: %s", context.failure);
}

OP_TEST(linear_weights, "unwanted") {
    unwanted(dn_cuda_conv2d_data, padded, true);
    unwanted(dn_cuda_conv2d_weights, padded, false);
    unwanted(dn_cuda_linear_data, one_cell, true);
    unwanted(dn_cuda_linear_weights, one_cell, false);
    linear_weights(c, {2, 3, 1, 1}, 4, false);
}

/* ---- failures: the first one stays, in the words of its library, and never too long ---- */

OP_TEST(linear, "failures") {
    dn_cuda_context context = {};
    compare::check(dn_cuda_ok(&context, cudaSuccess, "nothing"), "success is none");
    compare::check(context.failure[0] == '\0', "a failure of nothing: %s", context.failure);
    compare::check(!dn_cuda_blas_ok(&context, CUBLAS_STATUS_NOT_INITIALIZED, "cublasGemmEx"), "a failure is none");
    const std::string first = std::string("cublasGemmEx: ") + cublasGetStatusString(CUBLAS_STATUS_NOT_INITIALIZED);
    compare::check(!dn_cuda_dnn_ok(&context, CUDNN_STATUS_NOT_SUPPORTED, "cudnnConvolutionForward"), "no failure");
    compare::check(first == context.failure, "the first failure is %s, not %s", context.failure, first.c_str());
    context.failure[0] = '\0';
    const std::string longest(400, 'x');
    compare::check(!dn_cuda_ok(&context, cudaErrorMemoryAllocation, longest.c_str()), "no failure");
    compare::check(strlen(context.failure) == sizeof context.failure - 1, "%zu characters", strlen(context.failure));
    linear(c, {2, 3, 1, 1}, 4, false);
}
