/* activation.h — names and scalar formulas of the activations; their only home besides vector kernels.
 *
 * normalize_channels*: over the channels at one (i, j), so they have no scalar form (see backend/ref/activation.c):
 *   normalize_channels                  y_c = max(x_c, 0) / (Σ max(x, 0) + 0.0001)
 *   normalize_channels_softmax          y_c = e^{x_c} / (Σ e^x + 0.0001)
 *   normalize_channels_softmax_maxval   the same with x − max(x)
 */
#ifndef DN_OP_ACTIVATION_H
#define DN_OP_ACTIVATION_H

#include "op/op.h"

bool dn_activation_find(const char *name, dn_activation *out); /* cfg name → kind */
const char *dn_activation_name(dn_activation kind);
bool dn_activation_across_channels(dn_activation kind);
/* f(x); for the kinds that have no scalar form, x. */
float dn_activate(dn_activation kind, float x);

/* f'(x) as the reference computes it, given x and y = f(x); for the kinds that have no scalar form, 1. */
float dn_activation_slope(dn_activation kind, float x, float y);

#endif
