/* test_network.c — a network from cfg to results: slices, blocks, reshape, weights, written parameters, failures. */
#include "harness.h"

#include <stdint.h>

/* y = 2x + 1 per value, kept simple so that every expectation can be worked out by hand. */
static const char AFFINE[] = "[net]\nwidth=3\nheight=2\nchannels=1\n"
                             "[convolutional]\nfilters=1\nsize=1\nactivation=linear\n";
static const char CHAIN[] = "[net]\nwidth=8\nheight=8\nchannels=3\n"
                            "[convolutional]\nfilters=5\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky\n"
                            "[maxpool]\nsize=2\nstride=2\n"
                            "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=mish\n"
                            "[shortcut]\nfrom=-1\n"
                            "[route]\nlayers=-1,-3\n"
                            "[avgpool]\n[connected]\noutput=6\nactivation=linear\n[softmax]\n";

typedef struct made {
    dn_cfg *cfg;
    dn_plan *plan;
    dn_weights *weights;
    dn_network *network;
} made;

static dn_status make(made *out, const char *text, int batch, const dn_network_options *network_options,
                      const dn_options *options, dn_error *err) {
    dn_plan_options plan_options = DN_PLAN_OPTIONS_INIT;
    plan_options.batch = batch;
    memset(out, 0, sizeof *out);
    dn_status status = dn_cfg_parse(&out->cfg, text, strlen(text), options, err);
    if (status == DN_OK) status = dn_plan_create(&out->plan, out->cfg, &plan_options, options, err);
    if (status == DN_OK) status = dn_weights_create(&out->weights, out->plan, 7, options, err);
    if (status == DN_OK)
        status = dn_network_create(&out->network, out->plan, out->weights, network_options, options, err);
    return status;
}

static void unmake(made *m) {
    dn_network_free(m->network);
    dn_weights_release(m->weights);
    dn_plan_release(m->plan);
    dn_cfg_release(m->cfg);
}

static dn_network_options on(const char *backend, dn_outputs outputs) {
    dn_network_options options = DN_NETWORK_OPTIONS_INIT;
    options.backend = backend;
    options.outputs = outputs;
    return options;
}

static void set(made *m, const char *name, float value) {
    const int slot = dn_plan_find_slot(m->plan, 0, name);
    const dn_tensor tensor = dn_weights_slot(m->weights, slot);
    ((float *)tensor.data)[0] = value;
    dn_weights_touch(m->weights, slot);
}

static const char *const BACKENDS[] = {"ref", "cpu"};

static void test_slices(const char *backend) {
    made m;
    const dn_network_options options = on(backend, DN_OUTPUTS_HEADS);
    if (!CHECK_EQ(make(&m, AFFINE, 2, &options, NULL, NULL), DN_OK)) return;
    set(&m, "weights", 2.0F);
    set(&m, "biases", 1.0F);
    float x[7 * 6];
    for (int i = 0; i < 7 * 6; i++) x[i] = (float)i;
    CHECK_EQ(dn_network_forward(m.network, x, 7, NULL), DN_OK); /* slices of 2, 2, 2 and 1 */
    const dn_tensor head = dn_network_head(m.network, 0);
    CHECK_EQ(head.shape[0], 7);
    for (int i = 0; i < 7 * 6; i++) CHECK_NEAR(((float *)head.data)[i], 2.0 * i + 1.0, 1e-6);
    CHECK_EQ(dn_network_forward(m.network, NULL, 3, NULL), DN_E_ARGUMENT);
    CHECK_EQ(dn_network_forward(m.network, x, 0, NULL), DN_E_ARGUMENT);
    unmake(&m);
}

static void test_results_stay(const char *backend) {
    made m;
    const dn_network_options options = on(backend, DN_OUTPUTS_HEADS);
    if (!CHECK_EQ(make(&m, AFFINE, 1, &options, NULL, NULL), DN_OK)) return;
    set(&m, "weights", 1.0F);
    set(&m, "biases", 0.0F);
    float *input = dn_network_input(m.network).data;
    dn_block *held[9];
    const float *results[9];
    for (int k = 0; k < 9; k++) {
        for (int i = 0; i < 6; i++) input[i] = (float)(10 * k + i);
        CHECK_EQ(dn_network_forward(m.network, NULL, 1, NULL), DN_OK);
        const dn_tensor head = dn_network_head(m.network, 0);
        held[k] = head.block;
        results[k] = head.data;
        dn_block_retain(held[k]);
    }
    unmake(&m); /* the blocks outlive the network */
    for (int k = 0; k < 9; k++) {
        for (int i = 0; i < 6; i++) CHECK_NEAR(results[k][i], 10.0 * k + i, 0);
        dn_block_release(held[k]);
    }
}

