/* fuse.c — ops → groups.
 *
 *   conv2d → [batchnorm | bias] → [activation] → [add → [activation]]
 *   linear → [batchnorm | bias] → [activation]
 *   batchnorm | bias → [activation];   add → [activation]
 *
 * A tensor between two ops of a group has one reader and is not kept. A group runs where its last op stood. */
#include "backend/cpu/program.h"

bool dn_cpu_constant(const dn_cpu_compile *compile, const dn_op *op, int from) {
    for (int k = from; k < op->input_count; k++) {
        if (op->inputs[k] >= 0 && compile->graph->tensors[op->inputs[k]].role != DN_ROLE_PARAMETER) return false;
    }
    return true;
}

typedef struct fusion {
    dn_cpu_compile *compile;
    int *reader;  /* of each tensor: the one op that reads it, -1: none, -2: several */
    int *writer;  /* of each tensor: the op that writes it, or -1                    */
    int *written; /* of each tensor: the last op that writes it, or -1               */
    bool *taken;  /* ops that are in a group                                         */
} fusion;

static dn_status index_graph(fusion *f) {
    const dn_graph *graph = f->compile->graph;
    const size_t tensors = (size_t)graph->tensor_count;
    DN_TRY(dn_zone_alloc(f->compile->temporary, (void **)&f->reader, tensors, sizeof(int), f->compile->err));
    DN_TRY(dn_zone_alloc(f->compile->temporary, (void **)&f->writer, tensors, sizeof(int), f->compile->err));
    DN_TRY(dn_zone_alloc(f->compile->temporary, (void **)&f->written, tensors, sizeof(int), f->compile->err));
    DN_TRY(dn_zone_alloc(f->compile->temporary, (void **)&f->taken, (size_t)graph->op_count, sizeof(bool),
                         f->compile->err));
    for (size_t t = 0; t < tensors; t++) f->reader[t] = f->writer[t] = f->written[t] = -1;
    for (int i = 0; i < graph->op_count; i++) {
        const dn_op *op = &graph->ops[i];
        for (int k = 0; k < op->input_count; k++) {
            const int t = op->inputs[k];
            if (t >= 0) f->reader[t] = f->reader[t] == -1 ? i : -2;
        }
        for (int k = 0; k < op->output_count; k++) {
            const int t = op->outputs[k];
            if (t < 0) continue;
            if (f->writer[t] < 0) f->writer[t] = i;
            f->written[t] = i;
        }
    }
    return DN_OK;
}

/* The op that may be computed together with what writes `tensor`, or NULL. */
static const dn_op *next_op(const fusion *f, int tensor) {
    const dn_tensor_info *info = &f->compile->graph->tensors[tensor];
    if (info->role != DN_ROLE_ACTIVATION || info->dtype != DN_F32 || f->compile->options->keep[tensor]) return NULL;
    const int reader = f->reader[tensor];
    if (reader < 0 || f->taken[reader] || f->written[tensor] != f->writer[tensor]) return NULL;
    const dn_op *op = &f->compile->graph->ops[reader];
    if (op->accumulate || op->output_count != 1 || op->outputs[0] < 0) return NULL;
    return op;
}

static bool same_shape(const fusion *f, int a, int b) {
    return dn_shape_equal(dn_cpu_shape(f->compile, a), dn_cpu_shape(f->compile, b));
}

static void take(fusion *f, dn_cpu_group *group, const dn_op *op) {
    group->position = (int)(op - f->compile->graph->ops);
    group->output = op->outputs[0];
    f->taken[group->position] = true;
}

static void take_affine(fusion *f, dn_cpu_group *group) {
    const dn_op *op = next_op(f, group->output);
    if (!op || op->inputs[0] != group->output) return;
    const dn_op *sums = &f->compile->graph->ops[group->op];
    const bool by_output = sums->kind == DN_OP_conv2d || !sums->as.linear.transposed; /* as folding wants the weights */
    const bool batchnorm = op->kind == DN_OP_batchnorm && by_output && f->compile->program->prepare >= DN_PREPARE_FUSE;
    const bool bias = op->kind == DN_OP_bias && group->method != &dn_cpu_method_ref;
    if ((!batchnorm && !bias) || !dn_cpu_constant(f->compile, op, 1)) return;
    take(f, group, op);
    group->affine = group->position;
}

static bool take_activation(fusion *f, dn_cpu_group *group, dn_activation *into) {
    const dn_op *op = next_op(f, group->output);
    if (!op || op->kind != DN_OP_activation || dn_activation_across_channels(op->as.activation.kind)) return false;
    if (!same_shape(f, group->output, op->outputs[0])) return false;
    *into = op->as.activation.kind;
    take(f, group, op);
    return true;
}

/* The sum of two, when the other one is there before this group would run on its own: it is the later of two branches
 * that adds, so that nothing has to live longer. */
static bool take_residual(fusion *f, dn_cpu_group *group) {
    const dn_op *op = next_op(f, group->output);
    if (!op || op->kind != DN_OP_add || op->as.add.terms != 2 || op->as.add.weights != DN_ADD_PLAIN) return false;
    if (op->as.add.sampled || op->input_count != 2) return false;
    const int other = op->inputs[op->inputs[0] == group->output ? 1 : 0];
    if (other < 0 || other == group->output) return false;
    const dn_tensor_info *info = &f->compile->graph->tensors[other];
    if (info->dtype != DN_F32 || (info->role != DN_ROLE_ACTIVATION && info->role != DN_ROLE_INPUT)) return false;
    if (f->written[other] >= group->op || !same_shape(f, other, group->output)) return false;
    if (!same_shape(f, group->output, op->outputs[0])) return false;
    group->residual = other;
    take(f, group, op);
    return true;
}

