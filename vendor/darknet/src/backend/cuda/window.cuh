/* window.cuh — where a convolution's windows lie, for the kernels of conv2d, conv2d_data and conv2d_weights. Numbers of
 * rows and columns are 64 bits: a stride or a dilation may be as large as an int. */
#ifndef DN_BACKEND_CUDA_WINDOW_CUH
#define DN_BACKEND_CUDA_WINDOW_CUH

#include "backend/cuda/forward.cuh"

struct dn_cuda_window {
    int channels, filters; /* of a group */
    int size, stride_y, stride_x, pad, dilation;
    dn_shape in, out; /* of all groups: x or dx, y or dy */
};

static inline dn_cuda_window dn_cuda_window_of(const dn_op_conv2d *p, dn_shape in, dn_shape out) {
    return {in.c / p->groups, out.c / p->groups, p->size, p->stride_y, p->stride_x, p->pad, p->dilation, in, out};
}

/* Row of x under row u of the window at row i of y, and the column likewise; they may lie outside. */
__device__ inline int64_t row_under(const dn_cuda_window &g, int i, int u) {
    return (int64_t)i * g.stride_y - g.pad + (int64_t)u * g.dilation;
}
__device__ inline int64_t column_under(const dn_cuda_window &g, int j, int v) {
    return (int64_t)j * g.stride_x - g.pad + (int64_t)v * g.dilation;
}

/* Row and column of a place in a tensor of this shape. */
__device__ inline int row_of(dn_cuda_place place, dn_shape shape) { return (int)(place.cell / (unsigned)shape.w); }
__device__ inline int column_of(dn_cuda_place place, dn_shape shape) { return (int)(place.cell % (unsigned)shape.w); }

#endif
