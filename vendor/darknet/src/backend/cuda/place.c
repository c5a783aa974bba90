/* place.c — where everything lies: on the device, one arena of
 *
 *   activations by lifetime | parameters | what ops read beside them | scratch | workspaces
 *
 * and in pinned memory of the host the inputs and results of inference and the tensors of one host op at a time. What
 * outlives a run (kept tensors, states, gradients, inputs) has a place of its own for good; as the ops of a training step
 * are run in several calls, in order, so has, for that long, everything else. */
#include <string.h>

#include "backend/cuda/program.h"
#include "base/arena.h"

bool dn_cuda_is_typed(const dn_cuda_program *program, int tensor) {
    const dn_tensor_info *info = &program->graph.tensors[tensor];
    return info->dtype == DN_F32 && (info->role == DN_ROLE_ACTIVATION || info->role == DN_ROLE_INPUT);
}

bool dn_cuda_reads_typed(const dn_op *op, int input) {
    switch (op->kind) {
    case DN_OP_bias:
    case DN_OP_batchnorm:
        return input == 0;
    case DN_OP_add:
        return input < op->as.add.terms;
    default:
        return true;
    }
}

static size_t device_bytes(const dn_cuda_program *program, int tensor) {
    const size_t count = (size_t)dn_shape_count(program->graph.tensors[tensor].shape);
    return count * (dn_cuda_is_typed(program, tensor) ? dn_cuda_type_size(program->context.type) : sizeof(float));
}

static size_t host_bytes(const dn_cuda_program *program, int tensor) {
    return (size_t)dn_shape_count(program->graph.tensors[tensor].shape) * sizeof(float);
}

/* The next free bytes behind what is placed already. */
static size_t behind(size_t *end, size_t bytes) {
    const size_t offset = *end;
    *end += dn_round_up(bytes, DN_CUDA_ALIGNMENT);
    return offset;
}

/* ---- tensors ---- */

static bool is_absorbed_output(const dn_cuda_program *program, int tensor, const int *writer) {
    const int op = writer[tensor];
    return op >= 0 && program->steps[op].output != tensor && program->graph.ops[op].outputs[0] == tensor &&
           !program->steps[op].absorbed;
}

/* first[t] and last[t]: ops between which tensor t is in use, writing included. */
static void find_uses(const dn_cuda_program *program, int *first, int *last, int *writer) {
    const dn_graph *graph = &program->graph;
    dn_graph_uses(graph, first, last);
    for (int t = 0; t < graph->tensor_count; t++) writer[t] = first[t];
    for (int i = 0; i < graph->op_count; i++) {
        for (int k = 0; k < graph->ops[i].output_count; k++) {
            const int t = graph->ops[i].outputs[k];
            if (t >= 0 && last[t] < i) last[t] = i;
        }
        const int written = program->steps[i].output;
        if (!program->steps[i].absorbed && written >= 0 && first[written] > i) first[written] = i;
    }
}

static bool lives_on(const dn_cuda_program *program, int tensor) {
    const dn_role role = program->graph.tensors[tensor].role;
    return program->kept[tensor] || role == DN_ROLE_STATE || role == DN_ROLE_GRADIENT || role == DN_ROLE_INPUT;
}

static void describe(const dn_cuda_program *program, const int *uses, dn_lifetime *lifetimes) {
    const int count = program->graph.tensor_count;
    const int *first = uses, *last = uses + count, *writer = last + count;
    const int end = program->graph.op_count > 0 ? program->graph.op_count - 1 : 0;
    for (int t = 0; t < count; t++) {
        const bool unused = first[t] < 0 && last[t] < 0 && !lives_on(program, t);
        if (program->graph.tensors[t].role == DN_ROLE_PARAMETER || unused || is_absorbed_output(program, t, writer)) {
            continue;
        }
        const bool always = lives_on(program, t) || first[t] < 0;
        lifetimes[t].bytes = dn_round_up(device_bytes(program, t), DN_CUDA_ALIGNMENT);
        lifetimes[t].first = always ? 0 : first[t];
        lifetimes[t].last = always ? end : last[t];
    }
}

