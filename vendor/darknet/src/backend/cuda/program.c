/* program.c — a graph is compiled: types are checked, ops grouped, everything placed; memory is taken by reserve. */
#include <string.h>

#include "backend/cuda/program.h"

static bool trains(const dn_graph *graph) {
    for (int t = 0; t < graph->tensor_count; t++) {
        if (graph->tensors[t].role == DN_ROLE_GRADIENT || graph->tensors[t].role == DN_ROLE_DELTA) return true;
    }
    return false;
}

/* Kinds that are computed in float32 only: statistics of batches, and what carries deltas. */
static dn_status check_halves(const dn_graph *graph, dn_error *err) {
    for (int i = 0; i < graph->op_count; i++) {
        const dn_op *op = &graph->ops[i];
        if (op->kind <= DN_OP_host || op->kind == DN_OP_fill || op->kind == DN_OP_scale) continue;
        (void)dn_fail(err, DN_E_UNSUPPORTED, "%s is computed in fp32 or tf32 only", dn_op_name(op->kind));
        dn_error_where(err, op->layer, "", "", 0);
        return DN_E_UNSUPPORTED;
    }
    return DN_OK;
}

static dn_status choose_type(dn_cuda_program *program, dn_precision precision, dn_error *err) {
    dn_cuda_context *context = &program->context;
    context->training = trains(&program->graph);
    context->tf32 = precision == DN_PRECISION_TF32;
    context->type = precision == DN_PRECISION_F16    ? DN_CUDA_F16
                    : precision == DN_PRECISION_BF16 ? DN_CUDA_BF16
                                                     : DN_CUDA_F32;
    if (precision == DN_PRECISION_INT8) {
        return dn_fail(err, DN_E_UNSUPPORTED, "int8 is not computed on CUDA devices; use fp32, tf32, fp16 or bf16");
    }
    if (context->training && context->type != DN_CUDA_F32) {
        return dn_fail(err, DN_E_UNSUPPORTED, "training on CUDA devices is in fp32 or tf32");
    }
    return context->type == DN_CUDA_F32 ? DN_OK : check_halves(&program->graph, err);
}

static dn_status allocate(dn_cuda_program *program, const dn_allocator *allocator, dn_error *err) {
    const size_t ops = (size_t)program->graph.op_count, tensors = (size_t)program->graph.tensor_count;
    const size_t slots = (size_t)program->slot_count, widest = dn_graph_widest(&program->graph);
    const struct {
        void **at;
        size_t count, size;
    } parts[] = {{(void **)&program->steps, ops, sizeof *program->steps},
                 {(void **)&program->slots, slots, sizeof *program->slots},
                 {(void **)&program->places, tensors, sizeof *program->places},
                 {(void **)&program->pinned, tensors, sizeof *program->pinned},
                 {(void **)&program->kept, tensors, sizeof *program->kept},
                 {(void **)&program->touched, tensors, sizeof *program->touched},
                 {(void **)&program->hosted, widest, sizeof *program->hosted},
                 {(void **)&program->resolved, widest, sizeof *program->resolved},
                 {(void **)&program->base.placements, tensors, sizeof *program->base.placements}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        DN_TRY(dn_alloc(allocator, parts[i].at, parts[i].count, parts[i].size, "program", err));
    }
    for (size_t i = 0; i < slots; i++) program->slots[i].floats = program->slots[i].typed = DN_CUDA_NONE;
    return DN_OK;
}

/* ---- what ops read beside their tensors ---- */

