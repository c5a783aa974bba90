/* test_pool.c — every task once, in parallel, from many callers, through resizing and fork. */
#include "harness.h"

#include <limits.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pool.h"

#define TASKS 500

typedef struct job {
    dn_pool *pool;
    atomic_int runs[TASKS];
    atomic_int inside[1024]; /* by thread */
    int threads, results[TASKS];
    bool nested;
    atomic_bool clash;
} job;

static void add_one(void *user, int task, int thread) {
    (void)thread;
    atomic_fetch_add((atomic_int *)user + task, 1);
}

static void do_task(void *user, int task, int thread) {
    job *j = user;
    if (thread < 0 || thread >= j->threads || atomic_fetch_add(&j->inside[thread], 1) != 0) {
        atomic_store(&j->clash, true);
    }
    atomic_fetch_add(&j->runs[task], 1);
    j->results[task] = task * task; /* not atomic: the end of the run must order it before the reader */
    if (j->nested && task % 50 == 0) {
        atomic_int inner[20] = {0};
        dn_pool_run(j->pool, 20, add_one, inner);
        for (int i = 0; i < 20; ++i) {
            if (atomic_load(&inner[i]) != 1) atomic_store(&j->clash, true);
        }
    }
    if (thread >= 0 && thread < j->threads) atomic_fetch_sub(&j->inside[thread], 1);
}

static void check_job(dn_pool *pool, int tasks, bool nested) {
    job *j = calloc(1, sizeof *j);
    if (!CHECK(j != NULL)) return;
    j->pool = pool;
    j->nested = nested;
    j->threads = 1024;
    dn_pool_run(pool, tasks, do_task, j);
    int wrong = 0;
    for (int i = 0; i < TASKS; ++i) {
        wrong += atomic_load(&j->runs[i]) != (i < tasks);
        wrong += i < tasks && j->results[i] != i * i;
    }
    CHECK_EQ(wrong, 0);
    CHECK(!atomic_load(&j->clash));
    free(j);
}

static void test_pool_runs(void) {
    static const int tasks[] = {0, 1, 2, 3, 17, TASKS};
    check_job(NULL, 20, false);
    for (int threads = 1; threads <= 5; ++threads) {
        dn_pool *pool = NULL;
        if (!CHECK_EQ(dn_pool_create(&pool, threads, NULL), DN_OK)) return;
        CHECK_EQ(dn_pool_threads(pool), threads);
        for (size_t i = 0; i < sizeof tasks / sizeof *tasks; ++i) {
            check_job(pool, tasks[i], false);
            check_job(pool, tasks[i], true);
        }
        for (int i = 0; i < 300; ++i) check_job(pool, 8, false);
        dn_pool_release(pool);
    }
}

typedef struct meeting {
    pthread_barrier_t all_here;
} meeting;

static void meet(void *user, int task, int thread) {
    (void)task;
    (void)thread;
    pthread_barrier_wait(&((meeting *)user)->all_here);
}

/* Returns only when as many threads as tasks are inside at the same time. */
static void check_meeting(dn_pool *pool) {
    const int threads = dn_pool_threads(pool);
    meeting m;
    pthread_barrier_init(&m.all_here, NULL, (unsigned)threads);
    dn_pool_run(pool, threads, meet, &m);
    pthread_barrier_destroy(&m.all_here);
}

static void test_pool_is_parallel(void) {
    dn_pool *pool = NULL;
    if (!CHECK_EQ(dn_pool_create(&pool, 4, NULL), DN_OK)) return;
    for (int i = 0; i < 20; ++i) {
        check_meeting(pool);
        if (i % 2) usleep(2000); /* the workers go to sleep */
    }
    CHECK_EQ(dn_pool_resize(pool, 6, NULL), DN_OK);
    check_meeting(pool);
    CHECK_EQ(dn_pool_resize(pool, 2, NULL), DN_OK);
    check_meeting(pool);
    dn_pool_release(pool);
}