static void test_blocks_are_used_again(void) {
    test_memory memory = TEST_MEMORY(-1);
    const dn_options options = test_memory_options(&memory);
    made m;
    CHECK_EQ(make(&m, CHAIN, 1, NULL, &options, NULL), DN_OK);
    CHECK_EQ(dn_network_forward(m.network, NULL, 1, NULL), DN_OK);
    const int calls = atomic_load(&memory.calls);
    for (int k = 0; k < 50; k++) CHECK_EQ(dn_network_forward(m.network, NULL, 1, NULL), DN_OK);
    CHECK_EQ(atomic_load(&memory.calls), calls); /* nothing is allocated by a forward */
    unmake(&m);
    CHECK_EQ(atomic_load(&memory.live), 0);
}

static void test_written_parameters(const char *backend) {
    made m;
    const dn_network_options options = on(backend, DN_OUTPUTS_HEADS);
    if (!CHECK_EQ(make(&m, AFFINE, 1, &options, NULL, NULL), DN_OK)) return;
    const int slot = dn_plan_find_slot(m.plan, 0, "weights");
    float *weights = dn_weights_slot(m.weights, slot).data;
    set(&m, "biases", 0.0F);
    const float x[6] = {1, 1, 1, 1, 1, 1};
    dn_weights_watch(m.weights, slot);
    for (int k = 1; k <= 3; k++) { /* while it is watched, no word is needed */
        weights[0] = (float)k;
        CHECK_EQ(dn_network_forward(m.network, x, 1, NULL), DN_OK);
        CHECK_NEAR(((float *)dn_network_head(m.network, 0).data)[5], k, 0);
    }
    weights[0] = 9.0F;
    dn_weights_unwatch(m.weights, slot); /* written, then let go, before the forward */
    CHECK_EQ(dn_network_forward(m.network, x, 1, NULL), DN_OK);
    CHECK_NEAR(((float *)dn_network_head(m.network, 0).data)[0], 9.0, 0);
    unmake(&m);
}

static void test_reshape(const char *backend) {
    made m;
    const dn_network_options options = on(backend, DN_OUTPUTS_ALL);
    if (!CHECK_EQ(make(&m, CHAIN, 1, &options, NULL, NULL), DN_OK)) return;
    CHECK_EQ(dn_network_forward(m.network, NULL, 1, NULL), DN_OK);
    const dn_tensor before = dn_network_output(m.network, 1);
    dn_block_retain(before.block);
    CHECK_EQ(before.shape[2], 4);
    CHECK_EQ(dn_network_reshape(m.network, 2, 16, 12, NULL), DN_OK);
    CHECK_EQ(dn_network_forward(m.network, NULL, 2, NULL), DN_OK);
    const dn_tensor after = dn_network_output(m.network, 1);
    CHECK_EQ(after.shape[0], 2);
    CHECK_EQ(after.shape[2], 6);
    CHECK_EQ(after.shape[3], 8);
    CHECK(after.block != before.block);
    dn_error err;
    CHECK(dn_network_reshape(m.network, 0, 1 << 30, 1 << 30, &err) != DN_OK); /* and the network is as before */
    CHECK(err.message[0] != '\0');
    CHECK_EQ(dn_network_output(m.network, 1).shape[3], 8);
    CHECK_EQ(dn_network_forward(m.network, NULL, 1, NULL), DN_OK);
    dn_block_release(before.block);
    unmake(&m);
}

static void test_backends_agree(void) {
    made ref, cpu;
    const dn_network_options plain = on("ref", DN_OUTPUTS_ALL), fast = on("cpu", DN_OUTPUTS_HEADS);
    CHECK_EQ(make(&ref, CHAIN, 3, &plain, NULL, NULL), DN_OK);
    CHECK_EQ(make(&cpu, CHAIN, 3, &fast, NULL, NULL), DN_OK);
    float x[3 * 3 * 64];
    for (int i = 0; i < 3 * 3 * 64; i++) x[i] = (float)((i * 37) % 101) / 101.0F;
    CHECK_EQ(dn_network_forward(ref.network, x, 3, NULL), DN_OK);
    CHECK_EQ(dn_network_forward(cpu.network, x, 3, NULL), DN_OK);
    const dn_tensor a = dn_network_head(ref.network, 0), b = dn_network_head(cpu.network, 0);
    CHECK_EQ(a.dimensions, 2);
    CHECK_EQ(a.shape[1], 6);
    for (int i = 0; i < 18; i++) CHECK_NEAR(((float *)a.data)[i], ((float *)b.data)[i], 1e-5);
    CHECK(dn_network_output(cpu.network, 0).data == NULL); /* not kept */
    CHECK(dn_network_output(ref.network, 0).data != NULL);
    unmake(&ref);
    unmake(&cpu);
}

