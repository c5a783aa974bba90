/* op.h — the vocabulary between layers and backends: tensors, and what is computed on them.
 *
 * An op reads `inputs` and writes `outputs` (indices of the graph's tensors). Ops run in the order of the graph. A
 * tensor is written by one op at most and is dense NCHW float32 as far as layers are concerned; a backend may hold it
 * in any layout, type or place, or not at all, as long as the tensors that must be kept come out dense.
 * Formulas: x input, y output, n image, c channel, (i, j) row and column; out-of-range x counts as absent. */
#ifndef DN_OP_OP_H
#define DN_OP_OP_H

#include "base/shape.h"

/* ---- tensors ---- */

typedef enum dn_role {
    DN_ROLE_INPUT,      /* the network's input                                             */
    DN_ROLE_ACTIVATION, /* written by an op, read by later ones                            */
    DN_ROLE_PARAMETER,  /* lives in dn_weights, slot `slot`; shape is informative, flat    */
    DN_ROLE_STATE,      /* survives from one run to the next (recurrent layers); zero at first;
                            written after everything that reads its last value                 */
    DN_ROLE_DELTA,      /* training: minus the gradient of the loss by an activation       */
    DN_ROLE_GRADIENT,   /* training: the update of a parameter, accumulated over runs      */
} dn_role;

typedef struct dn_tensor_info {
    dn_shape shape; /* n is a multiple of the plan's batch; a run of fewer images uses the first rows */
    dn_dtype dtype;
    dn_role role;
    int layer; /* that declared it, -1 for the network's input */
    int slot;  /* DN_ROLE_PARAMETER: index in dn_weights, else -1 */
    int of;    /* DN_ROLE_DELTA, DN_ROLE_GRADIENT: the tensor it belongs to, else -1 */
    /* While a graph is built for training: */
    int delta;   /* the tensor's DELTA (a parameter's GRADIENT), -1: nothing has written to it yet */
    bool trains; /* something that learns (a parameter, or the input when asked for), or computed from it: its delta is
                    of use */
} dn_tensor_info;

/* ---- parameters of ops ---- */

/* clang-format off */
typedef enum dn_activation { /* formulas: op/activation.h */
    DN_LINEAR, DN_LOGISTIC, DN_LOGGY, DN_RELU, DN_RELU6, DN_ELU, DN_SELU, DN_GELU, DN_RELIE, DN_RAMP, DN_TANH,
    DN_PLSE, DN_LEAKY, DN_STAIR, DN_HARDTAN, DN_LHTAN, DN_SWISH, DN_MISH, DN_HARD_MISH, DN_REVLEAKY,
    DN_NORMALIZE_CHANNELS, DN_NORMALIZE_CHANNELS_SOFTMAX, DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL,
    DN_ACTIVATIONS
} dn_activation;
/* clang-format on */

typedef enum dn_binary { DN_BINARY_NONE, DN_BINARY_XNOR } dn_binary;

/* y[n,f,i,j] = Σ_{c in group of f, u, v} w[f,c,u,v] · x[n, c, i·stride_y − pad + u·dilation, j·stride_x − pad + v·dilation]
 * inputs: x, w (filters, channels/groups, size, size). The output's shape says how many rows and columns there are. */
typedef struct dn_op_conv2d {
    int groups, size, stride_x, stride_y;
    int pad; /* rows above and columns left of the image, already multiplied by dilation */
    int dilation;
    dn_binary binary; /* XNOR: weights ±mean|w| per filter; input ±1 (0 counts as −1)
                         pad 0 as float; prepare BINARY: pad is −1, for stride 1, as in the reference's packed path */
} dn_op_conv2d;

/* y[n,o] = Σ_i w[o,i] · x[n,i]; inputs: x (n, anything), w (outputs, inputs). */
typedef struct dn_op_linear {
    bool transposed; /* w is (inputs, outputs) */
} dn_op_linear;

/* y = x + b[c]; inputs: x, b. */
typedef struct dn_op_bias {
    char unused;
} dn_op_bias;

/* y = scale[c] · (x − mean[c]) / d[c] + bias[c]; inputs: x, scales, rolling_mean, rolling_variance, biases (-1: none).
 * d = sqrt(variance + epsilon), or sqrt(variance) + epsilon when outside. Prepare FUSE folds it into the convolution
 * or linear op that wrote x, when that is its only reader. */
typedef struct dn_op_batchnorm {
    float epsilon;
    bool outside;
} dn_op_batchnorm;

/* y = f(x) */
typedef struct dn_op_activation {
    dn_activation kind;
    bool approximate; /* activation_gradient: normalize_channels* as the reference's CPU code has it */
} dn_op_activation;

/* Window of size × size at (i·stride_y − pad_y, j·stride_x − pad_x); absent cells are left out, of the average too.
 * outputs: y [, argmax int32: index in the image of x, -1 where the window is empty]. An empty window gives −FLT_MAX
 * (max) or 0 (average). */
