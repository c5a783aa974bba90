/* test_failing_memory.c — every allocation of a network's life fails in turn: creation, forward, detection, another size,
 * weights from a file, and training by momentum and Adam. Nothing is lost, and what failed can be tried again. */
#include "harness.h"

static const char HEAD[] = "[net]\nwidth=8\nheight=8\nchannels=3\n"
                           "[convolutional]\nfilters=6\nsize=3\npad=1\nbatch_normalize=1\nactivation=mish\n"
                           "[convolutional]\nfilters=6\ngroups=6\nsize=3\npad=1\nactivation=leaky\n"
                           "[shortcut]\nfrom=-2\n[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-1,-1\n"
                           "[convolutional]\nfilters=14\nsize=1\nactivation=linear\n"
                           "[yolo]\nmask=0,1\nanchors=1,2,3,4\nnum=2\nclasses=2\nmax=3\nignore_thresh=.5\n"
                           "[route]\nlayers=4\n[upsample]\nstride=2\n[convolutional]\nfilters=16\nsize=1\n"
                           "[region]\nanchors=1,1,2,2\nclasses=3\nnum=2\nmax=3\n";
static const char SEQUENCE[] = "[net]\nwidth=4\nheight=4\nchannels=2\ntime_steps=2\n"
                               "[crnn]\nhidden=2\noutput=2\nsize=3\npad=1\nbatch_normalize=1\n"
                               "[conv_lstm]\noutput=2\nsize=3\npad=1\n[gru]\noutput=2\n[lstm]\noutput=3\n[softmax]\n";
static const char TRAINED[] =
    "[net]\nwidth=8\nheight=8\nchannels=3\nbatch=2\nsubdivisions=1\n"
    "[convolutional]\nfilters=4\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky\nternary=1\n"
    "[dropout]\nprobability=.5\n[maxpool]\nsize=2\nstride=2\n"
    "[convolutional]\nfilters=14\nsize=1\nactivation=linear\nxnor=1\n"
    "[yolo]\nmask=0,1\nanchors=1,2,3,4\nnum=2\nclasses=2\nmax=3\nignore_thresh=.5\n";

typedef struct example {
    const char *text, *backend;
    bool adam;
} example;

typedef struct life {
    dn_cfg *cfg;
    dn_plan *plan;
    dn_weights *weights;
    dn_network *network;
    dn_detections *detections;
} life;

static void end(life *l) {
    dn_detections_free(l->detections);
    dn_network_free(l->network);
    dn_weights_release(l->weights);
    dn_plan_release(l->plan);
    dn_cfg_release(l->cfg);
}

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        const dn_status try_status = (call);                                                                           \
        if (try_status != DN_OK) return try_status;                                                                    \
    } while (0)

static dn_status begin(life *l, const example *e, bool training, const dn_options *options, dn_error *err) {
    dn_plan_options plan_options = DN_PLAN_OPTIONS_INIT;
    dn_network_options network_options = DN_NETWORK_OPTIONS_INIT;
    network_options.backend = e->backend;
    plan_options.training = training;
    TRY(dn_cfg_parse(&l->cfg, e->text, strlen(e->text), options, err));
    TRY(dn_plan_create(&l->plan, l->cfg, &plan_options, options, err));
    TRY(dn_weights_create(&l->weights, l->plan, 3, options, err));
    return dn_network_create(&l->network, l->plan, l->weights, &network_options, options, err);
}

/* ---- inference ---- */

static int images_of(const dn_network *network) {
    dn_net_facts net;
    dn_plan_net(dn_network_plan(network), &net);
    return net.batch * net.steps;
}

/* A failure leaves a network that computes what it computed before. */
static dn_status resize(dn_network *network, dn_error *err) {
    const dn_tensor before = dn_network_head(network, 0);
    const float first = *(const float *)before.data;
    const dn_status status = dn_network_reshape(network, 2, 0, 0, err);
    if (status == DN_OK) return status;
    dn_network_reset_state(network);
    CHECK_EQ(dn_network_forward(network, NULL, images_of(network), NULL), DN_OK);
    CHECK_EQ(dn_network_head(network, 0).shape[0], before.shape[0]);
    CHECK(*(const float *)dn_network_head(network, 0).data == first);
    return status;
}

