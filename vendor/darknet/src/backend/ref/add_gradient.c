/* add_gradient.c — dx_k[n,c,i,j] = a_k[c] · dy[n,c,i,j] for the channels that x_k gave; sampled: at the positions where
 * both terms had a value (add.c).
 *
 * dw as in the reference, with s_k[c] = Σ_{n,i,j} dy · x_k, summed over the channels when there is one weight a term:
 *   dw_k += s_k              RAW and RELU (the derivative of relu's normalization is left out)
 *   dw_k += s_k · (1 − a_k) · a_k     SOFTMAX (terms of other weights are left out) */
#include "backend/ref/accumulate.h"

static int smaller(int a, int b) { return a < b ? a : b; }

static float coefficient(const dn_ref_call *call, int term, int channel) {
    const float *const a = call->state->coefficients;
    return a == NULL ? 1.0F : a[(size_t)term * (size_t)call->inputs[0].shape.c + (size_t)channel];
}

static void back_plane(float *dx, dn_shape in, const float *dy, dn_shape out, float a, bool sampled) {
    if (!sampled) {
        const size_t plane = (size_t)out.h * (size_t)out.w;
        for (size_t i = 0; i < plane; i++) dx[i] += a * dy[i];
        return;
    }
    const int read = in.w / out.w > 1 ? in.w / out.w : 1, write = out.w / in.w > 1 ? out.w / in.w : 1;
    for (int64_t i = 0; i * read < in.h && i * write < out.h; i++) {
        for (int64_t j = 0; j * read < in.w && j * write < out.w; j++) {
            dx[i * read * in.w + j * read] += a * dy[i * write * out.w + j * write];
        }
    }
}

static void back_term(const dn_ref_call *call, int term) {
    const dn_host_tensor *const dy = &call->inputs[0], *const dx = &call->outputs[term];
    if (dx->data == NULL) return;
    const bool sampled = call->op->as.add_gradient.sampled && term > 0;
    const size_t from = (size_t)dy->shape.h * (size_t)dy->shape.w, to = (size_t)dx->shape.h * (size_t)dx->shape.w;
    dn_ref_begin(call, dx);
    for (size_t n = 0; n < (size_t)dy->shape.n; n++) {
        for (int c = 0; c < smaller(dx->shape.c, dy->shape.c); c++) {
            back_plane(dx->data + n * (size_t)dn_shape_image(dx->shape) + (size_t)c * to, dx->shape,
                       dy->data + n * (size_t)dn_shape_image(dy->shape) + (size_t)c * from, dy->shape,
                       coefficient(call, term, c), sampled);
        }
    }
}

static double product_sum(const dn_ref_call *call, int term, int channel) {
    const dn_host_tensor *const dy = &call->inputs[0], *const x = &call->inputs[1 + term];
    const size_t plane = (size_t)dy->shape.h * (size_t)dy->shape.w;
    double sum = 0.0;
    for (size_t n = 0; n < (size_t)dy->shape.n; n++) {
        const float *const a = dy->data + n * (size_t)dn_shape_image(dy->shape) + (size_t)channel * plane;
        const float *const b = x->data + n * (size_t)dn_shape_image(x->shape) + (size_t)channel * plane;
        for (size_t i = 0; i < plane; i++) sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

static void weight_term(const dn_ref_call *call, int term) {
    const dn_op_add *const p = &call->op->as.add_gradient;
    const int channels = call->inputs[0].shape.c;
    float *const dw = call->outputs[p->terms].data;
    for (int c = 0; c < smaller(channels, call->inputs[1 + term].shape.c); c++) {
        const double a = (double)coefficient(call, term, c);
        const double factor = p->normalization == DN_ADD_SOFTMAX && !p->approximate ? (1.0 - a) * a : 1.0;
        const size_t at = p->weights == DN_ADD_PER_CHANNEL ? (size_t)term * (size_t)channels + (size_t)c : (size_t)term;
        dw[at] += (float)(factor * product_sum(call, term, c));
    }
}

void dn_ref_add_gradient(const dn_ref_call *call) {
    const dn_op_add *const p = &call->op->as.add_gradient;
    for (int k = 0; k < p->terms; k++) back_term(call, k);
    if (p->weights == DN_ADD_PLAIN || call->outputs[p->terms].data == NULL) return;
    for (int k = 0; k < p->terms; k++) weight_term(call, k);
}