typedef struct dn_op_pool2d {
    bool average;
    int size, stride_x, stride_y, pad_x, pad_y;
    bool approximate; /* pool2d_gradient: of an average over cells that are partly absent too, dy / size² */
} dn_op_pool2d;

/* y[n,k,i,j] = max over the channels c with c mod output channels = k */
typedef struct dn_op_pool_depth {
    char unused;
} dn_op_pool_depth;

/* y[n,c] = mean over rows and columns */
typedef struct dn_op_pool_global {
    char unused;
} dn_op_pool_global;

/* Channels first[k] … first[k]+channels[k]−1 of input k, one after the other. When `flat`, every input counts as one
 * row of c·h·w channels per image (first 0, channels c·h·w). */
typedef struct dn_op_concat {
    bool flat;
    const int *first, *channels; /* one per input; live as long as the plan */
} dn_op_concat;

typedef enum dn_add_weights { DN_ADD_PLAIN, DN_ADD_PER_FEATURE, DN_ADD_PER_CHANNEL } dn_add_weights;
typedef enum dn_add_normalization { DN_ADD_RAW, DN_ADD_RELU, DN_ADD_SOFTMAX } dn_add_normalization;

/* y = Σ_k a_k · x_k over inputs x_0 … x_{terms−1}, then, unless PLAIN, the weights tensor. y has the shape of x_0; an
 * x_k with fewer channels adds to the first ones, one with more gives its first ones (same h, w).
 * PLAIN: a_k = 1. PER_FEATURE: w is (terms), PER_CHANNEL: (terms, c).
 * RAW: a = w. RELU: a_k = max(w_k, 0) / (Σ max(w, 0) + 0.0001). SOFTMAX: over the terms.
 * Prepare FUSE normalises once; RELU then uses max(w_k, 0.001) in place of max(w_k, 0), as the reference does.
 * `sampled` (pjreddie, unequal h, w): x_1 is read at (i·s, j·s) or written so, s the ratio of widths. */
typedef struct dn_op_add {
    int terms;
    dn_add_weights weights;
    dn_add_normalization normalization;
    bool sampled;
    bool approximate; /* add_gradient: dw of every normalization as that of RAW */
} dn_op_add;

/* y = x · s; s has the shape of x, or is (n, c, 1, 1), or (n, 1, h, w). inputs: x, s. */
typedef struct dn_op_mul {
    char unused;
} dn_op_mul;

/* y[n,c,i,j] = scale · x[n,c,i/stride,j/stride], 0 where x has no such cell; reverse: y[i,j] = scale · Σ of the stride ×
 * stride cells of x. */
typedef struct dn_op_upsample {
    int stride;
    float scale;
    bool reverse;
} dn_op_upsample;

/* The reference's own reordering ("reorg_old"), which is not space-to-depth: see backend/ref/reorg.c. */
typedef struct dn_op_reorg {
    int stride;
    bool reverse;
    bool by_output; /* the shape that the reordering goes by is the output's: undoes an op that goes by its input's */
} dn_op_reorg;

/* Over each of `groups` equal parts of an image's c·h·w values; with `sizes`, over consecutive parts of these sizes
 * (tree levels), repeated per group; `spatial`: over the channels at every (i, j). y = softmax(x / temperature). */
typedef struct dn_op_softmax {
    int groups;
    float temperature;
    bool spatial;
    const int *sizes; /* NULL, or size_count values that live as long as the plan */
    int size_count;
} dn_op_softmax;

/* y = scale · f(x) + offset, channel range by channel range; channels that no rule names are copied. */
typedef struct dn_channel_rule {
    int first, count;
    dn_activation kind; /* none of the normalize_channels kinds */
    float scale, offset;
} dn_channel_rule;
typedef struct dn_op_channel_map {
    const dn_channel_rule *rules; /* ascending, disjoint; live as long as the plan */
    int rule_count;
} dn_op_channel_map;

/* y = x, the same number of elements, any shape. */
typedef struct dn_op_copy {
    char unused;
} dn_op_copy;

/* One time step: y[n] = x[step · m + n], m the rows of y in this run (those of x are a multiple of it). */
typedef struct dn_op_rows {
    int step;
} dn_op_rows;

/* All time steps: the rows of input 0, then those of input 1, …; all inputs have the same shape. */
typedef struct dn_op_stack {
    char unused;
} dn_op_stack;

/* A plain C function over dense host tensors; every backend can run it. */
typedef struct dn_host_tensor {
    float *data;    /* NULL where the op's tensor index is -1; int32_t values where the tensor's dtype says so */
    dn_shape shape; /* n is that of the rows of this run */
} dn_host_tensor;
typedef struct dn_host_call {
    const void *params; /* the layer's */
    const dn_host_tensor *inputs;
    const dn_host_tensor *outputs;
} dn_host_call;
typedef void (*dn_host_fn)(const dn_host_call *call); /* allocates nothing, cannot fail */
typedef struct dn_op_host {
    dn_host_fn function;
    dn_host_fn
        gradient; /* NULL: has none. inputs: those of the op, its outputs, the outputs' deltas (each NULL where it
                            is missing); outputs: one per input of the op, its delta or a parameter's gradient, NULL
                            where nobody wants it. It adds to them. */
    const void *params;
    const char *name; /* for profiles and messages */
} dn_op_host;

