/* dnn.cpp — cuDNN's convolutions on the processor, by plain loops. Descriptors are checked against each other as cuDNN
 * does; of each direction there are two algorithms that need workspace, of which one does not repeat to the bit on a
 * device, and one that needs none. A run fills its workspace with NaN first: whatever else lies there is lost. */
#include "cudnn.h"

#include <algorithm>
#include <cstring>

#include "device.h"
#include "numbers.h"

using namespace emulated;

struct emulated_dnn {
    cudaStream_t stream = nullptr;
};

struct emulated_tensor {
    bool is_set = false;
    number type = number::f32;
    int n = 0, c = 0, h = 0, w = 0;
    size_t count() const { return (size_t)n * (size_t)c * (size_t)h * (size_t)w; }
    size_t bytes() const { return count() * size_of(type); }
};

struct emulated_filter : emulated_tensor {}; /* n: filters, c: channels of a group */

struct emulated_window {
    bool is_set = false;
    int pad_h = 0, pad_w = 0, stride_h = 0, stride_w = 0, dilation_h = 0, dilation_w = 0, groups = 1;
};

static bool number_of(cudnnDataType_t type, number *out) {
    switch (type) {
    case CUDNN_DATA_FLOAT:
        *out = number::f32;
        return true;
    case CUDNN_DATA_HALF:
        *out = number::f16;
        return true;
    case CUDNN_DATA_BFLOAT16:
        *out = number::bf16;
        return true;
    }
    return false;
}

/* ---- handle and descriptors ---- */

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess) return CUDNN_STATUS_NOT_INITIALIZED;
    *handle = new emulated_dnn;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
    delete handle;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    if (handle == nullptr) return CUDNN_STATUS_BAD_PARAM;
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

size_t cudnnGetVersion(void) { return CUDNN_VERSION; }

const char *cudnnGetErrorString(cudnnStatus_t status) {
    switch (status) {
    case CUDNN_STATUS_SUCCESS:
        return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_NOT_INITIALIZED:
        return "CUDNN_STATUS_NOT_INITIALIZED";
    case CUDNN_STATUS_BAD_PARAM:
        return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED:
        return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_INTERNAL_ERROR:
        return "CUDNN_STATUS_INTERNAL_ERROR";
    case CUDNN_STATUS_EXECUTION_FAILED:
        return "CUDNN_STATUS_EXECUTION_FAILED";
    }
    return "an unknown status";
}

static cudnnStatus_t set_sides(emulated_tensor *tensor, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c,
                               int h, int w) {
    emulated_tensor fresh;
    if (tensor == nullptr || n < 1 || c < 1 || h < 1 || w < 1 || !number_of(type, &fresh.type)) {
        return CUDNN_STATUS_BAD_PARAM;
    }
    if (format != CUDNN_TENSOR_NCHW) return CUDNN_STATUS_NOT_SUPPORTED; /* by the fake */
    tensor->is_set = true;
    tensor->type = fresh.type;
    tensor->n = n;
    tensor->c = c;
    tensor->h = h;
    tensor->w = w;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *tensor) {
    *tensor = new emulated_tensor;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
    return set_sides(tensor, format, type, n, c, h, w);
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensor) {
    delete tensor;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *filter) {
    *filter = new emulated_filter;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
    return set_sides(filter, format, type, k, c, h, w);
}

cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filter) {
    delete filter;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *window) {
    *window = new emulated_window;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t window, int pad_h, int pad_w, int stride_h,
                                              int stride_w, int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t compute) {
    if (window == nullptr || pad_h < 0 || pad_w < 0 || stride_h < 1 || stride_w < 1 || dilation_h < 1 ||
        dilation_w < 1) {
        return CUDNN_STATUS_BAD_PARAM;
    }
    if (mode != CUDNN_CROSS_CORRELATION || compute != CUDNN_DATA_FLOAT) return CUDNN_STATUS_NOT_SUPPORTED;
    const int groups = window->groups;
    *window = {true, pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, groups};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t window, int groups) {
    if (window == nullptr || groups < 1) return CUDNN_STATUS_BAD_PARAM;
    window->groups = groups;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t window, cudnnMathType_t) {
    return window == nullptr ? CUDNN_STATUS_BAD_PARAM : CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t window) {
    delete window;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- what belongs together ---- */

struct convolution {
    emulated_tensor x, w, y;
    emulated_window window;
};

static int out_side(int in, int pad, int filter, int stride, int dilation) {
    const int free = in + 2 * pad - ((filter - 1) * dilation + 1);
    return free < 0 ? 0 : free / stride + 1;
}

/* Copies of the descriptors; false: they do not fit. */
static bool describe(cudnnHandle_t handle, const emulated_tensor *x, const emulated_tensor *w,
                     const emulated_window *window, const emulated_tensor *y, convolution *out) {
    if (handle == nullptr || x == nullptr || w == nullptr || window == nullptr || y == nullptr) return false;
    if (!x->is_set || !w->is_set || !window->is_set || !y->is_set) return false;
    *out = {*x, *w, *y, *window};
    const emulated_window &v = *window;
    return x->type == w->type && x->type == y->type && x->c == w->c * v.groups && w->n % v.groups == 0 &&
           y->n == x->n && y->c == w->n && y->h == out_side(x->h, v.pad_h, w->h, v.stride_h, v.dilation_h) &&
           y->w == out_side(x->w, v.pad_w, w->w, v.stride_w, v.dilation_w);
}

/* Algorithm 2 (a FFT) stands for those that are not there for most shapes. */
static size_t room(const convolution &c, int algorithm) {
    return algorithm == 0 ? 0 : 512 + 4 * (size_t)c.w.h * (size_t)c.w.w * (size_t)c.w.c * (size_t)c.x.n;
}

template <typename Result> static void say(Result *result, int algorithm, bool deterministic, const convolution &c) {
    memset(result, 0, sizeof *result);
    result->algo = (decltype(result->algo))algorithm;
    result->status = set().convolutions && algorithm < 2 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
    result->time = -1.0F;
    result->memory = room(c, algorithm);
    result->determinism = deterministic ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC;
}

/* `order`: algorithms as they are ranked. Backwards, algorithm 0 adds up in no fixed order. */
template <typename Result>
static cudnnStatus_t rank(const convolution &c, const int (&order)[3], bool backwards, int requested, int *returned,
                          Result *results) {
    if (requested < 1 || returned == nullptr || results == nullptr) return CUDNN_STATUS_BAD_PARAM;
    *returned = std::min(requested, 3);
    for (int k = 0; k < *returned; k++) say(&results[k], order[k], !backwards || order[k] != 0, c);
    return CUDNN_STATUS_SUCCESS;
}

/* ---- computing ---- */

/* Calls visit(y index, x index, w index, count, step of x) for runs of a row of y that read a row of x by one weight. */
template <typename Visit> static void for_each_row(const convolution &c, Visit visit) {
    const emulated_window &v = c.window;
    const int filters = c.w.n / v.groups;
    for (int n = 0; n < c.x.n; n++) {
        for (int k = 0; k < c.w.n; k++) {
            for (int cell = 0; cell < c.w.c * c.w.h * c.w.w; cell++) {
                const int q = cell % c.w.w, p = cell / c.w.w % c.w.h, channel = cell / c.w.w / c.w.h;
                const int from = q * v.dilation_w - v.pad_w; /* column of x that column 0 of y reads */
                const int first = from >= 0 ? 0 : (-from + v.stride_w - 1) / v.stride_w;
                const int past = from >= c.x.w ? 0 : std::min(c.y.w, (c.x.w - 1 - from) / v.stride_w + 1);
                if (first >= past) continue;
                const size_t plane = (size_t)n * (size_t)c.x.c + (size_t)(k / filters * c.w.c + channel);
                const size_t weight = (size_t)k * (size_t)(c.w.c * c.w.h * c.w.w) + (size_t)cell;
                for (int i = 0; i < c.y.h; i++) {
                    const int row = i * v.stride_h - v.pad_h + p * v.dilation_h;
                    if (row < 0 || row >= c.x.h) continue;
                    const size_t y =
                        (((size_t)n * (size_t)c.y.c + (size_t)k) * (size_t)c.y.h + (size_t)i) * (size_t)c.y.w +
                        (size_t)first;
                    const size_t x =
                        (plane * (size_t)c.x.h + (size_t)row) * (size_t)c.x.w + (size_t)(from + first * v.stride_w);
                    visit(y, x, weight, (size_t)(past - first), (size_t)v.stride_w);
                }
            }
        }
    }
}

static std::vector<float> forward(const convolution &c, const std::vector<float> &x, const std::vector<float> &w) {
    std::vector<float> y(c.y.count());
    for_each_row(c, [&](size_t yi, size_t xi, size_t wi, size_t count, size_t step) {
        for (size_t j = 0; j < count; j++) y[yi + j] += w[wi] * x[xi + j * step];
    });
    return y;
}

static std::vector<float> backward_data(const convolution &c, const std::vector<float> &dy,
                                        const std::vector<float> &w) {
    std::vector<float> dx(c.x.count());
    for_each_row(c, [&](size_t yi, size_t xi, size_t wi, size_t count, size_t step) {
        for (size_t j = 0; j < count; j++) dx[xi + j * step] += w[wi] * dy[yi + j];
    });
    return dx;
}

static std::vector<float> backward_filter(const convolution &c, const std::vector<float> &x,
                                          const std::vector<float> &dy) {
    std::vector<float> dw(c.w.count());
    for_each_row(c, [&](size_t yi, size_t xi, size_t wi, size_t count, size_t step) {
        float sum = 0.0F;
        for (size_t j = 0; j < count; j++) sum += dy[yi + j] * x[xi + j * step];
        dw[wi] += sum;
    });
    return dw;
}

/* One call: out = alpha · compute(a, b) + beta · out. */
struct operation {
    convolution c;
    std::vector<float> (*compute)(const convolution &, const std::vector<float> &, const std::vector<float> &);
    emulated_tensor a_shape, b_shape, out_shape;
    const void *a, *b;
    void *out, *workspace;
    size_t workspace_bytes;
    float alpha, beta;
    const char *name;
};

static void run(const operation &o) {
    const bool reachable_all = check_device(o.a, o.a_shape.bytes(), o.name) &&
                               check_device(o.b, o.b_shape.bytes(), o.name) &&
                               check_device(o.out, o.out_shape.bytes(), o.name);
    if (!reachable_all) return;
    if (o.workspace_bytes > 0) {
        if (!check_device(o.workspace, o.workspace_bytes, o.name)) return;
        memset(o.workspace, 0xFF, o.workspace_bytes);
    }
    const std::vector<float> a = floats_of(o.a, o.a_shape.type, o.a_shape.count());
    const std::vector<float> b = floats_of(o.b, o.b_shape.type, o.b_shape.count());
    blend(o.out, o.out_shape.type, o.compute(o.c, a, b), o.alpha, o.beta);
    set().launches++;
}

static cudnnStatus_t start(cudnnHandle_t handle, operation o, int algorithm, const void *alpha, const void *beta) {
    const locked lock;
    const size_t needed = room(o.c, algorithm);
    if (algorithm < 0 || algorithm > 1) return CUDNN_STATUS_NOT_SUPPORTED;
    if (o.a == nullptr || o.b == nullptr || o.out == nullptr || alpha == nullptr || beta == nullptr) {
        return CUDNN_STATUS_BAD_PARAM;
    }
    if (o.workspace_bytes < needed || (needed > 0 && o.workspace == nullptr)) {
        fault(cudaErrorInvalidValue, "%s: %zu bytes of workspace, needs %zu", o.name, o.workspace_bytes, needed);
        return CUDNN_STATUS_BAD_PARAM;
    }
    o.workspace_bytes = needed;
    o.alpha = *(const float *)alpha;
    o.beta = *(const float *)beta;
    const cudaError_t status = enqueue(handle->stream, [=]() { run(o); });
    return status == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

static cudnnStatus_t size_room(bool fits, const convolution &c, int algorithm, size_t *bytes) {
    if (!fits) return CUDNN_STATUS_BAD_PARAM;
    if (algorithm > 1) return CUDNN_STATUS_NOT_SUPPORTED;
    *bytes = room(c, algorithm);
    return CUDNN_STATUS_SUCCESS;
}

/* ---- the three directions ---- */

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t handle, cudnnTensorDescriptor_t x,
                                                     cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t window,
                                                     cudnnTensorDescriptor_t y, int requested, int *returned,
                                                     cudnnConvolutionFwdAlgoPerf_t *results) {
    convolution c;
    if (!describe(handle, x, w, window, y, &c)) return CUDNN_STATUS_BAD_PARAM;
    return rank(c, {2, 1, 0}, false, requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t handle, cudnnTensorDescriptor_t x,
                                                      cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t window,
                                                      cudnnTensorDescriptor_t y, cudnnConvolutionFwdAlgo_t algorithm,
                                                      size_t *bytes) {
    convolution c;
    const bool fits = describe(handle, x, w, window, y, &c);
    return size_room(fits, c, (int)algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha, cudnnTensorDescriptor_t x,
                                      const void *x_data, cudnnFilterDescriptor_t w, const void *w_data,
                                      cudnnConvolutionDescriptor_t window, cudnnConvolutionFwdAlgo_t algorithm,
                                      void *workspace, size_t workspace_bytes, const void *beta,
                                      cudnnTensorDescriptor_t y, void *y_data) {
    convolution c;
    if (!describe(handle, x, w, window, y, &c)) return CUDNN_STATUS_BAD_PARAM;
    const operation o = {
        c, forward, c.x, c.w, c.y, x_data, w_data, y_data, workspace, workspace_bytes, 0, 0, "cudnnConvolutionForward"};
    return start(handle, o, (int)algorithm, alpha, beta);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t handle, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t dy,
                                                          cudnnConvolutionDescriptor_t window,
                                                          cudnnTensorDescriptor_t dx, int requested, int *returned,
                                                          cudnnConvolutionBwdDataAlgoPerf_t *results) {
    convolution c;
    if (!describe(handle, dx, w, window, dy, &c)) return CUDNN_STATUS_BAD_PARAM;
    return rank(c, {0, 2, 1}, true, requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t handle, cudnnFilterDescriptor_t w,
                                                           cudnnTensorDescriptor_t dy,
                                                           cudnnConvolutionDescriptor_t window,
                                                           cudnnTensorDescriptor_t dx,
                                                           cudnnConvolutionBwdDataAlgo_t algorithm, size_t *bytes) {
    convolution c;
    const bool fits = describe(handle, dx, w, window, dy, &c);
    return size_room(fits, c, (int)algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha, cudnnFilterDescriptor_t w,
                                           const void *w_data, cudnnTensorDescriptor_t dy, const void *dy_data,
                                           cudnnConvolutionDescriptor_t window, cudnnConvolutionBwdDataAlgo_t algorithm,
                                           void *workspace, size_t workspace_bytes, const void *beta,
                                           cudnnTensorDescriptor_t dx, void *dx_data) {
    convolution c;
    if (!describe(handle, dx, w, window, dy, &c)) return CUDNN_STATUS_BAD_PARAM;
    const operation o = {c,
                         backward_data,
                         c.y,
                         c.w,
                         c.x,
                         dy_data,
                         w_data,
                         dx_data,
                         workspace,
                         workspace_bytes,
                         0,
                         0,
                         "cudnnConvolutionBackwardData"};
    return start(handle, o, (int)algorithm, alpha, beta);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t handle, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t dy,
                                                            cudnnConvolutionDescriptor_t window,
                                                            cudnnFilterDescriptor_t dw, int requested, int *returned,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t *results) {
    convolution c;
    if (!describe(handle, x, dw, window, dy, &c)) return CUDNN_STATUS_BAD_PARAM;
    return rank(c, {0, 2, 1}, true, requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t handle, cudnnTensorDescriptor_t x,
                                                             cudnnTensorDescriptor_t dy,
                                                             cudnnConvolutionDescriptor_t window,
                                                             cudnnFilterDescriptor_t dw,
                                                             cudnnConvolutionBwdFilterAlgo_t algorithm, size_t *bytes) {
    convolution c;
    const bool fits = describe(handle, x, dw, window, dy, &c);
    return size_room(fits, c, (int)algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void *alpha, cudnnTensorDescriptor_t x,
                                             const void *x_data, cudnnTensorDescriptor_t dy, const void *dy_data,
                                             cudnnConvolutionDescriptor_t window,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void *workspace,
                                             size_t workspace_bytes, const void *beta, cudnnFilterDescriptor_t dw,
                                             void *dw_data) {
    convolution c;
    if (!describe(handle, x, dw, window, dy, &c)) return CUDNN_STATUS_BAD_PARAM;
    const operation o = {c,
                         backward_filter,
                         c.x,
                         c.y,
                         c.w,
                         x_data,
                         dy_data,
                         dw_data,
                         workspace,
                         workspace_bytes,
                         0,
                         0,
                         "cudnnConvolutionBackwardFilter"};
    return start(handle, o, (int)algorithm, alpha, beta);
}
