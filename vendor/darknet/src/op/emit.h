/* emit.h — what a layer's forward (and, when it trains, backward) may call.
 *
 * A dn_emit appends tensors and ops to the graph of a plan, on behalf of one layer. Tensors are named by index. Every
 * op function checks that shapes fit its formula: a mismatch is a bug of the layer and gives DN_E_SHAPE. */
#ifndef DN_OP_EMIT_H
#define DN_OP_EMIT_H

#include "base/alloc.h"
#include "op/op.h"

/* Training: statistics of a run that the rolling ones follow: rolling = momentum · rolling + (1 − momentum) · found. */
typedef struct dn_rolling {
    int layer;
    int mean, variance;                 /* tensors of batchnorm_train */
    int rolling_mean, rolling_variance; /* parameter tensors          */
    float momentum;                     /* 0: the network's           */
} dn_rolling;

/* The graph under construction; owned by the plan. */
typedef struct dn_graph_builder {
    dn_zone *zone;
    dn_tensor_info *tensors;
    size_t tensor_count, tensor_room;
    dn_op *ops;
    size_t op_count, op_room;
    int batch;
    /* Training as the reference's CPU code does it (docs/differences.md): */
    bool overwrites;        /* a convolution of size > 1 replaces the delta of what it read in place of adding to it */
    bool overwrites_points; /* one of size 1 does                                                                  */
    bool biases_stay;       /* biases beside a batch norm do not train                                              */
    bool unnormalized;      /* delta_normalizer= of [yolo] and [Gaussian_yolo] is not applied                       */
    bool full_precision;    /* backward of xnor convolutions reads the input and the weights as they are            */
    bool approximates;      /* gradients of some ops are not the derivatives: see "approximate" in op.h             */
    bool frozen;            /* parameters have no gradients, batch norm computes by the rolling statistics         */
    bool piles_up;          /* deltas of most kinds of layers begin with what the last mini-batch left in them     */
    dn_rolling *rollings;   /* training: one per batchnorm_train op */
    size_t rolling_count, rolling_room;
} dn_graph_builder;

typedef struct dn_emit {
    dn_graph_builder *graph;
    int layer;
    dn_shape output_shape;    /* what infer decided                                                   */
    int input;                /* tensor of the layer before this one (or the network's input)         */
    const int *layer_outputs; /* tensor of every earlier layer's output                               */
    const int *slots;         /* tensor of each parameter slot this layer declared or shares, in order */
    int slot_count;
    const int *states; /* tensor of each state it declared                                     */
    int state_count;
    int output;                         /* set by dn_emit_output: this layer's output tensor; -1 before         */
    size_t forward_first, forward_last; /* in loss and backward: the ops of forward, first … last-1   */
    bool training;
    int truth;   /* training: (rows, truths) float32, one row an image; -1 when no layer asks for truths. In forward
                    only after dn_layer_plan_read_truth, its shape still unknown */
    int clock;   /* training: (rows, DN_CLOCK) int32, one row an image                    */
    int shown;   /* training: tensor whose delta is shown as the layer's; -1: the output   */
    int figures; /* training: set by dn_emit_loss; -1: none                                */
    dn_error *err;
} dn_emit;

/* Columns of the clock: what random choices and schedules depend on. 64-bit numbers are two columns, low half first. */
enum { DN_CLOCK_SEED = 0, DN_CLOCK_ITERATION = 2, DN_CLOCK_SEEN = 4, DN_CLOCK_IMAGE = 6, DN_CLOCK = 8 };
static inline uint64_t dn_clock(const dn_host_tensor *clock, int row, int column) {
    const int32_t *values = (const int32_t *)(const void *)clock->data + (size_t)row * DN_CLOCK + column;
    return (uint64_t)(uint32_t)values[0] | (uint64_t)(uint32_t)values[1] << 32;
}

/* A fresh activation tensor. */
dn_status dn_emit_tensor(dn_emit *emit, dn_shape shape, dn_dtype dtype, int *out);
dn_shape dn_emit_shape(const dn_emit *emit, int tensor);
/* The layer's output is this tensor: one of its own, or (identity layers) its input. Must be called once; the number
 * of elements must be that of output_shape. */
dn_status dn_emit_output(dn_emit *emit, int tensor);

/* Each allocates its output tensor, appends the op, and returns the tensor in *out. */
dn_status dn_emit_conv2d(dn_emit *emit, int x, int weights, dn_shape shape, dn_op_conv2d params, int *out);
dn_status dn_emit_linear(dn_emit *emit, int x, int weights, int outputs, dn_op_linear params, int *out);
dn_status dn_emit_bias(dn_emit *emit, int x, int biases, int *out);
dn_status dn_emit_batchnorm(dn_emit *emit, int x, int scales, int mean, int variance, int biases,
                            dn_op_batchnorm params, int *out);