/* ---- training ----
 *
 * A delta is minus the gradient of the loss by an activation; dy is y's. Where a formula says "=", the op writes its
 * output, or adds to it when the op has `accumulate`; where it says "+=", it always adds: an output of role GRADIENT
 * collects over images, runs and ops, and holds what the update left in it (momentum). Any output may be -1. */

/* y = 0 */
typedef struct dn_op_fill {
    char unused;
} dn_op_fill;

/* y = factor · x, the same number of elements, any shape. */
typedef struct dn_op_scale {
    float factor;
} dn_op_scale;

/* dx[n,c,r,k] = Σ w[f,c,u,v] · dy[n,f,i,j] over all (f, u, v, i, j) for which conv2d reads x[n,c,r,k]. inputs: dy, w.
 * Not binary. */
typedef dn_op_conv2d dn_op_conv2d_data;
/* dw[f,c,u,v] += Σ_{n,i,j} dy[n,f,i,j] · x[n, c, i·stride_y − pad + u·dilation, …]. inputs: x, dy. Not
 * binary. */
typedef dn_op_conv2d dn_op_conv2d_weights;
/* dx[n,i] = Σ_o w[o,i] · dy[n,o]. inputs: dy, w. */
typedef dn_op_linear dn_op_linear_data;
/* dw[o,i] += Σ_n dy[n,o] · x[n,i]. inputs: x, dy. */
typedef dn_op_linear dn_op_linear_weights;
/* db[c] += Σ_{n,i,j} dy[n,c,i,j]. inputs: dy. */
typedef dn_op_bias dn_op_bias_gradient;

/* Statistics of this run: mean m[c] and variance v[c] (over N − 1 where N > 1) of x over images, rows, columns, then
 * y = scale[c] · (x − m[c]) / d[c] + bias[c], d as in dn_op_batchnorm. inputs: x, scales, biases (-1: none);
 * outputs: y, m, v, of which the first row holds the values. */
typedef dn_op_batchnorm dn_op_batchnorm_train;
/* The reference's own, which is not the exact derivative: backend/ref/batchnorm_gradient.c.
 * inputs: x, m, v, scales, dy; outputs: dx =, dscales +=, dbiases +=. */
typedef dn_op_batchnorm dn_op_batchnorm_gradient;

/* dx = f'(x) · dy; inputs: x, y, dy. f' as the reference computes it: op/activation.h. */
typedef dn_op_activation dn_op_activation_gradient;

/* dx = 0, then max: dx[argmax] += dy; average: dx += dy / cells, over the cells of the window. inputs: dy, argmax (-1
 * for average). */
typedef dn_op_pool2d dn_op_pool2d_gradient;
/* dx = dy at the channel that was the largest (the first of equals), 0 elsewhere. inputs: x, dy. */
typedef dn_op_pool_depth dn_op_pool_depth_gradient;
/* dx[n,c,i,j] = dy[n,c] / (h · w) */
typedef dn_op_pool_global dn_op_pool_global_gradient;

/* dx[to + k] = dy[from + k] for 0 <= k < count channels (rows and columns equal); other channels of dx stay as they
 * are. `flat`: channels are single values of the image. */
typedef struct dn_op_channels {
    int from, to, count;
    bool flat;
} dn_op_channels;

/* Of a weighted or plain sum that is not `sampled`. dx_k[n,c,i,j] = a_k[c] · dy[n,c,i,j] for the channels that x_k gave.
 * Weighted: dw by the chain rule (backend/ref/add_gradient.c). inputs: dy, x_0 …, w (when not PLAIN);
 * outputs: dx_0 …, dw +=. */
typedef dn_op_add dn_op_add_gradient;

/* dx = s · dy; ds = Σ x · dy over what shares the factor. inputs: x, s, dy; outputs: dx, ds. */
typedef dn_op_mul dn_op_mul_gradient;

/* dx[step · m + n] = dy[n], m the rows of dy; other rows of dx stay as they are. */
typedef dn_op_rows dn_op_rows_gradient;

/* ---- the op ---- */

typedef enum dn_op_kind {
#define DN_OP(id) DN_OP_##id,
#include "op/op.inc"
#undef DN_OP
    DN_OP_KINDS
} dn_op_kind;

typedef struct dn_op {
    dn_op_kind kind;
    int layer; /* that emitted it */
    int input_count, output_count;
    const int *inputs, *outputs; /* tensor indices; live as long as the plan */
    bool accumulate;             /* training: add to the outputs that it would write */
    union {
#define DN_OP(id) dn_op_##id id;
#include "op/op.inc"
#undef DN_OP
    } as;
} dn_op;

typedef struct dn_graph {
    const dn_tensor_info *tensors;
    int tensor_count;
    const dn_op *ops;
    int op_count;
    int batch; /* images that shapes are made for */
} dn_graph;

const char *dn_op_name(dn_op_kind kind); /* "conv2d", … */

#endif
