/* add.c — y = Σ_k a_k · x_k, in the shape of x_0; an x_k adds to the channels that both have. a_k: backend/fold.h.
 *
 * sampled (two terms, heights and widths differ): with s = max(1, w_1 / w_0) and t = max(1, w_0 / w_1),
 * y[c, i·t, j·t] = x_0[c, i·t, j·t] + x_1[c, i·s, j·s] for the (i, j) that lie inside both; elsewhere y = x_0. */
#include "backend/ref/ref.h"

static int smaller(int a, int b) { return a < b ? a : b; }

static float coefficient(const dn_ref_call *call, int term, int channel) {
    const float *const a = call->state->coefficients;
    return a == NULL ? 1.0F : a[(size_t)term * (size_t)call->outputs[0].shape.c + (size_t)channel];
}

/* to += a · from over the positions where both have a value. */
static void add_plane(float *to, dn_shape out, const float *from, dn_shape in, float a, bool sampled) {
    if (!sampled) {
        const size_t plane = (size_t)out.h * (size_t)out.w;
        for (size_t i = 0; i < plane; i++) to[i] += a * from[i];
        return;
    }
    const int read = in.w / out.w > 1 ? in.w / out.w : 1, write = out.w / in.w > 1 ? out.w / in.w : 1;
    for (int64_t i = 0; i * read < in.h && i * write < out.h; i++) {
        for (int64_t j = 0; j * read < in.w && j * write < out.w; j++) {
            to[i * write * out.w + j * write] += a * from[i * read * in.w + j * read];
        }
    }
}

void dn_ref_add(const dn_ref_call *call) {
    const dn_op_add *const p = &call->op->as.add;
    const dn_host_tensor *const y = &call->outputs[0];
    const size_t plane = (size_t)y->shape.h * (size_t)y->shape.w;
    for (int n = 0; n < y->shape.n; n++) {
        for (int c = 0; c < y->shape.c; c++) {
            const size_t at = ((size_t)n * (size_t)y->shape.c + (size_t)c) * plane;
            const float a = coefficient(call, 0, c);
            for (size_t i = at; i < at + plane; i++) y->data[i] = a * call->inputs[0].data[i];
        }
        for (int k = 1; k < p->terms; k++) {
            const dn_shape in = call->inputs[k].shape;
            const float *const x = call->inputs[k].data + (size_t)n * (size_t)dn_shape_image(in);
            float *const to = y->data + (size_t)n * (size_t)dn_shape_image(y->shape);
            for (int c = 0; c < smaller(in.c, y->shape.c); c++) {
                add_plane(to + (size_t)c * plane, y->shape, x + (size_t)c * (size_t)in.h * (size_t)in.w, in,
                          coefficient(call, k, c), p->sampled);
            }
        }
    }
}
