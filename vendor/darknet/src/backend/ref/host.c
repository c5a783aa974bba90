/* host.c — a layer's own C function. */
#include "backend/ref/ref.h"

void dn_ref_host(const dn_ref_call *call) {
    const dn_host_call host = {call->op->as.host.params, call->inputs, call->outputs};
    call->op->as.host.function(&host);
}
