/* pool.c — worker threads that sleep between regions of parallel work.
 *
 * A forward pass is some fifty regions of a few microseconds to milliseconds each, so a region must begin and end
 * cheaply: workers watch for the next one for a moment before they sleep, and whoever comes too late to a region is
 * not waited for.
 *
 * One 64-bit word says all about the current region:
 *   bits 32..63  its number
 *   bit  31      open: workers may still join
 *   bits 0..30   workers inside
 * A worker joins by adding itself while the region is open; the caller closes it and waits until nobody is inside.
 * The plain fields of `region` are written only while it is closed and empty. Sleeping and waiting use the usual
 * pattern of two sequentially consistent words: each side first announces itself, then looks at the other's. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime under -std=c17 */

#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/alloc.h"

#define THREADS_MAX      1024
#define SPIN_NANOSECONDS 150000 /* a virtual processor that sleeps takes as long to wake up */
#define OPEN             (UINT64_C(1) << 31)
#define INSIDE           (OPEN - 1)
#define NUMBER_OF(state) ((state) >> 32)

typedef struct worker {
    dn_pool *pool;
    pthread_t handle;
    int thread;
    uint64_t last_region; /* of the state when it was started */
} worker;

struct dn_pool {
    _Alignas(DN_ALIGNMENT) atomic_uint_least64_t state;
    _Alignas(DN_ALIGNMENT) atomic_int next_task;
    _Alignas(DN_ALIGNMENT) struct {
        dn_work_fn work;
        void *user;
        int tasks;
    } region;
    atomic_int sleepers;
    atomic_bool caller_sleeps, stop;
    pthread_mutex_t mutex; /* of the two conditions */
    pthread_cond_t region_opened, region_left;

    pthread_mutex_t busy; /* held by the caller that uses the workers; guards the fields below */
    worker *workers;      /* threads - 1 places */
    int started;
    bool tried_to_start;

    atomic_int references, threads;
    dn_allocator allocator;
};

/* ---------------------------------------------------------------- waiting */

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

static int64_t now(void) {
    struct timespec time;
    if (clock_gettime(CLOCK_MONOTONIC, &time) != 0) return 0;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool joinable(const worker *self, uint64_t state) {
    return (state & OPEN) && NUMBER_OF(state) != self->last_region;
}

static bool something_to_do(const worker *self) {
    dn_pool *pool = self->pool;
    return joinable(self, atomic_load(&pool->state)) || atomic_load(&pool->stop);
}

static bool everybody_left(dn_pool *pool) { return (atomic_load(&pool->state) & INSIDE) == 0; }

/* Looks at the clock only now and then: reading it costs more than looking at the word. */
#define SPIN_UNTIL(condition)                                                                                          \
    do {                                                                                                               \
        const int64_t spin_end = now() + SPIN_NANOSECONDS;                                                             \
        for (unsigned turn = 1; !(condition); ++turn) {                                                                \
            relax();                                                                                                   \
            if (turn % 64 == 0 && now() >= spin_end) break;                                                            \
        }                                                                                                              \
    } while (0)

static void wait_for_region(const worker *self) {
    dn_pool *pool = self->pool;
    SPIN_UNTIL(something_to_do(self));
    if (something_to_do(self)) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!something_to_do(self)) pthread_cond_wait(&pool->region_opened, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_until_left(dn_pool *pool) {
    SPIN_UNTIL(everybody_left(pool));
    if (everybody_left(pool)) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (!everybody_left(pool)) pthread_cond_wait(&pool->region_left, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->mutex);
}

/* ---------------------------------------------------------------- regions */

static void take_tasks(dn_pool *pool, int thread) {
    const int tasks = pool->region.tasks;
    for (;;) {
        const int task = atomic_fetch_add_explicit(&pool->next_task, 1, memory_order_relaxed);
        if (task >= tasks) return;
        pool->region.work(pool->region.user, task, thread);
    }
}

static bool join_region(worker *self) {
    dn_pool *pool = self->pool;
    uint64_t state = atomic_load(&pool->state);
    while (joinable(self, state)) {
        if (atomic_compare_exchange_weak(&pool->state, &state, state + 1)) {
            self->last_region = NUMBER_OF(state);
            return true;
        }
    }
    return false;
}

static void leave_region(dn_pool *pool) {
    const uint64_t before = atomic_fetch_sub(&pool->state, 1);
    if ((before & INSIDE) != 1 || !atomic_load(&pool->caller_sleeps)) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->region_left);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument) {
    worker *self = argument;
    dn_pool *pool = self->pool;
    for (;;) {
        wait_for_region(self);
        if (atomic_load(&pool->stop)) return NULL;
        if (join_region(self)) {
            take_tasks(pool, self->thread);
            leave_region(pool);
        }
    }
}

static void open_region(dn_pool *pool, int tasks, dn_work_fn work, void *user) {
    pool->region.work = work;
    pool->region.user = user;
    pool->region.tasks = tasks;
    atomic_store_explicit(&pool->next_task, 0, memory_order_relaxed);
    const uint64_t number = (NUMBER_OF(atomic_load(&pool->state)) + 1) & UINT32_MAX;
    atomic_store(&pool->state, number << 32 | OPEN);
    int wanted = atomic_load(&pool->sleepers);
    if (wanted == 0) return;
    if (wanted > tasks - 1) wanted = tasks - 1;
    pthread_mutex_lock(&pool->mutex);
    for (; wanted > 0; --wanted) pthread_cond_signal(&pool->region_opened);
    pthread_mutex_unlock(&pool->mutex);
}

/* ---------------------------------------------------------------- starting and stopping; `busy` is held */

static void start_workers(dn_pool *pool) {
    const int wanted = atomic_load(&pool->threads) - 1;
    sigset_t all;
    sigset_t before;
    sigfillset(&all); /* signals are for the host's threads */
    const bool masked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    while (pool->started < wanted) {
        worker *self = &pool->workers[pool->started];
        *self = (worker){.pool = pool, .thread = pool->started + 1};
        self->last_region = NUMBER_OF(atomic_load(&pool->state));
        if (pthread_create(&self->handle, NULL, worker_main, self) != 0) break; /* fewer have to do */
        ++pool->started;
    }
    if (masked) pthread_sigmask(SIG_SETMASK, &before, NULL);
    pool->tried_to_start = true;
}

static void stop_workers(dn_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->region_opened);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->started; ++i) pthread_join(pool->workers[i].handle, NULL);
    atomic_store(&pool->stop, false);
    pool->started = 0;
    pool->tried_to_start = false;
}