static dn_status place_tensors(dn_cuda_program *program, const dn_allocator *allocator, dn_error *err) {
    const size_t count = (size_t)program->graph.tensor_count;
    int *uses = NULL;
    dn_lifetime *lifetimes = NULL;
    DN_TRY(dn_alloc(allocator, (void **)&uses, 3 * count, sizeof(int), "tensor lifetimes", err));
    dn_status status = dn_alloc(allocator, (void **)&lifetimes, count, sizeof *lifetimes, "tensor lifetimes", err);
    if (status == DN_OK) {
        find_uses(program, uses, uses + count, uses + 2 * count);
        describe(program, uses, lifetimes);
        status = dn_arena_place(lifetimes, (int)count, &program->bytes, allocator, err);
    }
    for (size_t t = 0; status == DN_OK && t < count; t++) {
        program->places[t] = lifetimes[t].bytes > 0 ? lifetimes[t].offset : DN_CUDA_NONE;
    }
    program->bytes = dn_round_up(program->bytes, DN_CUDA_ALIGNMENT);
    dn_free(allocator, lifetimes);
    dn_free(allocator, uses);
    return status;
}

/* What the caller has to have for us: the tensors that people look at or that outlive a run. */
static void place_for_caller(const dn_cuda_program *program) {
    const int end = program->graph.op_count > 0 ? program->graph.op_count - 1 : 0;
    for (int t = 0; t < program->graph.tensor_count; t++) {
        dn_placement *placement = &program->base.placements[t];
        placement->parent = -1;
        placement->last = end;
        const bool visible = lives_on(program, t) && program->graph.tensors[t].role != DN_ROLE_PARAMETER;
        placement->bytes = visible ? host_bytes(program, t) : 0;
    }
}

/* ---- parameters ---- */

static void want(dn_cuda_program *program, int tensor, bool typed) {
    const dn_tensor_info *info = &program->graph.tensors[tensor];
    dn_cuda_slot *slot = &program->slots[info->slot];
    slot->count = (size_t)dn_shape_count(info->shape);
    size_t *offset = typed && program->context.type != DN_CUDA_F32 ? &slot->typed : &slot->floats;
    if (*offset != DN_CUDA_NONE) return;
    const size_t size = typed ? dn_cuda_type_size(program->context.type) : sizeof(float);
    *offset = behind(&program->bytes, slot->count * size);
}

static void place_parameters_of(dn_cuda_program *program, int index) {
    const dn_op *op = &program->graph.ops[index];
    const dn_cuda_step *step = &program->steps[index];
    for (int k = 0; k < op->input_count && op->kind != DN_OP_host; k++) {
        const int t = op->inputs[k];
        const bool replaced = k == 1 && step->prepared.weights;
        if (t < 0 || program->graph.tensors[t].role != DN_ROLE_PARAMETER || replaced) continue;
        want(program, t, dn_cuda_reads_typed(op, k));
    }
    if (step->biases >= 0) want(program, step->biases, false);
}

static size_t filters_of(const dn_cuda_program *program, const dn_cuda_step *step) {
    return (size_t)program->graph.tensors[step->output].shape.c;
}

static size_t table_bytes(const dn_cuda_program *program, int index) {
    return (size_t)program->steps[index].state.table_count *
           (program->graph.ops[index].kind == DN_OP_softmax ? sizeof(dn_cuda_part) : sizeof(dn_channel_rule));
}

static void place_step(dn_cuda_program *program, int index) {
    dn_cuda_step *step = &program->steps[index];
    const dn_op *op = &program->graph.ops[index];
    step->weights = step->folded_biases = step->coefficients = step->table = DN_CUDA_NONE;
    if (step->absorbed) return;
    place_parameters_of(program, index);
    const size_t type = dn_cuda_type_size(program->context.type);
    if (step->prepared.weights) {
        const size_t count = (size_t)dn_shape_count(program->graph.tensors[op->inputs[1]].shape);
        step->weights = behind(&program->bytes, count * type);
    }
    if (step->prepared.biases) {
        step->folded_biases = behind(&program->bytes, filters_of(program, step) * sizeof(float));
    }
    if (step->prepared.coefficients) {
        const int side = op->kind == DN_OP_add_gradient ? op->inputs[0] : op->outputs[0];
        const size_t channels = (size_t)program->graph.tensors[side].shape.c;
        step->coefficients = behind(&program->bytes, (size_t)op->as.add.terms * channels * sizeof(float));
    }
    if (step->state.table_count > 0) step->table = behind(&program->bytes, table_bytes(program, index));
}

