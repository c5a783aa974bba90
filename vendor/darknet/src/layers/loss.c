/* loss.c — what all losses begin with. */
#include "layers/loss.h"

#include <string.h>

dn_loss_call dn_loss_open(const dn_host_call *call, int inputs) {
    const dn_host_tensor *delta = &call->outputs[0], *figures = &call->outputs[1];
    memset(delta->data, 0, (size_t)dn_shape_count(delta->shape) * sizeof(float));
    memset(figures->data, 0, (size_t)dn_shape_count(figures->shape) * sizeof(float));
    return (dn_loss_call){
        .call = call,
        .truth = &call->inputs[inputs],
        .clock = &call->inputs[inputs + 1],
        .delta = delta->data,
        .figures = figures->data,
        .rows = figures->shape.n,
        .columns = figures->shape.c,
    };
}
