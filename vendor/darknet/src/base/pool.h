/* pool.h — work split over threads. */
#ifndef DN_BASE_POOL_H
#define DN_BASE_POOL_H

#include "base/status.h"

/* Calls work(user, task, thread) for every task in [0, tasks); returns when all are done. Tasks are taken dynamically,
 * so a task's result must not depend on who runs it; thread is in [0, dn_pool_threads) and unique among the concurrent
 * callers of this run (index of scratch memory). A NULL pool, one of 1 thread, or a busy one: all on the calling
 * thread, as thread 0. Never allocates, except that workers start at the first use. */
typedef void (*dn_work_fn)(void *user, int task, int thread);
void dn_pool_run(dn_pool *pool, int tasks, dn_work_fn work, void *user);

#endif
