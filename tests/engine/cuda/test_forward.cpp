/* test_forward.cpp — the ops of a forward pass that are no products: compare.h. Those that move values or choose among
 * them are compared to the bit. */
#include <cfloat>
#include <cmath>

#include "compare.h"

static const double exactly = 1e-60; /* a tolerance: of the largest value, even of FLT_MAX */

/* ---- activation ---- */

/* Where the formulas change, and beyond: not-a-number and infinity too. */
static const compare::floats corners = {0.0F,   -0.0F,  0.5F,    -0.5F,  1.0F,     -1.0F,    1.5F,  -1.5F,
                                        2.0F,   -2.0F,  3.0F,    -3.0F,  4.0F,     -4.0F,    4.5F,  -4.5F,
                                        6.0F,   -6.0F,  6.5F,    -6.5F,  19.0F,    -19.0F,   20.0F, -20.0F,
                                        20.25F, -21.0F, 1000.0F, -88.0F, -1000.0F, INFINITY, NAN,   -INFINITY};

#define ACTIVATION_TESTS(which)                                                                                        \
    OP_TEST_NAMED(activation, #which, activation_##which) {                                                            \
        c.op.as.activation.kind = which;                                                                               \
        c.input({3, 5, 7, 9}, -5.0F, 5.0F);                                                                            \
        c.output({3, 5, 7, 9});                                                                                        \
    }                                                                                                                  \
    OP_TEST_NAMED(activation, #which " at its corners", activation_corners_##which) {                                  \
        c.op.as.activation.kind = which;                                                                               \
        c.input({1, 32, 1, 1});                                                                                        \
        c.inputs[0].values = corners;                                                                                  \
        c.output({1, 32, 1, 1});                                                                                       \
    }

ACTIVATION_TESTS(DN_LINEAR)
ACTIVATION_TESTS(DN_LOGISTIC)
ACTIVATION_TESTS(DN_LOGGY)
ACTIVATION_TESTS(DN_RELU)
ACTIVATION_TESTS(DN_RELU6)
ACTIVATION_TESTS(DN_ELU)
ACTIVATION_TESTS(DN_SELU)
ACTIVATION_TESTS(DN_GELU)
ACTIVATION_TESTS(DN_RELIE)
ACTIVATION_TESTS(DN_RAMP)
ACTIVATION_TESTS(DN_TANH)
ACTIVATION_TESTS(DN_PLSE)
ACTIVATION_TESTS(DN_LEAKY)
ACTIVATION_TESTS(DN_STAIR)
ACTIVATION_TESTS(DN_HARDTAN)
ACTIVATION_TESTS(DN_LHTAN)
ACTIVATION_TESTS(DN_SWISH)
ACTIVATION_TESTS(DN_MISH)
ACTIVATION_TESTS(DN_HARD_MISH)
ACTIVATION_TESTS(DN_REVLEAKY)

#define ACROSS_CHANNELS_TESTS(which)                                                                                   \
    OP_TEST_NAMED(activation, #which, activation_##which) {                                                            \
        c.op.as.activation.kind = which;                                                                               \
        c.input({2, 17, 5, 13}, -3.0F, 3.0F);                                                                          \
        c.output({2, 17, 5, 13});                                                                                      \
    }                                                                                                                  \
    OP_TEST_NAMED(activation, #which " of one channel", activation_one_##which) {                                      \
        c.op.as.activation.kind = which;                                                                               \
        c.input({3, 1, 2, 3}, -3.0F, 3.0F);                                                                            \
        c.output({3, 1, 2, 3});                                                                                        \
    }

ACROSS_CHANNELS_TESTS(DN_NORMALIZE_CHANNELS)
ACROSS_CHANNELS_TESTS(DN_NORMALIZE_CHANNELS_SOFTMAX)
ACROSS_CHANNELS_TESTS(DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL)

