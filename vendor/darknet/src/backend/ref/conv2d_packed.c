/* conv2d_packed.c — xnor convolution on bits, stride 1: a bit is 1 for +1 and 0 for −1 (x > 0, w > 0).
 *
 *   y[f,i,j] = b[f] + mean|w_f| · Σ over (u, v) and blocks of 64 channels of 2 · popcount(xnor(x, w)) − channels
 *
 * Cells outside the image have no bit set: they count as −1. A filter is size · size · blocks words, u and v outermost.
 *
 * The sums are whole numbers, exact in float below 2^24. x is packed a stretch of a row at a time, into the stack. */
#include <math.h>

#include "backend/ref/ref.h"

#define BITS 64
/* Cells of x in one stretch: what the columns of y reach, and the reach of the filter beside them. */
#define STRETCH 512
#define REACH   384

typedef struct packed_job { /* one image, one group */
    const dn_op_conv2d *params;
    const float *x;
    const uint64_t *bits;
    float *y;
    dn_shape in, out; /* c: of the group */
    int blocks;
} packed_job;

static int blocks_of(int channels) { return channels / BITS + (channels % BITS != 0); }

bool dn_ref_packable(const dn_op_conv2d *params) {
    return params->stride_x == 1 && params->stride_y == 1 && (params->size - 1) * (int64_t)params->dilation <= REACH;
}

size_t dn_ref_packed_words(const dn_op_conv2d *params, int channels) {
    return (size_t)params->size * (size_t)params->size * (size_t)blocks_of(channels);
}

float dn_ref_pack_filter(const dn_op_conv2d *params, int channels, const float *weights, uint64_t *words) {
    const size_t cells = (size_t)params->size * (size_t)params->size, blocks = (size_t)blocks_of(channels);
    double sum = 0.0;
    for (size_t k = 0; k < cells * blocks; k++) words[k] = 0;
    for (size_t c = 0; c < (size_t)channels; c++) {
        for (size_t cell = 0; cell < cells; cell++) {
            const float w = weights[c * cells + cell];
            sum += fabs((double)w);
            words[cell * blocks + c / BITS] |= (uint64_t)(w > 0.0F) << (c % BITS);
        }
    }
    return (float)(sum / (double)(cells * (size_t)channels));
}

/* How many bits are set; without a multiplication, so that compilers can do several words at a time. */
static inline uint64_t population(uint64_t word) {
    word -= (word >> 1) & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) + ((word >> 2) & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    word += word >> 8;
    word += word >> 16;
    word += word >> 32;
    return word & 0x7f;
}

/* Signs of `channels` channels of one row of x, from column `first` on (which may lie outside), `count` of them. */
static void pack_row(const float *row, size_t plane, int channels, int width, int64_t first, int count,
                     uint64_t *words) {
    const int begin = first < 0 ? (-first < count ? (int)-first : count) : 0;
    const int end = width - first < count ? (width - first > begin ? (int)(width - first) : begin) : count;
    for (int k = 0; k < count; k++) words[k] = 0;
    for (int c = 0; c < channels; c++) {
        const float *const x = row + (size_t)c * plane;
        for (int k = begin; k < end; k++) words[k] |= (uint64_t)(x[first + k] > 0.0F) << c;
    }
}

/* y += 2 · popcount(xnor) − channels, over `count` columns; mask has a bit for each channel. */
static void add_matches(float *restrict y, const uint64_t *x, uint64_t weights, uint64_t mask, int channels,
                        int count) {
    for (int j = 0; j < count; j++) {
        const int32_t matches = (int32_t)population(~(x[j] ^ weights) & mask);
        y[j] += (float)(2 * matches - channels);
    }
}

/* Row u of the filters and one block of channels, on the columns [first, first + count) of row i of y. */
static void add_stretch(const packed_job *job, int i, int u, int block, int first, int count) {
    const dn_op_conv2d *const p = job->params;
    const size_t plane = (size_t)job->in.h * (size_t)job->in.w, y_plane = (size_t)job->out.h * (size_t)job->out.w;
    const int channels = job->in.c - block * BITS < BITS ? job->in.c - block * BITS : BITS;
    const uint64_t mask = channels == BITS ? UINT64_MAX : (UINT64_C(1) << channels) - 1;
    const int64_t row = (int64_t)i - p->pad + (int64_t)u * p->dilation;
    const int reach = (p->size - 1) * p->dilation;
    uint64_t words[STRETCH];
    const bool inside = row >= 0 && row < job->in.h;
    const float *const x = job->x + (size_t)block * BITS * plane + (inside ? (size_t)row * (size_t)job->in.w : 0);
    pack_row(x, plane, inside ? channels : 0, job->in.w, (int64_t)first - p->pad, count + reach, words);
    const size_t per_filter = dn_ref_packed_words(p, job->in.c);
    for (int f = 0; f < job->out.c; f++) {
        float *const y = job->y + (size_t)f * y_plane + (size_t)i * (size_t)job->out.w + first;
        const uint64_t *const filter = job->bits + (size_t)f * per_filter + (size_t)block;
        for (int v = 0; v < p->size; v++) {
            const uint64_t w = filter[((size_t)u * (size_t)p->size + (size_t)v) * (size_t)job->blocks];
            add_matches(y, words + v * p->dilation, w, mask, channels, count);
        }
    }
}

static void convolve(const packed_job *job) {
    const int columns = STRETCH - (job->params->size - 1) * job->params->dilation;
    for (int i = 0; i < job->out.h; i++) {
        for (int first = 0; first < job->out.w; first += columns) {
            const int count = job->out.w - first < columns ? job->out.w - first : columns;
            for (int u = 0; u < job->params->size; u++) {
                for (int block = 0; block < job->blocks; block++) add_stretch(job, i, u, block, first, count);
            }
        }
    }
}

void dn_ref_conv2d_packed(const dn_ref_call *call) {
    const dn_op_conv2d *const p = &call->op->as.conv2d;
    const dn_host_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    packed_job job = {.params = p, .in = x->shape, .out = y->shape};
    job.in.c /= p->groups;
    job.out.c /= p->groups;
    job.blocks = blocks_of(job.in.c);
    const size_t plane = (size_t)job.out.h * (size_t)job.out.w, words = dn_ref_packed_words(p, job.in.c);
    for (int k = 0; k < y->shape.n * p->groups; k++) { /* image by image, group by group: both are contiguous */
        const size_t filter = (size_t)(k % p->groups) * (size_t)job.out.c;
        job.x = x->data + (size_t)k * (size_t)dn_shape_image(job.in);
        job.y = y->data + (size_t)k * (size_t)dn_shape_image(job.out);
        job.bits = call->state->bits + filter * words;
        for (size_t j = 0; j < (size_t)job.out.c * plane; j++) job.y[j] = 0.0F;
        convolve(&job);
        for (size_t f = 0; f < (size_t)job.out.c; f++) {
            const float mean = call->state->means[filter + f];
            const float bias = call->state->biases != NULL ? call->state->biases[filter + f] : 0.0F;
            for (size_t j = f * plane; j < (f + 1) * plane; j++) job.y[j] = mean * job.y[j] + bias;
        }
    }
}
