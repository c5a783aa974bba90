/* device_memory.h — memory of the device with a guard behind it. */
#ifndef COMPARE_DEVICE_MEMORY_H
#define COMPARE_DEVICE_MEMORY_H

#include <cstdio>
#include <cstdlib>

#include "compare.h"

namespace compare {

inline void need(cudaError_t status, const char *what) {
    if (status == cudaSuccess) return;
    fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(status));
    exit(EXIT_FAILURE);
}

struct device_memory {
#if defined(DN_CUDA_EMULATED) && defined(__SANITIZE_ADDRESS__)
    static const size_t guard = 0; /* the sanitizer's own is nearer, and sees reading as well */
#else
    static const size_t guard = 256;
#endif
    unsigned char *data = nullptr;
    size_t bytes = 0;

    explicit device_memory(size_t size) : bytes(size) {
        void *memory = nullptr;
        need(cudaMalloc(&memory, bytes + guard), "cudaMalloc");
        data = (unsigned char *)memory;
        need(cudaMemset(data, 0xFF, bytes + guard), "cudaMemset"); /* NaN in every type */
    }
    explicit device_memory(const std::vector<unsigned char> &from) : device_memory(from.size()) { write(from); }
    device_memory(device_memory &&other) : data(other.data), bytes(other.bytes) { other.data = nullptr; }
    device_memory(const device_memory &) = delete;
    ~device_memory() { (void)cudaFree(data); }

    void write(const std::vector<unsigned char> &from) {
        need(cudaMemcpy(data, from.data(), from.size(), cudaMemcpyHostToDevice), "cudaMemcpy");
    }
    std::vector<unsigned char> read() const {
        std::vector<unsigned char> into(bytes);
        need(cudaMemcpy(into.data(), data, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
        return into;
    }
    bool guard_is_whole() const {
        std::vector<unsigned char> into(guard);
        need(cudaMemcpy(into.data(), data + bytes, guard, cudaMemcpyDeviceToHost), "cudaMemcpy");
        for (unsigned char byte : into) {
            if (byte != 0xFF) return false;
        }
        return true;
    }
};

} // namespace compare

#endif
