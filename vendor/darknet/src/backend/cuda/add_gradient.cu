/* add_gradient.cu — dx_k[n,c,i,j] = a_k[c] · dy[n,c,i,j] for the channels that x_k gave, and dw by the chain rule; the
 * formulas: backend/ref/add_gradient.c. One launch a term for each:
 *   dx_k   one thread a value of it, in memory order
 *   dw     the sum s_k of each weight (sums.cuh), which one thread then adds, with its share, to all dw of its channel:
 *          dw_l += (δ_kl − a_k) · s_k · a_l' summed over k is the chain rule, and needs room for one sum at a time */
#include "backend/cuda/deltas.cuh"
#include "backend/cuda/sums.cuh"

/* ---- dx ---- */

typedef struct add_term_shapes {
    dn_shape in, out;     /* of x_k, of y */
    unsigned read, write; /* sampled: every so many-th row and column of x_k, of y; else 1 */
    const float *factors; /* a_k[c]; NULL: 1 */
} add_term_shapes;

static add_term_shapes shapes_of(const dn_cuda_call *call, int term) {
    const dn_op_add *const p = &call->op->as.add_gradient;
    add_term_shapes s = {call->outputs[term].shape, call->inputs[0].shape, 1, 1, nullptr};
    if (p->sampled && term > 0) {
        s.read = (unsigned)(s.in.w / s.out.w > 1 ? s.in.w / s.out.w : 1);
        s.write = (unsigned)(s.out.w / s.in.w > 1 ? s.out.w / s.in.w : 1);
    }
    const float *const a = call->state->coefficients;
    if (a != nullptr) s.factors = a + (size_t)term * (size_t)s.out.c;
    return s;
}

/* Where dy of a value of x_k is, or that it has none. */
__device__ static bool delta_of(const add_term_shapes &s, unsigned at, unsigned *channel, size_t *from) {
    const unsigned width = (unsigned)s.in.w, height = (unsigned)s.in.h, channels = (unsigned)s.in.c;
    const unsigned column = at % width, row = at / width % height, n = at / width / height / channels;
    *channel = at / width / height % channels;
    if (*channel >= (unsigned)s.out.c || row % s.read != 0 || column % s.read != 0) return false;
    const size_t i = (size_t)(row / s.read) * s.write, j = (size_t)(column / s.read) * s.write;
    if (i >= (size_t)s.out.h || j >= (size_t)s.out.w) return false;
    *from = (((size_t)n * (size_t)s.out.c + *channel) * (size_t)s.out.h + i) * (size_t)s.out.w + j;
    return true;
}

static __global__ void back_term(size_t count, float *dx, const float *dy, add_term_shapes shapes, bool add) {
    EACH(i, count) {
        unsigned channel;
        size_t from;
        if (delta_of(shapes, (unsigned)i, &channel, &from)) {
            put_delta(dx, i, add, (shapes.factors == nullptr ? 1.0F : shapes.factors[channel]) * dy[from]);
        } else if (!add) {
            dx[i] = 0.0F;
        }
    }
}

/* ---- dw ---- */

/* dy · x_k at a value of dy; 0 where x_k has no such channel. */
struct add_gradient_term {
    const float *dy, *x;
    unsigned image, x_image; /* values of an image of dy, of x_k */
    __device__ void operator()(size_t, size_t at, float (&values)[1]) const {
        const unsigned n = (unsigned)at / image, rest = (unsigned)at % image;
        values[0] = rest < x_image ? dy[at] * x[(size_t)n * x_image + rest] : 0.0F;
    }
};

/* What s_k adds to the weights of one channel, or of all when they share them. */
struct add_gradient_finish {
    dn_op_add params;
    int term;                 /* k */
    unsigned channels, apart; /* of y; weights of a term */
    const float *a, *w;
    float *dw;

    __device__ float coefficient(int l, size_t channel) const { return a[(size_t)l * channels + channel]; }
    __device__ float weight(int l, size_t channel) const { return w[(size_t)l * apart + channel]; }

    /* The largest weight gets what the softmax's small term takes from the sum. */
    __device__ void to_largest(size_t channel, float share) const {
        int largest = 0;
        dn_cuda_accumulator rest;
        rest.add(1.0F);
        for (int l = 0; l < params.terms; l++) {
            rest.add(-coefficient(l, channel));
            if (weight(l, channel) > weight(largest, channel)) largest = l;
        }
        dw[(size_t)largest * apart + channel] -= share * rest.sum;
    }

    __device__ void operator()(size_t channel, const float (&sums)[1]) const {
        if (params.normalization == DN_ADD_RAW || params.approximate) {
            dw[(size_t)term * apart + channel] += sums[0];
            return;
        }
        const float share = coefficient(term, channel) * sums[0]; /* of g */
        for (int l = 0; l < params.terms; l++) {
            float slope = coefficient(l, channel);
            if (params.normalization == DN_ADD_RELU) {
                const float value = weight(l, channel);
                slope = value > 0.0F ? slope / value : 0.0F;
            }
            dw[(size_t)l * apart + channel] += ((l == term ? sums[0] : 0.0F) - share) * slope;
        }
        if (params.normalization == DN_ADD_SOFTMAX) to_largest(channel, share);
    }
};

static void back_weights(const dn_cuda_call *call, int term) {
    const dn_op_add *const p = &call->op->as.add_gradient;
    const dn_shape out = call->inputs[0].shape, in = call->inputs[1 + term].shape;
    const bool per_channel = p->weights == DN_ADD_PER_CHANNEL;
    const add_gradient_term values = {dn_cuda_floats(&call->inputs[0]), dn_cuda_floats(&call->inputs[1 + term]),
                                      (unsigned)dn_shape_image(out), (unsigned)dn_shape_image(in)};
    const add_gradient_finish finish = {*p,
                                        term,
                                        (unsigned)out.c,
                                        per_channel ? (unsigned)out.c : 1U,
                                        call->state->coefficients,
                                        dn_cuda_floats(&call->inputs[1 + p->terms]),
                                        dn_cuda_floats(&call->outputs[p->terms])};
    const dn_cuda_planes planes =
        per_channel ? dn_cuda_planes_of(out) : dn_cuda_planes_rows(1, (size_t)dn_shape_count(out));
    dn_cuda_sums<1>(call, planes, 0, values, finish);
}

extern "C" void dn_cuda_add_gradient(const dn_cuda_call *call) {
    const dn_op_add *const p = &call->op->as.add_gradient;
    for (int k = 0; k < p->terms; k++) {
        float *const dx = dn_cuda_floats(&call->outputs[k]);
        if (dx == nullptr) continue;
        dn_cuda_each(call, dn_cuda_count(&call->outputs[k]), back_term, dx, dn_cuda_floats(&call->inputs[0]),
                     shapes_of(call, k), call->op->accumulate);
    }
    if (p->weights == DN_ADD_PLAIN || call->outputs[p->terms].data == nullptr) return;
    for (int k = 0; k < p->terms; k++) back_weights(call, k);
}
