/* check_emulated.cpp — the emulated device does as CUDA's documents say, and notices what a device would not forgive. */
#include <cmath>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "backend/cuda/common.cuh"
#include "emulated.h"

static int passed, failed;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        const bool holds = (condition);                                                                                \
        (holds ? passed : failed)++;                                                                                   \
        if (!holds) fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                    \
    } while (0)

static float *upload(const std::vector<float> &values) {
    void *memory = nullptr;
    CHECK(cudaMalloc(&memory, values.size() * sizeof(float)) == cudaSuccess);
    CHECK(cudaMemcpy(memory, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice) == cudaSuccess);
    CHECK(cudaDeviceSynchronize() == cudaSuccess);
    return static_cast<float *>(memory);
}

static std::vector<float> download(const float *from, size_t count) {
    std::vector<float> values(count);
    CHECK(cudaMemcpy(values.data(), from, count * sizeof(float), cudaMemcpyDeviceToHost) == cudaSuccess);
    return values;
}

using floats = std::vector<float>;

struct device {
    dn_cuda_context context = {};
    dn_cuda_call call = {nullptr, nullptr, nullptr, nullptr, &context};
    device() { CHECK(cudaStreamCreateWithFlags(&context.stream, cudaStreamNonBlocking) == cudaSuccess); }
    ~device() { CHECK(cudaStreamDestroy(context.stream) == cudaSuccess); }
    void wait() const { CHECK(cudaStreamSynchronize(context.stream) == cudaSuccess); }
};

