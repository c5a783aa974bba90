/* test_failing_training.c — every allocation of a training fails in turn, for networks with each head, with recurrent
 * layers and with all others that train, with kernels that follow each other and with layers that stay; by momentum on
 * one backend and Adam on the other, and both the other way round.
 * test_failing_memory.c has ternary and binary convolutions, dropout, and another size in between. */
#include "harness.h"

#define NET         "[net]\nwidth=8\nheight=8\nchannels=3\nbatch=2\nsubdivisions=1\n"
#define CONV(count) "[convolutional]\nfilters=" #count "\nsize=3\nstride=2\npad=1\nbatch_normalize=1\nactivation=mish\n"
#define BOXES       "anchors=1,2,3,4\nnum=2\nclasses=2\nmax=3\n"
#define POINT(n)    "[convolutional]\nfilters=" #n "\nsize=1\nactivation=linear\n"
/* clang-format off */
static const char *const networks[] = {
    NET CONV(4) POINT(14) "[yolo]\nmask=0,1\niou_loss=ciou\ncounters_per_class=1,2\n" BOXES,
    NET CONV(4) POINT(22) "[Gaussian_yolo]\nmask=0,1\n" BOXES,
    NET CONV(4) POINT(14) "[region]\nsoftmax=1\n" BOXES,
    NET CONV(4) CONV(4) "[connected]\noutput=48\nactivation=leaky\n"
        "[detection]\nclasses=2\ncoords=4\nnum=2\nside=2\nsqrt=1\n",
    NET CONV(4) POINT(5) "[iseg]\nclasses=2\nids=3\n",
    NET CONV(4) POINT(7) "[yolo]\nanchors=8,8\nnum=1\nclasses=2\nmax=3\n"
        "[route]\nlayers=0\n[contrastive]\nyolo_layer=2\n",
    NET CONV(4) "[avgpool]\n[connected]\noutput=4\nbatch_normalize=1\n[softmax]\n[cost]\n",
    NET CONV(4) "[local]\nfilters=2\nsize=3\npad=1\nactivation=leaky\n[connected]\noutput=4\n[logistic]\n",
    NET CONV(4) "[deconvolutional]\nfilters=4\nsize=2\nstride=2\n[crop]\ncrop_height=4\ncrop_width=4\n"
        "[normalization]\n[l2norm]\n[reorg]\nstride=2\n[reorg3d]\nstride=2\nreverse=1\n[batchnorm]\n"
        "[local_avgpool]\nsize=2\n[cost]\n",
    NET CONV(4) POINT(4) "[shortcut]\nfrom=-2\nweights_type=per_channel\nweights_normalization=softmax\n"
        POINT(4) "[sam]\nfrom=-2\n[avgpool]\n[scale_channels]\nfrom=-3\n[upsample]\nstride=2\n"
        "[maxpool]\nsize=2\nstride=2\nantialiasing=1\n[activation]\nactivation=normalize_channels\n"
        "[implicit]\nfilters=4\n[scale_channels]\nfrom=-2\n[dropout]\ndropblock=1\n[cost]\n",
    NET "time_steps=2\n[crnn]\nhidden=2\noutput=2\nsize=3\npad=1\nbatch_normalize=1\n[history]\nhistory_size=2\n"
        "[conv_lstm]\noutput=2\nsize=3\npad=1\npeephole=1\n[rnn]\nhidden=2\noutput=2\n[gru]\noutput=2\n"
        "[lstm]\noutput=3\n[softmax]\n",
    NET "max_batches=9\n" CONV(4) "cbn=1\nassisted_excitation=1\n" CONV(4) "groups=2\n"
        POINT(14) "[yolo]\nmask=0,1\n" BOXES,
    NET "max_batches=9\n" CONV(8) "sway=1\n" CONV(8) "stretch_sway=1\n" CONV(8) "rotate=1\n" CONV(8) "stretch=1\n"
        "[avgpool]\n[softmax]\n",
    NET CONV(4) "dontload=1\nstopbackward=1\n" CONV(4) "train_only_bn=1\n" CONV(4) "dont_update=1\nclip=0.5\n"
        POINT(3) "dontsave=1\n[avgpool]\n[softmax]\n[route]\nlayers=-2\ntruth=1\n"
        "[connected]\noutput=3\nactivation=linear\n[cost]\n",
};
/* clang-format on */

