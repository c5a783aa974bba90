/* convert.cu — float32 to the context's type and back, rounded to nearest even. One thread a value; float32 to float32
 * is a copy by the driver. */
#include "backend/cuda/common.cuh"

template <typename To, typename From> static __global__ void convert_each(size_t count, To *to, const From *from) {
    EACH(i, count) store(to, i, load(from, i));
}

template <typename To, typename From>
static void convert(dn_cuda_context *context, To *to, const From *from, size_t count) {
    const dn_cuda_call call = {nullptr, nullptr, nullptr, nullptr, context};
    dn_cuda_each(&call, count, convert_each<To, From>, to, from);
}

static void convert(dn_cuda_context *context, float *to, const float *from, size_t count) {
    if (to == from || count == 0) return;
    const cudaError_t status =
        cudaMemcpyAsync(to, from, count * sizeof(float), cudaMemcpyDeviceToDevice, context->stream);
    dn_cuda_ok(context, status, "a copy on the device");
}

extern "C" void dn_cuda_to_type(dn_cuda_context *context, void *to, const float *from, size_t count) {
    switch (context->type) {
    case DN_CUDA_F32:
        convert(context, static_cast<float *>(to), from, count);
        break;
    case DN_CUDA_F16:
        convert(context, static_cast<__half *>(to), from, count);
        break;
    case DN_CUDA_BF16:
        convert(context, static_cast<__nv_bfloat16 *>(to), from, count);
        break;
    }
}

extern "C" void dn_cuda_from_type(dn_cuda_context *context, float *to, const void *from, size_t count) {
    switch (context->type) {
    case DN_CUDA_F32:
        convert(context, to, static_cast<const float *>(from), count);
        break;
    case DN_CUDA_F16:
        convert(context, to, static_cast<const __half *>(from), count);
        break;
    case DN_CUDA_BF16:
        convert(context, to, static_cast<const __nv_bfloat16 *>(from), count);
        break;
    }
}
