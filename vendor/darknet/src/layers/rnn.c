/* rnn.c — the simple recurrent layer, of three [connected] ones. Per time step, s the state:
 *
 *   s = f(input(x)) + g(self(s)) [+ s with shortcut=1];  y = f(output(s))
 *   cfg      output (1), hidden (1; pjreddie: output), activation f (logistic), batch_normalize, shortcut;
 *            logistic=1: g is logistic, =2: loggy, else f (alexeyab)
 *   state    s (hidden), zero at first; in training, at the beginning of every mini-batch
 *   slots    of input, self, output, each as in [connected]; batch norm uses the stored statistics, in
 *            training those of each time step
 *   flops    0, as [connected] */
#include "layers/recurrent.h"

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    dn_simple *p = into;
    const bool own_hidden = context->dialect == DN_ALEXEYAB;
    int logistic = 0;
    DN_TRY(dn_parts_parse(section, context, &p->parts, err));
    DN_TRY(dn_section_int(section, "output", 1, 1, DN_FILTERS_MAX, &p->outputs, err));
    DN_TRY(dn_section_int(section, "hidden", 1, 1, DN_FILTERS_MAX, &p->hidden, err));
    if (!own_hidden) p->hidden = p->outputs;
    DN_TRY(dn_parse_activation(section, context, DN_LOGISTIC, &p->f, err));
    if (own_hidden) DN_TRY(dn_section_int(section, "logistic", 0, INT32_MIN, INT32_MAX, &logistic, err));
    p->g = logistic == 2 ? DN_LOGGY : logistic == 1 ? DN_LOGISTIC : p->f;
    return dn_section_flag(section, "shortcut", false, &p->shortcut, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) { return dn_simple_infer(into, plan, err); }

const dn_layer_type dn_layer_rnn = {
    .params_size = sizeof(dn_simple),
    .flags = DN_LAYER_RECURRENT,
    .parse = parse,
    .infer = infer,
    .forward = dn_simple_forward,
    .backward = dn_simple_backward,
};
