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
    if (step->pack_parts == 0) return false;
    if (!program->fresh || op_stale(program, step->op, versions)) return true;
    return step->group->affine >= 0 && op_stale(program, &program->graph.ops[step->group->affine], versions);
}

/* ---- packing: parts of stale steps are tasks ---- */

typedef struct packing {
    const dn_cpu_program *program;
    const float *const *parameters;
    int *steps, *ends; /* stale steps, and the tasks up to and including each one's parts */
    int count;
    float *spare; /* `pieces` times, each for one task at a time */
    atomic_bool *taken;
    int pieces;
} packing;

static int first_after(const packing *p, int task) {
    int low = 0, high = p->count - 1;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (p->ends[middle] > task) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void pack_part(void *user, int task, int thread) {
    const packing *p = user;
    const int at = first_after(p, task);
    const dn_cpu_step *step = &p->program->steps[p->steps[at]];
    const int part = task - (at > 0 ? p->ends[at - 1] : 0);
    int piece = thread % p->pieces;
    while (atomic_exchange_explicit(&p->taken[piece], true, memory_order_acquire)) piece = (piece + 1) % p->pieces;
    float *spare = p->spare ? p->spare + (size_t)piece * p->program->spare_floats : NULL;
    step->method->pack(p->program, step, p->parameters, part, spare, p->program->packed + step->packed);
    atomic_store_explicit(&p->taken[piece], false, memory_order_release);
}

/* The tables are made for all steps: what is stale is known only afterwards. */
static dn_status list_stale(packing *p, const uint64_t *versions, dn_error *err) {
    const dn_cpu_program *program = p->program;
    const size_t steps = (size_t)program->step_count;
    for (int i = 0; i < program->step_count; i++) {
        if (!stale(program, &program->steps[i], versions)) continue;
        if (!p->steps) {
            DN_TRY(dn_alloc(&program->allocator, (void **)&p->steps, 2 * steps, sizeof(int), "steps to pack", err));
            p->ends = p->steps + steps;
        }
        p->steps[p->count] = i;
        p->ends[p->count] = (p->count > 0 ? p->ends[p->count - 1] : 0) + program->steps[i].pack_parts;
        p->count++;
    }
    return DN_OK;
}

static dn_status pack_all(packing *p, dn_error *err) {
    const dn_cpu_program *program = p->program;
    const size_t pieces = (size_t)p->pieces;
    DN_TRY(dn_alloc(&program->allocator, (void **)&p->taken, pieces, sizeof *p->taken, "folded weights", err));
    for (int i = 0; i < p->pieces; i++) atomic_init(&p->taken[i], false);
    if (program->spare_floats > 0) {
        DN_TRY(dn_alloc_dirty(&program->allocator, (void **)&p->spare, pieces, program->spare_floats * sizeof(float),
                              "folded weights", err));
    }
    dn_pool_run(program->pool, p->ends[p->count - 1], pack_part, p);
    return DN_OK;
}

static dn_status repack(dn_cpu_program *program, const float *const *parameters, const uint64_t *versions,
                        dn_error *err) {
    packing p = {.program = program, .parameters = parameters};
    p.pieces = program->pool ? dn_pool_threads(program->pool) : 1;
    dn_status status = list_stale(&p, versions, err);
    if (status == DN_OK && p.count > 0) status = pack_all(&p, err);
    dn_free(&program->allocator, p.spare);
    dn_free(&program->allocator, p.taken);
    dn_free(&program->allocator, p.steps);
    return status;
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
