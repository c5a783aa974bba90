/* fuzz_training.c — any text as the cfg of a network in training: two iterations with truth that nobody checked, by
 * momentum or, with the fifth choice, by Adam. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static dn_status give_truth(fuzz_life *life, fuzz_input *input) {
    dn_error err = {0};
    dn_net_facts net;
    dn_plan_net(life->plan, &net);
    const size_t count = (size_t)net.batch * (size_t)net.steps * (size_t)net.truths;
    if (count > 4000000) return DN_E_UNSUPPORTED;
    float *truth = malloc((count + 1) * sizeof(float));
    FUZZ_REQUIRE(truth != NULL);
    fuzz_values(&input->random, truth, count);
    const dn_status status = dn_network_set_truth(life->network, truth, &err);
    free(truth);
    return fuzz_status(input, status, &err);
}

static dn_status compare(fuzz_life *life, fuzz_input *input) {
    dn_error err = {0};
    dn_net_facts net;
    double loss, figures[DN_FIGURES];
    int losses = 0;
    dn_plan_net(life->plan, &net);
    for (int i = 0; i < net.layers; i++) losses += dn_network_figures(life->network, i, figures, DN_FIGURES) > 0;
    const dn_status status = losses > 0 ? dn_network_loss(life->network, NULL, &loss, &err) : DN_OK;
    return fuzz_status(input, status, &err);
}

static dn_status look(const fuzz_life *life) {
    double figures[DN_FIGURES];
    dn_net_facts net;
    dn_plan_net(life->plan, &net);
    for (int i = 0; i < net.layers; i++) {
        FUZZ_REQUIRE(dn_network_figures(life->network, i, figures, DN_FIGURES) <= DN_FIGURES);
        dn_network_delta(life->network, i);
    }
    for (int i = 0; i < dn_plan_slots(life->plan); i++) {
        dn_network_gradient(life->network, i);
        dn_network_moments(life->network, i);
    }
    return DN_OK;
}

static dn_status iterate(fuzz_life *life, fuzz_input *input, uint64_t iteration) {
    dn_error err = {0};
    dn_net_facts net;
    dn_plan_net(life->plan, &net);
    const dn_clock_time time = {input->random, iteration, iteration * 12800, 0};
    dn_status status = dn_network_set_clock(life->network, &time, &err);
    if (fuzz_status(input, status, &err) == DN_OK) status = give_truth(life, input);
    if (status == DN_OK) status = fuzz_forward(life, input);
    if (status == DN_OK) status = compare(life, input);
    if (status != DN_OK) return status;
    const int first = dn_network_stop_layer(life->network, iteration) + 1;
    status = fuzz_status(input, dn_network_backward(life->network, first, net.layers, &err), &err);
    if (status != DN_OK) return status;
    dn_update update = DN_UPDATE_INIT;
    update.adam = input->choice & FUZZ_OTHER;
    update.iteration = iteration;
    status = fuzz_status(input, dn_network_update(life->network, &update, &err), &err);
    return status == DN_OK ? look(life) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input;
    fuzz_life life;
    if (!fuzz_open(&input, data, size)) return 0;
    dn_plan_options options = DN_PLAN_OPTIONS_INIT;
    options.training = true;
    if (fuzz_plan(&life, &input, (const char *)input.bytes, input.size, options) == DN_OK && fuzz_is_small(&life) &&
        fuzz_network(&life, &input) == DN_OK && iterate(&life, &input, 1) == DN_OK) {
        iterate(&life, &input, 1000000);
    }
    fuzz_free(&life);
    fuzz_close(&input);
    return 0;
}
