/* add_gradient.c — dx_k[n,c,i,j] = a_k[c] · dy[n,c,i,j] for the channels that x_k gave; sampled: at the positions where
 * both terms had a value (add.c).
 *
 * With s_k[c] = Σ_{n,i,j} dy · x_k, summed over the channels when there is one weight a term, and g = Σ_k a_k · s_k:
 *   dw_k += s_k                          RAW; approximate, whatever the normalization
 *   dw_k += (s_k − g) · a_k / w_k        RELU, where w_k > 0: a_k / w_k is 1 / (Σ max(w, 0) + 0.0001)
 *   dw_k += (s_k − g) · a_k              SOFTMAX; the largest weight, which is subtracted from all before the small
 *                                        term is added, also gets −g · (1 − Σ a), so that the sum over k is 0 */
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

/* Channels that share the weights of channel `first`. */
static int shared_channels(const dn_ref_call *call) {
    return call->op->as.add_gradient.weights == DN_ADD_PER_CHANNEL ? 1 : call->inputs[0].shape.c;
}

static double factor_delta(const dn_ref_call *call, int term, int first) {
    const int end = smaller(first + shared_channels(call), call->inputs[1 + term].shape.c);
    double sum = 0.0;
    for (int c = first; c < end; c++) sum += product_sum(call, term, c);
    return sum;
}

typedef struct shares {
    double g, rest; /* Σ a · s, 1 − Σ a */
    int largest;
} shares;

static size_t weight_at(const dn_ref_call *call, int term, int channel) {
    const size_t per_term = (size_t)(call->inputs[0].shape.c / shared_channels(call));
    return (size_t)term * per_term + (size_t)channel;
}

static shares shares_of(const dn_ref_call *call, const float *w, int channel) {
    shares s = {0.0, 1.0, 0};
    for (int k = 0; k < call->op->as.add_gradient.terms; k++) {
        const double a = (double)coefficient(call, k, channel);
        s.g += a * factor_delta(call, k, channel);
        s.rest -= a;
        if (w[weight_at(call, k, channel)] > w[weight_at(call, s.largest, channel)]) s.largest = k;
    }
    return s;
}

static double weight_delta(const dn_ref_call *call, const shares *s, float w, int term, int channel) {
    const dn_op_add *const p = &call->op->as.add_gradient;
    const double by_factor = factor_delta(call, term, channel), a = (double)coefficient(call, term, channel);
    if (p->normalization == DN_ADD_RAW || p->approximate) return by_factor;
    if (p->normalization == DN_ADD_RELU) return w > 0.0F ? (by_factor - s->g) * a / (double)w : 0.0;
    return (by_factor - s->g) * a - (term == s->largest ? s->g * s->rest : 0.0);
}

static void weight_channel(const dn_ref_call *call, int channel) {
    const dn_op_add *const p = &call->op->as.add_gradient;
    const float *const w = call->inputs[1 + p->terms].data;
    const bool normalized = p->normalization != DN_ADD_RAW && !p->approximate;
    const shares s = normalized ? shares_of(call, w, channel) : (shares){0.0, 0.0, 0};
    for (int k = 0; k < p->terms; k++) {
        const size_t at = weight_at(call, k, channel);
        call->outputs[p->terms].data[at] += (float)weight_delta(call, &s, w[at], k, channel);
    }
}

void dn_ref_add_gradient(const dn_ref_call *call) {
    const dn_op_add *const p = &call->op->as.add_gradient;
    for (int k = 0; k < p->terms; k++) back_term(call, k);
    if (p->weights == DN_ADD_PLAIN || call->outputs[p->terms].data == NULL) return;
    for (int c = 0; c < call->inputs[0].shape.c; c += shared_channels(call)) weight_channel(call, c);
}
