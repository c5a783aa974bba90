/* conv2d.c — y[n,f,i,j] = b[f] + Σ_{c,u,v} w[f,c,u,v] · x[n,c,r,k] with r = i·stride_y − pad + u·dilation and
 * k = j·stride_x − pad + v·dilation; cells of x outside the image are left out.
 *
 * One output row at a time; the innermost loop runs over the columns of that row, contiguous in y and (stride 1) in x.
 * The channel loop is inside the loops over u and v, so that the bounds of the columns are found once per (u, v); four
 * channels at a time, so that y is loaded and stored once for four products.
 *
 * xnor: x counts as +1 where x > 0 and as −1 elsewhere. Cells outside the image count as 0, or, under prepare BINARY and
 * stride 1, as −1. The latter runs on bits (conv2d_packed.c) but for filters that reach very far; here it is computed as Σ w·(s + 1) over the cells inside, minus Σ w over all cells, so that
 * nothing has to be known about the cells outside. */
#include "backend/ref/ref.h"

/* Columns of y in one go when a 1 × 1 convolution treats a whole plane as one row; keeps all channels in the cache. */
#define POINTWISE_COLUMNS 256

/* One image, one group. */
typedef struct convolution {
    const dn_op_conv2d *params;
    const float *x, *weights, *biases; /* biases may be NULL */
    float *y;
    dn_shape in, out; /* c: of the group */
    bool xnor, pad_minus_one;
} convolution;

/* A range of columns of one row of y, and what it adds up: x[j·stride] · w for `channels` channels. */
typedef struct span {
    int count, stride, channels;
    size_t x_plane, weight_step;
} span;

static void add_products(const span *s, float *restrict y, const float *restrict x, const float *weights) {
    int c = 0;
    for (; c + 4 <= s->channels; c += 4, x += 4 * s->x_plane, weights += 4 * s->weight_step) {
        const float *const x1 = x + s->x_plane, *const x2 = x1 + s->x_plane, *const x3 = x2 + s->x_plane;
        const float w0 = weights[0], w1 = weights[s->weight_step];
        const float w2 = weights[2 * s->weight_step], w3 = weights[3 * s->weight_step];
        if (s->stride == 1) {
            for (int j = 0; j < s->count; j++) y[j] += w0 * x[j] + w1 * x1[j] + w2 * x2[j] + w3 * x3[j];
        } else {
            for (int j = 0; j < s->count; j++) {
                const ptrdiff_t k = (ptrdiff_t)j * s->stride;
                y[j] += w0 * x[k] + w1 * x1[k] + w2 * x2[k] + w3 * x3[k];
            }
        }
    }
    for (; c < s->channels; c++, x += s->x_plane, weights += s->weight_step) {
        const float w = weights[0];
        if (s->stride == 1) {
            for (int j = 0; j < s->count; j++) y[j] += w * x[j];
        } else {
            for (int j = 0; j < s->count; j++) y[j] += w * x[(ptrdiff_t)j * s->stride];
        }
    }
}

/* The same with s(x) + shift in place of x, s = ±1. */
static void add_signs(const span *s, float *restrict y, const float *restrict x, const float *weights, float shift) {
    for (int c = 0; c < s->channels; c++, x += s->x_plane, weights += s->weight_step) {
        const float above = weights[0] * (1.0F + shift), below = weights[0] * (shift - 1.0F);
        for (int j = 0; j < s->count; j++) y[j] += x[(ptrdiff_t)j * s->stride] > 0.0F ? above : below;
    }
}

static void add_span(const convolution *job, const span *s, float *y, const float *x, const float *weights) {
    if (job->xnor) {
        add_signs(s, y, x, weights, job->pad_minus_one ? 1.0F : 0.0F);
    } else {
        add_products(s, y, x, weights);
    }
}

/* What a row of filter f starts with. */
static float row_start(const convolution *job, int f) {
    const float bias = job->biases != NULL ? job->biases[f] : 0.0F;
    if (!job->pad_minus_one) return bias;
    const size_t per_filter = (size_t)job->in.c * (size_t)job->params->size * (size_t)job->params->size;
    const float *weights = job->weights + (size_t)f * per_filter;
    double sum = 0.0;
    for (size_t i = 0; i < per_filter; i++) sum += (double)weights[i];
    return bias - (float)sum;
}

static void fill_row(float *y, int count, float value) {
    for (int j = 0; j < count; j++) y[j] = value;
}

