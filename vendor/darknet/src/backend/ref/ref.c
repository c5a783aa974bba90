/* ref.c — the "ref" backend: op after op, in the order of the graph, every tensor dense and in memory of its own, one
 * thread. Slow and easy to believe: what every other backend is compared with. */
#include <string.h>

#include "backend/ref/ref.h"

typedef struct ref_program {
    dn_program_base base;
    dn_graph graph;
    dn_ref_state *states;     /* one per op */
    bool *absorbed;           /* batchnorm ops that run as part of another op */
    const float **parameters; /* by slot; those of the last refresh */
    dn_host_tensor *resolved; /* inputs and outputs of the op that is running */
    int slot_count;
} ref_program;

static dn_status ref_open(dn_backend **out, const dn_options *options, int device, dn_error *err) {
    if (device != 0 && device != -1) {
        return dn_fail(err, DN_E_ARGUMENT, "device %d: the ref backend runs on the processor, which is device 0",
                       device);
    }
    const dn_allocator allocator = dn_allocator_or_default(options);
    void *memory = NULL;
    DN_TRY(dn_alloc(&allocator, &memory, 1, sizeof(dn_backend_base), "backend", err));
    dn_backend_base *const base = memory;
    base->type = &dn_backend_ref;
    base->allocator = allocator;
    base->isa = DN_ISA_PORTABLE;
    *out = memory;
    return DN_OK;
}

static void ref_close(dn_backend *backend) {
    if (backend == NULL) return;
    const dn_allocator allocator = dn_backend_get(backend)->allocator;
    dn_free(&allocator, backend);
}

static bool ref_supports(const dn_backend *backend, const dn_graph *graph, const dn_op *op) {
    (void)backend;
    return dn_ref_supports(graph, op);
}

static void ref_release(dn_program *program) {
    if (program == NULL) return;
    ref_program *const p = (ref_program *)(void *)program;
    const dn_allocator *const allocator = &dn_backend_get(p->base.backend)->allocator;
    for (int i = 0; p->states != NULL && i < p->graph.op_count; i++) dn_ref_state_free(&p->states[i]);
    dn_free(allocator, p->states);
    dn_free(allocator, p->absorbed);
    dn_free(allocator, p->parameters);
    dn_free(allocator, p->resolved);
    dn_free(allocator, p->base.placements);
    dn_free(allocator, p);
}

static dn_status allocate(ref_program *p, const dn_allocator *allocator, dn_error *err) {
    const size_t ops = (size_t)p->graph.op_count, tensors = (size_t)p->graph.tensor_count;
    void *part = NULL;
    DN_TRY(dn_alloc(allocator, &part, ops, sizeof *p->states, "prepared ops", err));
    p->states = part;
    DN_TRY(dn_alloc(allocator, &part, ops, sizeof *p->absorbed, "prepared ops", err));
    p->absorbed = part;
    DN_TRY(dn_alloc(allocator, &part, (size_t)p->slot_count, sizeof *p->parameters, "parameter addresses", err));
    p->parameters = part;
    DN_TRY(dn_alloc(allocator, &part, dn_graph_widest(&p->graph), sizeof *p->resolved, "tensor addresses", err));
    p->resolved = part;
    DN_TRY(dn_alloc(allocator, &part, tensors, sizeof *p->base.placements, "placements", err));
    p->base.placements = part;
    return DN_OK;
}

static size_t element_size(dn_dtype dtype) {
    if (dtype == DN_BF16) return 2;
    return dtype == DN_U8 || dtype == DN_I8 ? 1 : 4;
}

dn_status dn_ref_check(const dn_graph *graph, const char *backend, dn_error *err) {
    for (int i = 0; i < graph->op_count; i++) {
        const dn_op *const op = &graph->ops[i];
        if (dn_ref_supports(graph, op)) continue;
        (void)dn_fail(err, DN_E_UNSUPPORTED, "the %s backend does not run this %s: %s", backend, dn_op_name(op->kind),
                      "its shapes or element types are not covered");
        dn_error_where(err, op->layer, "", "", 0);
        return DN_E_UNSUPPORTED;
    }
    return DN_OK;
}

static dn_status prepare_ops(ref_program *p, const dn_compile_options *options, const dn_allocator *allocator,
                             dn_error *err) {
    for (int i = 0; i < p->graph.op_count; i++) {
        const dn_op *const op = &p->graph.ops[i];
        if (p->absorbed[i]) continue;
        const int batchnorm = options->prepare == DN_PREPARE_NONE ? -1 : dn_ref_foldable(&p->graph, i, options->keep);
        if (batchnorm >= 0) p->absorbed[batchnorm] = true;
        DN_TRY(dn_ref_prepare(&p->states[i], &p->graph, op, batchnorm < 0 ? NULL : &p->graph.ops[batchnorm],
                              options->prepare, allocator, err));
        p->base.packed_bytes += dn_ref_state_bytes(&p->states[i], &p->graph);
    }
    return DN_OK;
}

static bool outlives_a_run(dn_role role) { return role == DN_ROLE_STATE || role == DN_ROLE_GRADIENT; }

/* A folded op writes the batchnorm's output instead of its own, which then is never stored. */
static void move_folded_uses(const ref_program *p, int *first, bool *absent) {
    for (int i = 0; i < p->graph.op_count; i++) {
        if (p->states[i].batchnorm == NULL) continue;
        absent[p->graph.ops[i].outputs[0]] = true;
        first[p->states[i].batchnorm->outputs[0]] = i;
    }
}