OP_TEST(activation, "a maximum that is subtracted") {
    c.op.as.activation.kind = DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL;
    c.input({2, 40, 3, 3}, -500.0F, 500.0F);
    c.output({2, 40, 3, 3});
}

/* ---- bias ---- */

OP_TEST(bias, "odd sizes, several images") {
    c.input({3, 5, 7, 3});
    c.parameter({1, 5, 1, 1});
    c.output({3, 5, 7, 3});
}

OP_TEST(bias, "planes of one cell, more values than a block's") {
    c.input({2, 300, 1, 1});
    c.parameter({1, 300, 1, 1});
    c.output({2, 300, 1, 1});
}

OP_TEST(bias, "leaky after it") {
    c.input({2, 3, 9, 11});
    c.parameter({1, 3, 1, 1});
    c.activation = DN_LEAKY;
    c.output({2, 3, 9, 11});
}

OP_TEST(bias, "mish after it") {
    c.input({1, 4, 5, 5}, -4.0F, 4.0F);
    c.parameter({1, 4, 1, 1});
    c.activation = DN_MISH;
    c.output({1, 4, 5, 5});
}

/* The input is where the output will be. */
static void bias_in_place(const dn_cuda_call *call) {
    dn_op copy = {};
    copy.kind = DN_OP_copy;
    const dn_cuda_call before = {&copy, call->inputs, call->outputs, call->state, call->context};
    dn_cuda_copy(&before);
    const dn_cuda_tensor inputs[2] = {call->outputs[0], call->inputs[1]};
    const dn_cuda_call there = {call->op, inputs, call->outputs, call->state, call->context};
    dn_cuda_bias(&there);
}

static void describe_bias_in_place(compare::test &c) {
    c.input({2, 6, 13, 5});
    c.parameter({1, 6, 1, 1});
    c.activation = DN_SWISH;
    c.output({2, 6, 13, 5});
}

static compare::entry bias_in_place_entry(DN_OP_bias, "bias", "in place", bias_in_place, describe_bias_in_place);

/* ---- batchnorm ---- */

static void batchnorm(compare::test &c, dn_shape shape, dn_op_batchnorm params, bool biases) {
    const dn_shape channels = {1, shape.c, 1, 1};
    c.op.as.batchnorm = params;
    c.input(shape, -3.0F, 3.0F);
    c.parameter(channels, 0.5F, 2.0F);
    c.parameter(channels, -1.0F, 1.0F);
    c.parameter(channels, 0.01F, 4.0F);
    if (biases) {
        c.parameter(channels);
    } else {
        c.no_input();
    }
    c.output(shape);
}

OP_TEST(batchnorm, "epsilon inside of the root") { batchnorm(c, {3, 7, 5, 9}, {0.001F, false}, true); }
OP_TEST(batchnorm, "epsilon outside, no biases") { batchnorm(c, {2, 5, 11, 3}, {0.000001F, true}, false); }
OP_TEST(batchnorm, "planes of one cell") { batchnorm(c, {4, 130, 1, 1}, {0.00001F, false}, true); }

OP_TEST(batchnorm, "leaky after it") {
    c.activation = DN_LEAKY;
    batchnorm(c, {2, 8, 7, 7}, {0.00001F, false}, true);
}

OP_TEST(batchnorm, "a variance of zero") {
    batchnorm(c, {1, 3, 4, 4}, {0.00001F, false}, true);
    c.inputs[3].values = {0.0F, 1.0F, 0.0F};
}

/* ---- pool2d ---- */

static void pool(compare::test &c, dn_op_pool2d params, dn_shape in, int h, int w) {
    c.op.as.pool2d = params;
    c.input(in);
    c.output({in.n, in.c, h, w});
}

/* Exact, with its argmax. */
static void max_pool(compare::test &c, dn_op_pool2d params, dn_shape in, int h, int w) {
    pool(c, params, in, h, w);
    c.index_output({in.n, in.c, h, w});
    c.tolerance = exactly;
}

