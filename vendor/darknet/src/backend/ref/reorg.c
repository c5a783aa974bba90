/* reorg.c — the reference's reordering, on which YOLOv2's weights depend.
 *
 * With s the stride, the side whose rows are short has shape (C, H, W), "deep", the other one (C/s², H·s, W·s), "wide".
 * Both have the same number of values, and deep (k, i, j) is paired with
 *     wide (k mod C/s², i·s + (k / (C/s²)) / s, j·s + (k / (C/s²)) mod s).
 *
 * Space-to-depth would read the wide side from the input and write the deep side to the output. The reference passes
 * the *input's* c, h, w as C, H, W in both directions: forward, the input (c, h, w) is reinterpreted as the wide side
 * (c/s², h·s, w·s) and the output (c·s², h/s, w/s) as the deep side (c, h, w). So forward and reverse are inverse
 * permutations of the same flat memory; the shapes on paper do not enter. c must be a multiple of s². */
#include "backend/ref/ref.h"

void dn_ref_reorg(const dn_ref_call *call) {
    const dn_op_reorg *const p = &call->op->as.reorg;
    const dn_shape deep = p->by_output ? call->outputs[0].shape : call->inputs[0].shape;
    const int s = p->stride, wide_c = deep.c / (s * s);
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    const size_t image = (size_t)dn_shape_image(deep);
    for (int n = 0; n < deep.n; n++, x += image, y += image) {
        size_t from_deep = 0;
        for (int k = 0; k < deep.c; k++) {
            const int offset = k / wide_c;
            for (int i = 0; i < deep.h; i++) {
                const size_t row = (size_t)(k % wide_c) * (size_t)(deep.h * s) + (size_t)(i * s + offset / s);
                for (int j = 0; j < deep.w; j++, from_deep++) {
                    const size_t wide = row * (size_t)(deep.w * s) + (size_t)(j * s + offset % s);
                    float *const to = p->reverse ? &y[wide] : &y[from_deep];
                    const float value = p->reverse ? x[from_deep] : x[wide];
                    *to = call->op->accumulate ? *to + value : value;
                }
            }
        }
    }
}