dn_status dn_emit_activation(dn_emit *emit, int x, dn_activation kind, int *out); /* linear: *out = x, no op */
dn_status dn_emit_pool2d(dn_emit *emit, int x, dn_shape shape, dn_op_pool2d params, int *out);
dn_status dn_emit_pool_depth(dn_emit *emit, int x, int out_channels, int *out);
dn_status dn_emit_pool_global(dn_emit *emit, int x, int *out);
/* first and channels: NULL means all channels of every input. Arrays are copied. */
dn_status dn_emit_concat(dn_emit *emit, const int *xs, int count, const int *first, const int *channels, bool flat,
                         dn_shape shape, int *out);
dn_status dn_emit_add(dn_emit *emit, const int *xs, int weights, dn_op_add params, int *out); /* weights -1: none */
dn_status dn_emit_mul(dn_emit *emit, int x, int s, int *out);
dn_status dn_emit_upsample(dn_emit *emit, int x, dn_shape shape, dn_op_upsample params, int *out);
dn_status dn_emit_reorg(dn_emit *emit, int x, dn_shape shape, dn_op_reorg params, int *out);
dn_status dn_emit_softmax(dn_emit *emit, int x, dn_op_softmax params, int *out);
dn_status dn_emit_channel_map(dn_emit *emit, int x, const dn_channel_rule *rules, int rule_count,
                              int *out); /* copied */
dn_status dn_emit_copy(dn_emit *emit, int x, dn_shape shape, int *out);
/* Rows of time step `step` out of `steps`; all time steps, one after the other. Of one step: *out = x, no op. */
dn_status dn_emit_rows(dn_emit *emit, int x, int step, int steps, int *out);
dn_status dn_emit_stack(dn_emit *emit, const int *xs, int count, int *out);
/* The next run's value of one of the layer's states is x. The last op that names the state, and the only one. */
dn_status dn_emit_store(dn_emit *emit, int x, int state);
/* In training dn_emit_batchnorm emits batchnorm_train (unless parameters are frozen), dn_emit_pool2d asks for argmax, and dn_emit_conv2d takes an xnor
 * convolution apart: signs of x, then a plain one with binary weights (DN_FORM_XNOR). Layers need not care.
 *
 * xs may hold -1. shapes: one per output. params must live as long as the plan (a layer's params do). */
dn_status dn_emit_host(dn_emit *emit, const char *name, dn_host_fn function, const void *params, const int *xs,
                       int count, const dn_shape *shapes, int outputs, int *outs);
/* The same for a function that has a gradient (dn_op_host). */
dn_status dn_emit_host_trained(dn_emit *emit, const char *name, dn_host_fn function, dn_host_fn gradient,
                               const void *params, const int *xs, int count, const dn_shape *shapes, int outputs,
                               int *outs);

/* ---- training: forward ---- */

/* The delta of this tensor is what people see as the layer's: before activation and normalization, as in darknet. */
void dn_emit_show_delta(dn_emit *emit, int tensor);

/* ---- training: loss ----
 *
 * Appends a host op that reads xs, then the truth, then the clock; it writes outputs[0], the delta of this layer's
 * output, and outputs[1], the figures (rows, DN_FIGURES) of layers/loss.h. After it emit->figures is set. The
 * delta is an ordinary one: the backward of later layers adds to it. */
dn_status dn_emit_loss(dn_emit *emit, const char *name, dn_host_fn function, const void *params, const int *xs,
                       int count, int figures);

/* ---- training: backward ---- */

/* Whether anything that trains lies upstream of the tensor (or the tensor is a parameter that trains). */
bool dn_emit_wants_delta(const dn_emit *emit, int tensor);
/* The delta of a tensor that something has written to already; -1 when nothing reached it. */
int dn_emit_delta(const dn_emit *emit, int tensor);
/* Where to put a contribution to the delta of `tensor`, and whether to add to what is there. `partial`: the op will not
 * write all of it, so that it is cleared first and *accumulate comes out true. For a parameter: its gradient. */
dn_status dn_emit_contribution(dn_emit *emit, int tensor, bool partial, int *delta, bool *accumulate);
/* Ops that carry the deltas of the outputs of ops first … last-1 back to their inputs, in reverse. */
dn_status dn_emit_reverse(dn_emit *emit, size_t first, size_t last);
/* Those of the layer's forward: its backward by the chain rule. */
static inline dn_status dn_emit_reverse_layer(dn_emit *emit) {
    return dn_emit_reverse(emit, emit->forward_first, emit->forward_last);
}
/* delta(x) = factor · delta(y), whatever computed y: what darknet's heads do. Same number of values. */
dn_status dn_emit_pass_back(dn_emit *emit, int y, int x, float factor);

#endif
