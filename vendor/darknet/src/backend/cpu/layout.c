/* layout.c — every tensor's layout at home, from what its writer and its readers want.
 *
 * Kept tensors, inputs and states are PLANAR by contract. A tensor that all readers want PLANAR is written so: a
 * convolution in front of a head writes its rows directly. What else a convolution writes is BLOCKED, and ops that
 * take either layout go along with their input, so that reorders stand at the borders only. */
#include "backend/cpu/program.h"

dn_shape dn_cpu_shape(const dn_cpu_compile *compile, int tensor) { return compile->graph->tensors[tensor].shape; }

int dn_cpu_input(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    if (k == DN_CPU_RESIDUAL) return group->residual;
    const dn_op *op = &compile->graph->ops[group->op];
    const int tensor = k < op->input_count ? op->inputs[k] : -1;
    if (tensor < 0 || compile->graph->tensors[tensor].role == DN_ROLE_PARAMETER) return -1;
    return tensor;
}

/* Of a group of several ops, the last one's result; of one op, all of them. */
static int output_of(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    const dn_op *op = &compile->graph->ops[group->op];
    return op->output_count == 1 || k == 0 ? group->output : op->outputs[k];
}

/* Several groups may write a delta: one that can only write it dense decides. A pool's second result is a matter
 * between two methods. */
static void note_write(dn_cpu_compile *compile, int g, int k) {
    const dn_cpu_group *group = &compile->groups[g];
    const int t = output_of(compile, group, k);
    if (t < 0) return;
    dn_cpu_tensor *tensor = &compile->tensors[t];
    if (k == 1 && group->method == &dn_cpu_method_pool2d_train) tensor->fixed = false;
    if (tensor->writer < 0) tensor->first = group->position;
    tensor->writer = g;
    tensor->written = group->position;
    const bool dense = group->method->want(compile, group, DN_CPU_OUTPUT) == DN_CPU_WANT_DENSE;
    if (dense && compile->graph->tensors[t].role == DN_ROLE_DELTA) tensor->fixed = true;
}

static void note_read(dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    const int tensor = dn_cpu_input(compile, group, k);
    if (tensor < 0) return;
    compile->tensors[tensor].readers++;
    compile->tensors[tensor].last_read = group->position;
}

static void count_uses(dn_cpu_compile *compile) {
    for (int g = 0; g < compile->group_count; g++) {
        const dn_cpu_group *group = &compile->groups[g];
        const dn_op *op = &compile->graph->ops[group->op];
        for (int k = 0; k < op->input_count; k++) note_read(compile, group, k);
        note_read(compile, group, DN_CPU_RESIDUAL);
        for (int k = 0; k < op->output_count; k++) note_write(compile, g, k);
    }
}

static void start_tensors(dn_cpu_compile *compile) {
    for (int t = 0; t < compile->graph->tensor_count; t++) {
        const dn_tensor_info *info = &compile->graph->tensors[t];
        const bool passing = info->role == DN_ROLE_ACTIVATION || info->role == DN_ROLE_DELTA;
        const bool fixed = compile->options->keep[t] || !passing || info->dtype != DN_F32;
        compile->tensors[t] = (dn_cpu_tensor){.writer = -1,
                                              .written = -1,
                                              .last_read = -1,
                                              .fixed = fixed,
                                              .planar = true,
                                              .parent = -1,
                                              .overwritten = DN_CPU_NEVER,
                                              .home = DN_CPU_PLANAR};
    }
    count_uses(compile);
    for (int t = 0; t < compile->graph->tensor_count; t++) {
        dn_cpu_tensor *tensor = &compile->tensors[t];
        const dn_tensor_info *info = &compile->graph->tensors[t];
        if (info->role == DN_ROLE_DELTA && tensor->writer < 0) tensor->fixed = true; /* nothing writes it: no layout */
        tensor->vanished = info->role == DN_ROLE_PARAMETER ||
                           (!tensor->fixed && tensor->writer < 0) || /* inside a group */
                           (info->role != DN_ROLE_INPUT && info->role != DN_ROLE_STATE && !compile->options->keep[t] &&
                            tensor->writer < 0 && tensor->readers == 0);
    }
}

static bool wants_planar(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    const dn_cpu_want want = group->method->want(compile, group, k);
    if (want == DN_CPU_WANT_SAME) {
        const dn_cpu_tensor *y = &compile->tensors[group->output];
        return y->fixed || (y->planar && y->readers > 0);
    }
    return want == DN_CPU_WANT_PLANAR || want == DN_CPU_WANT_DENSE;
}

/* Last group first, so that an op that takes either layout knows what its own readers want. */
static void ask_readers(dn_cpu_compile *compile) {
    for (int g = compile->group_count - 1; g >= 0; g--) {
        const dn_cpu_group *group = &compile->groups[g];
        const int inputs = compile->graph->ops[group->op].input_count;
        for (int k = 0; k <= inputs; k++) {
            const int which = k < inputs ? k : DN_CPU_RESIDUAL;
            const int tensor = dn_cpu_input(compile, group, which);
            if (tensor >= 0 && !wants_planar(compile, group, which)) compile->tensors[tensor].planar = false;
        }
    }
}

static bool any_input_blocked(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const int inputs = compile->graph->ops[group->op].input_count;
    for (int k = 0; k < inputs; k++) {
        const int tensor = dn_cpu_input(compile, group, k);
        if (tensor >= 0 && compile->tensors[tensor].home == DN_CPU_BLOCKED) return true;
    }
    return false;
}

static dn_cpu_layout home_of(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_cpu_tensor *y = &compile->tensors[group->output];
    if (y->fixed || (y->planar && y->readers > 0)) return DN_CPU_PLANAR;
    if (y->home == DN_CPU_BLOCKED) return DN_CPU_BLOCKED; /* as another op that adds to it wants */
    switch (group->method->want(compile, group, DN_CPU_OUTPUT)) {
    case DN_CPU_WANT_BLOCKED:
        return DN_CPU_BLOCKED;
    case DN_CPU_WANT_SAME:
        return any_input_blocked(compile, group) ? DN_CPU_BLOCKED : DN_CPU_PLANAR;
    default:
        return DN_CPU_PLANAR;
    }
}

void dn_cpu_layouts(dn_cpu_compile *compile) {
    start_tensors(compile);
    ask_readers(compile);
    for (int g = 0; g < compile->group_count; g++) {
        const dn_cpu_group *group = &compile->groups[g];
        if (group->output >= 0) compile->tensors[group->output].home = home_of(compile, group);
        if (group->method == &dn_cpu_method_pool2d_train) {
            compile->tensors[compile->graph->ops[group->op].outputs[1]].home = DN_CPU_BLOCKED;
        }
    }
}