typedef struct example {
    const char *text, *backend;
    bool adam;
} example;

typedef struct life {
    dn_cfg *cfg;
    dn_plan *plan;
    dn_weights *weights;
    dn_network *network;
    float *truth;
} life;

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        const dn_status try_status = (call);                                                                           \
        if (try_status != DN_OK) return try_status;                                                                    \
    } while (0)

static dn_status begin(life *l, const example *e, const dn_options *options, dn_error *err) {
    dn_plan_options plan_options = DN_PLAN_OPTIONS_INIT;
    dn_network_options network_options = DN_NETWORK_OPTIONS_INIT;
    network_options.backend = e->backend;
    plan_options.training = true;
    if (strstr(e->text, "truth=1")) plan_options.dialect = DN_PJREDDIE; /* which knows that key */
    TRY(dn_cfg_parse(&l->cfg, e->text, strlen(e->text), options, err));
    TRY(dn_plan_create(&l->plan, l->cfg, &plan_options, options, err));
    TRY(dn_weights_create(&l->weights, l->plan, 3, options, err));
    return dn_network_create(&l->network, l->plan, l->weights, &network_options, options, err);
}

/* An input, and a truth that every loss can read: a box, classes, values. */
static int fill(life *l) {
    static const float start[] = {0.5F, 0.5F, 0.3F, 0.4F, 1.0F};
    dn_net_facts net;
    dn_plan_net(l->plan, &net);
    const int images = net.batch * net.steps;
    const size_t values = (size_t)net.truths;
    const dn_tensor input = dn_network_input(l->network);
    for (int64_t i = 0; i < input.shape[0] * input.strides[0]; i++) ((float *)input.data)[i] = (float)(i % 7) / 7.0F;
    l->truth = calloc((size_t)images * values, sizeof(float));
    for (size_t i = 0; l->truth && i < (size_t)images * values; i++) {
        if (i % values < sizeof start / sizeof *start) l->truth[i] = start[i % values];
    }
    return images;
}

static dn_status train(life *l, const example *e, const dn_options *options, dn_error *err) {
    dn_update update = DN_UPDATE_INIT;
    dn_net_facts net;
    double loss = 0.0;
    update.adam = e->adam;
    TRY(begin(l, e, options, err));
    dn_plan_net(l->plan, &net);
    const int images = fill(l);
    if (!CHECK(net.truths > 0 && l->truth != NULL)) return DN_E_SHAPE;
    for (uint64_t iteration = 1; iteration <= 2; iteration++) {
        const dn_clock_time time = {1, iteration, 2 * iteration, 0};
        update.iteration = iteration;
        TRY(dn_network_set_clock(l->network, &time, err));
        TRY(dn_network_set_truth(l->network, l->truth, err));
        TRY(dn_network_forward(l->network, NULL, images, err));
        TRY(dn_network_loss(l->network, NULL, &loss, err));
        CHECK(loss > 0.0 && isfinite(loss));
        TRY(dn_network_backward(l->network, dn_network_stop_layer(l->network, iteration) + 1, net.layers, err));
        TRY(dn_network_update(l->network, &update, err));
    }
    return DN_OK;
}

static dn_status train_once(const dn_options *options, void *user, dn_error *err) {
    life l = {0};
    const dn_status status = train(&l, user, options, err);
    free(l.truth);
    dn_network_free(l.network);
    dn_weights_release(l.weights);
    dn_plan_release(l.plan);
    dn_cfg_release(l.cfg);
    return status;
}

int main(int count, char **arguments) {
    const char *const *const backends = harness_backends(count, arguments);
    for (size_t k = 0; k < 2 * sizeof networks / sizeof *networks; k++) {
        for (int b = 0; backends[b]; b++) {
            example e = {networks[k / 2], backends[b], (k + (size_t)b) % 2 == 1};
            const int before = atomic_load(&harness_failed);
            check_every_allocation(train_once, &e);
            if (atomic_load(&harness_failed) != before) fprintf(stderr, "%s: %s\n", e.backend, e.text);
        }
    }
    return harness_result();
}
