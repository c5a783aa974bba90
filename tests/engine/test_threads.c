/* test_threads.c — networks at work in several threads at once: they share parameters and a pool, each gives what it
 * gives alone, and what is written between two rounds is seen by all. Worth most under a thread sanitizer. */
#include "harness.h"

#include <pthread.h>

static const char TEXT[] =
    "[net]\nwidth=24\nheight=24\nchannels=3\n"
    "[convolutional]\nfilters=24\nsize=3\npad=1\nbatch_normalize=1\nactivation=mish\n"
    "[convolutional]\nfilters=24\ngroups=24\nsize=3\npad=1\nactivation=leaky\n"
    "[convolutional]\nfilters=24\nsize=3\nstride=2\npad=1\nactivation=leaky\n[shortcut]\nfrom=-1\n"
    "[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-1,-1\n[upsample]\nstride=2\n"
    "[convolutional]\nfilters=14\nsize=1\nactivation=linear\n"
    "[yolo]\nmask=0,1\nanchors=1,2,3,4\nnum=2\nclasses=2\n";
enum { THREADS = 4, ROUNDS = 3, FORWARDS = 5, VALUES = 3 * 24 * 24 };

typedef struct worker {
    const char *backend;
    dn_pool *pool;
    dn_cfg *cfg;
    dn_plan *plan;
    dn_weights *weights;
    pthread_barrier_t *round;
    int number, wrong;
    dn_status status;
} worker;

static void fill(float *values, int number) {
    for (int i = 0; i < VALUES; i++) values[i] = (float)((i * (number + 3)) % 17) / 17.0F;
}

static dn_status make(dn_network **out, const worker *w, dn_pool *pool) {
    dn_options options = DN_OPTIONS_INIT;
    dn_network_options network_options = DN_NETWORK_OPTIONS_INIT;
    options.pool = pool;
    network_options.backend = w->backend;
    return dn_network_create(out, w->plan, w->weights, &network_options, &options, NULL);
}

/* The results of a network of one's own, without a pool. */
static dn_status expected(const worker *w, const float *x, float *out) {
    dn_network *alone = NULL;
    dn_status status = make(&alone, w, NULL);
    if (status == DN_OK) status = dn_network_forward(alone, x, 1, NULL);
    if (status == DN_OK) memcpy(out, dn_network_head(alone, 0).data, sizeof(float) * 14 * 12 * 12);
    dn_network_free(alone);
    return status;
}

static int compare(dn_network *network, const float *x, const float *alone) {
    dn_detections *detections = NULL;
    if (dn_network_forward(network, x, 1, NULL) != DN_OK) return 1;
    const dn_tensor head = dn_network_head(network, 0);
    dn_block_retain(head.block); /* what is held stays, whatever is computed meanwhile */
    int wrong = dn_network_forward(network, x, 1, NULL) != DN_OK;
    for (int i = 0; i < 14 * 12 * 12; i++) wrong += fabsf(((const float *)head.data)[i] - alone[i]) > 1e-5F;
    dn_block_release(head.block);
    wrong += dn_network_detect(&detections, network, 0, NULL, NULL) != DN_OK;
    dn_detections_free(detections);
    return wrong;
}

static void *work(void *user) {
    worker *w = user;
    dn_network *network = NULL;
    float x[VALUES], alone[14 * 12 * 12];
    fill(x, w->number);
    w->status = make(&network, w, w->pool);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(w->round); /* the parameters of this round are written */
        if (w->status == DN_OK) w->status = expected(w, x, alone);
        for (int i = 0; i < FORWARDS && w->status == DN_OK; i++) w->wrong += compare(network, x, alone);
        if (round == 1 && w->status == DN_OK) w->status = dn_network_reshape(network, 1 + w->number % 2, 0, 0, NULL);
        pthread_barrier_wait(w->round);
    }
    dn_network_free(network);
    dn_weights_release(w->weights);
    dn_plan_release(w->plan);
    dn_cfg_release(w->cfg);
    dn_pool_release(w->pool);
    return NULL;
}

