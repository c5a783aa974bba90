/* activation_gradient.c — dx = f'(x) · dy, value by value (op/activation.c), or over the channels at one (i, j). With
 * y_c = e_c / (Σ e + 0.0001) and g = Σ_c dy_c · y_c:
 *   normalize_channels_softmax*   dx_c = y_c · (dy_c − g)
 *   normalize_channels            dx_c = dy_c · 0 where y_c <= 0, else (dy_c − g) / Σ ... see normalize() */
#include "backend/ref/accumulate.h"
#include "op/activation.h"

void dn_ref_activation_gradient(const dn_ref_call *call) {
    const dn_activation kind = call->op->as.activation_gradient.kind;
    const float *const x = call->inputs[0].data, *const y = call->inputs[1].data, *const dy = call->inputs[2].data;
    float *const dx = call->outputs[0].data;
    const size_t count = (size_t)dn_shape_count(call->outputs[0].shape);
    for (size_t i = 0; i < count; i++) {
        const float value = dn_activation_slope(kind, x[i], y[i]) * dy[i];
        dx[i] = (call->op->accumulate ? dx[i] : 0.0F) + value;
    }
}
