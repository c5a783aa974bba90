/* crnn.c — the simple recurrent layer, of three [convolutional] ones. Per time step, s the state:
 *
 *   s = f(input(x)) + f(self(s)) [+ s with shortcut=1];  y = f(output(s))
 *   cfg      alexeyab: output (1), hidden (1), size (3), pad, padding, dilation, groups, xnor for all three;
 *            pjreddie: output_filters (1), hidden_filters (1), 3 × 3 with padding 1;
 *            activation f (logistic), batch_normalize, shortcut
 *   shape    rows and columns stay as they are, so 2 · padding = size − 1 and stride = 1
 *   state    s (hidden, h, w), zero at first; in training, at the beginning of every mini-batch
 *   slots    of input, self, output, each as in [convolutional]; batch norm uses the stored statistics, in
 *            training those of each time step
 *   flops    those of the three */
#include "layers/recurrent.h"

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    dn_simple *p = into;
    const bool pjreddie = context->dialect == DN_PJREDDIE;
    DN_TRY(dn_parts_parse(section, context, &p->parts, err));
    DN_TRY(dn_parts_parse_window(section, &p->parts, err));
    const char *output = pjreddie ? "output_filters" : "output", *hidden = pjreddie ? "hidden_filters" : "hidden";
    DN_TRY(dn_section_int(section, output, 1, 1, DN_FILTERS_MAX, &p->outputs, err));
    DN_TRY(dn_section_int(section, hidden, 1, 1, DN_FILTERS_MAX, &p->hidden, err));
    DN_TRY(dn_parse_activation(section, context, DN_LOGISTIC, &p->f, err));
    p->g = p->f;
    return dn_section_flag(section, "shortcut", false, &p->shortcut, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) { return dn_simple_infer(into, plan, err); }

const dn_layer_type dn_layer_crnn = {
    .params_size = sizeof(dn_simple),
    .flags = DN_LAYER_RECURRENT,
    .parse = parse,
    .infer = infer,
    .forward = dn_simple_forward,
    .backward = dn_simple_backward,
};
