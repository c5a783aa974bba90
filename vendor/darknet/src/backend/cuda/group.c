/* group.c — ops that are computed together:
 *
 *   conv2d | linear → [batchnorm, folded] or [bias] → [activation]
 *   batchnorm | bias | add → [activation]
 *
 * A tensor between two of them has one reader and is not kept. A group runs where its first op stood. */
#include "backend/cuda/program.h"
#include "op/activation.h"

/* reader[t]: the one op that reads tensor t, -1: none, -2: several. */
static void find_readers(const dn_graph *graph, int *reader) {
    for (int t = 0; t < graph->tensor_count; t++) reader[t] = -1;
    for (int i = 0; i < graph->op_count; i++) {
        for (int k = 0; k < graph->ops[i].input_count; k++) {
            const int t = graph->ops[i].inputs[k];
            if (t >= 0) reader[t] = reader[t] == -1 ? i : -2;
        }
    }
}

typedef struct grouping {
    dn_cuda_program *program;
    const dn_compile_options *options;
    const int *reader;
} grouping;

static bool is_parameter(const dn_graph *graph, int tensor) {
    return tensor >= 0 && graph->tensors[tensor].role == DN_ROLE_PARAMETER;
}

/* The op that alone reads what step `index` writes, as its first input, or -1. */
static int next_op(const grouping *g, int index) {
    const dn_graph *graph = &g->program->graph;
    const int written = g->program->steps[index].output;
    const dn_tensor_info *info = &graph->tensors[written];
    if (info->role != DN_ROLE_ACTIVATION || info->dtype != DN_F32 || g->options->keep[written]) return -1;
    const int reader = g->reader[written];
    if (reader <= index || g->program->steps[reader].absorbed) return -1;
    const dn_op *op = &graph->ops[reader];
    if (op->inputs[0] != written || op->output_count != 1 || op->outputs[0] < 0 || op->accumulate) return -1;
    if (!dn_shape_equal(info->shape, graph->tensors[op->outputs[0]].shape)) return -1;
    return reader;
}

static void absorb(const grouping *g, int index, int next) {
    g->program->steps[next].absorbed = true;
    g->program->steps[index].output = g->program->graph.ops[next].outputs[0];
}

static void take_affine(const grouping *g, int index) {
    dn_cuda_step *step = &g->program->steps[index];
    const dn_graph *graph = &g->program->graph;
    const int foldable = g->options->prepare == DN_PREPARE_NONE ? -1 : dn_ref_foldable(graph, index, g->options->keep);
    if (foldable >= 0) {
        step->batchnorm = foldable;
        absorb(g, index, foldable);
        return;
    }
    const int next = next_op(g, index);
    if (next < 0 || graph->ops[next].kind != DN_OP_bias || !is_parameter(graph, graph->ops[next].inputs[1])) return;
    step->biases = graph->ops[next].inputs[1];
    absorb(g, index, next);
}

static void take_activation(const grouping *g, int index) {
    const int next = next_op(g, index);
    if (next < 0 || g->program->graph.ops[next].kind != DN_OP_activation) return;
    const dn_activation kind = g->program->graph.ops[next].as.activation.kind;
    if (dn_activation_across_channels(kind)) return;
    g->program->steps[index].state.activation = kind;
    absorb(g, index, next);
}

static void group(const grouping *g, int index) {
    dn_cuda_step *step = &g->program->steps[index];
    const dn_op *op = &g->program->graph.ops[index];
    step->output = op->output_count > 0 ? op->outputs[0] : -1;
    if (step->output < 0) return;
    switch (op->kind) {
    case DN_OP_conv2d:
    case DN_OP_linear:
        take_affine(g, index);
        take_activation(g, index);
        break;
    case DN_OP_batchnorm:
    case DN_OP_bias:
    case DN_OP_add:
        take_activation(g, index);
        break;
    default:
        break;
    }
}

dn_status dn_cuda_group(dn_cuda_program *program, const dn_compile_options *options, dn_error *err) {
    const dn_allocator *allocator = &dn_backend_get(program->base.backend)->allocator;
    int *reader = NULL;
    DN_TRY(dn_alloc(allocator, (void **)&reader, (size_t)program->graph.tensor_count, sizeof(int), "readers", err));
    find_readers(&program->graph, reader);
    const grouping g = {program, options, reader};
    for (int i = 0; i < program->graph.op_count; i++) {
        dn_cuda_step *step = &program->steps[i];
        step->batchnorm = step->biases = -1;
        step->state.activation = DN_LINEAR;
        step->state.algorithm = -1;
        if (!step->absorbed) group(&g, i);
    }
    dn_free(allocator, reader);
    return DN_OK;
}
