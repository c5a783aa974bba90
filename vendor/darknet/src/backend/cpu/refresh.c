/* refresh.c — parameters as the kernels want them, and scratch memory for as many threads as the pool has. */
#include "backend/cpu/program.h"

const float *dn_cpu_parameter(const dn_cpu_program *program, const float *const *parameters, int tensor) {
    return tensor < 0 ? NULL : parameters[program->graph.tensors[tensor].slot];
}

/* ---- memory ---- */

static dn_status allocate_scratch(dn_cpu_program *program, int count, dn_error *err) {
    float *scratch = NULL;
    atomic_bool *taken = NULL;
    size_t floats;
    if (!dn_mul_size(program->scratch_floats, (size_t)count, &floats)) {
        return dn_fail(err, DN_E_NOMEM, "scratch memory for %d threads does not fit into memory", count);
    }
    DN_TRY(dn_alloc(&program->allocator, (void **)&scratch, floats, sizeof(float), "scratch memory", err));
    const dn_status status =
        dn_alloc(&program->allocator, (void **)&taken, (size_t)count, sizeof *taken, "scratch memory", err);
    if (status != DN_OK) {
        dn_free(&program->allocator, scratch);
        return status;
    }
    for (int i = 0; i < count; i++) atomic_init(&taken[i], false);
    dn_free(&program->allocator, program->scratch);
    dn_free(&program->allocator, program->scratch_taken);
    program->base.packed_bytes += (size_t)(count - program->scratch_count) * program->scratch_floats * sizeof(float);
    program->scratch = scratch;
    program->scratch_taken = taken;
    program->scratch_count = count;
    return DN_OK;
}

static dn_status fit_scratch(dn_cpu_program *program, dn_error *err) {
    const int threads = program->pool ? dn_pool_threads(program->pool) : 1;
    if (program->scratch_floats == 0 || threads <= program->scratch_count) return DN_OK;
    return allocate_scratch(program, threads, err);
}

dn_status dn_cpu_allocate(dn_cpu_program *program, dn_error *err) {
    for (int t = 0; t < program->graph.tensor_count; t++) {
        const int slot = program->graph.tensors[t].slot;
        if (slot >= program->slot_count) program->slot_count = slot + 1;
    }
    const size_t slots = (size_t)program->slot_count;
    DN_TRY(dn_zone_alloc(&program->zone, (void **)&program->parameters, slots, sizeof(float *), err));
    DN_TRY(dn_zone_alloc(&program->zone, (void **)&program->versions, slots, sizeof(uint64_t), err));
    if (program->packed_floats > 0) {
        DN_TRY(dn_alloc(&program->allocator, (void **)&program->packed, program->packed_floats, sizeof(float),
                        "packed parameters", err));
        program->base.packed_bytes += program->packed_floats * sizeof(float);
    }
    return fit_scratch(program, err);
}

/* ---- what is stale ---- */

static bool op_stale(const dn_cpu_program *program, const dn_op *op, const uint64_t *versions) {
    for (int k = 0; k < op->input_count; k++) {
        const int slot = op->inputs[k] < 0 ? -1 : program->graph.tensors[op->inputs[k]].slot;
        if (slot >= 0 && versions[slot] != program->versions[slot]) return true;
    }
    return false;
}

static bool stale(const dn_cpu_program *program, const dn_cpu_step *step, const uint64_t *versions) {
    if (!step->method->pack) return false;
    if (!program->fresh || op_stale(program, step->op, versions)) return true;
    return step->group->affine >= 0 && op_stale(program, &program->graph.ops[step->group->affine], versions);
}

static dn_status repack(dn_cpu_program *program, const float *const *parameters, const uint64_t *versions,
                        dn_error *err) {
    float *spare = NULL; /* room for folded weights, only while something is packed */
    for (int i = 0; i < program->step_count; i++) {
        const dn_cpu_step *step = &program->steps[i];
        if (!stale(program, step, versions)) continue;
        if (!spare && step->spare_floats > 0) {
            DN_TRY(dn_alloc_dirty(&program->allocator, (void **)&spare, program->spare_floats, sizeof(float),
                                  "folded weights", err));
        }
        step->method->pack(program, step, parameters, spare, program->packed + step->packed);
    }
    dn_free(&program->allocator, spare);
    return DN_OK;
}

static void refresh_plain(dn_cpu_program *program, const float *const *parameters, const uint64_t *versions) {
    for (int i = 0; i < program->step_count; i++) {
        const dn_cpu_step *step = &program->steps[i];
        if (step->method != &dn_cpu_method_ref) continue;
        dn_ref_refresh(&step->as.ref->state, &program->graph, parameters, versions);
    }
}

dn_status dn_cpu_refresh(dn_program *base, const float *const *parameters, const uint64_t *versions, dn_error *err) {
    dn_cpu_program *program = (dn_cpu_program *)(void *)base;
    DN_TRY(fit_scratch(program, err));
    DN_TRY(repack(program, parameters, versions, err));
    refresh_plain(program, parameters, versions);
    for (int slot = 0; slot < program->slot_count; slot++) {
        program->parameters[slot] = parameters[slot];
        program->versions[slot] = versions[slot];
    }
    program->fresh = true;
    return DN_OK;
}
