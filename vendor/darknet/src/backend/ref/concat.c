/* concat.c — channels first[k] … first[k]+channels[k]−1 of every input k, one after the other; flat: an input counts as
 * one row of c·h·w channels of one cell. */
#include <string.h>

#include "backend/ref/ref.h"

void dn_ref_concat(const dn_ref_call *call) {
    const dn_op_concat *const p = &call->op->as.concat;
    const dn_shape out = call->outputs[0].shape;
    const size_t plane = p->flat ? 1 : (size_t)out.h * (size_t)out.w;
    const size_t out_image = (size_t)dn_shape_image(out);
    size_t start = 0;
    for (int k = 0; k < call->op->input_count; k++) {
        const size_t first = (size_t)p->first[k] * plane, count = (size_t)p->channels[k] * plane;
        const size_t in_image = (size_t)dn_shape_image(call->inputs[k].shape);
        for (size_t n = 0; n < (size_t)out.n; n++) {
            const float *const from = call->inputs[k].data + n * in_image + first;
            memcpy(call->outputs[0].data + n * out_image + start, from, count * sizeof(float));
        }
        start += count;
    }
}
