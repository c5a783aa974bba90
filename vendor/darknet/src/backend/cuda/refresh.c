/* refresh.c — parameters whose version changed go to the device: as they are, or as prepare= wants them, in the type
 * that their readers want. */
#include <string.h>

#include "backend/cuda/program.h"

static void upload(dn_cuda_program *program, void *to, const float *from, size_t count) {
    (void)dn_cuda_ok(&program->context,
                     cudaMemcpyAsync(to, from, count * sizeof(float), cudaMemcpyHostToDevice, program->context.stream),
                     "cudaMemcpyAsync");
}

/* In the context's type, by way of the scratch. */
static void upload_typed(dn_cuda_program *program, void *to, const float *from, size_t count) {
    if (program->context.type == DN_CUDA_F32) {
        upload(program, to, from, count);
        return;
    }
    float *scratch = dn_cuda_at(program, program->scratch);
    upload(program, scratch, from, count);
    dn_cuda_to_type(&program->context, to, scratch, count);
}

static void refresh_slot(dn_cuda_program *program, dn_cuda_slot *slot, const float *values, uint64_t version) {
    if (slot->seen == version) return;
    slot->seen = version;
    if (slot->floats != DN_CUDA_NONE) upload(program, dn_cuda_at(program, slot->floats), values, slot->count);
    if (slot->typed != DN_CUDA_NONE) upload_typed(program, dn_cuda_at(program, slot->typed), values, slot->count);
}

static void refresh_step(dn_cuda_program *program, int index, const float *const *parameters,
                         const uint64_t *versions) {
    dn_cuda_step *step = &program->steps[index];
    const dn_op *op = &program->graph.ops[index];
    uint64_t seen[5];
    memcpy(seen, step->prepared.seen, sizeof seen);
    dn_ref_refresh(&step->prepared, &program->graph, parameters, versions);
    if (memcmp(seen, step->prepared.seen, sizeof seen) == 0) return;
    if (step->weights != DN_CUDA_NONE) {
        const size_t count = (size_t)dn_shape_count(program->graph.tensors[op->inputs[1]].shape);
        upload_typed(program, dn_cuda_at(program, step->weights), step->prepared.weights, count);
    }
    if (step->folded_biases != DN_CUDA_NONE) {
        const size_t count = (size_t)program->graph.tensors[step->output].shape.c;
        upload(program, dn_cuda_at(program, step->folded_biases), step->prepared.biases, count);
    }
    if (step->coefficients != DN_CUDA_NONE) {
        const int side = op->kind == DN_OP_add_gradient ? op->inputs[0] : op->outputs[0];
        const size_t count = (size_t)op->as.add.terms * (size_t)program->graph.tensors[side].shape.c;
        upload(program, dn_cuda_at(program, step->coefficients), step->prepared.coefficients, count);
    }
}

dn_status dn_cuda_refresh(dn_program *base, const float *const *parameters, const uint64_t *versions, dn_error *err) {
    dn_cuda_program *program = dn_cuda_program_get(base);
    program->parameters = parameters;
    for (int i = 0; i < program->slot_count; i++) {
        refresh_slot(program, &program->slots[i], parameters[i], versions[i]);
    }
    for (int i = 0; i < program->graph.op_count; i++) {
        if (!program->steps[i].absorbed) refresh_step(program, i, parameters, versions);
    }
    return dn_cuda_check(program, err);
}
