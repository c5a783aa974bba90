/* fuzz_cfg.c — any text as a cfg: parsed, planned and, where it is small, run, given another size and run again. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void resize(fuzz_life *life, fuzz_input *input) {
    dn_error err = {0};
    dn_net_facts net;
    dn_plan_net(life->plan, &net);
    const int larger = net.width + 1 + (int)(input->random >> 33) % (net.width + 1); /* 0: [net] says inputs= */
    const dn_status status = dn_network_reshape(life->network, 1 + net.batch % 2, larger, 0, &err);
    if (fuzz_status(input, status, &err) != DN_OK) fuzz_forward(life, input); /* as it was before */
    const fuzz_life again = {.plan = (dn_plan *)(uintptr_t)dn_network_plan(life->network)};
    if (fuzz_is_small(&again)) fuzz_forward(life, input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input;
    fuzz_life life;
    if (!fuzz_open(&input, data, size)) return 0;
    dn_plan_options options = DN_PLAN_OPTIONS_INIT;
    options.batch = input.choice & FUZZ_OTHER ? 2 : 0;
    if (fuzz_plan(&life, &input, (const char *)input.bytes, input.size, options) == DN_OK && fuzz_is_small(&life) &&
        fuzz_network(&life, &input) == DN_OK && fuzz_forward(&life, &input) == DN_OK) {
        resize(&life, &input);
    }
    fuzz_free(&life);
    fuzz_close(&input);
    return 0;
}
