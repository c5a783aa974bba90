/* activation.cu — y = f(x), value by value (activation.cuh), or over the channels c at one (i, j):
 *   normalize_channels                  y_c = max(x_c, 0) / (Σ max(x, 0) + 0.0001)
 *   normalize_channels_softmax          y_c = e^{x_c} / (Σ e^x + 0.0001)
 *   normalize_channels_softmax_maxval   the same with x − max(x)
 *
 * One thread a value; across channels one thread a position, which walks through the channels three times: neighbours
 * read neighbours. The sum over channels is double, as it may be long. */
#include "backend/cuda/activation.cuh"
#include "backend/cuda/forward.cuh"

template <typename T> static __global__ void activation_each(size_t count, T *y, const T *x, dn_activation kind) {
    EACH(i, count) store(y, i, activate(kind, load(x, i)));
}

__device__ static float term(dn_activation kind, float x, float largest) {
    if (kind == DN_NORMALIZE_CHANNELS) return x > 0.0F ? x : 0.0F;
    return expf(x - largest);
}

/* The channels of one position are `plane` apart. */
template <typename T>
__device__ static float largest_channel(const T *x, dn_activation kind, size_t channels, size_t plane) {
    if (kind != DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL) return 0.0F;
    float largest = load(x, 0);
    for (size_t c = 1; c < channels; c++) largest = fmaxf(largest, load(x, c * plane));
    return largest;
}

/* `count` positions: those of all images. */
template <typename T>
static __global__ void across_channels(size_t count, T *y, const T *x, dn_shape shape, dn_activation kind) {
    const size_t plane = (size_t)shape.h * (size_t)shape.w, channels = (size_t)shape.c;
    EACH(position, count) {
        const size_t n = position / plane, first = n * channels * plane + (position - n * plane);
        const float largest = largest_channel(x + first, kind, channels, plane);
        double sum = 0.0001;
        for (size_t c = 0; c < channels; c++) sum += (double)term(kind, load(x, first + c * plane), largest);
        for (size_t c = 0; c < channels; c++) {
            const double value = (double)term(kind, load(x, first + c * plane), largest);
            store(y, first + c * plane, (float)(value / sum));
        }
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_activation kind = call->op->as.activation.kind;
    const dn_shape shape = call->outputs[0].shape;
    const size_t count = dn_cuda_count(&call->outputs[0]);
    void *const y = call->outputs[0].data, *const x = call->inputs[0].data;
    if (kind < DN_NORMALIZE_CHANNELS) {
        dn_cuda_each(call, count, activation_each<T>, y, x, kind);
    } else {
        dn_cuda_each(call, count / (size_t)shape.c, across_channels<T>, y, x, shape, kind);
    }
}

extern "C" void dn_cuda_activation(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