OP_TEST(pool2d, "max 2, stride 2") { max_pool(c, {false, 2, 2, 2, 0, 0, false}, {3, 4, 8, 6}, 4, 3); }
OP_TEST(pool2d, "max 2, stride 2, odd sides") { max_pool(c, {false, 2, 2, 2, 0, 0, false}, {2, 3, 13, 7}, 7, 4); }
OP_TEST(pool2d, "max 2, stride 1") { max_pool(c, {false, 2, 1, 1, 0, 0, false}, {2, 3, 13, 13}, 13, 13); }
OP_TEST(pool2d, "max 3, stride 2, padding") { max_pool(c, {false, 3, 2, 2, 1, 1, false}, {1, 5, 11, 12}, 6, 6); }
OP_TEST(pool2d, "max 13, stride 1, wider than it") {
    max_pool(c, {false, 13, 1, 1, 6, 6, false}, {2, 3, 9, 11}, 9, 11);
}
OP_TEST(pool2d, "max, strides 1 and 3, paddings 0 and 2") {
    max_pool(c, {false, 4, 3, 1, 2, 0, false}, {2, 2, 10, 9}, 3, 10);
}
OP_TEST(pool2d, "max of empty windows") { max_pool(c, {false, 2, 2, 3, 4, 2, false}, {2, 3, 5, 5}, 5, 4); }

OP_TEST(pool2d, "max, the first of equal values") {
    max_pool(c, {false, 3, 1, 1, 1, 1, false}, {2, 2, 6, 7}, 6, 7);
    for (float &value : c.inputs[0].values) value = std::floor(value * 2.0F);
}

OP_TEST(pool2d, "max of nothing but -FLT_MAX, and not-a-number") {
    max_pool(c, {false, 2, 2, 2, 0, 0, false}, {1, 1, 2, 6}, 1, 3);
    c.inputs[0].values = {-FLT_MAX, -FLT_MAX, NAN, 1.0F, 1.0F, NAN, -FLT_MAX, -FLT_MAX, 2.0F, 3.0F, 0.0F, 2.0F};
}

OP_TEST(pool2d, "max without argmax") {
    pool(c, {false, 2, 2, 2, 0, 0, false}, {2, 3, 6, 6}, 3, 3);
    c.tolerance = exactly;
}

OP_TEST(pool2d, "max whose argmax nobody wants") {
    pool(c, {false, 2, 2, 2, 0, 0, false}, {2, 3, 6, 6}, 3, 3);
    c.no_output();
    c.tolerance = exactly;
}

OP_TEST(pool2d, "average 2, stride 2") { pool(c, {true, 2, 2, 2, 0, 0, false}, {3, 4, 8, 6}, 4, 3); }
OP_TEST(pool2d, "average 3, stride 1, partly absent") { pool(c, {true, 3, 1, 1, 1, 1, false}, {2, 3, 7, 5}, 7, 5); }
OP_TEST(pool2d, "average of empty windows") { pool(c, {true, 2, 2, 3, 4, 2, false}, {2, 3, 5, 5}, 5, 4); }
OP_TEST(pool2d, "average of an image") { pool(c, {true, 33, 1, 1, 0, 0, false}, {2, 2, 33, 31}, 1, 1); }

/* ---- pool_depth, pool_global ---- */

OP_TEST(pool_depth, "channels that divide evenly") {
    c.input({2, 12, 5, 7});
    c.output({2, 4, 5, 7});
    c.tolerance = exactly;
}

OP_TEST(pool_depth, "channels that do not") {
    c.input({3, 7, 3, 5});
    c.output({3, 3, 3, 5});
    c.tolerance = exactly;
}

OP_TEST(pool_depth, "more channels out than in") {
    c.input({2, 2, 3, 3});
    c.output({2, 5, 3, 3});
    c.tolerance = exactly;
}

