/* op.c — names of the op kinds. */
#include "op/op.h"

const char *dn_op_name(dn_op_kind kind) {
    static const char *const names[DN_OP_KINDS] = {
#define DN_OP(id) [DN_OP_##id] = #id,
#include "op/op.inc"
#undef DN_OP
    };
    return (unsigned)kind < DN_OP_KINDS ? names[kind] : "unknown";
}
