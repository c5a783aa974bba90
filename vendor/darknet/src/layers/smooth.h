/* smooth.h — smooth= of [convolutional]: outputs are held to those beside them while they learn. */
#ifndef DN_LAYERS_SMOOTH_H
#define DN_LAYERS_SMOOTH_H

#include "layers/layer.h"

/* *out: x as it is, for which backward adds to the delta; `rate` must live as long as the plan. */
dn_status dn_emit_smooth(dn_emit *emit, int x, const float *rate, int *out);

#endif