/* A group that reads a state must not run after the state has changed. */
static bool reads_state(const fusion *f, const dn_op *op) {
    for (int k = 0; k < op->input_count; k++) {
        if (op->inputs[k] >= 0 && f->compile->graph->tensors[op->inputs[k]].role == DN_ROLE_STATE) return true;
    }
    return false;
}

static void grow(fusion *f, dn_cpu_group *group, const dn_op *op) {
    const bool sums = op->kind == DN_OP_conv2d || op->kind == DN_OP_linear;
    const bool affine = op->kind == DN_OP_batchnorm || op->kind == DN_OP_bias;
    if (op->accumulate || op->output_count != 1 || op->outputs[0] < 0 || reads_state(f, op)) return;
    if (sums) take_affine(f, group);
    if (group->method == &dn_cpu_method_ref) return;
    if (sums || affine || op->kind == DN_OP_add) take_activation(f, group, &group->activation);
    if (op->kind == DN_OP_conv2d && take_residual(f, group)) take_activation(f, group, &group->after);
}

static const dn_cpu_method *const methods[] = {
    &dn_cpu_method_conv,        &dn_cpu_method_linear,   &dn_cpu_method_affine, &dn_cpu_method_activation,
    &dn_cpu_method_pool2d,      &dn_cpu_method_add,      &dn_cpu_method_mul,    &dn_cpu_method_concat,
    &dn_cpu_method_pool_global, &dn_cpu_method_upsample, &dn_cpu_method_copy,   &dn_cpu_method_channel_map,
};

/* Of ops that only training has, and of those that write deltas or add to them. */
static const dn_cpu_method *const training_methods[] = {
    &dn_cpu_method_conv_data,          &dn_cpu_method_conv_weights,        &dn_cpu_method_batchnorm_train,
    &dn_cpu_method_batchnorm_gradient, &dn_cpu_method_activation_gradient, &dn_cpu_method_bias_gradient,
    &dn_cpu_method_delta_copy,         &dn_cpu_method_delta_fill,          &dn_cpu_method_delta_channels,
    &dn_cpu_method_delta_upsample,     &dn_cpu_method_pool2d_train,        &dn_cpu_method_pool2d_gradient,
    &dn_cpu_method_linear_data,        &dn_cpu_method_linear_weights,
};

static const dn_cpu_method *training_method(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    for (size_t i = 0; i < sizeof training_methods / sizeof *training_methods; i++) {
        if (training_methods[i]->accepts(compile, group)) return training_methods[i];
    }
    return &dn_cpu_method_ref;
}

/* What every fast method asks of its op: one float32 result, and as many rows of every input. */
static bool regular(const dn_cpu_compile *compile, const dn_op *op) {
    if (op->accumulate || op->output_count != 1 || op->outputs[0] < 0) return false;
    const dn_tensor_info *y = &compile->graph->tensors[op->outputs[0]];
    if (y->dtype != DN_F32 || y->role == DN_ROLE_DELTA || y->role == DN_ROLE_GRADIENT) return false;
    for (int k = 0; k < op->input_count; k++) {
        if (op->inputs[k] < 0) continue;
        const dn_tensor_info *x = &compile->graph->tensors[op->inputs[k]];
        if (x->role == DN_ROLE_PARAMETER) continue;
        if (x->dtype != DN_F32 || x->shape.n != y->shape.n) return false;
    }
    return op->input_count > 0 && op->inputs[0] >= 0;
}

static const dn_cpu_method *method_for(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    if (!regular(compile, &compile->graph->ops[group->op])) return training_method(compile, group);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (methods[i]->accepts(compile, group)) return methods[i];
    }
    return training_method(compile, group);
}

static void start(fusion *f, int index, dn_cpu_group *group) {
    const dn_op *op = &f->compile->graph->ops[index];
    *group = (dn_cpu_group){.op = index,
                            .position = index,
                            .affine = -1,
                            .residual = -1,
                            .output = op->output_count > 0 ? op->outputs[0] : -1,
                            .activation = DN_LINEAR,
                            .after = DN_LINEAR};
    if (op->kind == DN_OP_activation) group->activation = op->as.activation.kind;
    f->taken[index] = true;
    group->method = method_for(f->compile, group);
    if (op->input_count > 0 && op->inputs[0] >= 0) grow(f, group, op);
}

dn_status dn_cpu_fuse(dn_cpu_compile *compile) {
    const int ops = compile->graph->op_count;
    fusion f = {.compile = compile};
    DN_TRY(index_graph(&f));
    dn_cpu_group *at = NULL; /* by position */
    DN_TRY(dn_zone_alloc(compile->temporary, (void **)&at, (size_t)ops, sizeof *at, compile->err));
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&compile->groups, (size_t)ops, sizeof *at, compile->err));
    for (int i = 0; i < ops; i++) {
        if (f.taken[i]) continue;
        dn_cpu_group group;
        start(&f, i, &group);
        at[group.position] = group;
    }
    for (int i = 0; i < ops; i++) {
        if (at[i].method) compile->groups[compile->group_count++] = at[i];
    }
    return DN_OK;
}