static void pool_global(compare::test &c, dn_shape in) {
    c.input(in, 0.0F, 2.0F);
    c.output({in.n, in.c, 1, 1});
}

OP_TEST(pool_global, "7 x 7") { pool_global(c, {3, 5, 7, 7}); }
OP_TEST(pool_global, "one cell") { pool_global(c, {2, 3, 1, 1}); }
OP_TEST(pool_global, "more cells than threads") { pool_global(c, {2, 3, 33, 31}); }
OP_TEST(pool_global, "as many cells as threads") { pool_global(c, {1, 2, 16, 16}); }

/* ---- concat ---- */

OP_TEST(concat, "three inputs, all of their channels") {
    static const int first[] = {0, 0, 0}, channels[] = {3, 1, 6};
    c.op.as.concat = {false, first, channels};
    for (int k : channels) c.input({3, k, 5, 7});
    c.output({3, 10, 5, 7});
    c.tolerance = exactly;
}

OP_TEST(concat, "one input, its last third") {
    static const int first[] = {4}, channels[] = {2};
    c.op.as.concat = {false, first, channels};
    c.input({2, 6, 3, 5});
    c.output({2, 2, 3, 5});
    c.tolerance = exactly;
}

OP_TEST(concat, "parts of two inputs") {
    static const int first[] = {1, 3}, channels[] = {2, 4};
    c.op.as.concat = {false, first, channels};
    c.input({2, 4, 9, 9});
    c.input({2, 8, 9, 9});
    c.output({2, 6, 9, 9});
    c.tolerance = exactly;
}

OP_TEST(concat, "flat, planes that differ") {
    static const int first[] = {0, 0}, channels[] = {2 * 3 * 5, 7};
    c.op.as.concat = {true, first, channels};
    c.input({3, 2, 3, 5});
    c.input({3, 7, 1, 1});
    c.output({3, 37, 1, 1});
    c.tolerance = exactly;
}

OP_TEST(concat, "flat, into rows") {
    static const int first[] = {0, 0}, channels[] = {2 * 3 * 5, 2 * 4};
    c.op.as.concat = {true, first, channels};
    c.input({3, 2, 3, 5});
    c.input({3, 2, 2, 2});
    c.output({3, 1, 2, 19});
    c.tolerance = exactly;
}

/* ---- add ---- */

static dn_op_add sum_of(int terms, dn_add_weights weights, dn_add_normalization normalization, bool sampled) {
    return {terms, weights, normalization, sampled, false};
}

static void plain_sum(compare::test &c, std::vector<dn_shape> terms, bool sampled) {
    c.op.as.add = sum_of((int)terms.size(), DN_ADD_PLAIN, DN_ADD_RAW, sampled);
    for (dn_shape shape : terms) c.input(shape);
    c.output(terms[0]);
}

OP_TEST(add, "two terms") { plain_sum(c, {{3, 5, 7, 3}, {3, 5, 7, 3}}, false); }
OP_TEST(add, "one term") { plain_sum(c, {{2, 3, 5, 5}}, false); }
OP_TEST(add, "four terms") { plain_sum(c, {{2, 3, 5, 5}, {2, 3, 5, 5}, {2, 3, 5, 5}, {2, 3, 5, 5}}, false); }
OP_TEST(add, "fewer and more channels") { plain_sum(c, {{2, 4, 5, 3}, {2, 3, 5, 3}, {2, 6, 5, 3}}, false); }
OP_TEST(add, "sampled, read 2 apart") { plain_sum(c, {{2, 3, 7, 7}, {2, 5, 14, 14}}, true); }
OP_TEST(add, "sampled, written 2 apart") { plain_sum(c, {{2, 5, 14, 14}, {2, 3, 7, 7}}, true); }
OP_TEST(add, "sampled, written 3 apart, with a rest") { plain_sum(c, {{2, 2, 11, 10}, {2, 2, 4, 3}}, true); }
OP_TEST(add, "sampled, sides that overlap") { plain_sum(c, {{1, 2, 7, 13}, {1, 2, 13, 7}}, true); }
OP_TEST(add, "sampled, sides that overlap the other way") { plain_sum(c, {{1, 2, 13, 7}, {1, 2, 7, 13}}, true); }
OP_TEST(add, "sampled, larger by less than two") { plain_sum(c, {{2, 2, 9, 9}, {2, 2, 13, 13}}, true); }