static void fill_input(const dn_network *network) {
    const dn_tensor input = dn_network_input(network);
    for (int64_t i = 0; i < input.shape[0] * input.strides[0]; i++) ((float *)input.data)[i] = (float)(i % 7) / 7.0F;
}

static dn_status infer(life *l, const example *e, const dn_options *options, dn_error *err) {
    const bool detects = strstr(e->text, "[yolo]") != NULL;
    TRY(begin(l, e, false, options, err));
    fill_input(l->network);
    TRY(dn_network_forward(l->network, NULL, images_of(l->network), err));
    if (detects) {
        TRY(dn_network_detect(&l->detections, l->network, 0, NULL, err));
        TRY(dn_detections_nms(l->detections, DN_NMS_SORT, 0.45F, DN_NMS_DEFAULT, 0.0F, err));
    } else {
        TRY(resize(l->network, err));
        TRY(dn_network_forward(l->network, NULL, images_of(l->network), err));
    }
    return DN_OK;
}

static dn_status infer_once(const dn_options *options, void *user, dn_error *err) {
    life l = {0};
    const dn_status status = infer(&l, user, options, err);
    end(&l);
    return status;
}

/* ---- weights ---- */

static dn_status load_once(const dn_options *options, void *user, dn_error *err) {
    static unsigned char file[1 << 16];
    const example *e = user;
    life l = {0};
    uint64_t bytes = 0;
    dn_weights *loaded = NULL;
    dn_status status = begin(&l, e, false, options, err);
    if (status == DN_OK) status = dn_weights_file_size(l.weights, -1, &bytes, err);
    if (status == DN_OK && CHECK(bytes < sizeof file)) {
        status = dn_weights_write(l.weights, -1, dn_weights_get_header(l.weights), file, sizeof file, err);
    }
    if (status == DN_OK) status = dn_weights_load(&loaded, l.plan, file, bytes, true, -1, 0, NULL, options, err);
    if (status == DN_OK) CHECK_EQ(dn_weights_checksum(loaded), dn_weights_checksum(l.weights));
    dn_weights_release(loaded);
    end(&l);
    return status;
}

/* ---- training ---- */

static dn_status train(life *l, const example *e, const dn_options *options, dn_error *err) {
    static const float truth[2 * 3 * 6] = {0.5F, 0.5F, 0.3F, 0.4F, 1.0F}; /* x, y, w, h, class, track */
    dn_update update = DN_UPDATE_INIT;
    double loss = 0.0;
    update.adam = e->adam;
    TRY(begin(l, e, true, options, err));
    fill_input(l->network);
    for (uint64_t iteration = 1; iteration <= 2; iteration++) {
        const dn_clock_time time = {1, iteration, 2 * iteration, 0};
        update.iteration = iteration;
        TRY(dn_network_set_clock(l->network, &time, err));
        TRY(dn_network_forward(l->network, NULL, 2, err));
        TRY(dn_network_loss(l->network, truth, &loss, err));
        CHECK(loss > 0.0 && isfinite(loss));
        TRY(dn_network_backward(l->network, 0, 5, err));
        TRY(dn_network_update(l->network, &update, err));
    }
    TRY(dn_network_reshape(l->network, 0, 16, 16, err));
    fill_input(l->network);
    TRY(dn_network_forward(l->network, NULL, 2, err));
    TRY(dn_network_loss(l->network, truth, &loss, err));
    return dn_network_backward(l->network, 0, 5, err);
}

static dn_status train_once(const dn_options *options, void *user, dn_error *err) {
    life l = {0};
    const dn_status status = train(&l, user, options, err);
    end(&l);
    return status;
}

int main(int count, char **arguments) {
    const char *const *const backends = harness_backends(count, arguments);
    for (size_t k = 0; backends[k]; k++) {
        example head = {HEAD, backends[k], false}, sequence = {SEQUENCE, backends[k], false};
        check_every_allocation(infer_once, &head);
        check_every_allocation(infer_once, &sequence);
        check_every_allocation(load_once, &head);
        example momentum = {TRAINED, backends[k], false}, adam = {TRAINED, backends[k], true};
        check_every_allocation(train_once, &momentum);
        check_every_allocation(train_once, &adam);
    }
    return harness_result();
}
