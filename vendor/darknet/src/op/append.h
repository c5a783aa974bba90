/* append.h — what the files of op/ share. */
#ifndef DN_OP_APPEND_H
#define DN_OP_APPEND_H

#include "op/emit.h"

/* Appends `op`, lists of inputs and outputs copied. */
dn_status dn_emit_append(dn_emit *emit, dn_op op, const int *inputs, int input_count, const int *outputs,
                         int output_count);
/* signs.c */
dn_status dn_emit_signs(dn_emit *emit, int x, int *out);

#endif
