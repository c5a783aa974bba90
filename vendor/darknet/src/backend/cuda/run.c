/* run.c — a range of ops on the device: what the caller may have written goes up, the ops are launched, what is kept
 * comes down. Ranges without host ops are recorded as CUDA graphs when they come again. */
#include <string.h>

#include "backend/cuda/program.h"
#include "base/block.h"
#include "base/clock.h"

typedef struct running {
    dn_cuda_program *program;
    void *const *addresses;
    int images, first, last;
} running;

/* Images of this run, or, of a gradient, what its parameter has. */
static int rows_of(const running *r, int tensor) {
    const dn_tensor_info *info = &r->program->graph.tensors[tensor];
    return info->role == DN_ROLE_GRADIENT ? info->shape.n : dn_run_rows(&r->program->graph, info, r->images);
}

static size_t floats_of(const running *r, int tensor) {
    return (size_t)rows_of(r, tensor) * (size_t)dn_shape_image(r->program->graph.tensors[tensor].shape);
}

static void copy(dn_cuda_program *program, void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
    (void)dn_cuda_ok(&program->context, cudaMemcpyAsync(to, from, bytes, kind, program->context.stream),
                     "cudaMemcpyAsync");
}

static void wait(dn_cuda_program *program) {
    (void)dn_cuda_ok(&program->context, cudaStreamSynchronize(program->context.stream), "the device");
}

/* ---- between host and device ---- */

/* `from` is float32 (or int32) values on the host, or, for the input, on the device. */
static void upload(const running *r, int tensor, const void *from) {
    dn_cuda_program *program = r->program;
    const size_t count = floats_of(r, tensor);
    const bool typed = dn_cuda_is_typed(program, tensor) && program->context.type != DN_CUDA_F32;
    void *place = dn_cuda_at(program, program->places[tensor]);
    void *to = typed ? dn_cuda_at(program, program->scratch) : place;
    copy(program, to, from, count * sizeof(float), cudaMemcpyDefault);
    if (typed) dn_cuda_to_type(&program->context, place, to, count);
}

/* To float32 (or int32) values of the host; there after the next wait. */
static void download(const running *r, int tensor, void *to) {
    dn_cuda_program *program = r->program;
    const size_t count = floats_of(r, tensor);
    void *from = dn_cuda_at(program, program->places[tensor]);
    if (dn_cuda_is_typed(program, tensor) && program->context.type != DN_CUDA_F32) {
        float *scratch = dn_cuda_at(program, program->scratch);
        dn_cuda_from_type(&program->context, scratch, from, count);
        from = scratch;
    }
    copy(program, to, from, count * sizeof(float), cudaMemcpyDeviceToHost);
}

/* What the caller has is newer than what the device has: inputs, states, and what people may write into. */
static bool comes_from_caller(const dn_cuda_program *program, int tensor) {
    const dn_role role = program->graph.tensors[tensor].role;
    const bool written_by_people = role == DN_ROLE_DELTA && program->kept[tensor];
    return role == DN_ROLE_INPUT || role == DN_ROLE_STATE || role == DN_ROLE_GRADIENT || written_by_people;
}

static void bring(const running *r, int tensor) {
    dn_cuda_program *program = r->program;
    if (tensor < 0 || program->touched[tensor] == program->run_number) return;
    program->touched[tensor] = program->run_number;
    const void *from = r->addresses[tensor];
    if (!from || program->places[tensor] == DN_CUDA_NONE || !comes_from_caller(program, tensor)) return;
    if (program->pinned[tensor] != DN_CUDA_NONE && dn_cuda_whose(from) < 0) {
        char *pinned = program->staging + program->pinned[tensor];
        memcpy(pinned, from, floats_of(r, tensor) * sizeof(float));
        from = pinned;
    }
    upload(r, tensor, from);
}

static void bring_all(const running *r) {
    r->program->run_number++;
    for (int i = r->first; i < r->last; i++) {
        const dn_op *op = &r->program->graph.ops[i];
        for (int k = 0; k < op->input_count; k++) bring(r, op->inputs[k]);
        for (int k = 0; k < op->output_count; k++) bring(r, op->outputs[k]);
    }
}

