/* blas.cpp — cuBLAS's general product on the processor: column-major C (m, n) = alpha · op(A) op(B) + beta · C, where
 * column j of a matrix begins `ld` values behind column j − 1. C is not read where beta is 0. Sums are float32. */
#include "cublas_v2.h"

#include <algorithm>

#include "device.h"
#include "numbers.h"

using namespace emulated;

struct emulated_blas {
    cudaStream_t stream = nullptr;
};

static bool number_of(cudaDataType type, number *out) {
    switch (type) {
    case CUDA_R_32F:
        *out = number::f32;
        return true;
    case CUDA_R_16F:
        *out = number::f16;
        return true;
    case CUDA_R_16BF:
        *out = number::bf16;
        return true;
    }
    return false;
}

struct matrix {
    const void *data;
    number type;
    int rows, columns, ld;

    size_t bytes() const { return ((size_t)ld * (size_t)(columns - 1) + (size_t)rows) * size_of(type); }
    bool is_valid() const { return rows >= 0 && columns >= 0 && ld >= std::max(1, rows); }
    bool on_device(const char *what) const { return check_device(data, bytes(), what); }
    float at(int i, int j) const { return get(data, type, (size_t)j * (size_t)ld + (size_t)i); }
};

struct product {
    matrix a, b, c; /* as they are stored */
    bool transpose_a, transpose_b;
    int k;
    float alpha, beta;
};

/* op(X) without gaps, column after column. */
static std::vector<float> gather(const matrix &x, bool transpose) {
    std::vector<float> into;
    const int rows = transpose ? x.columns : x.rows, columns = transpose ? x.rows : x.columns;
    into.reserve((size_t)rows * (size_t)columns);
    for (int j = 0; j < columns; j++) {
        for (int i = 0; i < rows; i++) into.push_back(transpose ? x.at(j, i) : x.at(i, j));
    }
    return into;
}

static void multiply(const product &p) {
    if (!p.c.on_device("cublasGemmEx, C")) return;
    std::vector<float> a, b;
    if (p.k > 0) {
        if (!p.a.on_device("cublasGemmEx, A") || !p.b.on_device("cublasGemmEx, B")) return;
        a = gather(p.a, p.transpose_a);
        b = gather(p.b, p.transpose_b);
    }
    const size_t m = (size_t)p.c.rows, k = (size_t)p.k;
    std::vector<float> column(m);
    void *const c = const_cast<void *>(p.c.data);
    for (size_t j = 0; j < (size_t)p.c.columns; j++) {
        std::fill(column.begin(), column.end(), 0.0F);
        for (size_t q = 0; q < k; q++) {
            const float factor = b[j * k + q];
            for (size_t i = 0; i < m; i++) column[i] += a[q * m + i] * factor;
        }
        const size_t first = j * (size_t)p.c.ld * size_of(p.c.type);
        blend((char *)c + first, p.c.type, column, p.alpha, p.beta);
    }
    set().launches++;
}

cublasStatus_t cublasCreate(cublasHandle_t *handle) {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = new emulated_blas;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    handle->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t) {
    return handle == nullptr ? CUBLAS_STATUS_NOT_INITIALIZED : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t bytes) {
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    const locked lock;
    if ((uintptr_t)workspace % 256 != 0 || (bytes > 0 && !on_device(workspace, bytes))) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasGetStatusString(cublasStatus_t status) {
    switch (status) {
    case CUBLAS_STATUS_SUCCESS:
        return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
        return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
        return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
        return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
        return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED:
        return "CUBLAS_STATUS_NOT_SUPPORTED";
    }
    return "an unknown status";
}

/* Of those that compute in float32: A and B of one type; C of it, or float32. */
static bool supported(const product &p) {
    return p.a.type == p.b.type && (p.c.type == p.a.type || p.c.type == number::f32);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                            int k, const void *alpha, const void *a, cudaDataType a_type, int lda, const void *b,
                            cudaDataType b_type, int ldb, const void *beta, void *c, cudaDataType c_type, int ldc,
                            cublasComputeType_t compute, cublasGemmAlgo_t) {
    const locked lock;
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    product p = {};
    p.transpose_a = transa == CUBLAS_OP_T;
    p.transpose_b = transb == CUBLAS_OP_T;
    p.k = k;
    p.a = p.transpose_a ? matrix{a, number::f32, k, m, lda} : matrix{a, number::f32, m, k, lda};
    p.b = p.transpose_b ? matrix{b, number::f32, n, k, ldb} : matrix{b, number::f32, k, n, ldb};
    p.c = {c, number::f32, m, n, ldc};
    if (!number_of(a_type, &p.a.type) || !number_of(b_type, &p.b.type) || !number_of(c_type, &p.c.type) ||
        !supported(p)) {
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (compute == CUBLAS_COMPUTE_32F_FAST_TF32 && p.a.type != number::f32) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (!p.a.is_valid() || !p.b.is_valid() || !p.c.is_valid() || alpha == nullptr || beta == nullptr) {
        fault(cudaErrorInvalidValue, "cublasGemmEx: m %d, n %d, k %d; lda %d, ldb %d, ldc %d%s%s", m, n, k, lda, ldb,
              ldc, p.transpose_a ? ", A transposed" : "", p.transpose_b ? ", B transposed" : "");
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (m == 0 || n == 0) return CUBLAS_STATUS_SUCCESS;
    p.alpha = *(const float *)alpha;
    p.beta = *(const float *)beta;
    const cudaError_t status = enqueue(handle->stream, [=]() { multiply(p); });
    return status == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
