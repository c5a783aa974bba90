/* stream.cpp — streams, events, graphs and copies of the emulated CUDA runtime.
 *
 * Nothing runs before somebody waits for it (or for the device, or frees memory): results that are read too early are
 * NaN. A copy to pageable memory takes its turn at once and one from it reads it at once, as CUDA's do. The default
 * stream and those that were not made cudaStreamNonBlocking wait for each other. While a stream is captured, nothing
 * runs; its graph runs what was captured, in that order. */
#include "device.h"

#include <chrono>
#include <cstring>
#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

using namespace emulated;

struct emulated_graph {
    std::vector<work> jobs;
};

struct emulated_graph_exec {
    std::shared_ptr<const std::vector<work>> jobs;
};

struct emulated_stream {
    std::deque<work> waiting;
    size_t queued = 0, done = 0;
    bool blocking = true;
    emulated_graph *capture = nullptr;
    bool invalidated = false;
    cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
    std::thread::id captured_by;
};

struct emulated_event {
    emulated_stream *stream = nullptr;
    size_t ticket = 0;
    std::chrono::steady_clock::time_point time;
};

static std::set<emulated_stream *> &streams() {
    static std::set<emulated_stream *> all;
    return all;
}

static emulated_stream *default_stream() {
    static emulated_stream one;
    return &one;
}

static bool valid(cudaStream_t stream) { return stream == nullptr || streams().count(stream) != 0; }

static cudaError_t bad_stream() {
    return fault(cudaErrorInvalidResourceHandle, "a stream that does not exist, or no longer");
}

/* ---- work ---- */

static void run_up_to(emulated_stream *stream, size_t ticket) {
    while (stream->done < ticket) {
        const work job = std::move(stream->waiting.front());
        stream->waiting.pop_front();
        stream->done++;
        const reachable access;
        job();
    }
}

static void finish_blocking() {
    for (emulated_stream *stream : streams()) {
        if (stream->blocking) run_up_to(stream, stream->queued);
    }
}

static void finish_default() { run_up_to(default_stream(), default_stream()->queued); }

void emulated::finish_device() {
    for (emulated_stream *stream : streams()) run_up_to(stream, stream->queued);
    finish_default();
}

cudaError_t emulated::finish(cudaStream_t stream) {
    if (stream == nullptr) {
        finish_blocking();
        finish_default();
    } else {
        run_up_to(stream, stream->queued);
    }
    return pending();
}

bool emulated::capturing(cudaStream_t stream) { return stream != nullptr && stream->capture != nullptr; }

cudaError_t emulated::forbid_capture(const char *what) {
    for (emulated_stream *stream : streams()) {
        if (stream->capture == nullptr || stream->mode == cudaStreamCaptureModeRelaxed) continue;
        if (stream->mode == cudaStreamCaptureModeThreadLocal && stream->captured_by != std::this_thread::get_id()) {
            continue;
        }
        stream->invalidated = true;
        return fault(cudaErrorStreamCaptureUnsupported, "%s while a stream is captured", what);
    }
    return cudaSuccess;
}

cudaError_t emulated::enqueue(cudaStream_t stream, work job) {
    if (!valid(stream)) return bad_stream();
    if (pending() != cudaSuccess) return remember(pending());
    if (capturing(stream)) {
        stream->capture->jobs.push_back(std::move(job));
        return cudaSuccess;
    }
    if (stream == nullptr) {
        finish_blocking();
        stream = default_stream();
    } else if (stream->blocking) {
        finish_default();
    }
    stream->waiting.push_back(std::move(job));
    stream->queued++;
    return cudaSuccess;
}

/* ---- copies ---- */

static bool directions_hold(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
    const bool to_device = on_device(to, bytes), from_device = on_device(from, bytes);
    if ((!to_device && !off_device(to, bytes)) || (!from_device && !off_device(from, bytes))) return false;
    switch (kind) {
    case cudaMemcpyHostToHost:
        return !to_device && !from_device;
    case cudaMemcpyHostToDevice:
        return to_device && !from_device;
    case cudaMemcpyDeviceToHost:
        return !to_device && from_device;
    case cudaMemcpyDeviceToDevice:
        return to_device && from_device;
    case cudaMemcpyDefault:
        return true;
    }
    return false;
}

static void count_copy(const void *to, const void *from, size_t bytes) {
    if (on_device(to, bytes) != on_device(from, bytes)) set().copied += bytes;
}

static cudaError_t copy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    if (bytes == 0) return cudaSuccess;
    if (!directions_hold(to, from, bytes, kind)) {
        return fault(cudaErrorInvalidValue,
                     "a copy of kind %d of %zu bytes from %p to %p: not as the kind says, or past the end", (int)kind,
                     bytes, from, to);
    }
    const bool to_pageable = off_device(to, bytes) && !is_pinned(to, bytes);
    const bool from_pageable = off_device(from, bytes) && !is_pinned(from, bytes);
    const work plain = [=]() {
        count_copy(to, from, bytes);
        memcpy(to, from, bytes);
    };
    if (capturing(stream)) {
        if (!to_pageable && !from_pageable) return enqueue(stream, plain);
        stream->invalidated = true;
        return fault(cudaErrorStreamCaptureUnsupported, "a copy of pageable memory while the stream is captured");
    }
    if (from_pageable && !to_pageable) { /* staged: the caller may change it afterwards */
        const std::vector<char> staged((const char *)from, (const char *)from + bytes);
        return enqueue(stream, [=]() {
            set().copied += bytes;
            memcpy(to, staged.data(), bytes);
        });
    }
    const cudaError_t status = enqueue(stream, plain);
    return status == cudaSuccess && to_pageable ? finish(stream) : status;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
    const locked lock;
    if (forbid_capture("cudaMemcpy") != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    const cudaError_t status = copy(to, from, bytes, kind, nullptr);
    const bool may_return = on_device(to, bytes) && !is_pinned(from, bytes); /* before it is done */
    return status == cudaSuccess && !may_return ? finish(nullptr) : status;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    const locked lock;
    return valid(stream) ? copy(to, from, bytes, kind, stream) : bad_stream();
}