static bool goes_to_caller(const dn_cuda_program *program, int tensor) {
    const dn_role role = program->graph.tensors[tensor].role;
    return program->kept[tensor] || role == DN_ROLE_STATE || role == DN_ROLE_GRADIENT;
}

/* Calls `take` once for each tensor that was written and that the caller is to have. */
static void each_result(const running *r, void (*take)(const running *r, int tensor)) {
    dn_cuda_program *program = r->program;
    program->run_number++;
    for (int i = r->first; i < r->last; i++) {
        const dn_op *op = &program->graph.ops[i];
        for (int k = 0; k < op->output_count; k++) {
            const int t = op->outputs[k];
            if (t < 0 || program->touched[t] == program->run_number) continue;
            program->touched[t] = program->run_number;
            if (r->addresses[t] && program->places[t] != DN_CUDA_NONE && goes_to_caller(program, t)) take(r, t);
        }
    }
}

static void start_download(const running *r, int tensor) {
    const size_t pinned = r->program->pinned[tensor];
    download(r, tensor, pinned == DN_CUDA_NONE ? r->addresses[tensor] : r->program->staging + pinned);
}

static void finish_download(const running *r, int tensor) {
    const size_t pinned = r->program->pinned[tensor];
    if (pinned == DN_CUDA_NONE) return;
    memcpy(r->addresses[tensor], r->program->staging + pinned, floats_of(r, tensor) * sizeof(float));
}

/* ---- one op ---- */

static dn_cuda_tensor resolve(const running *r, const dn_op *op, int input, int tensor) {
    const dn_cuda_program *program = r->program;
    if (tensor < 0) return (dn_cuda_tensor){NULL, {1, 1, 1, 1}};
    const dn_tensor_info *info = &program->graph.tensors[tensor];
    dn_cuda_tensor resolved = {dn_cuda_at(program, program->places[tensor]), info->shape};
    if (info->role == DN_ROLE_PARAMETER) {
        const dn_cuda_slot *slot = &program->slots[info->slot];
        const bool typed = program->context.type != DN_CUDA_F32 && dn_cuda_reads_typed(op, input);
        resolved.data = dn_cuda_at(program, typed ? slot->typed : slot->floats);
    } else {
        resolved.shape.n = rows_of(r, tensor);
    }
    return resolved;
}

static void launch(const running *r, int index) {
    static void (*const kernels[DN_OP_KINDS])(const dn_cuda_call *) = {
#define DN_OP(id) dn_cuda_##id,
#include "op/op.inc"
#undef DN_OP
    };
    dn_cuda_program *program = r->program;
    dn_cuda_step *step = &program->steps[index];
    const dn_op *op = &program->graph.ops[index];
    dn_cuda_tensor *inputs = program->resolved, *outputs = inputs + op->input_count;
    for (int k = 0; k < op->input_count; k++) inputs[k] = resolve(r, op, k, op->inputs[k]);
    for (int k = 0; k < op->output_count; k++) outputs[k] = resolve(r, op, -1, k > 0 ? op->outputs[k] : step->output);
    kernels[op->kind](&(dn_cuda_call){op, inputs, outputs, &step->state, &program->context});
}

/* ---- host ops ---- */

void dn_cuda_host(const dn_cuda_call *call) { (void)call; } /* never launched: run_host */

static int tensor_of(const dn_op *op, int k) {
    return k < op->input_count ? op->inputs[k] : op->outputs[k - op->input_count];
}

/* A tensor that the op names several times is one there too: the function may add to it twice. */
static const dn_host_tensor *staged_before(const dn_cuda_program *program, const dn_op *op, int k) {
    for (int j = 0; j < k; j++) {
        if (tensor_of(op, j) == tensor_of(op, k)) return &program->hosted[j];
    }
    return NULL;
}