/* The packed form of xnor (prepare BINARY) is the processor's; the device multiplies floats, with its pad of −1. */
static dn_status prepare(dn_cuda_program *program, int index, dn_prepare how, const dn_allocator *allocator,
                         dn_error *err) {
    dn_cuda_step *step = &program->steps[index];
    const dn_op *op = &program->graph.ops[index];
    if (step->absorbed) return DN_OK;
    const dn_op *batchnorm = step->batchnorm < 0 ? NULL : &program->graph.ops[step->batchnorm];
    const dn_prepare plain = how == DN_PREPARE_BINARY ? DN_PREPARE_FUSE : how;
    DN_TRY(dn_ref_prepare(&step->prepared, &program->graph, op, batchnorm, plain, allocator, err));
    program->base.packed_bytes += dn_ref_state_bytes(&step->prepared, &program->graph);
    const bool xnor = op->kind == DN_OP_conv2d && op->as.conv2d.binary == DN_BINARY_XNOR;
    if (xnor && how == DN_PREPARE_BINARY && op->as.conv2d.stride_x == 1 && op->as.conv2d.stride_y == 1) {
        step->state.pad_value = -1.0F;
    }
    if (op->kind == DN_OP_softmax && op->as.softmax.sizes) step->state.table_count = op->as.softmax.size_count;
    if (op->kind == DN_OP_channel_map) step->state.table_count = op->as.channel_map.rule_count;
    return DN_OK;
}

static dn_status build(dn_cuda_program *program, const dn_compile_options *options, const dn_allocator *allocator,
                       dn_error *err) {
    DN_TRY(dn_ref_check(&program->graph, "cuda", err));
    DN_TRY(choose_type(program, options->precision, err));
    DN_TRY(allocate(program, allocator, err));
    memcpy(program->kept, options->keep, (size_t)program->graph.tensor_count * sizeof *program->kept);
    DN_TRY(dn_cuda_group(program, options, err));
    for (int i = 0; i < program->graph.op_count; i++) DN_TRY(prepare(program, i, options->prepare, allocator, err));
    DN_TRY(dn_cuda_place(program, allocator, err));
    return dn_cuda_check(program, err);
}

dn_status dn_cuda_compile(dn_backend *base, const dn_graph *graph, const dn_compile_options *options, dn_program **out,
                          dn_error *err) {
    const dn_cuda_backend *backend = dn_cuda_backend_get(base);
    const dn_allocator *allocator = &backend->base.allocator;
    dn_cuda_program *program = NULL;
    DN_TRY(dn_alloc(allocator, (void **)&program, 1, sizeof *program, "program", err));
    program->base.type = &dn_backend_cuda;
    program->base.backend = base;
    program->graph = *graph;
    program->slot_count = dn_graph_slots(graph);
    program->context.stream = backend->stream;
    program->context.blas = backend->blas;
    program->context.dnn = backend->dnn;
    const dn_status status = build(program, options, allocator, err);
    if (status != DN_OK) {
        dn_cuda_release((dn_program *)(void *)program, true);
        return status;
    }
    *out = (dn_program *)(void *)program;
    return DN_OK;
}

/* ---- memory ---- */

static dn_status too_little(size_t needed, size_t available, dn_error *err) {
    (void)dn_fail(err, DN_E_NOMEM, "the network needs %zu MiB of the device's memory, %zu MiB of it are free",
                  needed >> 20, available >> 20);
    if (err) {
        err->needed = needed;
        err->available = available;
    }
    return DN_E_NOMEM;
}

static dn_status take_arena(dn_cuda_program *program, dn_error *err) {
    size_t available = 0, total = 0;
    if (cudaMemGetInfo(&available, &total) != cudaSuccess) available = SIZE_MAX;
    if (program->bytes > available) return too_little(program->bytes, available, err);
    const cudaError_t status = cudaMalloc((void **)&program->arena, program->bytes > 0 ? program->bytes : 1);
    if (status == cudaSuccess) return DN_OK;
    program->arena = NULL;
    (void)cudaGetLastError();
    if (status == cudaErrorMemoryAllocation) return too_little(program->bytes, available, err);
    return dn_fail(err, DN_E_DEVICE, "cudaMalloc: %s", cudaGetErrorString(status));
}