/* ---- weights files ---- */

static void test_file_round_trip(void) {
    made m;
    CHECK_EQ(make(&m, CHAIN, 1, NULL, NULL, NULL), DN_OK);
    uint64_t size = 0, partial = 0;
    CHECK_EQ(dn_weights_file_size(m.weights, -1, &size, NULL), DN_OK);
    CHECK_EQ(dn_weights_file_size(m.weights, 2, &partial, NULL), DN_OK);
    CHECK_EQ(partial, 20 + 4 * (5 * 4 + 5 * 27));                 /* biases, three of batch norm, weights */
    CHECK_EQ(size, partial + 4 * (4 + 4 * 45) + 4 * (6 + 6 * 9)); /* 4 filters over 5·9, 6 outputs of 9   */
    unsigned char *bytes = malloc((size_t)size);
    const dn_weights_header header = {0, 2, 5, 640};
    CHECK_EQ(dn_weights_write(m.weights, -1, header, bytes, (size_t)size, NULL), DN_OK);
    dn_weights *again = NULL;
    dn_weights_report report;
    CHECK_EQ(dn_weights_load(&again, m.plan, bytes, (size_t)size, true, -1, 99, &report, NULL, NULL), DN_OK);
    CHECK(report.complete);
    CHECK_EQ(report.header.seen, 640);
    CHECK_EQ(report.bytes_left, 0);
    CHECK(dn_weights_checksum(again) == dn_weights_checksum(m.weights));
    dn_weights_release(again);
    again = NULL;
    CHECK_EQ(dn_weights_load(&again, m.plan, bytes, (size_t)partial, true, -1, 99, &report, NULL, NULL), DN_OK);
    CHECK(!report.complete);
    CHECK_EQ(report.layers_loaded, 2);
    dn_weights_release(again);
    dn_error err;
    for (size_t cut = 0; cut < (size_t)size; cut++) { /* every length is either whole layers or an error */
        again = NULL;
        const dn_status status = dn_weights_load(&again, m.plan, bytes, cut, true, -1, 1, &report, NULL, &err);
        const bool whole = cut == 20 || cut == (size_t)partial || cut == (size_t)partial + 4 * (4 + 4 * 45);
        CHECK_EQ(status, whole ? DN_OK : DN_E_WEIGHTS);
        CHECK((again != NULL) == whole);
        dn_weights_release(again);
    }
    free(bytes);
    unmake(&m);
}

/* dontsave=1 of dialect pjreddie. Layer 0 has 2 biases and 2·2 weights, layer 1 has 3 and 3·2. */
static void test_file_without_a_layer(void) {
    static const char text[] = "[net]\ninputs=2\n[connected]\noutput=2\ndontsave=1\n[connected]\noutput=3\n";
    dn_plan_options options = DN_PLAN_OPTIONS_INIT;
    options.dialect = DN_PJREDDIE;
    made m = {0};
    CHECK_EQ(dn_cfg_parse(&m.cfg, text, strlen(text), NULL, NULL), DN_OK);
    CHECK_EQ(dn_plan_create(&m.plan, m.cfg, &options, NULL, NULL), DN_OK);
    if (!CHECK_EQ(dn_weights_create(&m.weights, m.plan, 7, NULL, NULL), DN_OK)) return;
    unsigned char bytes[20 + 4 * 9];
    uint64_t size = 0;
    CHECK_EQ(dn_weights_file_size(m.weights, -1, &size, NULL), 0);
    CHECK_EQ(size, 20 + 4 * 15);
    CHECK_EQ(dn_weights_saved_size(m.weights, -1, &size, NULL), 0);
    CHECK_EQ(size, sizeof bytes);
    const dn_weights_header header = {0, 2, 0, 64};
    CHECK_EQ(dn_weights_write_saved(m.weights, -1, header, bytes, sizeof bytes - 1, NULL), DN_E_ARGUMENT);
    CHECK_EQ(dn_weights_write_saved(m.weights, -1, header, bytes, sizeof bytes, NULL), DN_OK);
    dn_weights *again = NULL;
    dn_weights_report report;
    CHECK_EQ(dn_weights_load(&again, m.plan, bytes, sizeof bytes, true, -1, 8, &report, NULL, NULL), DN_OK);
    CHECK(!report.complete);
    CHECK_EQ(report.layers_loaded, 0);
    for (int slot = 0; slot < 4; slot++) { /* biases are 0 at first, too */
        const dn_tensor a = dn_weights_slot(m.weights, slot), b = dn_weights_slot(again, slot);
        const size_t count = slot % 2 == 0 ? (size_t)a.shape[0] : (size_t)(a.shape[0] * a.shape[1]);
        CHECK((memcmp(a.data, b.data, count * sizeof(float)) == 0) == (slot != 1));
    }
    dn_weights_release(again);
    unmake(&m);
}