static char *stage(const running *r, const dn_op *op, int k, char *at) {
    dn_cuda_program *program = r->program;
    dn_host_tensor *hosted = &program->hosted[k];
    const int tensor = tensor_of(op, k);
    *hosted = (dn_host_tensor){NULL, {1, 1, 1, 1}};
    if (tensor < 0) return at;
    const dn_host_tensor *same = staged_before(program, op, k);
    if (same) {
        *hosted = *same;
        return at;
    }
    const dn_tensor_info *info = &program->graph.tensors[tensor];
    hosted->shape = info->shape;
    if (info->role == DN_ROLE_PARAMETER) {
        hosted->data = (float *)(uintptr_t)program->parameters[info->slot];
        return at;
    }
    hosted->shape.n = rows_of(r, tensor);
    hosted->data = (float *)(void *)at;
    download(r, tensor, at); /* outputs too: the function may add to them */
    return at + dn_round_up(floats_of(r, tensor) * sizeof(float), DN_CUDA_ALIGNMENT);
}

static void run_host(const running *r, int index) {
    dn_cuda_program *program = r->program;
    const dn_op *op = &program->graph.ops[index];
    char *at = program->staging + program->host_op_at;
    for (int k = 0; k < op->input_count + op->output_count; k++) at = stage(r, op, k, at);
    wait(program);
    const dn_host_tensor *outputs = program->hosted + op->input_count;
    if (program->context.failure[0] == '\0') {
        op->as.host.function(&(dn_host_call){op->as.host.params, program->hosted, outputs});
    }
    for (int k = 0; k < op->output_count; k++) {
        if (op->outputs[k] >= 0) upload(r, op->outputs[k], outputs[k].data);
    }
    wait(program); /* the staging memory is that of the next host op too */
}

/* ---- ranges without host ops ---- */

static void launch_range(const running *r, int first, int last) {
    for (int i = first; i < last; i++) {
        if (!r->program->steps[i].absorbed) launch(r, i);
    }
}

static dn_cuda_graph *find_graph(dn_cuda_program *program, int first, int last, int images) {
    for (int i = 0; i < program->graph_count; i++) {
        dn_cuda_graph *graph = &program->graphs[i];
        if (graph->first == first && graph->last == last && graph->images == images) return graph;
    }
    if (program->graph_count == DN_CUDA_GRAPHS) return NULL;
    dn_cuda_graph *graph = &program->graphs[program->graph_count++];
    *graph = (dn_cuda_graph){.first = first, .last = last, .images = images};
    return graph;
}

/* Records the range; on failure it is simply launched, now and later. */
static void record(const running *r, dn_cuda_graph *graph) {
    dn_cuda_program *program = r->program;
    cudaStream_t stream = program->context.stream;
    if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) return;
    launch_range(r, graph->first, graph->last);
    cudaGraph_t recorded = NULL;
    cudaError_t status = cudaStreamEndCapture(stream, &recorded);
    if (status == cudaSuccess) status = cudaGraphInstantiate(&graph->exec, recorded, 0);
    if (status != cudaSuccess || program->context.failure[0] != '\0') {
        if (status == cudaSuccess) (void)cudaGraphExecDestroy(graph->exec);
        graph->exec = NULL;
        graph->runs = INT32_MIN; /* not again */
        program->context.failure[0] = '\0';
        (void)cudaGetLastError();
    }
    if (recorded) (void)cudaGraphDestroy(recorded);
}

/* The second time is recorded: by then every algorithm is chosen. */
static void run_range(const running *r, int first, int last) {
    dn_cuda_program *program = r->program;
    if (last - first < 2) {
        launch_range(r, first, last);
        return;
    }
    dn_cuda_graph *graph = find_graph(program, first, last, r->images);
    if (graph && graph->runs++ == 1) record(r, graph);
    if (graph && graph->exec) {
        (void)dn_cuda_ok(&program->context, cudaGraphLaunch(graph->exec, program->context.stream), "cudaGraphLaunch");
    } else {
        launch_range(r, first, last);
    }
}

static void run_ops(const running *r) {
    int start = r->first;
    for (int i = r->first; i < r->last; i++) {
        if (r->program->graph.ops[i].kind != DN_OP_host) continue;
        run_range(r, start, i);
        run_host(r, i);
        start = i + 1;
    }
    run_range(r, start, r->last);
}

