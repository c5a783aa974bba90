/* fuzz_weights.c — any bytes as a .weights file of one of some networks: loaded, strictly and not, whole and in part;
 * run with what it held; written, and loaded again as the same. The first byte says which network. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NET "[net]\nwidth=4\nheight=4\nchannels=2\n"
static const char *const NETWORKS[] = {
    NET "[convolutional]\nbatch_normalize=1\nfilters=3\nsize=3\npad=1\nactivation=leaky\n"
        "[connected]\noutput=2\nbatch_normalize=1\n[softmax]\n",
    NET "[convolutional]\nfilters=14\nsize=1\n[yolo]\nmask=0,1\nanchors=1,2,3,4\nnum=2\nclasses=2\n",
    NET "[local]\nfilters=1\nsize=3\npad=1\n[deconvolutional]\nfilters=2\nsize=2\nstride=2\n[batchnorm]\n",
    NET "[convolutional]\nfilters=4\ngroups=2\ndontload=1\n[shortcut]\nfrom=-1\nweights_type=per_channel\n"
        "dontsave=1\n"
        "[implicit]\nfilters=2\n",
    "[net]\ninputs=3\ntime_steps=2\n[lstm]\noutput=2\nbatch_normalize=1\n[gru]\noutput=2\n[rnn]\nhidden=2\noutput=2\n",
    NET "[crnn]\nhidden=2\noutput=2\nsize=3\npad=1\nbatch_normalize=1\n"
        "[convolutional]\nfilters=16\nsize=1\n[region]\nanchors=1,1,2,2\nclasses=3\nnum=2\n",
};
enum { NETWORK_COUNT = sizeof NETWORKS / sizeof *NETWORKS };

static void check_report(const dn_weights_report *report, size_t size, const dn_plan *plan) {
    dn_net_facts net;
    dn_plan_net(plan, &net);
    FUZZ_REQUIRE(report->bytes_used + report->bytes_left == size);
    FUZZ_REQUIRE(report->layers_loaded >= 0 && report->layers_loaded <= net.layers);
}

/* What is written loads again, and is then the same. */
static void check_round_trip(fuzz_life *life, fuzz_input *input) {
    dn_error err = {0};
    uint64_t bytes = 0;
    dn_weights *again = NULL;
    dn_weights_header header = dn_weights_get_header(life->weights);
    if (dn_weights_file_size(life->weights, -1, &bytes, &err) != DN_OK) return;
    void *file = malloc(bytes);
    FUZZ_REQUIRE(file != NULL);
    dn_status status = dn_weights_write(life->weights, -1, header, file, bytes, &err);
    if (fuzz_status(input, status, &err) == DN_OK) {
        dn_weights_report report;
        status =
            dn_weights_load(&again, life->plan, file, bytes, true, -1, input->random, &report, &input->options, &err);
        if (fuzz_status(input, status, &err) == DN_OK) {
            FUZZ_REQUIRE(report.complete && report.bytes_left == 0);
            FUZZ_REQUIRE(report.header.seen == header.seen);
        } else {
            FUZZ_REQUIRE(status == DN_E_NOMEM);
        }
    }
    free(file);
    dn_weights_release(again);
}

/* Without layers that have dontsave=1, which the size says. */
static void check_saved(fuzz_life *life, fuzz_input *input) {
    dn_error err = {0};
    uint64_t bytes = 0;
    dn_weights *again = NULL;
    if (dn_weights_saved_size(life->weights, -1, &bytes, &err) != DN_OK) return;
    void *file = malloc(bytes);
    FUZZ_REQUIRE(file != NULL);
    const dn_weights_header header = dn_weights_get_header(life->weights);
    dn_status status = dn_weights_write_saved(life->weights, -1, header, file, bytes, &err);
    if (fuzz_status(input, status, &err) == DN_OK) {
        status = dn_weights_load(&again, life->plan, file, bytes, true, -1, 1, NULL, &input->options, &err);
        FUZZ_REQUIRE(fuzz_status(input, status, &err) == DN_OK || status == DN_E_NOMEM);
    }
    free(file);
    dn_weights_release(again);
}

static void load(fuzz_life *life, fuzz_input *input, bool strict) {
    dn_error err = {0};
    dn_weights_report report;
    const int limit = input->choice & FUZZ_OTHER ? (int)(input->random % 4) : -1;
    const dn_status status = dn_weights_load(&life->weights, life->plan, input->bytes, input->size, strict, limit, 1,
                                             &report, &input->options, &err);
    if (fuzz_status(input, status, &err) != DN_OK) return;
    check_report(&report, input->size, life->plan);
    if (fuzz_network(life, input) == DN_OK && fuzz_forward(life, input) == DN_OK) {
        check_round_trip(life, input);
        check_saved(life, input);
    }
    dn_network_free(life->network);
    dn_weights_release(life->weights);
    life->network = NULL;
    life->weights = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input;
    fuzz_life life;
    if (size < 1 || !fuzz_open(&input, data + 1, size - 1)) return 0;
    const char *text = NETWORKS[data[0] % NETWORK_COUNT];
    if (fuzz_plan(&life, &input, text, strlen(text), (dn_plan_options)DN_PLAN_OPTIONS_INIT) == DN_OK) {
        load(&life, &input, false);
        load(&life, &input, true);
    }
    fuzz_free(&life);
    fuzz_close(&input);
    return 0;
}