/* Smallest j >= 0 with j · stride >= distance, at most `limit`. */
static int first_at_least(int64_t distance, int stride, int limit) {
    if (distance <= 0) return 0;
    const int64_t j = (distance + stride - 1) / stride;
    return j < limit ? (int)j : limit;
}

/* Adds what cell (u, v) of every filter contributes to row i of y, which lies on row `row` of x. */
static void add_cell(const convolution *job, int i, int64_t row, int u, int v) {
    const dn_op_conv2d *const p = job->params;
    const int64_t offset = (int64_t)v * p->dilation - p->pad;
    const int begin = first_at_least(-offset, p->stride_x, job->out.w);
    const int end = first_at_least(job->in.w - offset, p->stride_x, job->out.w);
    if (end <= begin) return;
    const size_t cells = (size_t)p->size * (size_t)p->size, y_plane = (size_t)job->out.h * (size_t)job->out.w;
    const span s = {end - begin, p->stride_x, job->in.c, (size_t)job->in.h * (size_t)job->in.w, cells};
    const float *const x = job->x + row * job->in.w + (begin * (int64_t)p->stride_x + offset);
    float *const y = job->y + (size_t)i * (size_t)job->out.w + begin;
    const float *const weights = job->weights + (size_t)u * (size_t)p->size + (size_t)v;
    for (int f = 0; f < job->out.c; f++) {
        add_span(job, &s, y + (size_t)f * y_plane, x, weights + (size_t)f * (size_t)job->in.c * cells);
    }
}

static void convolve(const convolution *job) {
    const dn_op_conv2d *const p = job->params;
    const size_t y_plane = (size_t)job->out.h * (size_t)job->out.w;
    for (int f = 0; f < job->out.c; f++) fill_row(job->y + (size_t)f * y_plane, (int)y_plane, row_start(job, f));
    for (int i = 0; i < job->out.h; i++) {
        for (int u = 0; u < p->size; u++) {
            const int64_t row = (int64_t)i * p->stride_y - p->pad + (int64_t)u * p->dilation;
            if (row < 0 || row >= job->in.h) continue;
            for (int v = 0; v < p->size; v++) add_cell(job, i, row, u, v);
        }
    }
}

/* 1 × 1, stride 1, no padding: rows have no meaning, so they are cut anew. */
static void convolve_pointwise(const convolution *job) {
    const int plane = job->out.h * job->out.w;
    for (int start = 0; start < plane; start += POINTWISE_COLUMNS) {
        const int count = plane - start < POINTWISE_COLUMNS ? plane - start : POINTWISE_COLUMNS;
        const span s = {count, 1, job->in.c, (size_t)plane, 1};
        for (int f = 0; f < job->out.c; f++) {
            float *const y = job->y + (size_t)f * (size_t)plane + start;
            fill_row(y, count, row_start(job, f));
            add_span(job, &s, y, job->x + start, job->weights + (size_t)f * (size_t)job->in.c);
        }
    }
}

static bool is_pointwise(const convolution *job) {
    const dn_op_conv2d *const p = job->params;
    return p->size == 1 && p->stride_x == 1 && p->stride_y == 1 && p->pad == 0 && job->in.h == job->out.h &&
           job->in.w == job->out.w;
}

void dn_ref_conv2d(const dn_ref_call *call) {
    if (call->state->bits != NULL) {
        dn_ref_conv2d_packed(call);
        return;
    }
    const dn_op_conv2d *const p = &call->op->as.conv2d;
    const dn_host_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    const float *const weights = call->state->weights != NULL ? call->state->weights : call->inputs[1].data;
    convolution job = {.params = p, .in = x->shape, .out = y->shape};
    job.xnor = p->binary == DN_BINARY_XNOR;
    job.pad_minus_one = call->state->pad_minus_one;
    job.in.c /= p->groups;
    job.out.c /= p->groups;
    const size_t per_filter = (size_t)job.in.c * (size_t)p->size * (size_t)p->size;
    for (int k = 0; k < y->shape.n * p->groups; k++) { /* image by image, group by group: both are contiguous */
        const int group = k % p->groups;
        job.x = x->data + (size_t)k * (size_t)dn_shape_image(job.in);
        job.y = y->data + (size_t)k * (size_t)dn_shape_image(job.out);
        job.weights = weights + (size_t)group * (size_t)job.out.c * per_filter;
        job.biases = call->state->biases == NULL ? NULL : call->state->biases + (size_t)group * (size_t)job.out.c;
        if (is_pointwise(&job)) {
            convolve_pointwise(&job);
        } else {
            convolve(&job);
        }
    }
}
