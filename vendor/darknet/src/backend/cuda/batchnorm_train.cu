/* batchnorm_train.cu — y = scale[c] · (x − m[c]) / d[c] + bias[c], with the statistics of this run:
 *   m[c] = Σ x / N     v[c] = Σ (x − m)² / (N − 1)     N = images · rows · columns; N = 1: v = 0
 * Three passes over x in memory order: the two sums (sums.cuh), then y, one thread a value. */
#include "backend/cuda/batchnorm.cuh"
#include "backend/cuda/deltas.cuh"
#include "backend/cuda/sums.cuh"

struct batchnorm_mean_term {
    const float *x;
    __device__ void operator()(size_t, size_t at, float (&values)[1]) const { values[0] = x[at]; }
};

struct batchnorm_variance_term {
    const float *x, *mean;
    __device__ void operator()(size_t channel, size_t at, float (&values)[1]) const {
        const float apart = x[at] - mean[channel];
        values[0] = apart * apart;
    }
};

struct batchnorm_statistic_finish {
    float *into;
    float divisor;
    __device__ void operator()(size_t channel, const float (&sums)[1]) const { into[channel] = sums[0] / divisor; }
};

static __global__ void normalize(size_t count, float *y, const float *x, dn_cuda_planes planes, const float *mean,
                                 const float *variance, const float *scales, const float *biases,
                                 dn_op_batchnorm params) {
    EACH(i, count) {
        const unsigned c = (unsigned)i / planes.plane % planes.channels;
        const float factor = scales[c] / batchnorm_divisor(params, variance[c]);
        y[i] = factor * (x[i] - mean[c]) + (biases == nullptr ? 0.0F : biases[c]);
    }
}

extern "C" void dn_cuda_batchnorm_train(const dn_cuda_call *call) {
    const dn_cuda_planes planes = dn_cuda_planes_of(call->inputs[0].shape);
    const float *const x = dn_cuda_floats(&call->inputs[0]);
    float *const mean = dn_cuda_floats(&call->outputs[1]), *const variance = dn_cuda_floats(&call->outputs[2]);
    const size_t values = (size_t)planes.images * planes.plane;
    dn_cuda_sums<1>(call, planes, 0, batchnorm_mean_term{x}, batchnorm_statistic_finish{mean, (float)values});
    /* One value alone is its own mean: the sum is 0, whatever it is divided by. */
    const float divisor = values > 1 ? (float)(values - 1) : 1.0F;
    dn_cuda_sums<1>(call, planes, 0, batchnorm_variance_term{x, mean}, batchnorm_statistic_finish{variance, divisor});
    dn_cuda_each(call, dn_cuda_count(&call->inputs[0]), normalize, dn_cuda_floats(&call->outputs[0]), x, planes, mean,
                 variance, dn_cuda_floats(&call->inputs[1]), dn_cuda_floats(&call->inputs[2]),
                 call->op->as.batchnorm_train);
}
