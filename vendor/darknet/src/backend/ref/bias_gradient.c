/* bias_gradient.c — db[c] += Σ_{n,i,j} dy[n,c,i,j] */
#include "backend/ref/ref.h"

void dn_ref_bias_gradient(const dn_ref_call *call) {
    const dn_shape shape = call->inputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w, image = (size_t)dn_shape_image(shape);
    for (size_t c = 0; c < (size_t)shape.c; c++) {
        double sum = 0.0;
        for (size_t n = 0; n < (size_t)shape.n; n++) {
            const float *const dy = call->inputs[0].data + n * image + c * plane;
            for (size_t i = 0; i < plane; i++) sum += (double)dy[i];
        }
        call->outputs[0].data[c] += (float)sum;
    }
}
