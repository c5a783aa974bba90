/* loss.h — what a loss is given and fills in: the delta of its layer's output, and a row of figures (dn_figure) per image.
 * What is known for the whole mini-batch only goes into the first row. */
#ifndef DN_LAYERS_LOSS_H
#define DN_LAYERS_LOSS_H

#include "layers/layer.h"

/* A loss over rows of `outputs` values against truths of `truths` values. */
typedef struct dn_loss_call {
    const dn_host_call *call;
    const dn_host_tensor *truth, *clock;
    float *delta;      /* shape of the layer's output                        */
    float *figures;    /* (rows, columns), cleared                           */
    int rows, columns; /* DN_FIGURES columns, then what the layer keeps for itself */
} dn_loss_call;
/* `inputs` own tensors come before truth and clock. Clears delta and figures. */
dn_loss_call dn_loss_open(const dn_host_call *call, int inputs);
static inline float *dn_loss_figures(const dn_loss_call *loss, int row) {
    return loss->figures + (size_t)row * (size_t)loss->columns;
}
static inline uint64_t dn_loss_seen(const dn_loss_call *loss, int row) {
    return dn_clock(loss->clock, row, DN_CLOCK_SEEN);
}

#endif
