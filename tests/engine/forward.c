/* forward.c — one forward of a network from files to a file, for machines without Python (an emulated one: see
 * .ci/aarch64).
 *
 *   forward CFG WEIGHTS INPUT OUTPUT [backend=NAME] [prepare=0|1|2] [pjreddie=1] [resource=NAME:FILE]
 *
 * INPUT: float32 images, any number. OUTPUT: the heads, one after the other, float32; their layers are printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "darknet/darknet.h"

static void fail(const char *what) {
    (void)fprintf(stderr, "forward: %s\n", what);
    exit(1);
}

static void expect(dn_status status, const dn_error *err) {
    if (status != DN_OK) fail(err->message);
}

static char *read_whole(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) fail(path);
    const long end = ftell(file);
    rewind(file);
    char *bytes = malloc((size_t)end + 1);
    if (!bytes || fread(bytes, 1, (size_t)end, file) != (size_t)end) fail(path);
    (void)fclose(file);
    *size = (size_t)end;
    return bytes;
}

typedef struct arguments {
    const char *backend;
    int prepare, pjreddie;
    dn_resource resource;
    int resources;
} arguments;

static arguments read_arguments(int count, char **texts) {
    arguments a = {"cpu", DN_PREPARE_FUSE, 0, {0}, 0};
    for (int i = 0; i < count; i++) {
        char *value = strchr(texts[i], '=');
        if (!value) fail(texts[i]);
        *value++ = '\0';
        if (strcmp(texts[i], "backend") == 0) a.backend = value;
        if (strcmp(texts[i], "prepare") == 0) a.prepare = atoi(value);
        if (strcmp(texts[i], "pjreddie") == 0) a.pjreddie = atoi(value);
        if (strcmp(texts[i], "resource") == 0) {
            char *path = strchr(value, ':');
            if (!path) fail(value);
            *path++ = '\0';
            a.resource.name = value;
            a.resource.bytes = read_whole(path, &a.resource.size);
            a.resources = 1;
        }
    }
    return a;
}

static void write_heads(const dn_network *network, const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file) fail(path);
    for (int head = 0; head < dn_network_heads(network); head++) {
        const dn_tensor tensor = dn_network_head(network, head);
        size_t values = 1;
        for (int d = 0; d < tensor.dimensions; d++) values *= (size_t)tensor.shape[d];
        printf("%d %zu\n", dn_network_head_layer(network, head), values);
        if (fwrite(tensor.data, sizeof(float), values, file) != values) fail(path);
    }
    if (fclose(file) != 0) fail(path);
}

int main(int count, char **texts) {
    if (count < 5) fail("CFG WEIGHTS INPUT OUTPUT [backend=NAME] [prepare=0|1|2] [pjreddie=1] [resource=NAME:FILE]");
    const arguments a = read_arguments(count - 5, texts + 5);
    size_t cfg_size, weights_size, input_size;
    char *const cfg_text = read_whole(texts[1], &cfg_size), *const weights_bytes = read_whole(texts[2], &weights_size);
    char *const input = read_whole(texts[3], &input_size);
    dn_error err;
    dn_cfg *cfg = NULL;
    dn_plan *plan = NULL;
    dn_weights *weights = NULL;
    dn_network *network = NULL;
    expect(dn_cfg_parse(&cfg, cfg_text, cfg_size, NULL, &err), &err);

    dn_plan_options plan_options = DN_PLAN_OPTIONS_INIT;
    plan_options.dialect = a.pjreddie ? DN_PJREDDIE : DN_ALEXEYAB;
    plan_options.resources = &a.resource;
    plan_options.resource_count = a.resources;
    expect(dn_plan_create(&plan, cfg, &plan_options, NULL, &err), &err);
    dn_net_facts facts;
    dn_plan_net(plan, &facts);
    const int images = (int)(input_size / sizeof(float) / (size_t)facts.inputs);
    dn_plan_release(plan);
    plan_options.batch = images;
    expect(dn_plan_create(&plan, cfg, &plan_options, NULL, &err), &err);

    expect(dn_weights_load(&weights, plan, weights_bytes, weights_size, false, -1, 0, NULL, NULL, &err), &err);
    dn_network_options options = DN_NETWORK_OPTIONS_INIT;
    options.backend = a.backend;
    options.prepare = (dn_prepare)a.prepare;
    expect(dn_network_create(&network, plan, weights, &options, NULL, &err), &err);
    expect(dn_network_forward(network, (const float *)(const void *)input, images, &err), &err);
    write_heads(network, texts[4]);
    dn_network_free(network);
    dn_weights_release(weights);
    dn_plan_release(plan);
    dn_cfg_release(cfg);
    free(cfg_text);
    free(weights_bytes);
    free(input);
    free((void *)a.resource.bytes);
    return 0;
}