OP_TEST(add, "two terms, leaky after them") {
    c.activation = DN_LEAKY;
    plain_sum(c, {{2, 5, 7, 7}, {2, 5, 7, 7}}, false);
}

OP_TEST(add, "three terms, unequal channels, mish after them") {
    c.activation = DN_MISH;
    plain_sum(c, {{2, 5, 3, 7}, {2, 2, 3, 7}, {2, 7, 3, 7}}, false);
}

OP_TEST(add, "one term, logistic after it") {
    c.activation = DN_LOGISTIC;
    plain_sum(c, {{2, 3, 5, 5}}, false);
}

static void weighted_sum(compare::test &c, std::vector<dn_shape> terms, dn_add_weights weights,
                         dn_add_normalization normalization) {
    c.op.as.add = sum_of((int)terms.size(), weights, normalization, false);
    for (dn_shape shape : terms) c.input(shape);
    const int count = (int)terms.size() * (weights == DN_ADD_PER_CHANNEL ? terms[0].c : 1);
    c.parameter({1, count, 1, 1}, -0.5F, 1.5F);
    c.output(terms[0]);
}

OP_TEST(add, "a weight per term") {
    weighted_sum(c, {{2, 4, 5, 3}, {2, 4, 5, 3}, {2, 4, 5, 3}}, DN_ADD_PER_FEATURE, DN_ADD_RAW);
}

OP_TEST(add, "a weight per term, relu, unequal channels, relu6 after them") {
    c.activation = DN_RELU6;
    weighted_sum(c, {{2, 4, 5, 3}, {2, 3, 5, 3}, {2, 6, 5, 3}}, DN_ADD_PER_FEATURE, DN_ADD_RELU);
}

OP_TEST(add, "a weight per channel, softmax") {
    weighted_sum(c, {{2, 4, 5, 3}, {2, 4, 5, 3}}, DN_ADD_PER_CHANNEL, DN_ADD_SOFTMAX);
}

OP_TEST(add, "a weight per channel, relu, normalised once") {
    c.prepare = DN_PREPARE_FUSE;
    weighted_sum(c, {{3, 5, 3, 3}, {3, 5, 3, 3}, {3, 2, 3, 3}}, DN_ADD_PER_CHANNEL, DN_ADD_RELU);
}

OP_TEST(add, "one weighted term") { weighted_sum(c, {{2, 3, 4, 4}}, DN_ADD_PER_CHANNEL, DN_ADD_RAW); }

/* ---- mul ---- */

static void product(compare::test &c, dn_shape x, dn_shape s) {
    c.input(x);
    c.input(s);
    c.output(x);
}

OP_TEST(mul, "every value") { product(c, {2, 5, 7, 3}, {2, 5, 7, 3}); }
OP_TEST(mul, "a factor per channel") { product(c, {3, 5, 7, 3}, {3, 5, 1, 1}); }
OP_TEST(mul, "a factor per position") { product(c, {3, 5, 7, 3}, {3, 1, 7, 3}); }
OP_TEST(mul, "one channel") { product(c, {3, 1, 4, 4}, {3, 1, 4, 4}); }
OP_TEST(mul, "one channel, one factor") { product(c, {3, 1, 4, 4}, {3, 1, 1, 1}); }
OP_TEST(mul, "one cell") { product(c, {2, 300, 1, 1}, {2, 300, 1, 1}); }
OP_TEST(mul, "rows of one cell") { product(c, {2, 4, 9, 1}, {2, 4, 9, 1}); }

