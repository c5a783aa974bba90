/* pool_global.c — y[n,c] = mean of x[n,c] over rows and columns, summed in double. */
#include "backend/ref/ref.h"

void dn_ref_pool_global(const dn_ref_call *call) {
    const dn_shape in = call->inputs[0].shape;
    const size_t plane = (size_t)in.h * (size_t)in.w;
    const float *x = call->inputs[0].data;
    for (int k = 0; k < in.n * in.c; k++, x += plane) {
        double sum = 0.0;
        for (size_t i = 0; i < plane; i++) sum += (double)x[i];
        call->outputs[0].data[k] = (float)(sum / (double)plane);
    }
}
