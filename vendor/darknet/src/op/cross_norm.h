/* cross_norm.h — batch norm of training by the mini-batches of an iteration so far: cross_norm.c. */
#ifndef DN_OP_CROSS_NORM_H
#define DN_OP_CROSS_NORM_H

#include "op/emit.h"

/* Parameters as dn_emit_batchnorm takes them; `params` live as long as the plan. */
dn_status dn_emit_cross_norm(dn_emit *emit, int x, int scales, int mean, int variance, int biases,
                             const dn_op_batchnorm *params, int *out);

#endif