/* ---- upsample ---- */

static void upsample(compare::test &c, dn_op_upsample params, dn_shape in, int h, int w) {
    c.op.as.upsample = params;
    c.input(in);
    c.output({in.n, in.c, h, w});
}

OP_TEST(upsample, "2") { upsample(c, {2, 1.0F, false}, {3, 4, 5, 7}, 10, 14); }
OP_TEST(upsample, "3, scaled") { upsample(c, {3, -0.5F, false}, {2, 3, 3, 2}, 9, 6); }
OP_TEST(upsample, "1") { upsample(c, {1, 1.0F, false}, {2, 3, 3, 5}, 3, 5); }
OP_TEST(upsample, "cells that x has not") { upsample(c, {2, 1.0F, false}, {2, 3, 3, 3}, 7, 7); }
OP_TEST(upsample, "reverse 2") { upsample(c, {2, 1.0F, true}, {3, 4, 10, 14}, 5, 7); }
OP_TEST(upsample, "reverse 3, scaled, with a rest") { upsample(c, {3, 0.25F, true}, {2, 3, 11, 7}, 3, 2); }

OP_TEST(upsample, "2, added") {
    c.op.accumulate = true;
    upsample(c, {2, 0.5F, false}, {2, 4, 5, 3}, 10, 6);
}

OP_TEST(upsample, "reverse 2, added") {
    c.op.accumulate = true;
    upsample(c, {2, 1.0F, true}, {2, 4, 10, 6}, 5, 3);
}

/* ---- reorg ---- */

static void reorg(compare::test &c, dn_op_reorg params, dn_shape in, dn_shape out) {
    c.op.as.reorg = params;
    c.input(in);
    c.output(out);
    c.tolerance = c.op.accumulate ? 0.0 : exactly;
}

OP_TEST(reorg, "2") { reorg(c, {2, false, false}, {3, 8, 6, 10}, {3, 32, 3, 5}); }
OP_TEST(reorg, "3") { reorg(c, {3, false, false}, {2, 18, 3, 9}, {2, 162, 1, 3}); }
OP_TEST(reorg, "1") { reorg(c, {1, false, false}, {2, 3, 5, 7}, {2, 3, 5, 7}); }
OP_TEST(reorg, "reverse 2") { reorg(c, {2, true, false}, {3, 32, 3, 5}, {3, 8, 6, 10}); }
OP_TEST(reorg, "reverse 2, by the output") { reorg(c, {2, true, true}, {3, 32, 3, 5}, {3, 8, 6, 10}); }
OP_TEST(reorg, "2, by the output") { reorg(c, {2, false, true}, {3, 8, 6, 10}, {3, 32, 3, 5}); }

OP_TEST(reorg, "2, added") {
    c.op.accumulate = true;
    reorg(c, {2, false, false}, {2, 4, 6, 6}, {2, 16, 3, 3});
}

OP_TEST(reorg, "reverse 2, by the output, added") {
    c.op.accumulate = true;
    reorg(c, {2, true, true}, {2, 16, 3, 3}, {2, 4, 6, 6});
}

/* ---- softmax ---- */

static void softmax(compare::test &c, dn_op_softmax params, dn_shape shape, float range) {
    c.op.as.softmax = params;
    c.input(shape, -range, range);
    c.output(shape);
}