typedef struct late {
    meeting start;
    bool done[3];
} late;

static void finish_late(void *user, int task, int thread) {
    late *l = user;
    pthread_barrier_wait(&l->start.all_here); /* every thread has one task */
    if (thread != 0) usleep(3000);            /* the caller is through long before, and sleeps */
    l->done[task] = true;
}

static void test_pool_waits(void) {
    dn_pool *pool = NULL;
    late l = {0};
    if (!CHECK_EQ(dn_pool_create(&pool, 3, NULL), DN_OK)) return;
    pthread_barrier_init(&l.start.all_here, NULL, 3);
    for (int i = 0; i < 10; ++i) {
        memset(l.done, 0, sizeof l.done);
        dn_pool_run(pool, 3, finish_late, &l);
        CHECK(l.done[0] && l.done[1] && l.done[2]);
    }
    pthread_barrier_destroy(&l.start.all_here);
    dn_pool_release(pool);
}

static void *use_pool(void *user) {
    dn_pool *pool = user;
    for (int i = 0; i < 200; ++i) check_job(pool, 1 + i % 40, i % 8 == 0);
    dn_pool_release(pool);
    return NULL;
}

static void test_pool_is_shared(void) {
    pthread_t users[4];
    dn_pool *pool = NULL;
    if (!CHECK_EQ(dn_pool_create(&pool, 3, NULL), DN_OK)) return;
    for (int i = 0; i < 4; ++i) {
        dn_pool_retain(pool);
        if (!CHECK_EQ(pthread_create(&users[i], NULL, use_pool, pool), 0)) abort();
    }
    for (int i = 0; i < 30; ++i) CHECK_EQ(dn_pool_resize(pool, 1 + i % 5, NULL), DN_OK);
    dn_pool_release(pool); /* the last user ends it */
    for (int i = 0; i < 4; ++i) pthread_join(users[i], NULL);
}

static void test_pool_arguments(void) {
    dn_pool *pool = NULL;
    dn_error err;
    static const int bad[] = {0, -1, 1025, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        CHECK_EQ(dn_pool_create(&pool, bad[i], &err), DN_E_ARGUMENT);
        CHECK(pool == NULL && err.status == DN_E_ARGUMENT);
    }
    if (!CHECK_EQ(dn_pool_create(&pool, 3, &err), DN_OK)) return;
    check_job(pool, 10, false);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) CHECK_EQ(dn_pool_resize(pool, bad[i], &err), DN_E_ARGUMENT);
    CHECK_EQ(dn_pool_threads(pool), 3);
    check_job(pool, 10, false);
    dn_pool_release(pool);
    dn_pool_retain(NULL);
    dn_pool_release(NULL);
    dn_pool_after_fork(NULL);
    CHECK_EQ(dn_pool_create(&pool, 1024, &err), DN_OK); /* never used: starts nothing */
    dn_pool_release(pool);
}

#if defined(__SANITIZE_THREAD__) /* which does not support threads after fork */
static void test_pool_fork(void) {}
#else
static void test_pool_fork(void) {
    dn_pool *pool = NULL;
    if (getenv("EMULATED")) return; /* qemu ends a child of several threads that starts one, whatever program it is */
    if (!CHECK_EQ(dn_pool_create(&pool, 3, NULL), DN_OK)) return;
    check_job(pool, 50, false);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a lost lock would hang */
        const int before = atomic_load(&harness_failed);
        dn_pool_after_fork(pool);
        check_meeting(pool); /* new workers exist */
        check_job(pool, 50, true);
        dn_pool_release(pool);
        _exit(atomic_load(&harness_failed) == before ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    check_job(pool, 50, false);
    dn_pool_release(pool);
}
#endif

int main(void) {
    alarm(300); /* a run that never ends is a failure */
    test_pool_runs();
    test_pool_is_parallel();
    test_pool_waits();
    test_pool_is_shared();
    test_pool_arguments();
    test_pool_fork();
    return harness_result();
}