/* ---- the run ---- */

static dn_status begin(const running *r, dn_error *err) {
    dn_cuda_program *program = r->program;
    if (r->images < 1 || r->images > program->graph.batch) {
        return dn_fail(err, DN_E_ARGUMENT, "%d images, the program is made for 1 to %d", r->images,
                       program->graph.batch);
    }
    if (program->blas_workspace != DN_CUDA_NONE) {
        void *workspace = dn_cuda_at(program, program->blas_workspace);
        (void)dn_cuda_blas_ok(&program->context,
                              cublasSetWorkspace(program->context.blas, workspace, DN_CUDA_BLAS_WORKSPACE),
                              "cublasSetWorkspace");
    }
    bring_all(r);
    return DN_OK;
}

static dn_status end(const running *r, dn_error *err) {
    each_result(r, start_download);
    wait(r->program);
    DN_TRY(dn_cuda_check(r->program, err));
    each_result(r, finish_download);
    return DN_OK;
}

dn_status dn_cuda_run(dn_program *base, void *const *addresses, int images, int first, int last, dn_error *err) {
    const running r = {dn_cuda_program_get(base), addresses, images, first, last};
    DN_TRY(begin(&r, err));
    run_ops(&r);
    return end(&r, err);
}

/* ---- the same, op by op and timed ---- */

dn_status dn_cuda_profile(dn_program *base, void *const *addresses, int images, int first, int last,
                          dn_profile *profile, dn_error *err) {
    const running r = {dn_cuda_program_get(base), addresses, images, first, last};
    dn_cuda_program *program = r.program;
    DN_TRY(begin(&r, err));
    profile->count = program->graph.op_count;
    for (int i = first; i < last; i++) {
        if (program->steps[i].absorbed) continue;
        const dn_op *op = &program->graph.ops[i];
        wait(program);
        const uint64_t start = dn_clock_now();
        if (op->kind == DN_OP_host) {
            run_host(&r, i);
        } else {
            launch(&r, i);
        }
        wait(program);
        if (i >= profile->room) continue;
        profile->steps[i].layer = op->layer;
        profile->steps[i].name = dn_op_name(op->kind);
        profile->steps[i].nanoseconds += dn_clock_since(start);
    }
    return end(&r, err);
}

/* ---- results that stay on the device ---- */

static void free_on_device(void *user, void *data) {
    (void)user;
    (void)cudaFree(data);
}

static dn_status make_block(const dn_cuda_program *program, size_t bytes, dn_block **out, dn_error *err) {
    const dn_allocator *allocator = &dn_backend_get(program->base.backend)->allocator;
    dn_block *block = NULL;
    DN_TRY(dn_alloc(allocator, (void **)&block, 1, sizeof *block, "a result", err));
    const cudaError_t status = cudaMalloc(&block->data, bytes);
    if (status != cudaSuccess) {
        (void)cudaGetLastError();
        dn_free(allocator, block);
        return dn_fail(err, status == cudaErrorMemoryAllocation ? DN_E_NOMEM : DN_E_DEVICE, "a result of %zu bytes: %s",
                       bytes, cudaGetErrorString(status));
    }
    atomic_init(&block->references, 1);
    block->bytes = bytes;
    block->device = dn_cuda_backend_get(program->base.backend)->device;
    block->allocator = *allocator;
    block->free_data = free_on_device;
    *out = block;
    return DN_OK;
}

dn_status dn_cuda_snapshot(dn_program *base, int tensor, int images, dn_block **out, dn_error *err) {
    dn_cuda_program *program = dn_cuda_program_get(base);
    const running r = {.program = program, .images = images};
    const size_t count = floats_of(&r, tensor);
    DN_TRY(make_block(program, count * sizeof(float), out, err));
    dn_cuda_from_type(&program->context, (*out)->data, dn_cuda_at(program, program->places[tensor]), count);
    wait(program);
    const dn_status status = dn_cuda_check(program, err);
    if (status != DN_OK) {
        dn_block_release(*out);
        *out = NULL;
    }
    return status;
}
