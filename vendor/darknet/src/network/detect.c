/* detect.c — from the heads of the last forward to one table of boxes. */
#include <string.h>

#include "network/network.h"

static const dn_fact *find_fact(const dn_planned_layer *layer, const char *name) {
    for (size_t i = 0; i < layer->fact_count; i++) {
        if (strcmp(layer->facts[i].name, name) == 0) return &layer->facts[i];
    }
    return NULL;
}

static double number_fact(const dn_planned_layer *layer, const char *name, double fallback) {
    const dn_fact *fact = find_fact(layer, name);
    return fact && fact->count >= 1 ? fact->numbers[0] : fallback;
}

/* Of the head that has most; -1: there is no head. */
static int classes_of(const dn_plan *plan) {
    int classes = -1;
    for (int i = 0; i < plan->layer_count; i++) {
        if (!plan->layers[i].type->decode) continue;
        const int own = (int)number_fact(&plan->layers[i], "classes", 0);
        if (own > classes) classes = own;
    }
    return classes;
}

static bool any_uncertainty(const dn_plan *plan) {
    for (int i = 0; i < plan->layer_count; i++) {
        if (plan->layers[i].type->decode && find_fact(&plan->layers[i], "uncertainty")) return true;
    }
    return false;
}

static int embedding_size_of(const dn_plan *plan) {
    int size = 0;
    for (int i = 0; i < plan->layer_count; i++) {
        const int own = plan->layers[i].type->decode ? (int)number_fact(&plan->layers[i], "embedding_size", 0) : 0;
        if (own > size) size = own;
    }
    return size;
}

/* Rows from `first` on come from this head: their vectors, out of its embedding layer's output. */
static void gather_embeddings(const dn_network *network, const dn_planned_layer *head, int image, dn_detections *into,
                              int first) {
    const int size = (int)number_fact(head, "embedding_size", 0);
    if (size == 0) return;
    const int layer = (int)number_fact(head, "embedding_layer", 0);
    const dn_shape shape = network->binding->plan->layers[layer].output;
    const int64_t cells = (int64_t)shape.h * shape.w;
    const float *output = dn_network_output(network, layer).data;
    for (int row = first; row < into->count; row++) {
        const int64_t anchor = into->places[row] / cells, cell = into->places[row] % cells;
        const float *from = output + image * dn_shape_image(shape) + anchor * size * cells + cell;
        float *to = into->embeddings + (int64_t)row * into->embedding_size;
        for (int k = 0; k < size; k++) to[k] = from[k * cells];
    }
}

static dn_status decode_heads(const dn_network *network, int image, const dn_decode_options *options,
                              dn_detections *into, dn_error *err) {
    const dn_plan *plan = network->binding->plan;
    for (int i = 0; i < plan->layer_count; i++) {
        const dn_planned_layer *layer = &plan->layers[i];
        if (!layer->type->decode) continue;
        const dn_tensor output = dn_network_output(network, i);
        const float *data = (const float *)output.data + (int64_t)image * dn_shape_image(layer->output);
        const int first = into->count;
        DN_TRY(layer->type->decode(layer->params, layer->output, data, options, into, err));
        gather_embeddings(network, layer, image, into, first);
    }
    return DN_OK;
}

dn_status dn_network_detect(dn_detections **out, const dn_network *network, int image,
                            const dn_detect_options *detect_options, dn_error *err) {
    const dn_detect_options asked = detect_options ? *detect_options : (dn_detect_options)DN_DETECT_OPTIONS_INIT;
    const dn_plan *plan = network->binding->plan;
    const int classes = classes_of(plan);
    if (classes < 0) {
        return dn_fail(err, DN_E_UNSUPPORTED,
                       "the network has no detection layer ([yolo], [region]); its last layer is [%s]",
                       plan->layers[plan->layer_count - 1].name);
    }
    if (network->binding->stayed) {
        return dn_fail(err, DN_E_ARGUMENT,
                       "the heads of the last forward stayed on the device: run one that brings them");
    }
    const int images = network->binding->images * plan->net.steps;
    if (image < 0 || image >= images) {
        return dn_fail(err, DN_E_ARGUMENT, "image %d was asked for, the last forward had %d", image, images);
    }
    const dn_decode_options options = {.threshold = asked.threshold,
                                       .hier_threshold = asked.hier_threshold,
                                       .net_width = plan->net.width,
                                       .net_height = plan->net.height,
                                       .image_width = asked.image_width > 0 ? asked.image_width : plan->net.width,
                                       .image_height = asked.image_height > 0 ? asked.image_height : plan->net.height,
                                       .letterbox = asked.letterbox,
                                       .relative = asked.relative,
                                       .dialect = plan->net.dialect};
    dn_detections *detections = NULL;
    DN_TRY(dn_detections_create(&detections, &network->allocator, classes, any_uncertainty(plan), err));
    detections->embedding_size = embedding_size_of(plan);
    const dn_status status = decode_heads(network, image, &options, detections, err);
    if (status != DN_OK) {
        dn_detections_free(detections);
        return status;
    }
    *out = detections;
    return DN_OK;
}

void dn_network_nms(const dn_network *network, dn_nms_kind *kind, float *beta) {
    static const struct {
        const char *name;
        dn_nms_kind kind;
    } names[] = {{"greedynms", DN_NMS_GREEDY}, {"diounms", DN_NMS_DIOU}, {"cornersnms", DN_NMS_CORNERS}};
    const dn_plan *plan = network->binding->plan;
    *kind = DN_NMS_DEFAULT;
    *beta = 0.6F;
    for (int i = plan->layer_count - 1; i >= 0; i--) {
        const dn_planned_layer *layer = &plan->layers[i];
        if (!layer->type->decode) continue;
        const dn_fact *fact = find_fact(layer, "nms_kind");
        for (size_t k = 0; fact && fact->text && k < sizeof names / sizeof *names; k++) {
            if (strcmp(fact->text, names[k].name) == 0) *kind = names[k].kind;
        }
        *beta = (float)number_fact(layer, "beta_nms", *beta);
        return;
    }
}