OP_TEST(softmax, "an image") { softmax(c, {1, 1.0F, false, nullptr, 0}, {3, 10, 1, 1}, 4.0F); }
OP_TEST(softmax, "more values than threads") { softmax(c, {1, 1.0F, false, nullptr, 0}, {2, 1000, 1, 1}, 4.0F); }
OP_TEST(softmax, "groups, a temperature") { softmax(c, {3, 2.5F, false, nullptr, 0}, {2, 21, 3, 1}, 8.0F); }
OP_TEST(softmax, "groups of one") { softmax(c, {7, 1.0F, false, nullptr, 0}, {2, 7, 1, 1}, 8.0F); }
OP_TEST(softmax, "large values") { softmax(c, {1, 1.0F, false, nullptr, 0}, {2, 40, 1, 1}, 5000.0F); }
OP_TEST(softmax, "the channels of a position") { softmax(c, {1, 1.0F, true, nullptr, 0}, {3, 21, 5, 7}, 4.0F); }
OP_TEST(softmax, "one position, a temperature") { softmax(c, {1, 0.5F, true, nullptr, 0}, {2, 5, 1, 1}, 4.0F); }

OP_TEST(softmax, "levels of a tree") {
    static const int sizes[] = {2, 1, 5, 12};
    softmax(c, {1, 1.0F, false, sizes, 4}, {3, 20, 1, 1}, 4.0F);
}

OP_TEST(softmax, "levels of a tree, in groups") {
    static const int sizes[] = {3, 300, 1};
    softmax(c, {2, 1.5F, false, sizes, 3}, {2, 304, 2, 1}, 4.0F);
}

/* ---- channel_map ---- */

static void channel_map(compare::test &c, const dn_channel_rule *rules, int count, dn_shape shape) {
    c.op.as.channel_map = {rules, count};
    c.input(shape, -3.0F, 3.0F);
    c.output(shape);
}

OP_TEST(channel_map, "as yolo has it") {
    static const dn_channel_rule rules[] = {{0, 2, DN_LOGISTIC, 1.2F, -0.1F},
                                            {4, 4, DN_LOGISTIC, 1.0F, 0.0F},
                                            {8, 2, DN_LOGISTIC, 1.2F, -0.1F},
                                            {12, 4, DN_LOGISTIC, 1.0F, 0.0F}};
    channel_map(c, rules, 4, {3, 16, 5, 7});
}

OP_TEST(channel_map, "one rule amid channels that are copied") {
    static const dn_channel_rule rules[] = {{3, 1, DN_LEAKY, -2.0F, 0.5F}};
    channel_map(c, rules, 1, {2, 7, 3, 3});
}

OP_TEST(channel_map, "one rule for all") {
    static const dn_channel_rule rules[] = {{0, 5, DN_TANH, 1.0F, 0.0F}};
    channel_map(c, rules, 1, {2, 5, 9, 11});
}

OP_TEST(channel_map, "rules that touch, the last channel") {
    static const dn_channel_rule rules[] = {
        {1, 2, DN_RELU, 1.0F, 0.0F}, {3, 1, DN_LINEAR, 3.0F, 1.0F}, {5, 1, DN_MISH, 1.0F, -1.0F}};
    channel_map(c, rules, 3, {2, 6, 1, 1});
}

OP_TEST(channel_map, "no rules") {
    channel_map(c, nullptr, 0, {2, 3, 5, 5});
    c.tolerance = exactly;
}

/* ---- copy, rows, stack ---- */

OP_TEST(copy, "another shape") {
    c.input({2, 3, 5, 7});
    c.output({2, 105, 1, 1});
    c.tolerance = exactly;
}

OP_TEST(copy, "added") {
    c.op.accumulate = true;
    c.input({3, 4, 11, 13});
    c.output({3, 4, 11, 13});
}

OP_TEST(rows, "the first step") {
    c.op.as.rows.step = 0;
    c.input({6, 3, 5, 1});
    c.output({2, 3, 5, 1});
    c.tolerance = exactly;
}

OP_TEST(rows, "the last step") {
    c.op.as.rows.step = 2;
    c.input({9, 7, 1, 1});
    c.output({3, 7, 1, 1});
    c.tolerance = exactly;
}

