/* recurrent_backward.c — backward of the simple recurrence. By the chain rule, unless the network is to train as the
 * reference's CPU code does, which carries the delta of a state s = f(input(x)) + g(self(s')) [+ s'] back so:
 *
 *   self     as the chain rule says; where it is a convolution, the delta that arrives at s' is lost
 *   input    the delta of f(input(x)) is that of self's products, where it should be that of s; so is, with a
 *            shortcut, what arrives at s'
 *   batch norm, of all time steps: the mean and variance of the last one in the delta of what was normalized */
#include "layers/recurrent.h"
#include "op/append.h"

enum { INPUT, SELF, OUTPUT, PARTS };

/* What is known while the ops are gone through backwards. */
typedef struct walk {
    const dn_simple *simple;
    dn_emit *emit;
    dn_op sum;                /* of the time step: the op that makes the state            */
    int statistics[PARTS][2]; /* mean and variance of the last time step, -1: not seen yet */
} walk;

static int slots_of_part(const walk *w) { return w->simple->parts.batch_normalize ? 5 : 2; }

static int slot_of(const walk *w, int part, int slot) { return w->emit->slots[part * slots_of_part(w) + slot]; }

/* Which part the parameter belongs to. */
static int part_of(const walk *w, int parameter, int slot) {
    for (int part = 0; part < PARTS; part++) {
        if (slot_of(w, part, slot) == parameter) return part;
    }
    return PARTS;
}

static dn_status reverse_sum(walk *w, size_t i) {
    w->sum = w->emit->graph->ops[i];
    return dn_emit_pass_back(w->emit, w->sum.outputs[0], w->sum.inputs[1], 1.0F);
}

static bool is_product(const dn_op *op) { return op->kind == DN_OP_conv2d || op->kind == DN_OP_linear; }

static dn_status reverse_products(walk *w, size_t i) {
    const dn_op op = w->emit->graph->ops[i];
    const int part = part_of(w, op.inputs[1], dn_parts_weights(&w->simple->parts));
    if (part != SELF) return dn_emit_reverse(w->emit, i, i + 1);
    DN_TRY(dn_emit_pass_back(w->emit, op.outputs[0], w->sum.inputs[0], 1.0F));
    dn_tensor_info *const state = &w->emit->graph->tensors[op.inputs[0]];
    const bool trains = state->trains;
    if (w->simple->parts.convolutional) state->trains = false; /* for this op */
    DN_TRY(dn_emit_reverse(w->emit, i, i + 1));
    w->emit->graph->tensors[op.inputs[0]].trains = trains;
    if (!w->simple->shortcut) return DN_OK;
    return dn_emit_pass_back(w->emit, op.outputs[0], w->sum.inputs[2], 1.0F);
}

/* Scales and biases by the statistics of the time step, x by those of the last one. */
static dn_status reverse_norm(walk *w, size_t i) {
    dn_emit *emit = w->emit;
    const dn_op op = emit->graph->ops[i];
    const int part = part_of(w, op.inputs[1], w->simple->parts.convolutional ? 1 : 2),
              dy = dn_emit_delta(emit, op.outputs[0]);
    int *const last = w->statistics[part];
    if (last[0] < 0) last[0] = op.outputs[1], last[1] = op.outputs[2];
    if (dy < 0) return DN_OK;
    dn_op gradient = {.kind = DN_OP_batchnorm_gradient, .as.batchnorm_gradient = op.as.batchnorm_train};
    int outputs[3] = {-1, -1, -1};
    bool unused;
    DN_TRY(dn_emit_contribution(emit, op.inputs[1], false, &outputs[1], &unused));
    if (!emit->graph->biases_stay) DN_TRY(dn_emit_contribution(emit, op.inputs[2], false, &outputs[2], &unused));
    const int own[] = {op.inputs[0], op.outputs[1], op.outputs[2], op.inputs[1], dy};
    DN_TRY(dn_emit_append(emit, gradient, own, 5, outputs, 3));
    int to_x[3] = {-1, -1, -1};
    DN_TRY(dn_emit_contribution(emit, op.inputs[0], false, &to_x[0], &gradient.accumulate));
    const int shared[] = {op.inputs[0], last[0], last[1], op.inputs[1], dy};
    return dn_emit_append(emit, gradient, shared, 5, to_x, 3);
}

static dn_status reverse_as_reference(walk *w, size_t first, size_t last) {
    for (size_t i = last; i-- > first;) {
        const dn_op *op = &w->emit->graph->ops[i];
        if (op->kind == DN_OP_add) {
            DN_TRY(reverse_sum(w, i));
        } else if (op->kind == DN_OP_batchnorm_train) {
            DN_TRY(reverse_norm(w, i));
        } else if (is_product(op)) {
            DN_TRY(reverse_products(w, i));
        } else {
            DN_TRY(dn_emit_reverse(w->emit, i, i + 1));
        }
    }
    return DN_OK;
}

dn_status dn_simple_backward(const void *from, dn_emit *emit) {
    if (!emit->graph->overwrites_points) return dn_emit_reverse_layer(emit);
    walk w = {.simple = from, .emit = emit, .statistics = {{-1, -1}, {-1, -1}, {-1, -1}}};
    return reverse_as_reference(&w, emit->forward_first, emit->forward_last);
}
