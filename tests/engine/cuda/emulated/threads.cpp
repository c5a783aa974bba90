/* threads.cpp — the threads of a kernel on the processor. Blocks run one after the other. In a block, the first thread
 * runs as a fiber; when it ends without having met a barrier, the others run as plain calls behind it. When it stops at
 * a barrier, every thread of the block becomes a fiber, and all run up to the barrier before one runs on.
 *
 * Threads and blocks run forwards in one launch and backwards in another, by chance, so that results that depend on
 * their order differ. A barrier that some threads wait at while others have ended, ends the program: on a device it would hang. */
#include "device.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cuda_runtime.h"
#include "fiber.h"

emulated_index threadIdx, blockIdx, blockDim, gridDim;

cudaError_t emulated_launch(cudaStream_t stream, unsigned blocks, unsigned threads, std::function<void()> thread);
void emulated_check_address(const void *address);

namespace emulated {

enum class life { idle, running, at_barrier, ended };

struct lane { /* a thread that is a fiber */
    fiber own;
    life state = life::idle;
    unsigned index = 0;
};

struct launch {
    const work *thread;
    unsigned threads;
    bool backwards;
    bool plain; /* threads run as calls: none of them may meet a barrier */
};

static std::vector<lane *> lanes;
static lane *current; /* the fiber that runs; nullptr: the launch itself */
static launch job;

static unsigned turn(unsigned k) { return job.backwards ? job.threads - 1 - k : k; }

static void run_thread(unsigned index) {
    threadIdx = {index, 0, 0};
    (*job.thread)();
}

/* What a fiber does, forever: a thread; the first of a block also the others, while none of them meets a barrier. */
static void live(void *self) {
    lane *const own = (lane *)self;
    for (;;) {
        run_thread(own->index);
        if (job.plain) {
            for (unsigned k = 1; k < job.threads; k++) run_thread(turn(k));
        }
        own->state = life::ended;
        fiber_leave(&own->own);
    }
}

static lane *lane_of(size_t k) {
    while (lanes.size() <= k) {
        lane *const fresh = new lane;
        fiber_open(&fresh->own, live, fresh);
        lanes.push_back(fresh);
    }
    return lanes[k];
}

static void go_on(lane *one) {
    one->state = life::running;
    current = one;
    threadIdx = {one->index, 0, 0};
    fiber_enter(&one->own);
    current = nullptr;
}

[[noreturn]] static void torn_barrier(const char *how) {
    fprintf(stderr, "emulated device: __syncthreads: %s (block %u of %u)\n", how, blockIdx.x, gridDim.x);
    abort();
}

/* One step of every thread: to the next barrier, or to the end. True when they are at a barrier. */
static bool step(unsigned first) {
    unsigned waiting = 0;
    for (unsigned k = first; k < job.threads; k++) go_on(lane_of(k));
    for (unsigned k = 0; k < job.threads; k++) waiting += lane_of(k)->state == life::at_barrier;
    if (waiting != 0 && waiting != job.threads) torn_barrier("only some threads of the block are at it");
    return waiting != 0;
}

static void run_block() {
    lane *const first = lane_of(0);
    first->index = turn(0);
    job.plain = true;
    go_on(first);
    if (first->state == life::ended) return;
    for (unsigned k = 1; k < job.threads; k++) lane_of(k)->index = turn(k);
    bool more = step(1);
    while (more) more = step(0);
}

static void run_launch(unsigned blocks, unsigned threads, const work &thread) {
    static uint32_t chance = 1;
    chance = chance * 1664525U + 1013904223U;
    const bool backwards = chance >> 31 != 0;
    job = {&thread, threads, backwards, true};
    blockDim = {threads, 1, 1};
    gridDim = {blocks, 1, 1};
    for (unsigned k = 0; k < blocks; k++) {
        blockIdx = {backwards ? blocks - 1 - k : k, 0, 0};
        run_block();
    }
    set().launches++;
}

/* Ends the fibers with the program, for the sake of those who look for leaks. */
static const struct sweeper {
    ~sweeper() {
        for (lane *one : lanes) {
            fiber_close(&one->own);
            delete one;
        }
    }
} sweeper_at_exit;

} // namespace emulated

using namespace emulated;

void __syncthreads() {
    lane *const own = current;
    if (own == nullptr) torn_barrier("called by no thread");
    if (job.plain && threadIdx.x != own->index) torn_barrier("the first thread of the block ended without it");
    job.plain = false;
    own->state = life::at_barrier;
    fiber_leave(&own->own);
}

cudaError_t emulated_launch(cudaStream_t stream, unsigned blocks, unsigned threads, std::function<void()> thread) {
    const locked lock;
    if (blocks < 1 || blocks > 0x7FFFFFFF || threads < 1 || threads > 1024) {
        return remember(cudaErrorInvalidConfiguration);
    }
    if (set().fail_launch >= 0 && set().fail_launch-- == 0) return remember(cudaErrorLaunchFailure);
    return enqueue(stream, [=]() { run_launch(blocks, threads, thread); });
}

void emulated_check_address(const void *address) {
    const locked lock;
    if (address != nullptr) (void)check_device(address, 1, "an argument of a kernel");
}