static void run_alone(int tasks, dn_work_fn work, void *user) {
    for (int task = 0; task < tasks; ++task) work(user, task, 0);
}

void dn_pool_run(dn_pool *pool, int tasks, dn_work_fn work, void *user) {
    const bool overflows = tasks > INT32_MAX - THREADS_MAX; /* the counter passes the end once for each thread */
    const bool alone = !pool || tasks < 2 || overflows || atomic_load(&pool->threads) < 2;
    if (alone || pthread_mutex_trylock(&pool->busy) != 0) {
        run_alone(tasks, work, user);
        return;
    }
    if (!pool->tried_to_start) start_workers(pool);
    if (pool->started == 0) {
        run_alone(tasks, work, user);
    } else {
        open_region(pool, tasks, work, user);
        take_tasks(pool, 0);
        atomic_fetch_and(&pool->state, ~OPEN);
        wait_until_left(pool);
    }
    pthread_mutex_unlock(&pool->busy);
}

/* ---------------------------------------------------------------- lifetime */

static dn_status check_threads(int threads, dn_error *err) {
    if (threads >= 1 && threads <= THREADS_MAX) return DN_OK;
    dn_fail(err, DN_E_ARGUMENT, "%d threads: give 1 to %d, the calling thread included", threads, THREADS_MAX);
    dn_error_expected(err, "1 to %d", THREADS_MAX);
    dn_error_found(err, "%d", threads);
    return DN_E_ARGUMENT;
}

static bool init_locks(dn_pool *pool) {
    if (pthread_mutex_init(&pool->busy, NULL) != 0) return false;
    if (pthread_mutex_init(&pool->mutex, NULL) != 0) goto fail_mutex;
    if (pthread_cond_init(&pool->region_opened, NULL) != 0) goto fail_opened;
    if (pthread_cond_init(&pool->region_left, NULL) != 0) goto fail_left;
    return true;
fail_left:
    pthread_cond_destroy(&pool->region_opened);
fail_opened:
    pthread_mutex_destroy(&pool->mutex);
fail_mutex:
    pthread_mutex_destroy(&pool->busy);
    return false;
}

static dn_status alloc_workers(const dn_pool *pool, void **out, int threads, dn_error *err) {
    return dn_alloc(&pool->allocator, out, (size_t)threads - 1, sizeof(worker), "worker threads", err);
}

dn_status dn_pool_create(dn_pool **out, int threads, dn_error *err) {
    DN_TRY(check_threads(threads, err));
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    void *memory = NULL;
    void *workers = NULL;
    DN_TRY(dn_alloc(&allocator, &memory, 1, sizeof(dn_pool), "a thread pool", err));
    dn_pool *pool = memory;
    pool->allocator = allocator;
    dn_status status = alloc_workers(pool, &workers, threads, err);
    if (status == DN_OK && !init_locks(pool)) status = dn_fail(err, DN_E_NOMEM, "no room for the locks of a pool");
    if (status != DN_OK) {
        dn_free(&allocator, workers);
        dn_free(&allocator, pool);
        return status;
    }
    pool->workers = workers;
    atomic_init(&pool->references, 1);
    atomic_init(&pool->threads, threads);
    *out = pool;
    return DN_OK;
}

void dn_pool_retain(dn_pool *pool) {
    if (pool) atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
}

void dn_pool_release(dn_pool *pool) {
    if (!pool || atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) != 1) return;
    stop_workers(pool);
    pthread_cond_destroy(&pool->region_left);
    pthread_cond_destroy(&pool->region_opened);
    pthread_mutex_destroy(&pool->mutex);
    pthread_mutex_destroy(&pool->busy);
    const dn_allocator allocator = pool->allocator;
    dn_free(&allocator, pool->workers);
    dn_free(&allocator, pool);
}

dn_status dn_pool_resize(dn_pool *pool, int threads, dn_error *err) {
    DN_TRY(check_threads(threads, err));
    void *workers = NULL;
    DN_TRY(alloc_workers(pool, &workers, threads, err));
    pthread_mutex_lock(&pool->busy);
    stop_workers(pool);
    dn_free(&pool->allocator, pool->workers);
    pool->workers = workers;
    atomic_store(&pool->threads, threads);
    pthread_mutex_unlock(&pool->busy);
    return DN_OK;
}

int dn_pool_threads(const dn_pool *pool) { return pool ? atomic_load(&pool->threads) : 1; }

void dn_pool_after_fork(dn_pool *pool) {
    if (!pool) return;
    (void)init_locks(pool); /* the old ones may be held by threads that do not exist here */
    atomic_store(&pool->state, 0);
    atomic_store(&pool->sleepers, 0);
    atomic_store(&pool->caller_sleeps, false);
    atomic_store(&pool->stop, false);
    pool->started = 0;
    pool->tried_to_start = false;
}
