/* fuzz.c — what the fuzz targets share. */
#include "fuzz.h"

#include <math.h>

void fuzz_broken(const char *file, int line, const char *text) {
    fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, text);
    abort();
}

/* ---- input ---- */

static void *give(void *user, size_t bytes, size_t alignment) {
    fuzz_memory *memory = user;
    if (memory->calls++ == memory->fail_at || bytes > FUZZ_MEMORY - memory->given) return NULL;
    void *pointer = NULL;
    FUZZ_REQUIRE(posix_memalign(&pointer, alignment, bytes ? bytes : 1) == 0);
    memset(pointer, 0xA5, bytes);
    memory->given += bytes;
    memory->alive++;
    return pointer;
}

static void take(void *user, void *pointer) {
    if (pointer) ((fuzz_memory *)user)->alive--;
    free(pointer);
}

static void check_line(const char *line) {
    FUZZ_REQUIRE(line[0] != '\0');
    for (; *line; line++) FUZZ_REQUIRE((unsigned char)*line >= ' ' && *line != 0x7F);
}

static void read_log(void *user, dn_log_level level, const char *message) {
    (void)user;
    FUZZ_REQUIRE(level == DN_LOG_DEBUG || level == DN_LOG_INFO || level == DN_LOG_WARNING);
    check_line(message);
}

bool fuzz_open(fuzz_input *input, const uint8_t *data, size_t size) {
    if (size < 2) return false;
    *input = (fuzz_input){.bytes = data + 2, .size = size - 2, .choice = data[0] & 31U, .options = DN_OPTIONS_INIT};
    input->memory.fail_at = data[1] == '@' ? -1 : data[1];
    input->options.allocator = (dn_allocator){give, take, &input->memory};
    input->options.log = read_log;
    input->random = 14695981039346656037U;
    for (size_t i = 0; i < size; i++) input->random = (input->random ^ data[i]) * 1099511628211U;
    input->options.isa = (dn_isa)(DN_ISA_PORTABLE + (input->random >> 40) % 3); /* at most what there is */
    return true;
}

void fuzz_close(const fuzz_input *input) { FUZZ_REQUIRE(input->memory.alive == 0); }

dn_status fuzz_status(const fuzz_input *input, dn_status status, const dn_error *err) {
    if (status == DN_OK) return status;
    FUZZ_REQUIRE(err->status == status);
    FUZZ_REQUIRE(strcmp(dn_status_name(status), dn_status_name((dn_status)-1)) != 0);
    FUZZ_REQUIRE(memchr(err->message, '\0', sizeof err->message) != NULL);
    check_line(err->message);
    FUZZ_REQUIRE(memchr(err->found, '\0', sizeof err->found) && memchr(err->expected, '\0', sizeof err->expected));
    const bool memory_ended = input->memory.fail_at >= 0 || input->memory.given > 0;
    FUZZ_REQUIRE(status != DN_E_NOMEM || (memory_ended && err->needed > 0));
    return status;
}

float fuzz_value(uint64_t *random) {
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3.4e38F, -3.4e38F, -1.0F, 1e9F, 1e-40F};
    *random = *random * 6364136223846793005U + 1442695040888963407U;
    const unsigned bits = (unsigned)(*random >> 40);
    if (bits % 64 == 0) return odd[(bits >> 6) % (sizeof odd / sizeof *odd)];
    return bits % 8 == 1 ? (float)(bits >> 20) : (float)bits * 0x1p-24F; /* some are small whole numbers: classes */
}

void fuzz_values(uint64_t *random, float *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = fuzz_value(random);
}

/* ---- plan ---- */

static void look_at_cfg(const dn_cfg *cfg) {
    for (int i = 0; i < dn_cfg_sections(cfg); i++) {
        FUZZ_REQUIRE(dn_cfg_section_name(cfg, i)[0] != '\0' && dn_cfg_section_line(cfg, i) > 0);
        for (int k = 0; k < dn_cfg_options(cfg, i); k++) {
            FUZZ_REQUIRE(dn_cfg_option_key(cfg, i, k) && dn_cfg_option_value(cfg, i, k));
            FUZZ_REQUIRE(dn_cfg_option_line(cfg, i, k) > 0);
        }
    }
}

static void look_at_plan(const dn_plan *plan) {
    dn_net_facts net;
    dn_plan_net(plan, &net);
    FUZZ_REQUIRE(net.layers > 0 && net.batch > 0 && net.inputs > 0 && net.parameters >= 0);
    int64_t parameters = 0;
    for (int i = -1; i < net.layers; i++) {
        dn_layer_facts layer;
        for (int k = 0; dn_plan_fact(plan, i, k).name; k++) {
            const dn_fact fact = dn_plan_fact(plan, i, k);
            FUZZ_REQUIRE(fact.count < 0 ? fact.text != NULL : fact.count == 0 || fact.numbers != NULL);
        }
        if (i < 0) continue;
        FUZZ_REQUIRE(dn_plan_layer(plan, i, &layer, NULL) == DN_OK);
        for (int k = 0; k < 4; k++) FUZZ_REQUIRE(layer.input[k] > 0 && layer.output[k] > 0);
        parameters += layer.parameters;
    }
    FUZZ_REQUIRE(parameters == net.parameters);
    for (int k = 0; dn_plan_unused_option(plan, k).section >= 0; k++) {
    }
    for (int k = 0; k < dn_plan_slots(plan); k++) {
        dn_slot_facts slot;
        FUZZ_REQUIRE(dn_plan_slot(plan, k, &slot, NULL) == DN_OK);
        FUZZ_REQUIRE(slot.count > 0 && dn_plan_find_slot(plan, slot.layer, slot.name) >= 0);
    }
}

