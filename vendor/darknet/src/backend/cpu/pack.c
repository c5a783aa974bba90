/* pack.c — what steps with weights pack: filters with their batchnorm folded in, once for all steps that use the same
 * (the time steps of a recurrent layer). */
#include <string.h>

#include "backend/cpu/program.h"
#include "backend/fold.h"

/* ---- shared ---- */

static int slot_of(const dn_cpu_program *program, const dn_op *op, int k) {
    return op->inputs[k] < 0 ? -1 : program->graph.tensors[op->inputs[k]].slot;
}

static bool same_slots(const dn_cpu_program *program, const dn_op *a, const dn_op *b) {
    if (a->kind != b->kind || a->input_count != b->input_count) return false;
    for (int k = 1; k < a->input_count; k++) {
        if (slot_of(program, a, k) != slot_of(program, b, k)) return false;
    }
    if (a->kind != DN_OP_batchnorm) return true;
    const dn_op_batchnorm *p = &a->as.batchnorm, *q = &b->as.batchnorm;
    return memcmp(&p->epsilon, &q->epsilon, sizeof p->epsilon) == 0 && p->outside == q->outside;
}

static const dn_op *affine_of(const dn_cpu_program *program, const dn_cpu_step *step) {
    return step->group->affine >= 0 ? &program->graph.ops[step->group->affine] : NULL;
}

const dn_cpu_step *dn_cpu_packed_before(const dn_cpu_compile *compile, const dn_cpu_step *step) {
    const dn_cpu_program *program = compile->program;
    if (!step->method->packs_alike || step->packed_floats == 0) return NULL;
    const dn_op *affine = affine_of(program, step);
    for (int i = compile->by_slot[slot_of(program, step->op, 1)]; i >= 0; i = program->steps[i].same_slot) {
        const dn_cpu_step *other = &program->steps[i];
        const dn_op *others = affine_of(program, other);
        if (other->method != step->method || !same_slots(program, other->op, step->op)) continue;
        if (!affine != !others || (affine && !same_slots(program, affine, others))) continue;
        if (step->method->packs_alike(other, step)) return other;
    }
    return NULL;
}

void dn_cpu_packs_first(dn_cpu_compile *compile, int index) {
    dn_cpu_step *step = &compile->program->steps[index];
    if (!step->method->packs_alike || step->packed_floats == 0) return;
    int *first = &compile->by_slot[slot_of(compile->program, step->op, 1)];
    step->same_slot = *first;
    *first = index;
}

/* ---- folded ---- */

static bool folds(const dn_op *affine) { return affine && affine->kind == DN_OP_batchnorm; }

size_t dn_cpu_fold_floats(const dn_cpu_compile *compile, const dn_cpu_step *step, int count, size_t per_filter) {
    return folds(affine_of(compile->program, step)) ? (size_t)count * (per_filter + 1) : 0;
}

dn_cpu_filters dn_cpu_fold(const dn_cpu_program *program, const dn_cpu_step *step, const float *const *parameters,
                           int first, int count, size_t per_filter, float *spare) {
    const dn_op *affine = affine_of(program, step);
    dn_cpu_filters own = {dn_cpu_parameter(program, parameters, step->op->inputs[1]) + (size_t)first * per_filter,
                          NULL};
    if (!affine) return own;
    const float *of[5] = {NULL};
    for (int k = 1; k < affine->input_count; k++) {
        of[k] = dn_cpu_parameter(program, parameters, affine->inputs[k]);
        if (of[k]) of[k] += first;
    }
    if (!folds(affine)) return (dn_cpu_filters){own.weights, of[1]};
    float *bias = spare + (size_t)count * per_filter;
    dn_fold_batchnorm(&affine->as.batchnorm, count, per_filter, own.weights, of[1], of[2], of[3], of[4], spare, bias);
    return (dn_cpu_filters){spare, bias};
}