/* Whether `body` ends the program by `signal`, and fails in that way only. */
static bool ends_by(int signal, void (*body)()) {
    const pid_t child = fork();
    if (child == 0) {
        (void)freopen("/dev/null", "w", stderr);
        body();
        _exit(0);
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

/* Whether it ends with status 0: for what is a fault of the device, after which nothing else runs. */
static bool holds_apart(bool (*body)()) {
    const pid_t child = fork();
    if (child == 0) {
        (void)freopen("/dev/null", "w", stderr);
        _exit(body() ? 0 : 1);
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- numbers: from the tables of IEEE 754 ---- */

static void test_numbers() {
    const struct {
        float value;
        uint16_t half;
    } halves[] = {{1.0F, 0x3C00},     {-2.0F, 0xC000},        {65504.0F, 0x7BFF},    {65520.0F, 0x7C00},
                  {0.1F, 0x2E66},     {0x1p-14F, 0x0400},     {0x1p-24F, 0x0001},    {0x1p-25F, 0x0000},
                  {0x3p-25F, 0x0002}, {2049.0F, 0x6800},      {2051.0F, 0x6802},     {-0.0F, 0x8000},
                  {INFINITY, 0x7C00}, {0x1.ff8p-15F, 0x03FF}, {0x1.ffcp-15F, 0x0400}};
    for (const auto &row : halves) {
        CHECK(__float2half(row.value).bits == row.half);
        const float back = __half2float({row.half});
        CHECK(std::fabs(back - row.value) <= std::fabs(row.value) * 0x1p-11F + 0x1p-25F || std::isinf(back));
    }
    CHECK(std::isnan(__half2float(__float2half(NAN))));
    CHECK(__float2bfloat16(1.0F).bits == 0x3F80 && __float2bfloat16(257.0F).bits == 0x4380);
    CHECK(__float2bfloat16(259.0F).bits == 0x4382 && __bfloat162float({0xC000}) == -2.0F);
    CHECK(std::isnan(__bfloat162float(__float2bfloat16(NAN))));
}

/* ---- kernels ---- */

static __global__ void write_each(size_t count, float *to, float value) { EACH(i, count) to[i] = value + (float)i; }

static __global__ void write_sums(size_t count, float *to, const float *from) {
    for (size_t r = blockIdx.x; r < count; r += gridDim.x) {
        const float sum = block_sum(from[threadIdx.x] * (float)(r + 1));
        if (threadIdx.x == 0) to[r] = sum;
    }
}

static __global__ void torn_first(size_t, float *) {
    if (threadIdx.x % 2 == 0) __syncthreads();
}

static void launch_torn() {
    device d;
    dn_cuda_blocks(&d.call, 1, torn_first, upload({0.0F}));
    d.wait();
}

static void test_kernels() {
    device d;
    float *const to = upload(floats(3000, -1.0F));
    dn_cuda_each(&d.call, 3000, write_each, to, 0.5F);
    CHECK(download(to, 1)[0] == -1.0F); /* nobody has waited for the stream */
    d.wait();
    const floats values = download(to, 3000);
    CHECK(values[0] == 0.5F && values[255] == 255.5F && values[2999] == 2999.5F);
    float *const from = upload(floats(DN_CUDA_THREADS, 0.25F));
    dn_cuda_blocks(&d.call, 7, write_sums, to, from);
    d.wait();
    CHECK(download(to, 7) == (floats{64, 128, 192, 256, 320, 384, 448}));
    CHECK(ends_by(SIGABRT, launch_torn));
    CHECK(cudaFree(to) == cudaSuccess && cudaFree(from) == cudaSuccess);
}

static bool refuses_host_address() {
    device d;
    float on_host[4];
    dn_cuda_each(&d.call, 4, write_each, on_host, 0.0F);
    return d.context.failure[0] != '\0';
}

/* ---- memory ---- */

static bool refuses_copy_past_the_end() {
    float values[5] = {0};
    float *const four = upload({1, 2, 3, 4});
    return cudaMemcpy(values, four, sizeof values, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue;
}

static bool refuses_wrong_direction() {
    float values[4] = {0};
    float *const four = upload({1, 2, 3, 4});
    return cudaMemcpy(values, four, sizeof values, cudaMemcpyHostToDevice) == cudaErrorInvalidValue;
}

static void touch_device() {
    volatile float *const four = upload({1, 2, 3, 4});
    four[0] = 2.0F;
}

static void test_memory() {
    void *memory = nullptr;
    emulated_set_memory(1000);
    CHECK(cudaMalloc(&memory, 1001) == cudaErrorMemoryAllocation && cudaGetLastError() == cudaErrorMemoryAllocation);
    CHECK(cudaMalloc(&memory, 1000) == cudaSuccess && emulated_memory_used() == 1000);
    size_t available = 1, total = 0;
    CHECK(cudaMemGetInfo(&available, &total) == cudaSuccess && available == 0 && total == 1000);
    CHECK(std::isnan(download(static_cast<float *>(memory), 1)[0]));
    CHECK(cudaFree(memory) == cudaSuccess && emulated_memory_used() == 0);
    emulated_set_memory((size_t)8 << 30);
    CHECK(holds_apart(refuses_host_address) && holds_apart(refuses_copy_past_the_end));
    CHECK(holds_apart(refuses_wrong_direction));
#if !defined(__SANITIZE_ADDRESS__)
    CHECK(ends_by(SIGSEGV, touch_device));
#else
    (void)touch_device;
#endif
    int devices = -1;
    emulated_set_devices(0);
    CHECK(cudaGetDeviceCount(&devices) == cudaErrorNoDevice && devices == 0);
    emulated_set_devices(-1);
    CHECK(cudaGetDeviceCount(&devices) == cudaErrorInsufficientDriver);
    emulated_set_devices(1);
    CHECK(cudaGetDeviceCount(&devices) == cudaSuccess && devices == 1);
    (void)cudaGetLastError();
}

/* ---- graphs ---- */

static void test_graphs() {
    device d;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    float *const to = upload(floats(2, -1.0F));
    CHECK(cudaStreamBeginCapture(d.context.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    dn_cuda_each(&d.call, 2, write_each, to, 3.0F);
    CHECK(cudaStreamEndCapture(d.context.stream, &graph) == cudaSuccess);
    CHECK(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess && cudaGraphDestroy(graph) == cudaSuccess);
    d.wait();
    CHECK(download(to, 2) == (floats{-1, -1}));
    CHECK(cudaGraphLaunch(exec, d.context.stream) == cudaSuccess);
    d.wait();
    CHECK(download(to, 2) == (floats{3, 4}));
    CHECK(cudaGraphExecDestroy(exec) == cudaSuccess && cudaFree(to) == cudaSuccess);
}

static bool refuses_waiting_in_a_capture() {
    device d;
    cudaGraph_t graph = nullptr;
    (void)cudaStreamBeginCapture(d.context.stream, cudaStreamCaptureModeThreadLocal);
    return cudaStreamSynchronize(d.context.stream) == cudaErrorStreamCaptureUnsupported &&
           cudaStreamEndCapture(d.context.stream, &graph) == cudaErrorStreamCaptureInvalidated;
}

/* ---- cuBLAS: columns of A are 3 apart, of which 2 are its own ---- */

static cublasStatus_t multiply(const device &d, cublasOperation_t a_as, int lda, const float *a, const float *b,
                               float *c) {
    cublasHandle_t blas = nullptr;
    const float alpha = 2.0F, beta = 0.5F;
    CHECK(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS);
    CHECK(cublasSetStream(blas, d.context.stream) == CUBLAS_STATUS_SUCCESS);
    const cublasStatus_t status =
        cublasGemmEx(blas, a_as, CUBLAS_OP_N, 2, 1, 2, &alpha, a, CUDA_R_32F, lda, b, CUDA_R_32F, 2, &beta, c,
                     CUDA_R_32F, 2, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
    CHECK(cublasDestroy(blas) == CUBLAS_STATUS_SUCCESS);
    return status;
}

static bool refuses_short_columns() {
    const device d;
    float *const a = upload({1, 2, 3, 4});
    return multiply(d, CUBLAS_OP_N, 1, a, a, a) == CUBLAS_STATUS_INVALID_VALUE;
}

static void test_products() {
    const device d;
    float *const a = upload({1, 2, NAN, 3, 4, NAN}), *const b = upload({10, 100}), *const c = upload({2, 4});
    CHECK(multiply(d, CUBLAS_OP_N, 3, a, b, c) == CUBLAS_STATUS_SUCCESS);
    d.wait();
    CHECK(download(c, 2) == (floats{621, 842})); /* 2 · (1·10 + 3·100) + 1, 2 · (2·10 + 4·100) + 2 */
    float *const e = upload({0, 0});
    CHECK(multiply(d, CUBLAS_OP_T, 3, a, b, e) == CUBLAS_STATUS_SUCCESS);
    d.wait();
    CHECK(download(e, 2) == (floats{420, 860})); /* 2 · (1·10 + 2·100), 2 · (3·10 + 4·100) */
    CHECK(holds_apart(refuses_short_columns));
    for (float *const memory : {a, b, c, e}) CHECK(cudaFree(memory) == cudaSuccess);
}

/* ---- cuDNN: x is 3 × 3 with 1 … 9; the filter 2 × 2, its upper left cell counts 1, its lower right 10 ---- */

struct convolution {
    cudnnHandle_t dnn = nullptr;
    cudnnTensorDescriptor_t x = nullptr, y = nullptr;
    cudnnFilterDescriptor_t w = nullptr;
    cudnnConvolutionDescriptor_t window = nullptr;

    convolution(cudaStream_t stream, int out) {
        bool good = cudnnCreate(&dnn) == CUDNN_STATUS_SUCCESS && cudnnSetStream(dnn, stream) == CUDNN_STATUS_SUCCESS;
        good = good && cudnnCreateTensorDescriptor(&x) == CUDNN_STATUS_SUCCESS;
        good = good && cudnnCreateTensorDescriptor(&y) == CUDNN_STATUS_SUCCESS;
        good = good && cudnnCreateFilterDescriptor(&w) == CUDNN_STATUS_SUCCESS;
        good = good && cudnnCreateConvolutionDescriptor(&window) == CUDNN_STATUS_SUCCESS;
        const cudnnDataType_t type = CUDNN_DATA_FLOAT;
        good = good && cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NCHW, type, 1, 1, 3, 3) == CUDNN_STATUS_SUCCESS;
        good = good && cudnnSetTensor4dDescriptor(y, CUDNN_TENSOR_NCHW, type, 1, 1, out, out) == CUDNN_STATUS_SUCCESS;
        good = good && cudnnSetFilter4dDescriptor(w, type, CUDNN_TENSOR_NCHW, 1, 1, 2, 2) == CUDNN_STATUS_SUCCESS;
        good = good && cudnnSetConvolution2dDescriptor(window, 1, 1, 2, 2, 1, 1, CUDNN_CROSS_CORRELATION, type) ==
                           CUDNN_STATUS_SUCCESS;
        CHECK(good);
    }
    ~convolution() {
        CHECK(cudnnDestroyConvolutionDescriptor(window) == CUDNN_STATUS_SUCCESS);
        CHECK(cudnnDestroyFilterDescriptor(w) == CUDNN_STATUS_SUCCESS);
        CHECK(cudnnDestroyTensorDescriptor(y) == CUDNN_STATUS_SUCCESS);
        CHECK(cudnnDestroyTensorDescriptor(x) == CUDNN_STATUS_SUCCESS);
        CHECK(cudnnDestroy(dnn) == CUDNN_STATUS_SUCCESS);
    }
};

static bool refuses_small_workspace() {
    const device d;
    const convolution c(d.context.stream, 2);
    const float one = 1.0F, zero = 0.0F;
    float *const memory = upload(floats(16));
    return cudnnConvolutionForward(c.dnn, &one, c.x, memory, c.w, memory, c.window,
                                   CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, memory, 1, &zero, c.y,
                                   memory) == CUDNN_STATUS_BAD_PARAM;
}

/* Stride 2, one row and column of padding: y[i, j] = x[2i − 1, 2j − 1] + 10 · x[2i, 2j]. */
static void test_convolutions() {
    const device d;
    const convolution c(d.context.stream, 2), wrong(d.context.stream, 3);
    const float one = 1.0F, zero = 0.0F;
    float *const x = upload({1, 2, 3, 4, 5, 6, 7, 8, 9}), *const w = upload({1, 0, 0, 10}),
                 *const y = upload(floats(4));
    CHECK(cudnnConvolutionForward(c.dnn, &one, c.x, x, c.w, w, c.window, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
                                  nullptr, 0, &zero, c.y, y) == CUDNN_STATUS_SUCCESS);
    d.wait();
    CHECK(download(y, 4) == (floats{10, 30, 70, 95}));
    float *const dy = upload({1, 2, 3, 4}), *const dx = upload(floats(9, 0.5F)), *const dw = upload(floats(4, 1.0F));
    CHECK(cudnnConvolutionBackwardData(c.dnn, &one, c.w, w, c.y, dy, c.window, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0,
                                       nullptr, 0, &one, c.x, dx) == CUDNN_STATUS_SUCCESS);
    CHECK(cudnnConvolutionBackwardFilter(c.dnn, &one, c.x, x, c.y, dy, c.window, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0,
                                         nullptr, 0, &one, c.w, dw) == CUDNN_STATUS_SUCCESS);
    d.wait();
    CHECK(download(dx, 9) == (floats{10.5F, 0.5F, 20.5F, 0.5F, 4.5F, 0.5F, 30.5F, 0.5F, 40.5F}));
    /* upper left: 4 · 5; upper right: 3 · 4 + 4 · 6; lower left: 2 · 2 + 4 · 8; lower right: 1 + 2·3 + 3·7 + 4·9 */
    CHECK(download(dw, 4) == (floats{21, 37, 37, 65}));
    size_t bytes = 0;
    CHECK(cudnnGetConvolutionForwardWorkspaceSize(wrong.dnn, wrong.x, wrong.w, wrong.window, wrong.y,
                                                  CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
                                                  &bytes) == CUDNN_STATUS_BAD_PARAM);
    CHECK(holds_apart(refuses_small_workspace));
    for (float *const memory : {x, w, y, dy, dx, dw}) CHECK(cudaFree(memory) == cudaSuccess);
}

int main() {
    test_numbers();
    test_kernels();
    test_memory();
    test_graphs();
    CHECK(holds_apart(refuses_waiting_in_a_capture));
    test_products();
    test_convolutions();
    CHECK(emulated_memory_used() == 0);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