static void place(const ref_program *p, const bool *keep, const int *first, const int *last, const bool *absent) {
    const int end = p->graph.op_count > 0 ? p->graph.op_count - 1 : 0;
    for (int t = 0; t < p->graph.tensor_count; t++) {
        const dn_tensor_info *const info = &p->graph.tensors[t];
        dn_placement *const placement = &p->base.placements[t];
        placement->parent = -1;
        if (info->role == DN_ROLE_PARAMETER || absent[t]) continue;
        placement->bytes = (size_t)dn_shape_count(info->shape) * element_size(info->dtype);
        const bool always = keep[t] || outlives_a_run(info->role);
        placement->first = always || first[t] < 0 ? 0 : first[t];
        placement->last = always ? end : last[t] > placement->first ? last[t] : placement->first;
    }
}

static dn_status place_tensors(const ref_program *p, const bool *keep, const dn_allocator *allocator, dn_error *err) {
    const size_t count = (size_t)p->graph.tensor_count;
    void *uses = NULL, *absent = NULL;
    DN_TRY(dn_alloc(allocator, &uses, 2 * count, sizeof(int), "tensor lifetimes", err));
    const dn_status status = dn_alloc(allocator, &absent, count, sizeof(bool), "tensor lifetimes", err);
    if (status == DN_OK) {
        int *const first = uses, *const last = first + count;
        dn_graph_uses(&p->graph, first, last);
        move_folded_uses(p, first, absent);
        place(p, keep, first, last, absent);
    }
    dn_free(allocator, absent);
    dn_free(allocator, uses);
    return status;
}

static dn_status ref_compile(dn_backend *backend, const dn_graph *graph, const dn_compile_options *options,
                             dn_program **out, dn_error *err) {
    if (options->precision != DN_PRECISION_F32) {
        return dn_fail(err, DN_E_UNSUPPORTED, "the ref backend computes in float32 only");
    }
    const dn_allocator *const allocator = &dn_backend_get(backend)->allocator;
    void *memory = NULL;
    DN_TRY(dn_alloc(allocator, &memory, 1, sizeof(ref_program), "program", err));
    ref_program *const p = memory;
    p->base.type = &dn_backend_ref;
    p->base.backend = backend;
    p->graph = *graph;
    p->slot_count = dn_graph_slots(graph);
    dn_status status = dn_ref_check(graph, "ref", err);
    if (status == DN_OK) status = allocate(p, allocator, err);
    if (status == DN_OK) status = prepare_ops(p, options, allocator, err);
    if (status == DN_OK) status = place_tensors(p, options->keep, allocator, err);
    if (status != DN_OK) {
        ref_release(memory);
        return status;
    }
    *out = memory;
    return DN_OK;
}

static dn_status ref_refresh(dn_program *program, const float *const *parameters, const uint64_t *versions,
                             dn_error *err) {
    (void)err;
    ref_program *const p = (ref_program *)(void *)program;
    for (int i = 0; i < p->slot_count; i++) p->parameters[i] = parameters[i];
    for (int i = 0; i < p->graph.op_count; i++) dn_ref_refresh(&p->states[i], &p->graph, parameters, versions);
    return DN_OK;
}

static dn_host_tensor resolve(const ref_program *p, int tensor, void *const *addresses, int images) {
    if (tensor < 0) return (dn_host_tensor){NULL, {1, 1, 1, 1}};
    const dn_tensor_info *const info = &p->graph.tensors[tensor];
    dn_host_tensor resolved = {NULL, info->shape};
    if (info->role == DN_ROLE_PARAMETER) {
        resolved.data = (float *)(uintptr_t)p->parameters[info->slot];
    } else {
        resolved.data = addresses[tensor];
        resolved.shape.n = dn_run_rows(&p->graph, info, images);
    }
    return resolved;
}

void dn_ref_run_op(const dn_ref_call *call) {
    static const dn_ref_kernel kernels[DN_OP_KINDS] = {
#define DN_OP(id) dn_ref_##id,
#include "op/op.inc"
#undef DN_OP
    };
    kernels[call->op->kind](call);
}

static dn_status ref_run(dn_program *program, void *const *addresses, int images, int first, int last, dn_error *err) {
    (void)err;
    const ref_program *const p = (const ref_program *)(const void *)program;
    for (int i = first; i < last; i++) {
        if (p->absorbed[i]) continue;
        const dn_op *const op = &p->graph.ops[i];
        const int *const targets = p->states[i].batchnorm != NULL ? p->states[i].batchnorm->outputs : op->outputs;
        dn_host_tensor *const inputs = p->resolved, *const outputs = inputs + op->input_count;
        for (int k = 0; k < op->input_count; k++) inputs[k] = resolve(p, op->inputs[k], addresses, images);
        for (int k = 0; k < op->output_count; k++) outputs[k] = resolve(p, targets[k], addresses, images);
        dn_ref_run_op(&(dn_ref_call){op, inputs, outputs, &p->states[i]});
    }
    return DN_OK;
}

const dn_backend_type dn_backend_ref = {
    .name = "ref",
    .device = -1,
    .open = ref_open,
    .close = ref_close,
    .supports = ref_supports,
    .compile = ref_compile,
    .release = ref_release,
    .refresh = ref_refresh,
    .run = ref_run,
};