cudaError_t cudaMemset(void *to, int value, size_t bytes) {
    const locked lock;
    if (forbid_capture("cudaMemset") != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    return cudaMemsetAsync(to, value, bytes, nullptr);
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) {
    const locked lock;
    if (bytes == 0) return cudaSuccess;
    if (!check_device(to, bytes, "cudaMemset")) return cudaErrorInvalidValue;
    return enqueue(stream, [=]() { memset(to, value, bytes); });
}

/* ---- streams ---- */

cudaError_t cudaStreamCreate(cudaStream_t *stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    const locked lock;
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess) return status;
    *stream = new emulated_stream;
    (*stream)->blocking = (flags & cudaStreamNonBlocking) == 0;
    streams().insert(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    const locked lock;
    if (stream == nullptr || !valid(stream)) return bad_stream();
    run_up_to(stream, stream->queued);
    streams().erase(stream);
    delete stream->capture;
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (stream == cudaStreamLegacy || stream == cudaStreamPerThread) stream = nullptr;
    const locked lock;
    if (!valid(stream)) return bad_stream();
    if (capturing(stream)) {
        stream->invalidated = true;
        return fault(cudaErrorStreamCaptureUnsupported, "cudaStreamSynchronize while the stream is captured");
    }
    return remember(finish(stream));
}

cudaError_t cudaDeviceSynchronize(void) {
    const locked lock;
    if (forbid_capture("cudaDeviceSynchronize") != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    finish_device();
    return remember(pending());
}

/* ---- events ---- */

cudaError_t cudaEventCreate(cudaEvent_t *event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
    const locked lock;
    *event = new emulated_event;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    const locked lock;
    finish_device(); /* what waits may note its time in it */
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    const locked lock;
    if (!valid(stream)) return bad_stream();
    if (capturing(stream)) return fault(cudaErrorStreamCaptureUnsupported, "an event in a captured stream");
    const cudaError_t status = enqueue(stream, [=]() { event->time = std::chrono::steady_clock::now(); });
    event->stream = stream == nullptr ? default_stream() : stream;
    event->ticket = event->stream->queued;
    return status;
}

static void finish_event(cudaEvent_t event) {
    const bool lives = event->stream == default_stream() || streams().count(event->stream) != 0;
    if (lives) run_up_to(event->stream, event->ticket);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    const locked lock;
    if (forbid_capture("cudaEventSynchronize") != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    finish_event(event);
    return remember(pending());
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    const locked lock;
    if (!valid(stream)) return bad_stream();
    if (capturing(stream)) return fault(cudaErrorStreamCaptureUnsupported, "an event in a captured stream");
    return enqueue(stream, [=]() { finish_event(event); });
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    const locked lock;
    if (start->stream != nullptr && start->stream->done < start->ticket) return remember(cudaErrorNotReady);
    if (end->stream != nullptr && end->stream->done < end->ticket) return remember(cudaErrorNotReady);
    *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
    return cudaSuccess;
}

/* ---- graphs ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    const locked lock;
    if (!valid(stream)) return bad_stream();
    if (stream == nullptr || stream->capture != nullptr) {
        return fault(cudaErrorStreamCaptureUnsupported, "this stream cannot be captured, or is already");
    }
    stream->capture = new emulated_graph;
    stream->invalidated = false;
    stream->mode = mode;
    stream->captured_by = std::this_thread::get_id();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    const locked lock;
    if (!valid(stream)) return bad_stream();
    *graph = nullptr;
    if (!capturing(stream)) return fault(cudaErrorIllegalState, "this stream is not captured");
    emulated_graph *const captured = stream->capture;
    stream->capture = nullptr;
    if (stream->invalidated) {
        delete captured;
        return remember(cudaErrorStreamCaptureInvalidated);
    }
    *graph = captured;
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status) {
    const locked lock;
    *status = !capturing(stream)    ? cudaStreamCaptureStatusNone
              : stream->invalidated ? cudaStreamCaptureStatusInvalidated
                                    : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long) {
    const locked lock;
    *exec = new emulated_graph_exec{std::make_shared<const std::vector<work>>(graph->jobs)};
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    const locked lock;
    if (capturing(stream)) return fault(cudaErrorStreamCaptureUnsupported, "a graph in a captured stream");
    set().graph_launches++;
    const auto jobs = exec->jobs;
    return enqueue(stream, [=]() {
        for (const work &job : *jobs) job();
    });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
    const locked lock;
    delete exec;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    const locked lock;
    delete graph;
    return cudaSuccess;
}