static void write_parameters(dn_weights *weights, int round) {
    for (int slot = 0; slot < dn_weights_slots(weights); slot++) {
        const dn_tensor tensor = dn_weights_slot(weights, slot);
        ((float *)tensor.data)[0] = 0.1F * (float)(round + 1);
        dn_weights_touch(weights, slot);
    }
}

static void test_networks_of_threads(const char *backend, int pool_threads) {
    dn_pool *pool = NULL;
    dn_cfg *cfg = NULL;
    dn_plan *plan = NULL;
    dn_weights *weights = NULL;
    if (!CHECK_EQ(dn_pool_create(&pool, pool_threads, NULL), DN_OK) ||
        !CHECK_EQ(dn_cfg_parse(&cfg, TEXT, strlen(TEXT), NULL, NULL), DN_OK) ||
        !CHECK_EQ(dn_plan_create(&plan, cfg, NULL, NULL, NULL), DN_OK) ||
        !CHECK_EQ(dn_weights_create(&weights, plan, 5, NULL, NULL), DN_OK))
        return;
    pthread_barrier_t round;
    pthread_t threads[THREADS];
    worker workers[THREADS];
    pthread_barrier_init(&round, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){backend, pool, cfg, plan, weights, &round, i, 0, DN_OK};
        dn_pool_retain(pool);
        dn_cfg_retain(cfg);
        dn_plan_retain(plan);
        dn_weights_retain(weights);
        if (!CHECK_EQ(pthread_create(&threads[i], NULL, work, &workers[i]), 0)) abort();
    }
    for (int k = 0; k < ROUNDS; k++) {
        write_parameters(weights, k);
        pthread_barrier_wait(&round);
        pthread_barrier_wait(&round);
    }
    dn_weights_release(weights);
    dn_plan_release(plan);
    dn_cfg_release(cfg);
    dn_pool_release(pool);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQ(workers[i].status, DN_OK);
        CHECK_EQ(workers[i].wrong, 0);
    }
    pthread_barrier_destroy(&round);
}

/* Views of parameters begin and end in other threads while a network runs. */
static void *watch(void *user) {
    dn_weights *weights = user;
    for (int i = 0; i < 2000; i++) {
        dn_weights_watch(weights, i % dn_weights_slots(weights));
        dn_weights_unwatch(weights, i % dn_weights_slots(weights));
    }
    return NULL;
}

static void test_watching(void) {
    dn_pool *pool = NULL;
    dn_network *network = NULL;
    worker w = {.backend = "cpu"};
    float x[VALUES];
    fill(x, 1);
    if (!CHECK_EQ(dn_pool_create(&pool, 3, NULL), DN_OK) ||
        !CHECK_EQ(dn_cfg_parse(&w.cfg, TEXT, strlen(TEXT), NULL, NULL), DN_OK) ||
        !CHECK_EQ(dn_plan_create(&w.plan, w.cfg, NULL, NULL, NULL), DN_OK) ||
        !CHECK_EQ(dn_weights_create(&w.weights, w.plan, 5, NULL, NULL), DN_OK) ||
        !CHECK_EQ(make(&network, &w, pool), DN_OK))
        return;
    pthread_t watcher;
    if (!CHECK_EQ(pthread_create(&watcher, NULL, watch, w.weights), 0)) abort();
    for (int i = 0; i < 20; i++) CHECK_EQ(dn_network_forward(network, x, 1, NULL), DN_OK);
    pthread_join(watcher, NULL);
    dn_network_free(network);
    dn_weights_release(w.weights);
    dn_plan_release(w.plan);
    dn_cfg_release(w.cfg);
    dn_pool_release(pool);
}

int main(void) {
    test_networks_of_threads("ref", 1);
    test_networks_of_threads("cpu", 1);
    test_networks_of_threads("cpu", 2);
    test_networks_of_threads("cpu", 5);
    test_watching();
    return harness_result();
}
