/* device.cpp — devices and memory of the emulated CUDA runtime.
 *
 * Memory of the device is host memory that is registered here, full of NaN at first. Without address sanitizer it lies
 * between pages that nobody may touch, and is itself out of reach but while the device works: an address of the device
 * that the host reads ends the program. With it, the sanitizer watches its ends. */
#include "device.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sys/mman.h>

namespace emulated {

std::recursive_mutex &mutex() {
    static std::recursive_mutex one;
    return one;
}

settings &set() {
    static settings one;
    return one;
}

/* ---- failures ---- */

static cudaError_t last_error = cudaSuccess, sticky_error = cudaSuccess;

cudaError_t remember(cudaError_t status) {
    if (status != cudaSuccess) last_error = status;
    return status;
}

cudaError_t pending() { return sticky_error; }

cudaError_t fault(cudaError_t status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("emulated device: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    sticky_error = status;
    return remember(status);
}

/* ---- allocations ---- */

struct allocation {
    size_t bytes;
    int device;
    bool pinned, owned;
};

static std::map<uintptr_t, allocation> allocations; /* by first address */
static thread_local int current_device;

static const std::pair<const uintptr_t, allocation> *find(const void *address, size_t bytes) {
    const uintptr_t first = (uintptr_t)address;
    auto after = allocations.upper_bound(first);
    if (after == allocations.begin()) return nullptr;
    --after;
    const size_t offset = first - after->first;
    return offset <= after->second.bytes && bytes <= after->second.bytes - offset ? &*after : nullptr;
}

bool on_device(const void *address, size_t bytes) {
    const auto *const at = find(address, bytes);
    return at != nullptr && !at->second.pinned;
}

bool is_pinned(const void *address, size_t bytes) {
    const auto *const at = find(address, bytes);
    return at != nullptr && at->second.pinned;
}

bool off_device(const void *address, size_t bytes) {
    const uintptr_t first = (uintptr_t)address;
    for (const auto &at : allocations) {
        if (!at.second.pinned && first < at.first + at.second.bytes && at.first < first + bytes) return false;
    }
    return true;
}

bool check_device(const void *address, size_t bytes, const char *what) {
    if (on_device(address, bytes)) return true;
    fault(cudaErrorIllegalAddress, "%s: %zu bytes at %p are not all in one piece of the device's memory", what, bytes,
          address);
    return false;
}

static const size_t page = 4096, out_of_reach_max = (size_t)32 << 20; /* larger ones take too long to protect */

static size_t pages(size_t bytes) { return (bytes + page - 1) / page * page; }

static int depth; /* of reachable */

static void protect(int access) {
    if (EMULATED_ASAN) return;
    for (const auto &at : allocations) {
        if (at.second.pinned || at.second.bytes > out_of_reach_max) continue;
        (void)mprotect((void *)at.first, pages(at.second.bytes), access);
    }
}

reachable::reachable() {
    if (depth++ == 0) protect(PROT_READ | PROT_WRITE);
}

reachable::~reachable() {
    if (--depth == 0) protect(PROT_NONE);
}

static void *take(size_t bytes) {
    void *exact = nullptr; /* so that the sanitizer's guard follows the last byte */
    if (EMULATED_ASAN) return posix_memalign(&exact, 256, bytes) == 0 ? exact : nullptr;
    const size_t inside = pages(bytes);
    void *const whole = mmap(nullptr, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (whole == MAP_FAILED) return nullptr;
    void *const first = (char *)whole + page;
    if (mprotect(first, inside, PROT_READ | PROT_WRITE) == 0) return first;
    (void)munmap(whole, inside + 2 * page);
    return nullptr;
}

static void give_back(void *address, size_t bytes) {
    if (EMULATED_ASAN) {
        free(address);
    } else {
        (void)munmap((char *)address - page, pages(bytes) + 2 * page);
    }
}

static size_t used(int device) {
    size_t sum = 0;
    for (const auto &at : allocations) {
        if (!at.second.pinned && (device < 0 || at.second.device == device)) sum += at.second.bytes;
    }
    return sum;
}

static cudaError_t usable_device() {
    if (set().devices < 0) return cudaErrorInsufficientDriver;
    return set().devices == 0 ? cudaErrorNoDevice : cudaSuccess;
}

static cudaError_t allocate_pinned(void **pointer, size_t bytes) {
    if (usable_device() != cudaSuccess) return remember(usable_device());
    if (forbid_capture("memory is allocated") != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    void *const memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (memory == nullptr) return remember(cudaErrorMemoryAllocation);
    allocations[(uintptr_t)memory] = {bytes, current_device, true, true};
    *pointer = memory;
    return cudaSuccess;
}

} // namespace emulated

using namespace emulated;

/* ---- settings ---- */

void emulated_set_devices(int count) { set().devices = count; }
void emulated_set_memory(size_t bytes) { set().memory = bytes; }
void emulated_set_convolutions(int supported) { set().convolutions = supported != 0; }
void emulated_fail_launch(int number) { set().fail_launch = number; }
size_t emulated_memory_used(void) {
    const locked lock;
    return used(-1);
}
size_t emulated_launches(void) { return set().launches; }
size_t emulated_graph_launches(void) { return set().graph_launches; }
size_t emulated_copied_bytes(void) { return set().copied; }
int emulated_current_device(void) { return current_device; }

/* ---- failures ---- */

const char *cudaGetErrorString(cudaError_t error) {
    switch (error) {
    case cudaSuccess:
        return "no error";
    case cudaErrorInvalidValue:
        return "invalid argument";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorInsufficientDriver:
        return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
        return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
        return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
        return "invalid resource handle";
    case cudaErrorIllegalAddress:
        return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:
        return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported:
        return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
        return "operation failed due to a previous error during capture";
    default:
        return "another error of the emulated device";
    }
}

const char *cudaGetErrorName(cudaError_t error) { return error == cudaSuccess ? "cudaSuccess" : "cudaError"; }

cudaError_t cudaPeekAtLastError(void) { return last_error; }

cudaError_t cudaGetLastError(void) {
    const locked lock;
    const cudaError_t status = last_error;
    last_error = sticky_error;
    return status;
}

/* ---- devices ---- */

cudaError_t cudaGetDeviceCount(int *count) {
    *count = set().devices > 0 ? set().devices : 0;
    return remember(usable_device());
}

cudaError_t cudaSetDevice(int device) {
    if (usable_device() != cudaSuccess) return remember(usable_device());
    if (device < 0 || device >= set().devices) return remember(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
    *device = current_device;
    return remember(usable_device());
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device) {
    if (device < 0 || device >= set().devices) return remember(cudaErrorInvalidDevice);
    memset(properties, 0, sizeof *properties);
    (void)snprintf(properties->name, sizeof properties->name, "Emulated device");
    properties->totalGlobalMem = set().memory;
    properties->major = 9;
    properties->minor = 0;
    properties->multiProcessorCount = 1;
    properties->pciBusID = device + 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) return cudaErrorInvalidDevice;
    switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
        *value = 1024;
        return cudaSuccess;
    case cudaDevAttrClockRate:
        *value = 1000000;
        return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
        *value = properties.multiProcessorCount;
        return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
        *value = properties.major;
        return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
        *value = properties.minor;
        return cudaSuccess;
    }
    return remember(cudaErrorInvalidValue);
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = set().devices < 0 ? 0 : CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

/* ---- memory ---- */

cudaError_t cudaMalloc(void **pointer, size_t bytes) {
    const locked lock;
    if (usable_device() != cudaSuccess) return remember(usable_device());
    if (forbid_capture("memory is allocated") != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    const size_t taken = used(current_device);
    if (taken > set().memory || bytes > set().memory - taken) return remember(cudaErrorMemoryAllocation);
    void *const memory = take(bytes);
    if (memory == nullptr) return remember(cudaErrorMemoryAllocation);
    memset(memory, 0xFF, bytes); /* NaN in every type */
    allocations[(uintptr_t)memory] = {bytes, current_device, false, true};
    if (depth == 0 && bytes <= out_of_reach_max && !EMULATED_ASAN) (void)mprotect(memory, pages(bytes), PROT_NONE);
    *pointer = memory;
    return cudaSuccess;
}

cudaError_t cudaFree(void *pointer) {
    const locked lock;
    if (pointer == nullptr) return cudaSuccess;
    if (forbid_capture("memory is freed") != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    const auto at = allocations.find((uintptr_t)pointer);
    if (at == allocations.end() || at->second.pinned) {
        return fault(cudaErrorInvalidValue, "cudaFree: nothing was allocated at %p", pointer);
    }
    finish_device(); /* waits, as CUDA does */
    give_back(pointer, at->second.bytes);
    allocations.erase(at);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **pointer, size_t bytes) { return cudaHostAlloc(pointer, bytes, 0); }

cudaError_t cudaHostAlloc(void **pointer, size_t bytes, unsigned) {
    const locked lock;
    return allocate_pinned(pointer, bytes);
}

cudaError_t cudaFreeHost(void *pointer) {
    const locked lock;
    if (pointer == nullptr) return cudaSuccess;
    const auto at = allocations.find((uintptr_t)pointer);
    if (at == allocations.end() || !at->second.pinned || !at->second.owned) {
        return fault(cudaErrorInvalidValue, "cudaFreeHost: nothing was allocated at %p", pointer);
    }
    finish_device();
    allocations.erase(at);
    free(pointer);
    return cudaSuccess;
}

cudaError_t cudaHostRegister(void *pointer, size_t bytes, unsigned) {
    const locked lock;
    if (pointer == nullptr || bytes == 0 || !off_device(pointer, bytes) || find(pointer, 0) != nullptr) {
        return remember(cudaErrorInvalidValue);
    }
    allocations[(uintptr_t)pointer] = {bytes, current_device, true, false};
    return cudaSuccess;
}

cudaError_t cudaHostUnregister(void *pointer) {
    const locked lock;
    const auto at = allocations.find((uintptr_t)pointer);
    if (at == allocations.end() || at->second.owned) return remember(cudaErrorInvalidValue);
    finish_device();
    allocations.erase(at);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes) {
    const locked lock;
    if (usable_device() != cudaSuccess) return remember(usable_device());
    const size_t taken = used(current_device);
    *total_bytes = set().memory;
    *free_bytes = taken < set().memory ? set().memory - taken : 0;
    return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *attributes, const void *pointer) {
    const locked lock;
    if (usable_device() != cudaSuccess) return remember(usable_device());
    const auto *const at = find(pointer, 1);
    memset(attributes, 0, sizeof *attributes);
    attributes->device = at == nullptr ? -2 : at->second.device;
    if (at == nullptr) return cudaSuccess;
    attributes->type = at->second.pinned ? cudaMemoryTypeHost : cudaMemoryTypeDevice;
    attributes->devicePointer = (void *)pointer;
    attributes->hostPointer = at->second.pinned ? (void *)pointer : nullptr;
    return cudaSuccess;
}
