/* step_ref.c — ops without a fast method, through the plain kernels of backend/ref on dense tensors. */
#include "backend/cpu/program.h"

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    return dn_ref_supports(compile->graph, &compile->graph->ops[group->op]);
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_DENSE;
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_program *program = compile->program;
    const dn_op *op = step->op;
    const size_t inputs = (size_t)op->input_count, outputs = (size_t)op->output_count;
    dn_cpu_ref *ref = NULL;
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&ref, 1, sizeof *ref, compile->err));
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&ref->inputs, inputs, sizeof *ref->inputs, compile->err));
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&ref->outputs, outputs, sizeof *ref->outputs, compile->err));
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&ref->outputs_at, outputs, sizeof *ref->outputs_at, compile->err));
    for (size_t k = 0; k < outputs; k++) {
        const int tensor = outputs == 1 ? step->group->output : op->outputs[k];
        ref->outputs_at[k] = (dn_cpu_place){.tensor = -1, .copy = -1, .shape = {1, 1, 1, 1}};
        if (tensor >= 0) ref->outputs_at[k] = dn_cpu_home(compile, tensor);
    }
    const dn_op *batchnorm = step->group->affine >= 0 ? &compile->graph->ops[step->group->affine] : NULL;
    DN_TRY(dn_ref_prepare(&ref->state, compile->graph, op, batchnorm, program->prepare, &program->allocator,
                          compile->err));
    program->base.packed_bytes += dn_ref_state_bytes(&ref->state, compile->graph);
    step->as.ref = ref;
    step->whole = true;
    step->units = step->grain = 1;
    return DN_OK;
}

static dn_host_tensor resolve(const dn_cpu_call *call, const dn_cpu_place *place) {
    if (place->tensor < 0 && place->copy < 0) return (dn_host_tensor){NULL, {1, 1, 1, 1}};
    dn_host_tensor tensor = {dn_cpu_data(call, place, 0), place->shape};
    tensor.shape.n = place->shape.n / call->program->graph.batch * call->images;
    return tensor;
}

static dn_host_tensor resolve_input(const dn_cpu_call *call, int k) {
    const int tensor = call->step->op->inputs[k];
    const dn_graph *graph = &call->program->graph;
    if (tensor < 0 || graph->tensors[tensor].role != DN_ROLE_PARAMETER) return resolve(call, &call->step->x[k]);
    const dn_tensor_info *info = &graph->tensors[tensor];
    return (dn_host_tensor){(float *)(uintptr_t)call->program->parameters[info->slot], info->shape};
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)row, (void)first, (void)last, (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_ref *ref = step->as.ref;
    for (int k = 0; k < step->op->input_count; k++) ref->inputs[k] = resolve_input(call, k);
    for (int k = 0; k < step->op->output_count; k++) ref->outputs[k] = resolve(call, &ref->outputs_at[k]);
    dn_ref_run_op(&(dn_ref_call){step->op, ref->inputs, ref->outputs, &ref->state});
}

const dn_cpu_method dn_cpu_method_ref = {.name = "plain", .accepts = accepts, .want = want, .bind = bind, .work = work};
