/* iseg.c — instance segmentation: for every place a probability per class, then an embedding that tells instances
 * apart (pjreddie).
 *
 *   y[k] = 1 / (1 + e^−x[k])     0 <= k < classes
 *   y[k] = x[k]                  classes <= k < classes + ids
 *   cfg      classes (20), ids (32); the input has classes + ids channels
 *
 * The truth of an image is that of 90 instances: the class (below 0: no more of them), then a mask, rows · columns
 * values, 0 outside of the instance. With ȳ_i the mean embedding over the places of instance i:
 *   classes     delta = t − y, t the mask's value for its class, else 0
 *   embeddings  delta = 0.01 · (−0.1 · y + 0.1 · sign(ȳ_i − y) − 0.1 · Σ_{j≠i} sign(ȳ_j − y)), the signs where the place
 *               belongs to an instance i; 0 counts as positive
 *   cost        Σ delta²
 *
 * The reference's CPU code reads the truth even where there is none, and crashes outside of training. */
#include <math.h>

#include "layers/head.h"
#include "layers/loss.h"

enum { INSTANCES = 90 };

typedef struct params {
    int classes, ids;
} params;

static dn_status parse(dn_section *section, const dn_layer_context *context, void *into, dn_error *err) {
    params *p = into;
    (void)context;
    DN_TRY(dn_section_int(section, "classes", 20, 1, DN_CLASSES_MAX, &p->classes, err));
    return dn_section_int(section, "ids", 32, 0, DN_CLASSES_MAX, &p->ids, err);
}

static dn_status infer(void *into, dn_layer_plan *plan, dn_error *err) {
    const params *p = into;
    DN_TRY(dn_head_check_filters(plan, p->classes, p->ids, 1, err));
    const dn_shape in = dn_layer_plan_input(plan);
    const int64_t truths = INSTANCES * ((int64_t)in.h * in.w + 1);
    const bool training = dn_layer_plan_context(plan)->training;
    if (training && truths > INT32_MAX)
        return dn_shape_fail(err, "a smaller image", "%d x %d places are too many for the masks of %d instances", in.w,
                             in.h, INSTANCES);
    if (training) dn_layer_plan_set_truths(plan, (int)truths);
    dn_layer_plan_set_output(plan, in);
    DN_TRY(dn_layer_plan_fact(plan, "classes", p->classes, err));
    return dn_layer_plan_fact(plan, "ids", p->ids, err);
}

static dn_status forward(const void *from, dn_emit *emit) {
    const params *p = from;
    const dn_channel_rule rule = {.first = 0, .count = p->classes, .kind = DN_LOGISTIC, .scale = 1.0F};
    int y;
    DN_TRY(dn_emit_channel_map(emit, emit->input, &rule, 1, &y));
    return dn_emit_output(emit, y);
}

/* ---- loss ---- */

typedef struct iseg_image {
    const params *p;
    const float *y, *truth;
    float *delta;
    size_t plane;
    int instances;         /* before the one that ends them    */
    int counts[INSTANCES]; /* places; 0: cannot be used */
} iseg_image;

static const float *truth_of(const iseg_image *image, int instance) {
    return image->truth + (size_t)instance * (image->plane + 1);
}

static bool is_inside(const iseg_image *image, int instance, size_t place) {
    const float value = truth_of(image, instance)[1 + place];
    return value != 0 && isfinite(value);
}

static void count_places(iseg_image *image) {
    for (image->instances = 0; image->instances < INSTANCES; image->instances++) {
        const int i = image->instances;
        const float class_id = truth_of(image, i)[0];
        image->counts[i] = 0;
        if (class_id < 0) return;
        if (!(class_id < (float)image->p->classes)) continue;
        for (size_t k = 0; k < image->plane; k++) image->counts[i] += is_inside(image, i, k) ? 1 : 0;
    }
}

static void compare_classes(const iseg_image *image) {
    const size_t values = (size_t)image->p->classes * image->plane;
    for (size_t k = 0; k < values; k++) image->delta[k] = 0 - image->y[k];
    for (int i = 0; i < image->instances; i++) {
        if (image->counts[i] == 0) continue;
        const float *truth = truth_of(image, i);
        const size_t first = (size_t)truth[0] * image->plane;
        for (size_t k = 0; k < image->plane; k++) {
            if (is_inside(image, i, k)) image->delta[first + k] = truth[1 + k] - image->y[first + k];
        }
    }
}

static void mean_values(const iseg_image *image, const float *y, float *means) {
    for (int i = 0; i < image->instances; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < image->plane && image->counts[i] > 0; k++) {
            if (is_inside(image, i, k)) sum += (double)y[k];
        }
        means[i] = image->counts[i] > 0 ? (float)(sum / image->counts[i]) : 0;
    }
}

/* What the instances say about one value of a place of instance `own`. */
static float pull_of(const iseg_image *image, const float *means, int own, float y) {
    float pull = 0;
    for (int i = 0; i < image->instances; i++) {
        if (image->counts[i] == 0) continue;
        const float sign = means[i] - y < 0 ? -0.1F : 0.1F;
        pull += i == own ? sign : -sign;
    }
    return pull;
}

/* One value of the embedding, at all places. */
static void compare_embedding(const iseg_image *image, size_t number) {
    const size_t first = ((size_t)image->p->classes + number) * image->plane;
    const float *y = image->y + first;
    float *delta = image->delta + first, means[INSTANCES];
    mean_values(image, y, means);
    for (size_t k = 0; k < image->plane; k++) delta[k] = 0.1F * (0 - y[k]);
    for (int i = 0; i < image->instances; i++) {
        for (size_t k = 0; k < image->plane && image->counts[i] > 0; k++) {
            if (is_inside(image, i, k)) delta[k] += pull_of(image, means, i, y[k]);
        }
    }
    for (size_t k = 0; k < image->plane; k++) delta[k] *= 0.01F;
}

static void compare(const dn_host_call *call) {
    const dn_loss_call loss = dn_loss_open(call, 1);
    const params *p = call->params;
    const dn_shape shape = call->inputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w, values = (size_t)dn_shape_image(shape);
    for (int n = 0; n < loss.rows; n++) {
        iseg_image image = {
            .p = p,
            .y = call->inputs[0].data + (size_t)n * values,
            .truth = loss.truth->data + (size_t)n * INSTANCES * (plane + 1),
            .delta = loss.delta + (size_t)n * values,
            .plane = plane,
        };
        count_places(&image);
        compare_classes(&image);
        for (size_t k = 0; k < (size_t)p->ids; k++) compare_embedding(&image, k);
        double cost = 0.0;
        for (size_t k = 0; k < values; k++) cost += (double)image.delta[k] * (double)image.delta[k];
        float *figures = dn_loss_figures(&loss, n);
        figures[DN_FIGURE_COST] = (float)cost;
        for (int i = 0; i < image.instances; i++) figures[DN_FIGURE_COUNT] += image.counts[i] > 0 ? 1 : 0;
    }
}

static dn_status loss(const void *from, dn_emit *emit) {
    return dn_emit_loss(emit, "iseg_loss", compare, from, &emit->output, 1, DN_FIGURES);
}

/* The deltas are those of the values before the logistic function. */
static dn_status backward(const void *from, dn_emit *emit) {
    (void)from;
    return dn_emit_pass_back(emit, emit->output, emit->input, 1.0F);
}

const dn_layer_type dn_layer_iseg = {
    .params_size = sizeof(params),
    .flags = DN_LAYER_HEAD,
    .parse = parse,
    .infer = infer,
    .forward = forward,
    .loss = loss,
    .backward = backward,
};
