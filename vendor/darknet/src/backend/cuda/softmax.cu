/* softmax.cu — y_i = e^{x_i / T} / Σ_k e^{x_k / T} over a list of values: a group, a level of a tree, or the channels of
 * one position. The largest value is subtracted first, so that nothing overflows.
 *
 * Groups and levels: one block a list, whose threads read neighbouring values and add up in a fixed order. Channels: one
 * thread a position, which walks through them three times, neighbours reading neighbours; its sum is double, as it may
 * be long. */
#include "backend/cuda/common.cuh"

/* List number k is part k mod part_count, of those of one group, in group k / part_count. */
template <typename T>
static __global__ void lists_blocks(size_t count, T *y, const T *x, size_t group, size_t groups, size_t image,
                                    const dn_cuda_part *parts, size_t part_count, float temperature) {
    for (size_t k = blockIdx.x; k < count; k += gridDim.x) {
        const size_t g = k / part_count, n = g / groups;
        const dn_cuda_part *const part = parts == nullptr ? nullptr : &parts[k % part_count];
        const size_t first = n * image + (g % groups) * group + (part == nullptr ? 0 : (size_t)part->first);
        const size_t end = first + (part == nullptr ? group : (size_t)part->count);
        float largest = -INFINITY, sum = 0.0F;
        for (size_t i = first + threadIdx.x; i < end; i += blockDim.x) largest = fmaxf(largest, load(x, i));
        largest = block_max(largest);
        for (size_t i = first + threadIdx.x; i < end; i += blockDim.x) {
            sum += expf((load(x, i) - largest) / temperature);
        }
        sum = block_sum(sum);
        for (size_t i = first + threadIdx.x; i < end; i += blockDim.x) {
            store(y, i, expf((load(x, i) - largest) / temperature) / sum);
        }
    }
}

/* `count` positions: those of all images; the channels of one are `plane` apart. */
template <typename T>
static __global__ void channels_each(size_t count, T *y, const T *x, size_t channels, size_t plane, float temperature) {
    EACH(position, count) {
        const size_t n = position / plane, first = n * channels * plane + (position - n * plane);
        const size_t end = first + channels * plane;
        float largest = load(x, first);
        for (size_t i = first + plane; i < end; i += plane) largest = fmaxf(largest, load(x, i));
        double sum = 0.0;
        for (size_t i = first; i < end; i += plane) sum += (double)expf((load(x, i) - largest) / temperature);
        for (size_t i = first; i < end; i += plane) {
            store(y, i, (float)((double)expf((load(x, i) - largest) / temperature) / sum));
        }
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_op_softmax *const params = &call->op->as.softmax;
    const dn_shape shape = call->outputs[0].shape;
    const size_t image = (size_t)dn_shape_image(shape), plane = (size_t)shape.h * (size_t)shape.w;
    void *const y = call->outputs[0].data, *const x = call->inputs[0].data;
    if (params->spatial) {
        dn_cuda_each(call, (size_t)shape.n * plane, channels_each<T>, y, x, (size_t)shape.c, plane,
                     params->temperature);
        return;
    }
    const void *const parts = params->sizes == nullptr ? nullptr : call->state->table;
    const size_t part_count = parts == nullptr ? 1 : (size_t)params->size_count;
    const size_t groups = (size_t)params->groups, lists = (size_t)shape.n * groups * part_count;
    dn_cuda_blocks(call, lists, lists_blocks<T>, y, x, image / groups, groups, image, parts, part_count,
                   params->temperature);
}

extern "C" void dn_cuda_softmax(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