dn_status fuzz_plan(fuzz_life *life, fuzz_input *input, const char *text, size_t size, dn_plan_options plan_options) {
    dn_error err = {0};
    *life = (fuzz_life){0};
    plan_options.dialect = input->choice & FUZZ_PJREDDIE ? DN_PJREDDIE : DN_ALEXEYAB;
    dn_status status = fuzz_status(input, dn_cfg_parse(&life->cfg, text, size, &input->options, &err), &err);
    if (status != DN_OK) return status;
    look_at_cfg(life->cfg);
    status = dn_plan_create(&life->plan, life->cfg, &plan_options, &input->options, &err);
    if (fuzz_status(input, status, &err) == DN_OK) look_at_plan(life->plan);
    return status;
}

bool fuzz_is_small(const fuzz_life *life) {
    dn_net_facts net;
    dn_plan_net(life->plan, &net);
    const double rows = (double)net.batch * net.steps;
    double values = rows * net.inputs, work = rows * net.flops;
    for (int i = 0; i < net.layers; i++) {
        dn_layer_facts layer;
        dn_plan_layer(life->plan, i, &layer, NULL);
        values += rows * (double)(layer.output[1] * layer.output[2] * layer.output[3]);
        for (int k = 0; dn_plan_fact(life->plan, i, k).name; k++) { /* windows, which flops may leave out */
            const dn_fact fact = dn_plan_fact(life->plan, i, k);
            if (strcmp(fact.name, "size") == 0 && fact.count > 0) {
                work += rows * (double)(layer.output[1] * layer.output[2] * layer.output[3]) * fact.numbers[0] *
                        fact.numbers[0];
            }
        }
    }
    return net.layers <= 40 && values < 1e5 && work < 3e6 && net.parameters < 100000;
}

/* ---- network ---- */

dn_status fuzz_network(fuzz_life *life, fuzz_input *input) {
    dn_error err = {0};
    dn_network_options options = DN_NETWORK_OPTIONS_INIT;
    options.backend = input->choice & FUZZ_REF ? "ref" : "cpu";
    options.outputs = input->choice & FUZZ_ALL ? DN_OUTPUTS_ALL : DN_OUTPUTS_HEADS;
    options.prepare = input->choice & FUZZ_UNFUSED ? DN_PREPARE_NONE : DN_PREPARE_FUSE;
    dn_status status = DN_OK;
    if (!life->weights) status = dn_weights_create(&life->weights, life->plan, input->random, &input->options, &err);
    if (status == DN_OK) {
        status = dn_network_create(&life->network, life->plan, life->weights, &options, &input->options, &err);
    }
    return fuzz_status(input, status, &err);
}

static void read_tensor(const dn_tensor *tensor) {
    int64_t count = 1;
    for (int i = 0; i < tensor->dimensions; i++) count *= tensor->shape[i];
    const unsigned char *bytes = tensor->data;
    if (!bytes) return;
    volatile unsigned char sum = 0;
    for (int64_t i = 0; i < count * (int64_t)sizeof(float); i += 61) sum = (unsigned char)(sum + bytes[i]);
}

static dn_status detect(fuzz_life *life, fuzz_input *input, int image) {
    static const dn_nms_method methods[] = {DN_NMS_SORT, DN_NMS_OBJ, DN_NMS_KIND};
    dn_error err = {0};
    for (int k = 0; k < 3; k++) {
        dn_detections *detections = NULL;
        dn_detect_options options = DN_DETECT_OPTIONS_INIT;
        options.threshold = k == 0 ? 0.0F : 0.3F;
        options.image_width = k * 13;
        options.image_height = k * 7;
        options.letterbox = k == 1;
        dn_status status = dn_network_detect(&detections, life->network, image, &options, &err);
        if (fuzz_status(input, status, &err) != DN_OK) return status;
        dn_nms_kind kind = DN_NMS_DEFAULT;
        float beta = 0.0F;
        dn_network_nms(life->network, &kind, &beta);
        status = dn_detections_nms(detections, methods[k], 0.45F, kind, beta, &err);
        dn_detections_free(detections);
        if (fuzz_status(input, status, &err) != DN_OK) return status;
    }
    return DN_OK;
}

dn_status fuzz_forward(fuzz_life *life, fuzz_input *input) {
    dn_error err = {0};
    dn_net_facts net;
    dn_plan_net(dn_network_plan(life->network), &net);
    const int images = net.batch * net.steps;
    const dn_tensor own = dn_network_input(life->network);
    fuzz_values(&input->random, own.data, (size_t)images * (size_t)net.inputs);
    dn_status status = dn_network_forward(life->network, NULL, images, &err);
    if (fuzz_status(input, status, &err) != DN_OK) return status;
    for (int i = 0; i < net.layers; i++) {
        const dn_tensor output = dn_network_output(life->network, i);
        read_tensor(&output);
    }
    FUZZ_REQUIRE(dn_network_heads(life->network) > 0 && dn_network_bytes(life->network) > 0);
    for (int i = 0; i < dn_network_heads(life->network); i++) {
        const dn_tensor head = dn_network_head(life->network, i);
        FUZZ_REQUIRE(head.data != NULL);
        read_tensor(&head);
    }
    status = detect(life, input, images - 1);
    return status == DN_E_UNSUPPORTED ? DN_OK : status; /* no detection layer */
}

void fuzz_free(fuzz_life *life) {
    dn_network_free(life->network);
    dn_weights_release(life->weights);
    dn_plan_release(life->plan);
    dn_cfg_release(life->cfg);
}