static void test_foreign_files(void) {
    made m;
    CHECK_EQ(make(&m, AFFINE, 1, NULL, NULL, NULL), DN_OK);
    dn_weights *weights = NULL;
    dn_error err;
    const unsigned char png[40] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
    CHECK_EQ(dn_weights_load(&weights, m.plan, png, sizeof png, true, -1, 0, NULL, NULL, &err), DN_E_WEIGHTS);
    CHECK_HAS(err.message, "not a darknet .weights file");
    const unsigned char longer[20 + 8 + 4] = {0, 0, 0, 0, 2};
    CHECK_EQ(dn_weights_load(&weights, m.plan, longer, sizeof longer, true, -1, 0, NULL, NULL, &err), DN_E_WEIGHTS);
    CHECK_HAS(err.message, "4 more");
    CHECK(weights == NULL);
    CHECK_EQ(dn_weights_load(&weights, m.plan, longer, sizeof longer, false, -1, 0, NULL, NULL, &err), DN_OK);
    dn_weights_release(weights);
    unmake(&m);
}

/* ---- failures ---- */

static dn_status whole_life(const dn_options *options, void *user, dn_error *err) {
    const dn_network_options network_options = on(user, DN_OUTPUTS_HEADS);
    made m;
    dn_status status = make(&m, CHAIN, 1, &network_options, options, err);
    dn_block *held = NULL;
    if (status == DN_OK) status = dn_network_forward(m.network, NULL, 1, err);
    if (status == DN_OK) {
        held = dn_network_head(m.network, 0).block;
        dn_block_retain(held);
        status = dn_network_forward(m.network, NULL, 1, err); /* needs a second block */
    }
    if (status == DN_OK) status = dn_network_reshape(m.network, 2, 16, 16, err);
    dn_block_release(held);
    unmake(&m);
    return status;
}

static void test_wrong_options(void) {
    made m;
    dn_error err;
    dn_network_options options = on("abacus", DN_OUTPUTS_HEADS);
    CHECK_EQ(make(&m, AFFINE, 1, &options, NULL, &err), DN_E_DEVICE);
    CHECK_HAS(err.message, "abacus");
    unmake(&m);
    options = on("cpu", DN_OUTPUTS_HEADS);
    options.precision = DN_PRECISION_INT8;
    CHECK_EQ(make(&m, AFFINE, 1, &options, NULL, &err), DN_E_UNSUPPORTED);
    unmake(&m);
    CHECK_EQ(make(&m, AFFINE, 1, NULL, NULL, &err), DN_OK);
    dn_detections *detections = NULL;
    CHECK_EQ(dn_network_detect(&detections, m.network, 0, NULL, &err), DN_E_UNSUPPORTED);
    CHECK_HAS(err.message, "no detection layer");
    unmake(&m);
}

int main(void) {
    for (size_t k = 0; k < sizeof BACKENDS / sizeof *BACKENDS; k++) {
        test_slices(BACKENDS[k]);
        test_results_stay(BACKENDS[k]);
        test_written_parameters(BACKENDS[k]);
        test_reshape(BACKENDS[k]);
        check_every_allocation(whole_life, (void *)(uintptr_t)BACKENDS[k]);
    }
    test_blocks_are_used_again();
    test_backends_agree();
    test_file_round_trip();
    test_file_without_a_layer();
    test_foreign_files();
    test_wrong_options();
    return harness_result();
}
