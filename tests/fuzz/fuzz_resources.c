/* fuzz_resources.c — any bytes as the files that a cfg names: a tree, a 0xFF, a map. With the fifth choice in training. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NET "[net]\nwidth=2\nheight=2\nchannels=3\nbatch=1\nsubdivisions=1\n"
static const char *const CFGS[] = {
    NET "[convolutional]\nfilters=5\nsize=2\n[softmax]\ntree=the.tree\n",
    NET "[convolutional]\nfilters=20\nsize=1\n[region]\nanchors=1,1,2,2\nclasses=5\nnum=2\nsoftmax=1\n"
        "tree=the.tree\nmap=the.map\n",
    NET "[convolutional]\nfilters=8\nsize=1\n[yolo]\nmask=0\nanchors=1,1\nclasses=3\nnum=1\nmap=the.map\n",
    NET "[connected]\noutput=5\n[softmax]\ntree=the.tree\n[cost]\n",
};

static void use(fuzz_life *life, fuzz_input *input) {
    dn_error err = {0};
    dn_net_facts net;
    dn_plan_net(life->plan, &net);
    if (fuzz_network(life, input) != DN_OK || fuzz_forward(life, input) != DN_OK || !net.training) return;
    float truth[2000];
    FUZZ_REQUIRE((size_t)net.batch * (size_t)net.truths <= sizeof truth / sizeof *truth);
    fuzz_values(&input->random, truth, sizeof truth / sizeof *truth);
    double loss;
    if (fuzz_status(input, dn_network_loss(life->network, truth, &loss, &err), &err) != DN_OK) return;
    fuzz_status(input, dn_network_backward(life->network, 0, net.layers, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input;
    if (!fuzz_open(&input, data, size)) return 0;
    const uint8_t *end = input.bytes + input.size;
    const uint8_t *cut = input.size > 0 ? memchr(input.bytes, 0xFF, input.size) : NULL;
    const uint8_t *map = cut ? cut + 1 : end;
    const dn_resource resources[] = {{"the.tree", input.bytes, (size_t)((cut ? cut : end) - input.bytes)},
                                     {"the.map", map, (size_t)(end - map)}};
    dn_plan_options options = DN_PLAN_OPTIONS_INIT;
    options.resources = resources;
    options.resource_count = 2;
    options.training = input.choice & FUZZ_OTHER;
    for (size_t i = 0; i < sizeof CFGS / sizeof *CFGS; i++) {
        fuzz_life life;
        if (fuzz_plan(&life, &input, CFGS[i], strlen(CFGS[i]), options) == DN_OK) use(&life, &input);
        fuzz_free(&life);
    }
    fuzz_close(&input);
    return 0;
}
