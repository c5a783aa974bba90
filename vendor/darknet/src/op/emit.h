/* emit.h — what a layer's forward (and, when it trains, backward) may call.
 *
 * A dn_emit appends tensors and ops to the graph of a plan, on behalf of one layer. Tensors are named by index. Every
 * op function checks that shapes fit its formula: a mismatch is a bug of the layer and gives DN_E_SHAPE. */
#ifndef DN_OP_EMIT_H
#define DN_OP_EMIT_H

#include "base/alloc.h"
#include "op/op.h"

/* The graph under construction; owned by the plan. */
typedef struct dn_graph_builder {
    dn_zone *zone;
    dn_tensor_info *tensors;
    size_t tensor_count, tensor_room;
    dn_op *ops;
    size_t op_count, op_room;
    int batch;
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
    int output; /* set by dn_emit_output: this layer's output tensor; -1 before         */
    bool training;
    dn_error *err;
} dn_emit;

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
/* xs may hold -1. shapes: one per output. params must live as long as the plan (a layer's params do). */
dn_status dn_emit_host(dn_emit *emit, const char *name, dn_host_fn function, const void *params, const int *xs,
                       int count, const dn_shape *shapes, int outputs, int *outs);

#endif
