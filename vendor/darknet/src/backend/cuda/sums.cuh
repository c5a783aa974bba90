/* sums.cuh — sums over the values of each channel, of all images:
 *   sums_j[c] = Σ_{n,i} term_j(c, (n · channels + c) · plane + i)     0 <= j < N
 * in two launches, so that a few channels of large planes occupy the device as well:
 *   sum_parts     one block adds up one part of a channel, neighbouring threads neighbouring values, into the workspace
 *   finish_sums   one thread a channel adds up its parts and does with the sums what `finish` says
 * What is added to what depends on the shapes alone: results repeat to the bit. Rounding is compensated (Kahan), as
 * the reference sums in double precision. */
#ifndef DN_BACKEND_CUDA_SUMS_CUH
#define DN_BACKEND_CUDA_SUMS_CUH

#include "backend/cuda/common.cuh"

/* `images` times `channels` times `plane` values; below 2^31 each and all together. */
typedef struct dn_cuda_planes {
    unsigned images, channels, plane;
} dn_cuda_planes;

static inline dn_cuda_planes dn_cuda_planes_of(dn_shape shape) {
    return {(unsigned)shape.n, (unsigned)shape.c, (unsigned)shape.h * (unsigned)shape.w};
}

/* Rows of consecutive values, each with a sum of its own. */
static inline dn_cuda_planes dn_cuda_planes_rows(size_t rows, size_t values) {
    return {1, (unsigned)rows, (unsigned)values};
}

/* Parts that a channel is summed in: enough blocks for a device, enough values for a block. */
static inline unsigned dn_cuda_parts(dn_cuda_planes planes) {
    const unsigned blocks = 2048, values = 4096, most = 64;
    const unsigned by_values = (unsigned)(((size_t)planes.images * planes.plane + values - 1) / values);
    const unsigned by_blocks = planes.channels < blocks ? blocks / planes.channels : 1;
    const unsigned parts = by_values < by_blocks ? by_values : by_blocks;
    return parts < most ? parts : most;
}

/* A sum and what rounding has taken from it so far. */
struct dn_cuda_accumulator {
    float sum = 0.0F, excess = 0.0F;
    __device__ void add(float value) {
        const float corrected = value - excess, next = sum + corrected;
        excess = (next - sum) - corrected;
        sum = next;
    }
};

/* Where value number k of a channel lies, and from there the one `step` numbers later, without dividing anew. */
struct dn_cuda_walk {
    size_t at, stride, skip; /* skip: over the other channels, at the end of an image */
    unsigned cell, cell_step, plane;
    __device__ dn_cuda_walk(dn_cuda_planes planes, size_t channel, unsigned k, unsigned step) {
        const size_t image = (size_t)planes.channels * planes.plane;
        plane = planes.plane;
        cell = k % plane;
        cell_step = step % plane;
        at = k / plane * image + channel * plane + cell;
        stride = step / plane * image + cell_step;
        skip = image - plane;
    }
    __device__ void next() {
        at += stride;
        cell += cell_step;
        if (cell < plane) return;
        cell -= plane;
        at += skip;
    }
};

/* Part `r % parts` of channel `first + r / parts` into into[r · N + j]. */
template <int N, typename Term>
static __global__ void sum_parts(size_t count, float *into, dn_cuda_planes planes, size_t first, unsigned parts,
                                 Term term) {
    const size_t all = (size_t)planes.images * planes.plane;
    for (size_t r = blockIdx.x; r < count; r += gridDim.x) {
        const size_t channel = first + r / parts, part = r % parts;
        const unsigned start = (unsigned)(all * part / parts) + threadIdx.x, end = (unsigned)(all * (part + 1) / parts);
        dn_cuda_walk walk(planes, channel, start, blockDim.x);
        dn_cuda_accumulator sums[N];
        for (unsigned k = start; k < end; k += blockDim.x, walk.next()) {
            float values[N];
            term(channel, walk.at, values);
            for (int j = 0; j < N; j++) sums[j].add(values[j]);
        }
        for (int j = 0; j < N; j++) {
            const float sum = block_sum(sums[j].sum);
            if (threadIdx.x == 0) into[r * N + (size_t)j] = sum;
        }
    }
}

template <int N, typename Finish>
static __global__ void finish_sums(size_t channels, const float *from, size_t first, unsigned parts, Finish finish) {
    EACH(c, channels) {
        float sums[N];
        for (int j = 0; j < N; j++) {
            dn_cuda_accumulator all;
            for (size_t part = 0; part < parts; part++) all.add(from[(c * parts + part) * N + (size_t)j]);
            sums[j] = all.sum;
        }
        finish(first + c, sums);
    }
}

/* term(channel, at, values): writes N values; finish(channel, sums): called once a channel. The first `reserved` floats
 * of the workspace are the caller's. */
template <int N, typename Term, typename Finish>
static void dn_cuda_sums(const dn_cuda_call *call, dn_cuda_planes planes, size_t reserved, Term term, Finish finish) {
    const unsigned parts = dn_cuda_parts(planes);
    const size_t room = call->context->workspace_bytes / sizeof(float);
    const size_t at_once = room > reserved ? (room - reserved) / ((size_t)parts * N) : 0; /* channels */
    if (at_once == 0) {
        dn_cuda_ok(call->context, cudaErrorInvalidValue, "sums without a workspace");
        return;
    }
    float *const into = static_cast<float *>(call->context->workspace) + reserved;
    for (size_t first = 0; first < planes.channels; first += at_once) {
        const size_t left = planes.channels - first, channels = left < at_once ? left : at_once;
        dn_cuda_blocks(call, channels * parts, sum_parts<N, Term>, into, planes, first, parts, term);
        dn_cuda_each(call, channels, finish_sums<N, Finish>, into, first, parts, finish);
    }
}

#endif
