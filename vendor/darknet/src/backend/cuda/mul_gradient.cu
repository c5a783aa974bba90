/* mul_gradient.cu — dx = s · dy; ds = Σ x · dy over what shares the factor. dx: one thread a value, in memory order. ds:
 *   s of the shape of x            one thread a value
 *   s (n, c, 1, 1), (n, 1, 1, 1)   sums of consecutive values (sums.cuh)
 *   s (n, 1, h, w)                 one thread a cell, over its channels: neighbouring threads neighbouring cells */
#include "backend/cuda/deltas.cuh"
#include "backend/cuda/sums.cuh"

/* The factor of value i is s[i / values · cells + i % values % cells]: `values` consecutive ones share `cells`. */
typedef struct mul_sharing {
    unsigned values, cells;
} mul_sharing;

static mul_sharing sharing_of(dn_shape x, dn_shape s) {
    const unsigned plane = (unsigned)x.h * (unsigned)x.w, image = (unsigned)dn_shape_image(x);
    if (s.h == 1 && s.w == 1) return {s.c == 1 ? image : plane, 1};
    return {s.c == 1 ? image : plane, plane};
}

static __global__ void multiply(size_t count, float *dx, const float *s, const float *dy, mul_sharing sharing,
                                bool add) {
    EACH(i, count) {
        const unsigned group = (unsigned)i / sharing.values, cell = (unsigned)i % sharing.values % sharing.cells;
        put_delta(dx, i, add, s[(size_t)group * sharing.cells + cell] * dy[i]);
    }
}

/* ds of a cell over the `values / cells` values that share it. */
static __global__ void sum_cells(size_t count, float *ds, const float *x, const float *dy, mul_sharing sharing,
                                 bool add) {
    EACH(i, count) {
        const size_t first = i / sharing.cells * sharing.values + i % sharing.cells;
        dn_cuda_accumulator sum;
        for (unsigned k = 0; k < sharing.values; k += sharing.cells) sum.add(x[first + k] * dy[first + k]);
        put_delta(ds, i, add, sum.sum);
    }
}

struct mul_gradient_term {
    const float *x, *dy;
    __device__ void operator()(size_t, size_t at, float (&values)[1]) const { values[0] = x[at] * dy[at]; }
};

struct mul_gradient_finish {
    float *ds;
    bool add;
    __device__ void operator()(size_t row, const float (&sums)[1]) const { put_delta(ds, row, add, sums[0]); }
};

extern "C" void dn_cuda_mul_gradient(const dn_cuda_call *call) {
    const size_t count = dn_cuda_count(&call->inputs[0]), factors = dn_cuda_count(&call->inputs[1]);
    const mul_sharing sharing = sharing_of(call->inputs[0].shape, call->inputs[1].shape);
    const float *const x = dn_cuda_floats(&call->inputs[0]), *const s = dn_cuda_floats(&call->inputs[1]);
    const float *const dy = dn_cuda_floats(&call->inputs[2]);
    float *const dx = dn_cuda_floats(&call->outputs[0]), *const ds = dn_cuda_floats(&call->outputs[1]);
    const bool add = call->op->accumulate;
    if (dx != nullptr) dn_cuda_each(call, count, multiply, dx, s, dy, sharing, add);
    if (ds == nullptr) return;
    if (sharing.cells == 1 && sharing.values > 1) {
        dn_cuda_sums<1>(call, dn_cuda_planes_rows(factors, sharing.values), 0, mul_gradient_term{x, dy},
                        mul_gradient_finish{ds, add});
    } else {
        dn_cuda_each(call, factors, sum_cells, ds, x, dy, sharing, add);
    }
}
