/* cpu.c — the "cpu" backend: blocked layouts, fused ops, vector kernels for the widest instruction set allowed. */
#include "backend/cpu/program.h"

typedef struct cpu_backend {
    dn_backend_base base;
    const dn_cpu_kernels *kernels;
} cpu_backend;

extern const dn_backend_type dn_backend_cpu;

static dn_status cpu_open(dn_backend **out, const dn_options *options, int device, dn_error *err) {
    if (device != 0 && device != -1) {
        return dn_fail(err, DN_E_ARGUMENT, "device %d: the cpu backend runs on the processor, which is device 0",
                       device);
    }
    const dn_allocator allocator = dn_allocator_or_default(options);
    cpu_backend *backend = NULL;
    DN_TRY(dn_alloc(&allocator, (void **)&backend, 1, sizeof *backend, "backend", err));
    backend->kernels = dn_cpu_kernels_for(options ? options->isa : DN_ISA_AUTO);
    backend->base.type = &dn_backend_cpu;
    backend->base.allocator = allocator;
    backend->base.isa = backend->kernels->isa;
    backend->base.pool = options ? options->pool : NULL;
    if (backend->base.pool) dn_pool_retain(backend->base.pool);
    *out = (dn_backend *)(void *)backend;
    return DN_OK;
}

static void cpu_close(dn_backend *backend) {
    if (!backend) return;
    const dn_backend_base *base = dn_backend_get(backend);
    const dn_allocator allocator = base->allocator;
    if (base->pool) dn_pool_release(base->pool);
    dn_free(&allocator, backend);
}

/* What has no fast method goes through the plain kernels. */
static bool cpu_supports(const dn_backend *backend, const dn_graph *graph, const dn_op *op) {
    (void)backend;
    return dn_ref_supports(graph, op);
}

static void cpu_release(dn_program *base) {
    if (!base) return;
    dn_cpu_program *program = (dn_cpu_program *)(void *)base;
    const dn_allocator allocator = program->allocator;
    for (int i = 0; i < program->step_count; i++) {
        const dn_cpu_step *step = &program->steps[i];
        if (step->method == &dn_cpu_method_ref) dn_ref_state_free(&step->as.ref->state);
    }
    dn_free(&allocator, program->arena);
    dn_free(&allocator, program->packed);
    dn_free(&allocator, program->scratch);
    dn_free(&allocator, program->scratch_taken);
    dn_free(&allocator, program->base.placements);
    dn_zone_close(&program->zone);
    dn_free(&allocator, program);
}

static dn_status build(dn_cpu_program *program, const dn_compile_options *options, dn_zone *temporary, dn_error *err) {
    dn_cpu_compile compile = {.program = program,
                              .graph = &program->graph,
                              .options = options,
                              .zone = &program->zone,
                              .temporary = temporary,
                              .block = program->kernels->block,
                              .err = err};
    const size_t tensors = (size_t)program->graph.tensor_count;
    DN_TRY(dn_ref_check(&program->graph, "cpu", err));
    DN_TRY(dn_alloc(&program->allocator, (void **)&program->base.placements, tensors, sizeof(dn_placement),
                    "placements", err));
    DN_TRY(dn_zone_alloc(temporary, (void **)&compile.tensors, tensors, sizeof *compile.tensors, err));
    program->slot_count = dn_graph_slots(&program->graph);
    DN_TRY(dn_cpu_fuse(&compile));
    dn_cpu_layouts(&compile);
    dn_cpu_parents(&compile);
    DN_TRY(dn_cpu_bind(&compile));
    DN_TRY(dn_cpu_placements(&compile));
    return dn_cpu_allocate(program, err);
}

static dn_status cpu_compile(dn_backend *backend, const dn_graph *graph, const dn_compile_options *options,
                             dn_program **out, dn_error *err) {
    if (options->precision != DN_PRECISION_F32) {
        return dn_fail(err, DN_E_UNSUPPORTED, "the cpu backend computes in float32 only");
    }
    const dn_backend_base *base = dn_backend_get(backend);
    dn_cpu_program *program = NULL;
    DN_TRY(dn_alloc(&base->allocator, (void **)&program, 1, sizeof *program, "program", err));
    program->base.type = &dn_backend_cpu;
    program->base.backend = backend;
    program->allocator = base->allocator;
    program->pool = base->pool;
    program->graph = *graph;
    program->kernels = ((const cpu_backend *)(const void *)backend)->kernels;
    program->prepare = options->prepare;
    dn_zone_open(&program->zone, base->allocator);
    dn_zone temporary;
    dn_zone_open(&temporary, base->allocator);
    const dn_status status = build(program, options, &temporary, err);
    dn_zone_close(&temporary);
    if (status != DN_OK) {
        cpu_release((dn_program *)(void *)program);
        return status;
    }
    *out = (dn_program *)(void *)program;
    return DN_OK;
}

const dn_backend_type dn_backend_cpu = {
    .name = "cpu",
    .device = -1,
    .open = cpu_open,
    .close = cpu_close,
    .supports = cpu_supports,
    .compile = cpu_compile,
    .release = cpu_release,
    .refresh = dn_cpu_refresh,
    .run = dn_cpu_run,
    .profile = dn_cpu_profile,
};
