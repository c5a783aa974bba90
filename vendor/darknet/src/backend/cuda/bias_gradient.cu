/* bias_gradient.cu — db[c] += Σ_{n,i,j} dy[n,c,i,j]. Threads and memory: sums.cuh; dy is read once, in order. */
#include "backend/cuda/deltas.cuh"
#include "backend/cuda/sums.cuh"

struct bias_gradient_term {
    const float *dy;
    __device__ void operator()(size_t, size_t at, float (&values)[1]) const { values[0] = dy[at]; }
};

struct bias_gradient_finish {
    float *db;
    __device__ void operator()(size_t channel, const float (&sums)[1]) const { db[channel] += sums[0]; }
};

extern "C" void dn_cuda_bias_gradient(const dn_cuda_call *call) {
    const bias_gradient_term term = {dn_cuda_floats(&call->inputs[0])};
    const bias_gradient_finish finish = {dn_cuda_floats(&call->outputs[0])};
    dn_cuda_sums<1>(call, dn_cuda_planes_of(call->inputs[0].shape), 0, term, finish);
}
