/* batchnorm_gradient.cu — the reference's backward of batch norm, which is not the exact derivative: see
 * backend/ref/batchnorm_gradient.c, and there the formulas. Of each channel dx = a · dy + b · (x − m) + c.
 * Two passes over x and dy in memory order: the two sums (sums.cuh), whose last step leaves a, b, c in the workspace,
 * then dx, one thread a value. */
#include "backend/cuda/batchnorm.cuh"
#include "backend/cuda/deltas.cuh"
#include "backend/cuda/sums.cuh"

#define EPSILON 1e-5F /* whatever forward's is */

struct batchnorm_line {
    float a, b, c;
};

struct batchnorm_gradient_term {
    const float *x, *dy, *mean;
    __device__ void operator()(size_t channel, size_t at, float (&values)[2]) const {
        values[0] = dy[at];
        values[1] = dy[at] * (x[at] - mean[channel]);
    }
};

struct batchnorm_gradient_finish {
    dn_op_batchnorm params;
    float count; /* of values of a channel */
    const float *variance, *scales;
    float *dscales, *dbiases; /* NULL: absent */
    batchnorm_line *lines;
    __device__ void operator()(size_t channel, const float (&sums)[2]) const {
        const float v = variance[channel], scale = scales[channel], root = sqrtf(v + EPSILON);
        if (dscales != nullptr) dscales[channel] += sums[1] / batchnorm_divisor(params, v);
        if (dbiases != nullptr) dbiases[channel] += sums[0];
        const float mean_delta = -scale * sums[0] / root;
        const float variance_delta = -0.5F * scale * (sums[1] / root) / (v + EPSILON);
        lines[channel] = {scale / (params.outside ? root : sqrtf(v) + EPSILON), 2.0F * variance_delta / count,
                          mean_delta / count};
    }
};

static __global__ void put_line(size_t count, float *dx, const float *x, const float *dy, const float *mean,
                                const batchnorm_line *lines, dn_cuda_planes planes, bool add) {
    EACH(i, count) {
        const unsigned channel = (unsigned)i / planes.plane % planes.channels;
        const batchnorm_line line = lines[channel];
        put_delta(dx, i, add, line.a * dy[i] + line.b * (x[i] - mean[channel]) + line.c);
    }
}

extern "C" void dn_cuda_batchnorm_gradient(const dn_cuda_call *call) {
    const dn_cuda_planes planes = dn_cuda_planes_of(call->inputs[0].shape);
    const float *const x = dn_cuda_floats(&call->inputs[0]), *const mean = dn_cuda_floats(&call->inputs[1]);
    const float *const dy = dn_cuda_floats(&call->inputs[4]);
    batchnorm_line *const lines = static_cast<batchnorm_line *>(call->context->workspace);
    const batchnorm_gradient_finish finish = {call->op->as.batchnorm_gradient,
                                              (float)((size_t)planes.images * planes.plane),
                                              dn_cuda_floats(&call->inputs[2]),
                                              dn_cuda_floats(&call->inputs[3]),
                                              dn_cuda_floats(&call->outputs[1]),
                                              dn_cuda_floats(&call->outputs[2]),
                                              lines};
    const size_t reserved = planes.channels * (sizeof(batchnorm_line) / sizeof(float));
    static_assert(sizeof(batchnorm_line) + 2 * sizeof(float) <= DN_CUDA_WORKSPACE_CHANNEL, "and the two sums");
    dn_cuda_sums<2>(call, planes, reserved, batchnorm_gradient_term{x, dy, mean}, finish);
    float *const dx = dn_cuda_floats(&call->outputs[0]);
    if (dx == nullptr || call->context->failure[0] != '\0') return;
    dn_cuda_each(call, dn_cuda_count(&call->inputs[0]), put_line, dx, x, dy, mean, lines, planes, call->op->accumulate);
}
