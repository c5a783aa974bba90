/* append.h — what the files of op/ share. */
#ifndef DN_OP_APPEND_H
#define DN_OP_APPEND_H

#include "op/emit.h"

/* Appends `op`, lists of inputs and outputs copied. */
dn_status dn_emit_append(dn_emit *emit, dn_op op, const int *inputs, int input_count, const int *outputs,
                         int output_count);
/* batchnorm_fixed.c: carries dy, the delta of the op's output, on to its input */
dn_status dn_emit_batchnorm_fixed(dn_emit *emit, const dn_op *op, int dy);
/* emit.c: after a run the rolling statistics follow those of the run */
dn_status dn_emit_roll(dn_emit *emit, int mean, int variance, int rolling_mean, int rolling_variance);
/* signs.c */
dn_status dn_emit_signs(dn_emit *emit, int x, int *out);

#endif