/* Tables of ops, which never change. */
static void upload_tables(dn_cuda_program *program) {
    for (int i = 0; i < program->graph.op_count; i++) {
        dn_cuda_step *step = &program->steps[i];
        const dn_op *op = &program->graph.ops[i];
        if (step->table == DN_CUDA_NONE) continue;
        char *at = dn_cuda_at(program, step->table);
        step->state.table = at;
        if (op->kind == DN_OP_channel_map) {
            const size_t bytes = (size_t)op->as.channel_map.rule_count * sizeof(dn_channel_rule);
            (void)dn_cuda_ok(&program->context, cudaMemcpy(at, op->as.channel_map.rules, bytes, cudaMemcpyHostToDevice),
                             "cudaMemcpy");
            continue;
        }
        dn_cuda_part part = {0, 0};
        for (int k = 0; k < op->as.softmax.size_count; k++) {
            part.first += part.count;
            part.count = op->as.softmax.sizes[k];
            (void)dn_cuda_ok(&program->context,
                             cudaMemcpy(at + (size_t)k * sizeof part, &part, sizeof part, cudaMemcpyHostToDevice),
                             "cudaMemcpy");
        }
    }
}

static bool reads_weights(dn_op_kind kind) {
    return kind == DN_OP_conv2d || kind == DN_OP_linear || kind == DN_OP_conv2d_data || kind == DN_OP_linear_data;
}

static void point_states(dn_cuda_program *program) {
    for (int i = 0; i < program->graph.op_count; i++) {
        dn_cuda_step *step = &program->steps[i];
        step->state.coefficients = dn_cuda_at(program, step->coefficients);
        step->state.biases = dn_cuda_at(program, step->folded_biases);
        if (step->biases >= 0) {
            step->state.biases = dn_cuda_at(program, program->slots[program->graph.tensors[step->biases].slot].floats);
        }
        step->state.weights = dn_cuda_at(program, step->weights);
        const dn_op *op = &program->graph.ops[i];
        if (step->absorbed || !reads_weights(op->kind) || step->state.weights) continue;
        const dn_tensor_info *info = &program->graph.tensors[op->inputs[1]];
        if (info->role != DN_ROLE_PARAMETER) continue;
        const dn_cuda_slot *slot = &program->slots[info->slot];
        step->state.weights = dn_cuda_at(program, program->context.type == DN_CUDA_F32 ? slot->floats : slot->typed);
    }
}

dn_status dn_cuda_reserve(dn_program *base, dn_error *err) {
    dn_cuda_program *program = dn_cuda_program_get(base);
    DN_TRY(take_arena(program, err));
    cudaError_t status = cudaMemset(program->arena, 0, program->bytes);
    if (status == cudaSuccess && program->staging_bytes > 0) {
        status = cudaMallocHost((void **)&program->staging, program->staging_bytes);
    }
    if (status != cudaSuccess) {
        (void)cudaGetLastError();
        return dn_fail(err, status == cudaErrorMemoryAllocation ? DN_E_NOMEM : DN_E_DEVICE, "pinned memory: %s",
                       cudaGetErrorString(status));
    }
    program->context.workspace = dn_cuda_at(program, program->workspace);
    point_states(program);
    upload_tables(program);
    /* The program's stream does not wait for the default one, in which all this was asked for. */
    (void)dn_cuda_ok(&program->context, cudaDeviceSynchronize(), "the device");
    return dn_cuda_check(program, err);
}

static void free_memory(dn_cuda_program *program) {
    (void)cudaStreamSynchronize(program->context.stream);
    for (int i = 0; i < program->graph_count; i++) {
        if (program->graphs[i].exec) (void)cudaGraphExecDestroy(program->graphs[i].exec);
    }
    (void)cudaFree(program->arena);
    (void)cudaFreeHost(program->staging);
}

void dn_cuda_release(dn_program *base, bool usable) {
    if (!base) return;
    dn_cuda_program *program = dn_cuda_program_get(base);
    const dn_allocator allocator = dn_backend_get(program->base.backend)->allocator;
    if (usable) free_memory(program);
    for (int i = 0; program->steps && i < program->graph.op_count; i++) dn_ref_state_free(&program->steps[i].prepared);
    dn_free(&allocator, program->steps);
    dn_free(&allocator, program->slots);
    dn_free(&allocator, program->places);
    dn_free(&allocator, program->pinned);
    dn_free(&allocator, program->kept);
    dn_free(&allocator, program->touched);
    dn_free(&allocator, program->hosted);
    dn_free(&allocator, program->resolved);
    dn_free(&allocator, program->base.placements);
    dn_free(&allocator, program);
}
