/* recurrent.h — what rnn, gru, lstm, crnn and conv_lstm are built of: inner layers ("parts") that are all [connected] or
 * all [convolutional], applied to all rows at once or to one time step, and states.
 *
 * Rows come step by step: row = step · sequences + sequence. */
#ifndef DN_LAYERS_RECURRENT_H
#define DN_LAYERS_RECURRENT_H

#include "layers/common.h"

/* Parameters of one part: "<name>.biases", …, in the order of a [connected] or [convolutional] section. */
typedef struct dn_part_names {
    const char *biases, *scales, *rolling_mean, *rolling_variance, *weights;
} dn_part_names;
#define DN_PART(name) {name ".biases", name ".scales", name ".rolling_mean", name ".rolling_variance", name ".weights"}

/* What the parts of a layer have in common. */
typedef struct dn_parts {
    bool convolutional, batch_normalize, stored, xnor;
    int size, padding, dilation, groups; /* convolutional; the stride is 1 */
    int steps;
    dn_dialect dialect;
} dn_parts;

/* batch_normalize=, dontload=. */
dn_status dn_parts_parse(dn_section *section, const dn_layer_context *context, dn_parts *parts, dn_error *err);
/* size=, stride=, pad=, padding=, dilation=, groups=, xnor=. In dialect pjreddie 3 × 3 with padding 1, whatever the
 * section says. */
dn_status dn_parts_parse_window(dn_section *section, dn_parts *parts, dn_error *err);
/* DN_E_SHAPE unless the window leaves rows and columns as they are, and groups divide `channels`. */
dn_status dn_parts_check(const dn_parts *parts, const dn_layer_plan *plan, const int *channels, int count,
                         dn_error *err);

/* Declares the next part's slots; channels of an image, or values of a row. */
dn_status dn_parts_slots(const dn_parts *parts, dn_layer_plan *plan, dn_part_names names, int inputs, int outputs,
                         dn_error *err);
/* Flops of a part for one image, as the section itself would count them. */
double dn_parts_flops(const dn_parts *parts, dn_shape image, int inputs, int outputs);
dn_status dn_parts_facts(const dn_parts *parts, dn_layer_plan *plan, dn_error *err);

/* Which of a part's slots holds the weights. */
int dn_parts_weights(const dn_parts *parts);
/* y = f(part number `part`, applied to x). */
dn_status dn_parts_emit(const dn_parts *parts, dn_emit *emit, int part, int x, int outputs, dn_activation f, int *y);
/* What a state begins with. In training a copy: backward reads it when the state has its next value already. */
dn_status dn_emit_state(dn_emit *emit, int number, int *out);
/* DN_E_UNSUPPORTED when the time steps make more ops than a plan should have. Called once a step. */
dn_status dn_parts_room(const dn_parts *parts, dn_emit *emit);
/* y = f(x_0 + x_1 + …) */
dn_status dn_emit_gate(dn_emit *emit, const int *xs, int count, dn_activation f, int *y);
/* y = a · b + c · d */
dn_status dn_emit_mix(dn_emit *emit, int a, int b, int c, int d, int *y);

/* The simple recurrence, parts 0 (input), 1 (self), 2 (output):
 *   s = f(input(x)) + g(self(s)) [+ s, shortcut]; y = f(output(s)) */
typedef struct dn_simple {
    dn_parts parts;
    int hidden, outputs;
    bool shortcut;
    dn_activation f, g;
} dn_simple;
dn_status dn_simple_infer(const dn_simple *simple, dn_layer_plan *plan, dn_error *err);
dn_status dn_simple_forward(const void *from, dn_emit *emit); /* `from`: a dn_simple */
dn_status dn_simple_backward(const void *from, dn_emit *emit);

#endif
