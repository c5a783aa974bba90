/* upsample.c — y[n,c,i,j] = scale · x[n,c,i/stride,j/stride], 0 where x has no such cell; reverse: y[n,c,i,j] = scale · Σ
 * of the stride × stride cells of x that belong to it. */
#include "backend/ref/ref.h"

static float sum_of_block(const float *x, int width, int stride) {
    double sum = 0.0;
    for (int r = 0; r < stride; r++) {
        for (int k = 0; k < stride; k++) sum += (double)x[(ptrdiff_t)r * width + k];
    }
    return (float)sum;
}

/* Sides that stride does not divide have a rest that reverse leaves out: its delta is 0. */
static float value_at(const float *x, dn_shape in, ptrdiff_t row, ptrdiff_t column) {
    return row < in.h && column < in.w ? x[row * in.w + column] : 0.0F;
}

void dn_ref_upsample(const dn_ref_call *call) {
    const dn_op_upsample *const p = &call->op->as.upsample;
    const dn_shape in = call->inputs[0].shape, out = call->outputs[0].shape;
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    for (int k = 0; k < out.n * out.c; k++, x += (ptrdiff_t)in.h * in.w) {
        for (ptrdiff_t i = 0; i < out.h; i++) {
            for (ptrdiff_t j = 0; j < out.w; j++, y++) {
                const float value = p->reverse ? sum_of_block(x + (i * in.w + j) * p->stride, in.w, p->stride)
                                               : value_at(x, in, i / p->stride, j / p->stride);
                *y = (call->op->accumulate ? *y : 0.0F) + p->scale * value;
            }
        }
    }
}
