/* dnn.c — convolutions and their gradients by cuDNN: those whose output is as large as cuDNN computes it from symmetric
 * padding, and that it has an algorithm for; the others are left to the kernels of conv2d*.cu.
 *
 * The algorithm is the first of cuDNN's own ranking that fits into the workspace; while training, only algorithms whose
 * results repeat to the bit. float32 is multiplied as float32, unless the context allows tf32. */
#include "backend/cuda/cuda.h"

#define WORKSPACE_MAX ((size_t)512 << 20)

typedef struct descriptors {
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t weights;
    cudnnConvolutionDescriptor_t window;
} descriptors;

/* ---- what is cuDNN's ---- */

/* Cells of the output along one side; 0: the filter is larger than the padded image. */
static int64_t side(int64_t in, const dn_op_conv2d *p, int stride) {
    const int64_t reach = (int64_t)(p->size - 1) * p->dilation, last = in + 2 * (int64_t)p->pad - 1 - reach;
    return last < 0 ? 0 : last / stride + 1;
}

static bool has_shape(const dn_op *op, dn_shape x, dn_shape y) {
    const dn_op_conv2d *const p = &op->as.conv2d;
    if (op->kind == DN_OP_conv2d && p->binary != DN_BINARY_NONE) return false;
    return p->pad >= 0 && side(x.h, p, p->stride_y) == y.h && side(x.w, p, p->stride_x) == y.w;
}

/* True for success. What cuDNN does not support is no failure: another algorithm or our kernel does it. */
static bool possible(dn_cuda_context *context, cudnnStatus_t status, const char *what) {
    if (status >= CUDNN_STATUS_BAD_PARAM && status < CUDNN_STATUS_INTERNAL_ERROR) return false;
    return dn_cuda_dnn_ok(context, status, what);
}

/* ---- descriptors ---- */

static cudnnDataType_t data_type(const dn_cuda_context *context) {
    switch (context->type) {
    case DN_CUDA_F16:
        return CUDNN_DATA_HALF;
    case DN_CUDA_BF16:
        return CUDNN_DATA_BFLOAT16;
    default:
        return CUDNN_DATA_FLOAT;
    }
}

static cudnnMathType_t math_type(const dn_cuda_context *context) {
    if (context->type != DN_CUDA_F32) return CUDNN_TENSOR_OP_MATH;
    return context->tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
}

static cudnnStatus_t create(descriptors *d) {
    cudnnStatus_t status = cudnnCreateTensorDescriptor(&d->x);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnCreateTensorDescriptor(&d->y);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnCreateFilterDescriptor(&d->weights);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnCreateConvolutionDescriptor(&d->window);
    return status;
}

static void destroy(descriptors *d) {
    if (d->window != NULL) (void)cudnnDestroyConvolutionDescriptor(d->window);
    if (d->weights != NULL) (void)cudnnDestroyFilterDescriptor(d->weights);
    if (d->y != NULL) (void)cudnnDestroyTensorDescriptor(d->y);
    if (d->x != NULL) (void)cudnnDestroyTensorDescriptor(d->x);
}

static cudnnStatus_t set_tensors(const descriptors *d, cudnnDataType_t type, const dn_op_conv2d *p, dn_shape x,
                                 dn_shape y) {
    cudnnStatus_t status = cudnnSetTensor4dDescriptor(d->x, CUDNN_TENSOR_NCHW, type, x.n, x.c, x.h, x.w);
    if (status != CUDNN_STATUS_SUCCESS) return status;
    status = cudnnSetTensor4dDescriptor(d->y, CUDNN_TENSOR_NCHW, type, y.n, y.c, y.h, y.w);
    if (status != CUDNN_STATUS_SUCCESS) return status;
    return cudnnSetFilter4dDescriptor(d->weights, type, CUDNN_TENSOR_NCHW, y.c, x.c / p->groups, p->size, p->size);
}

