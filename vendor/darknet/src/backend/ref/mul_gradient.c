/* mul_gradient.c — dx = s · dy; ds = Σ x · dy over what shares the factor: a channel's cells, or a cell's channels. */
#include "backend/ref/accumulate.h"

void dn_ref_mul_gradient(const dn_ref_call *call) {
    const dn_shape shape = call->inputs[0].shape, scale = call->inputs[1].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    const size_t channel_step = scale.c == 1 ? 0 : (size_t)scale.h * (size_t)scale.w;
    const size_t cell_step = scale.h == 1 && scale.w == 1 ? 0 : 1;
    float *const dx = call->outputs[0].data, *const ds = call->outputs[1].data;
    dn_ref_begin(call, &call->outputs[0]);
    dn_ref_begin(call, &call->outputs[1]);
    size_t at = 0;
    for (size_t n = 0; n < (size_t)shape.n; n++) {
        for (size_t c = 0; c < (size_t)shape.c; c++) {
            const size_t factor = n * (size_t)dn_shape_image(scale) + c * channel_step;
            for (size_t i = 0; i < plane; i++, at++) {
                const float dy = call->inputs[2].data[at];
                if (dx != NULL) dx[at] += call->inputs[1].data[factor + i * cell_step] * dy;
                if (ds != NULL) ds[factor + i * cell_step] += call->inputs[0].data[at] * dy;
            }
        }
    }
}
