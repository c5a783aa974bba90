/* mul.cu — y = x · s; s has the shape of x, or one value per channel (n, c, 1, 1), or one per position (n, 1, h, w).
 *
 * One thread a value; neighbours read and write neighbours. */
#include "backend/cuda/forward.cuh"

template <typename T>
static __global__ void mul_each(size_t count, T *y, const T *x, const T *s, dn_shape shape, dn_shape factors) {
    const bool per_position = factors.c == 1, per_channel = factors.h == 1 && factors.w == 1;
    EACH(i, count) {
        const dn_cuda_place at = place_of(i, shape);
        const size_t from = plane_at(factors, at.n, per_position ? 0 : at.c) + (per_channel ? 0 : at.cell);
        store(y, i, load(x, i) * load(s, from));
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_cuda_tensor *const y = &call->outputs[0], *const s = &call->inputs[1];
    dn_cuda_each(call, dn_cuda_count(y), mul_each<T>, y->data, call->inputs[0].data, s->data, y->shape, s->shape);
}

extern "C" void dn_cuda_mul(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