static cudnnStatus_t set_window(const descriptors *d, cudnnMathType_t math, const dn_op_conv2d *p) {
    cudnnStatus_t status =
        cudnnSetConvolution2dDescriptor(d->window, p->pad, p->pad, p->stride_y, p->stride_x, p->dilation, p->dilation,
                                        CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnSetConvolutionGroupCount(d->window, p->groups);
    if (status == CUDNN_STATUS_SUCCESS) status = cudnnSetConvolutionMathType(d->window, math);
    return status;
}

/* The caller destroys them, whatever this returns. */
static bool describe(dn_cuda_context *context, const dn_op_conv2d *p, dn_shape x, dn_shape y, descriptors *d) {
    *d = (descriptors){0};
    cudnnStatus_t status = create(d);
    if (status == CUDNN_STATUS_SUCCESS) status = set_tensors(d, data_type(context), p, x, y);
    if (status == CUDNN_STATUS_SUCCESS) status = set_window(d, math_type(context), p);
    return possible(context, status, "descriptors of cuDNN");
}

/* ---- the choice of an algorithm ---- */

/* What one line of cuDNN's ranking says. */
typedef struct candidate {
    cudnnStatus_t status, room_status; /* room_status: of asking for `room` */
    cudnnDeterminism_t determinism;
    int algorithm;
    size_t room; /* bytes of workspace, for the descriptors as they are */
} candidate;

typedef struct choice {
    dn_cuda_context *context;
    const descriptors *d;
    dn_cuda_state *state;
    size_t limit;
} choice;

/* Takes the candidate if nothing was taken and it will do. */
static void consider(const choice *c, candidate entry) {
    if (c->state->algorithm >= 0 || entry.status != CUDNN_STATUS_SUCCESS) return;
    if (c->context->training && entry.determinism != CUDNN_DETERMINISTIC) return;
    if (entry.room_status != CUDNN_STATUS_SUCCESS || entry.room > c->limit) return;
    c->state->algorithm = entry.algorithm;
    c->state->workspace_bytes = entry.room;
}

static void choose_forward(const choice *c) {
    const descriptors *const d = c->d;
    const cudnnHandle_t dnn = c->context->dnn;
    cudnnConvolutionFwdAlgoPerf_t ranking[CUDNN_CONVOLUTION_FWD_ALGO_COUNT];
    int count = 0;
    const cudnnStatus_t status = cudnnGetConvolutionForwardAlgorithm_v7(
        dnn, d->x, d->weights, d->window, d->y, CUDNN_CONVOLUTION_FWD_ALGO_COUNT, &count, ranking);
    if (!possible(c->context, status, "cudnnGetConvolutionForwardAlgorithm_v7")) return;
    for (int k = 0; k < count && c->state->algorithm < 0; k++) {
        candidate entry = {.status = ranking[k].status, .determinism = ranking[k].determinism};
        entry.algorithm = (int)ranking[k].algo;
        entry.room_status = cudnnGetConvolutionForwardWorkspaceSize(dnn, d->x, d->weights, d->window, d->y,
                                                                    ranking[k].algo, &entry.room);
        consider(c, entry);
    }
}

static void choose_data(const choice *c) {
    const descriptors *const d = c->d;
    const cudnnHandle_t dnn = c->context->dnn;
    cudnnConvolutionBwdDataAlgoPerf_t ranking[CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT];
    int count = 0;
    const cudnnStatus_t status = cudnnGetConvolutionBackwardDataAlgorithm_v7(
        dnn, d->weights, d->y, d->window, d->x, CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT, &count, ranking);
    if (!possible(c->context, status, "cudnnGetConvolutionBackwardDataAlgorithm_v7")) return;
    for (int k = 0; k < count && c->state->algorithm < 0; k++) {
        candidate entry = {.status = ranking[k].status, .determinism = ranking[k].determinism};
        entry.algorithm = (int)ranking[k].algo;
        entry.room_status = cudnnGetConvolutionBackwardDataWorkspaceSize(dnn, d->weights, d->y, d->window, d->x,
                                                                         ranking[k].algo, &entry.room);
        consider(c, entry);
    }
}

static void choose_weights(const choice *c) {
    const descriptors *const d = c->d;
    const cudnnHandle_t dnn = c->context->dnn;
    cudnnConvolutionBwdFilterAlgoPerf_t ranking[CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT];
    int count = 0;
    const cudnnStatus_t status = cudnnGetConvolutionBackwardFilterAlgorithm_v7(
        dnn, d->x, d->y, d->window, d->weights, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT, &count, ranking);
    if (!possible(c->context, status, "cudnnGetConvolutionBackwardFilterAlgorithm_v7")) return;
    for (int k = 0; k < count && c->state->algorithm < 0; k++) {
        candidate entry = {.status = ranking[k].status, .determinism = ranking[k].determinism};
        entry.algorithm = (int)ranking[k].algo;
        entry.room_status = cudnnGetConvolutionBackwardFilterWorkspaceSize(dnn, d->x, d->y, d->window, d->weights,
                                                                           ranking[k].algo, &entry.room);
        consider(c, entry);
    }
}

static void choose(dn_cuda_context *context, const dn_op *op, dn_shape x, dn_shape y, dn_cuda_state *state,
                   size_t limit) {
    state->rows = x.n;
    state->algorithm = -1;
    state->workspace_bytes = 0;
    if (!has_shape(op, x, y)) return;
    descriptors d;
    const choice c = {context, &d, state, limit < WORKSPACE_MAX ? limit : WORKSPACE_MAX};
    if (describe(context, &op->as.conv2d, x, y, &d)) {
        if (op->kind == DN_OP_conv2d) choose_forward(&c);
        if (op->kind == DN_OP_conv2d_data) choose_data(&c);
        if (op->kind == DN_OP_conv2d_weights) choose_weights(&c);
    }
    destroy(&d);
}

/* The first choice, while compiling, says how much workspace there will be; later ones take what there is. */
size_t dn_cuda_choose_algorithm(dn_cuda_context *context, const dn_op *op, dn_shape x, dn_shape y,
                                dn_cuda_state *state) {
    choose(context, op, x, y, state, state->rows == 0 ? WORKSPACE_MAX : context->workspace_bytes);
    return state->workspace_bytes;
}

/* ---- launches ---- */

/* Descriptors for a run of these shapes, and an algorithm in call->state; false: none, and nothing to destroy. */
static bool prepare(const dn_cuda_call *call, dn_shape x, dn_shape y, descriptors *d) {
    dn_cuda_state *const state = call->state;
    if (state->rows != x.n || state->workspace_bytes > call->context->workspace_bytes) {
        choose(call->context, call->op, x, y, state, call->context->workspace_bytes);
    }
    if (state->algorithm < 0) return false;
    if (describe(call->context, &call->op->as.conv2d, x, y, d)) return true;
    destroy(d);
    return false;
}

static const void *weights_of(const dn_cuda_call *call) {
    return call->state->weights != NULL ? call->state->weights : call->inputs[1].data;
}

bool dn_cuda_dnn_forward(const dn_cuda_call *call) {
    const dn_cuda_tensor *const x = &call->inputs[0], *const y = &call->outputs[0];
    dn_cuda_context *const context = call->context;
    const float one = 1.0F, zero = 0.0F;
    descriptors d;
    if (!prepare(call, x->shape, y->shape, &d)) return false;
    const cudnnStatus_t status =
        cudnnConvolutionForward(context->dnn, &one, d.x, x->data, d.weights, weights_of(call), d.window,
                                (cudnnConvolutionFwdAlgo_t)call->state->algorithm, context->workspace,
                                call->state->workspace_bytes, &zero, d.y, y->data);
    destroy(&d);
    (void)dn_cuda_dnn_ok(context, status, "cudnnConvolutionForward");
    return true;
}

bool dn_cuda_dnn_data(const dn_cuda_call *call) {
    const dn_cuda_tensor *const dy = &call->inputs[0], *const dx = &call->outputs[0];
    dn_cuda_context *const context = call->context;
    const float one = 1.0F, kept = call->op->accumulate ? 1.0F : 0.0F;
    descriptors d;
    if (!prepare(call, dx->shape, dy->shape, &d)) return false;
    const cudnnStatus_t status =
        cudnnConvolutionBackwardData(context->dnn, &one, d.weights, weights_of(call), d.y, dy->data, d.window,
                                     (cudnnConvolutionBwdDataAlgo_t)call->state->algorithm, context->workspace,
                                     call->state->workspace_bytes, &kept, d.x, dx->data);
    destroy(&d);
    (void)dn_cuda_dnn_ok(context, status, "cudnnConvolutionBackwardData");
    return true;
}

bool dn_cuda_dnn_weights(const dn_cuda_call *call) {
    const dn_cuda_tensor *const x = &call->inputs[0], *const dy = &call->inputs[1];
    dn_cuda_context *const context = call->context;
    const float one = 1.0F;
    descriptors d;
    if (!prepare(call, x->shape, dy->shape, &d)) return false;
    const cudnnStatus_t status =
        cudnnConvolutionBackwardFilter(context->dnn, &one, d.x, x->data, d.y, dy->data, d.window,
                                       (cudnnConvolutionBwdFilterAlgo_t)call->state->algorithm, context->workspace,
                                       call->state->workspace_bytes, &one, d.weights, call->outputs[0].data);
    destroy(&d);
    (void)dn_cuda_dnn_ok(context, status, "cudnnConvolutionBackwardFilter");
    return true;
}
