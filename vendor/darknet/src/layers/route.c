/* route.c — the outputs of earlier layers, one after the other along the channels.
 *
 *   groups, group_id: of every layer only channels group_id·c/groups … (group_id + 1)·c/groups − 1
 *   Layers whose rows and columns differ are joined as flat lists of values. */
#include "layers/common.h"
#include "layers/training.h"

typedef struct params {
    const int *layers; /* as written, then absolute */
    int count, groups, group_id;
    bool joined_flat;
    int *first, *channels; /* of every layer */
    const float *streams;
} params;

/* The streams of a GPU. */
static const dn_training_key device_keys[] = {
    {"stream", DN_TRAINING_SIGNED, -1, 0},
    {"wait_stream", DN_TRAINING_SIGNED, -1, 0},
    {NULL, DN_TRAINING_END, 0, 0},
};

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    DN_TRY(dn_section_ints(section, "layers", INT32_MIN, INT32_MAX, &p->layers, &p->count, err));
    if (p->count < 1 || p->count > DN_REFERENCES_MAX) {
        return dn_section_fail(section, "layers", err, "1 to 4096 layers",
                               "names %d layers: give layers= 1 to 4096, such as layers=-1,8", p->count);
    }
    DN_TRY(dn_section_int(section, "groups", 1, 1, DN_FILTERS_MAX, &p->groups, err));
    DN_TRY(dn_section_int(section, "group_id", 0, 0, p->groups - 1, &p->group_id, err));
    return dn_training_parse(section, context, device_keys, &p->streams, err);
}

/* The channels taken of every layer; *total their sum. */
static dn_status ranges(const params *p, const dn_layer_plan *plan, int64_t *total, dn_error *err) {
    *total = 0;
    for (int k = 0; k < p->count; k++) {
        const dn_shape shape = dn_layer_plan_output_of(plan, p->layers[k]);
        if (shape.c % p->groups != 0) {
            dn_shape_fail(err, "channels that groups divides",
                          "the %d channels of layer %d cannot be split into %d groups: groups= must divide them",
                          shape.c, p->layers[k], p->groups);
            dn_error_found(err, "%d channels", shape.c);
            dn_layer_plan_blame(plan, "groups", err);
            return DN_E_SHAPE;
        }
        p->channels[k] = shape.c / p->groups;
        p->first[k] = p->channels[k] * p->group_id;
        *total += p->channels[k];
    }
    return DN_OK;
}

static dn_status flat_size(const params *p, const dn_layer_plan *plan, int64_t *total, dn_error *err) {
    const dn_shape a = dn_layer_plan_output_of(plan, p->layers[0]);
    *total = 0;
    for (int k = 0; k < p->count; k++) {
        const dn_shape b = dn_layer_plan_output_of(plan, p->layers[k]);
        if (p->groups > 1) {
            return dn_shape_fail(err, "layers of equal rows and columns",
                                 "groups=%d needs equal rows and columns, but layer %d is %dx%dx%d and layer %d is "
                                 "%dx%dx%d (c x h x w): correct layers=",
                                 p->groups, p->layers[0], a.c, a.h, a.w, p->layers[k], b.c, b.h, b.w);
        }
        *total += dn_shape_image(b);
    }
    return DN_OK;
}

static bool sides_differ(const params *p, const dn_layer_plan *plan) {
    const dn_shape a = dn_layer_plan_output_of(plan, p->layers[0]);
    bool differ = false;
    for (int k = 1; k < p->count; k++) {
        const dn_shape b = dn_layer_plan_output_of(plan, p->layers[k]);
        differ |= a.h != b.h || a.w != b.w;
    }
    return differ;
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    params *p = into;
    void *list;
    DN_TRY(dn_layer_plan_resolve_list(plan, "layers", p->layers, p->count, &p->layers, err));
    DN_TRY(dn_zone_alloc(dn_layer_plan_context(plan)->zone, &list, 2 * (size_t)p->count, sizeof(int), err));
    p->first = list;
    p->channels = p->first + p->count;
    const dn_shape a = dn_layer_plan_output_of(plan, p->layers[0]);
    bool flat = p->joined_flat = sides_differ(p, plan);
    for (int k = 0; k < p->count; k++) flat |= dn_layer_plan_flat_of(plan, p->layers[k]);
    int64_t total;
    dn_shape out, in;
    DN_TRY(p->joined_flat ? flat_size(p, plan, &total, err) : ranges(p, plan, &total, err));
    DN_TRY(dn_shape_make(&out, a.n, total, p->joined_flat ? 1 : a.h, p->joined_flat ? 1 : a.w, err));
    DN_TRY(dn_shape_make(&in, out.n, total * p->groups, out.h, out.w, err));
    dn_layer_plan_set_input(plan, in);
    dn_layer_plan_set_output(plan, out);
    dn_layer_plan_set_flat(plan, flat);
    DN_TRY(dn_layer_plan_fact_ints(plan, "layers", p->layers, p->count, err));
    DN_TRY(dn_layer_plan_fact(plan, "groups", p->groups, err));
    DN_TRY(dn_layer_plan_fact(plan, "group_id", p->group_id, err));
    return dn_training_facts(plan, device_keys, p->streams, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    if (p->count == 1 && p->groups == 1) return dn_emit_output(emit, emit->layer_outputs[p->layers[0]]);
    void *list;
    DN_TRY(dn_zone_alloc(emit->graph->zone, &list, (size_t)p->count, sizeof(int), emit->err));
    int *const xs = list;
    for (int k = 0; k < p->count; k++) xs[k] = emit->layer_outputs[p->layers[k]];
    const int *first = p->joined_flat ? NULL : p->first, *channels = p->joined_flat ? NULL : p->channels;
    int y;
    DN_TRY(dn_emit_concat(emit, xs, p->count, first, channels, p->joined_flat, emit->output_shape, &y));
    return dn_emit_output(emit, y);
}

const dn_layer_type dn_layer_route = {
    .params_size = sizeof(params),
    .parse = parse,
    .infer = infer,
    .forward = forward,
};