/* ---- room for work ---- */

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Float32 values of the largest tensor that changes its type on the way in or out. */
static void place_scratch(dn_cuda_program *program) {
    program->scratch = DN_CUDA_NONE;
    if (program->context.type == DN_CUDA_F32) return;
    size_t bytes = 0;
    for (int t = 0; t < program->graph.tensor_count; t++) {
        const bool parameter = program->graph.tensors[t].role == DN_ROLE_PARAMETER;
        const bool moves = parameter || lives_on(program, t);
        if (moves) bytes = larger(bytes, host_bytes(program, t));
    }
    for (int i = 0; i < program->graph.op_count; i++) {
        const dn_op *op = &program->graph.ops[i];
        if (op->kind != DN_OP_host) continue;
        for (int k = 0; k < op->input_count + op->output_count; k++) {
            const int t = k < op->input_count ? op->inputs[k] : op->outputs[k - op->input_count];
            if (t >= 0) bytes = larger(bytes, host_bytes(program, t));
        }
    }
    program->scratch = behind(&program->bytes, bytes);
}

static void place_workspaces(dn_cuda_program *program) {
    bool products = false;
    size_t bytes = 0;
    for (int i = 0; i < program->graph.op_count; i++) {
        dn_cuda_step *step = &program->steps[i];
        const dn_op *op = &program->graph.ops[i];
        products =
            products || op->kind == DN_OP_linear || op->kind == DN_OP_linear_data || op->kind == DN_OP_linear_weights;
        if (op->kind == DN_OP_batchnorm_gradient) {
            const dn_shape x = program->graph.tensors[op->inputs[0]].shape;
            bytes = larger(bytes, (size_t)x.c * DN_CUDA_WORKSPACE_CHANNEL);
        }
        const bool forward = op->kind == DN_OP_conv2d;
        if (!forward && op->kind != DN_OP_conv2d_data && op->kind != DN_OP_conv2d_weights) continue;
        const int x = op->kind == DN_OP_conv2d_data ? op->outputs[0] : op->inputs[0];
        const int y = forward ? op->outputs[0] : op->inputs[op->kind == DN_OP_conv2d_data ? 0 : 1];
        bytes = larger(bytes, dn_cuda_choose_algorithm(&program->context, op, program->graph.tensors[x].shape,
                                                       program->graph.tensors[y].shape, &step->state));
    }
    if (program->context.training) bytes = larger(bytes, DN_CUDA_WORKSPACE_MIN);
    program->context.workspace_bytes = bytes;
    program->workspace = behind(&program->bytes, bytes);
    program->blas_workspace = products ? behind(&program->bytes, DN_CUDA_BLAS_WORKSPACE) : DN_CUDA_NONE;
}

/* ---- pinned memory ---- */

static size_t host_op_bytes(const dn_cuda_program *program, const dn_op *op) {
    size_t bytes = 0;
    for (int k = 0; k < op->input_count + op->output_count; k++) {
        const int t = k < op->input_count ? op->inputs[k] : op->outputs[k - op->input_count];
        if (t >= 0) bytes += dn_round_up(host_bytes(program, t), DN_CUDA_ALIGNMENT);
    }
    return bytes;
}

static void place_staging(dn_cuda_program *program) {
    size_t end = 0, host_op = 0;
    for (int t = 0; t < program->graph.tensor_count; t++) {
        const dn_role role = program->graph.tensors[t].role;
        const bool streams =
            !program->context.training && lives_on(program, t) && (role == DN_ROLE_INPUT || role == DN_ROLE_ACTIVATION);
        program->pinned[t] = streams ? behind(&end, host_bytes(program, t)) : DN_CUDA_NONE;
    }
    for (int i = 0; i < program->graph.op_count; i++) {
        const dn_op *op = &program->graph.ops[i];
        if (op->kind == DN_OP_host) host_op = larger(host_op, host_op_bytes(program, op));
    }
    program->host_op_at = end;
    program->staging_bytes = end + host_op;
}

dn_status dn_cuda_place(dn_cuda_program *program, const dn_allocator *allocator, dn_error *err) {
    DN_TRY(place_tensors(program, allocator, err));
    place_for_caller(program);
    for (int i = 0; i < program->graph.op_count; i++) place_step(program, i);
    place_scratch(program);
    place_workspaces(program);
    place_staging(program);
    program->base.packed_bytes += program->bytes + program->staging_bytes;
    return DN_OK;
}