OP_TEST(rows, "a step, added") {
    c.op.accumulate = true;
    c.op.as.rows.step = 1;
    c.input({4, 100, 1, 3});
    c.output({2, 100, 1, 3});
}

OP_TEST(stack, "three steps") {
    for (int k = 0; k < 3; k++) c.input({2, 3, 5, 1});
    c.output({6, 3, 5, 1});
    c.tolerance = exactly;
}

OP_TEST(stack, "one step") {
    c.input({2, 3, 1, 1});
    c.output({2, 3, 1, 1});
    c.tolerance = exactly;
}

/* ---- fill, scale ---- */

OP_TEST(fill, "odd sizes") {
    c.float_output({3, 5, 7, 3});
    c.tolerance = exactly;
}

static void scale(compare::test &c, float factor, dn_shape in, dn_shape out) {
    c.op.as.scale.factor = factor;
    c.float_input(in);
    c.float_output(out);
}

OP_TEST(scale, "another shape") { scale(c, -0.25F, {2, 3, 5, 7}, {2, 105, 1, 1}); }
OP_TEST(scale, "1") { scale(c, 1.0F, {2, 3, 5, 7}, {2, 3, 5, 7}); }

OP_TEST(scale, "added") {
    c.op.accumulate = true;
    scale(c, 3.0F, {2, 3, 5, 7}, {2, 3, 5, 7});
}

OP_TEST(scale, "1, added") {
    c.op.accumulate = true;
    scale(c, 1.0F, {1, 1, 700, 1}, {1, 1, 700, 1});
}

/* ---- conversions: what a copy of the values gives ---- */

static void to_type(const dn_cuda_call *call) {
    dn_cuda_to_type(call->context, call->outputs[0].data, (const float *)call->inputs[0].data,
                    (size_t)dn_shape_count(call->outputs[0].shape));
}

static void from_type(const dn_cuda_call *call) {
    dn_cuda_from_type(call->context, (float *)call->outputs[0].data, call->inputs[0].data,
                      (size_t)dn_shape_count(call->outputs[0].shape));
}

/* Halfway between two values of each type, from 2⁻³ to what overflows; not-a-number, infinity, zero. */
static const compare::floats roundings = {
    0.0F,     -0.0F,     1.00048828125F, 1.00146484375F, 1.00390625F, 1.01171875F,  65504.0F,    65519.0F,
    65520.0F, -70000.0F, 3e38F,          -3.4e38F,       INFINITY,    -INFINITY,    NAN,         6e-8F,
    3e-8F,    2.9e-8F,   6.1e-5F,        6.09e-5F,       -1e-30F,     0.125061035F, -0.3333333F, 2049.0F};

static void describe_to_type(compare::test &c) {
    c.float_input({3, 7, 11, 5}, -10.0F, 10.0F);
    c.output({3, 7, 11, 5});
    c.tolerance = exactly;
}

static void describe_to_type_corners(compare::test &c) {
    c.float_input({1, 24, 1, 1});
    c.inputs[0].values = roundings;
    c.output({1, 24, 1, 1});
    c.tolerance = exactly;
}

static void describe_from_type(compare::test &c) {
    c.input({3, 7, 11, 5}, -10.0F, 10.0F);
    c.float_output({3, 7, 11, 5});
    c.tolerance = exactly;
}

static void describe_from_type_corners(compare::test &c) {
    c.input({1, 24, 1, 1});
    c.inputs[0].values = roundings;
    c.float_output({1, 24, 1, 1});
    c.tolerance = exactly;
}

static compare::entry conversions[] = {
    compare::entry(DN_OP_copy, "convert", "to the type", to_type, describe_to_type),
    compare::entry(DN_OP_copy, "convert", "to the type, at its corners", to_type, describe_to_type_corners),
    compare::entry(DN_OP_copy, "convert", "from the type", from_type, describe_from_type),
    compare::entry(DN_OP_copy, "convert", "from the type, at its corners", from_type, describe_from_type_corners),
};
