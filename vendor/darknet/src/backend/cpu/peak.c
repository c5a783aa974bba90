/* peak.c — how many operations a second the processor does at most, on the threads of a pool. */
#include "backend/cpu/kernels.h"
#include "base/clock.h"
#include "base/pool.h"
#include "darknet/darknet.h"

#define ROUNDS  200000 /* some milliseconds */
#define REPEATS 5      /* of which the fastest counts: others may use the processor */

typedef struct measurement {
    const dn_cpu_kernels *kernels;
    double operations; /* of one task */
} measurement;

static void work(void *user, int task, int thread) {
    measurement *m = user;
    float result;
    const double operations = m->kernels->peak(ROUNDS, &result);
    (void)thread;
    if (task == 0) m->operations = operations;
}

double dn_peak_flops(dn_isa isa, dn_pool *pool) {
    measurement m = {.kernels = dn_cpu_kernels_for(isa)};
    const int tasks = pool ? dn_pool_threads(pool) : 1;
    double best = 0.0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const uint64_t start = dn_clock_now();
        dn_pool_run(pool, tasks, work, &m);
        const uint64_t taken = dn_clock_since(start);
        if (taken == 0) continue;
        const double flops = m.operations * tasks / ((double)taken * 1e-9);
        if (flops > best) best = flops;
    }
    return best;
}
