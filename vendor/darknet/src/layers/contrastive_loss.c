/* contrastive_loss.c — the loss of [contrastive]: embeddings of one object should point the same way, those of other
 * objects of its class another way (supervised contrastive learning, arXiv:2004.11362).
 *
 * Samples are the boxes that the [yolo] layer gives a truth with a track from 0 on; z their embeddings. With s(i, j) the
 * cosine between two samples of one class and time step, e(i, j) = exp(s(i, j) / temperature), and N_i samples of the
 * track of i (in all classes and time steps):
 *
 *   P(i, j)   = e(i, j) / Σ_{k ≠ i, j} e(k, j), 0.9999 where that exceeds 1 or nothing is summed
 *   m_i       = 1 / ((N_i − 1) · temperature · |z_i|)
 *   delta z_i = m_i · Σ_{j of the same track} (z_j − s(i, j) · z_i) · (1 − P(i, j))
 *             − m_i · Σ_{j of the same track} Σ_{k of another track, of j's class} (z_k − s(i, k) · z_i) · P(i, k)
 *
 * The last sum ends after contrastive_neg_max terms. All · cls_normalizer, then within ± max_delta. cost = Σ delta².
 * Figures: `class_count` samples have others of their own and of another track to be compared with; for `class` of them
 * one of the same track is the nearest. */
#include "layers/contrastive.h"

#include <math.h>

#include "layers/loss.h"

typedef struct sample {
    int32_t place, track, class_id;
    float length; /* |z|                */
    float likes;  /* Σ_k e(k, this one) */
} sample;
enum { SAMPLE_VALUES = sizeof(sample) / sizeof(float) };

/* Behind its figures, every image has room for one track and one class a box, then a count and that many samples. */
typedef struct room {
    int *tracks, *classes;
    int32_t *count;
    sample *samples;
} room;

typedef struct batch {
    const dn_contrastive *p;
    const dn_loss_call *loss;
    const float *z;
    size_t plane, image; /* values of a channel, of an image */
    size_t size;         /* of an embedding                  */
    int places;          /* boxes of an image                */
} batch;

static room room_of(const batch *b, int image) {
    float *const at = dn_loss_figures(b->loss, image) + DN_FIGURES;
    int *const tracks = (int *)(void *)at;
    return (room){tracks, tracks + b->places, tracks + 2 * b->places, (sample *)(void *)(tracks + 2 * b->places + 1)};
}

/* ---- one sample, and all of a time step ---- */

typedef struct who {
    int image, number;
    sample *s;
    size_t start; /* of its embedding, whose values are `plane` apart */
} who;

static bool same(const who *i, const who *j) { return i->s == j->s; }

static who nobody_before(int image) { return (who){.image = image, .number = -1}; }

/* The next sample of the images before `end`. */
static bool next_sample(const batch *b, int end, who *at) {
    at->number++;
    while (at->image < end && at->number >= *room_of(b, at->image).count) {
        at->image++;
        at->number = 0;
    }
    if (at->image >= end) return false;
    at->s = room_of(b, at->image).samples + at->number;
    const size_t place = (size_t)at->s->place;
    at->start = (size_t)at->image * b->image + place / b->plane * b->size * b->plane + place % b->plane;
    return true;
}

static int step_of(const batch *b, int image) { return image / (b->loss->rows / b->p->steps); }

/* Whether two are compared at all. */
static bool comparable(const batch *b, const who *i, const who *j) {
    return !same(i, j) && i->s->class_id == j->s->class_id && step_of(b, i->image) == step_of(b, j->image);
}

static double dot(const batch *b, size_t i, size_t j) {
    double sum = 0.0;
    for (size_t k = 0; k < b->size * b->plane; k += b->plane) sum += (double)b->z[i + k] * (double)b->z[j + k];
    return sum;
}

static float cosine(const batch *b, const who *i, const who *j) {
    const float lengths = i->s->length * j->s->length;
    return lengths > 0 ? (float)dot(b, i->start, j->start) / lengths : 0;
}

static float likeness(const batch *b, float s) { return expf(s / b->p->temperature); }

/* P(i, j), s their cosine. */
static float probability(const batch *b, const who *j, float s) {
    const float e = likeness(b, s), others = j->s->likes - e;
    return others > 0 && e <= others ? e / others : 0.9999F;
}

/* ---- finding samples ---- */

static void find_samples(const batch *b, int image) {
    const room own = room_of(b, image);
    const size_t truths = (size_t)dn_shape_image(b->loss->truth->shape);
    dn_yolo_label(b->p->yolo, b->p->yolo_shape, b->loss->truth->data + (size_t)image * truths, own.tracks, own.classes);
    int32_t count = 0;
    for (int k = 0; k < b->places; k++) {
        if (own.tracks[k] < 0 || own.classes[k] < 0) continue;
        own.samples[count++] = (sample){.place = k, .track = own.tracks[k], .class_id = own.classes[k]};
    }
    *own.count = count;
}

/* What all pairs need of a sample, and how well it is told apart. */
static void measure(const batch *b, const who *i) {
    float nearest[2] = {-INFINITY, -INFINITY}, likes = 0; /* nearest: another track, the same track */
    who j = nobody_before(0);
    while (next_sample(b, b->loss->rows, &j)) {
        if (!comparable(b, i, &j)) continue;
        const float s = cosine(b, i, &j);
        float *const best = &nearest[i->s->track == j.s->track ? 1 : 0];
        likes += likeness(b, s);
        if (s > *best) *best = s;
    }
    i->s->likes = likes;
    if (!isfinite(nearest[0]) || !isfinite(nearest[1])) return;
    float *figures = dn_loss_figures(b->loss, i->image);
    figures[DN_FIGURE_CLASS_COUNT] += 1;
    figures[DN_FIGURE_CLASS] += nearest[1] > nearest[0] ? 1 : 0;
}

static void measure_all(const batch *b) {
    const int rows = b->loss->rows;
    for (who i = nobody_before(0); next_sample(b, rows, &i);) i.s->length = (float)sqrt(dot(b, i.start, i.start));
    for (who i = nobody_before(0); next_sample(b, rows, &i);) measure(b, &i);
}

/* ---- deltas ---- */

/* delta z_i += factor · (z_j − s · z_i) */
static void pull(const batch *b, const who *i, const who *j, float s, float factor) {
    for (size_t k = 0; k < b->size * b->plane; k += b->plane) {
        b->loss->delta[i->start + k] += factor * (b->z[j->start + k] - s * b->z[i->start + k]);
    }
}

static void pull_together(const batch *b, const who *i, float factor) {
    who j = nobody_before(0);
    while (next_sample(b, b->loss->rows, &j)) {
        if (i->s->track != j.s->track || !comparable(b, i, &j)) continue;
        const float s = cosine(b, i, &j);
        pull(b, i, &j, s, factor * (1 - probability(b, &j, s)));
    }
}

/* The terms of one j; true when the sum ends here. As in the reference, a term that is left out counts, but only one
 * that is added ends the sum, so that there is one at least. */
static bool push_apart(const batch *b, const who *i, const who *j, float factor, int *left) {
    who k = nobody_before(0);
    while (next_sample(b, b->loss->rows, &k)) {
        if (k.s->track == i->s->track || k.s->class_id != j->s->class_id) continue;
        *left -= *left > 0 ? 1 : 0;
        if (!comparable(b, i, &k)) continue;
        const float s = cosine(b, i, &k);
        pull(b, i, &k, s, -factor * probability(b, &k, s));
        if (*left == 0) return true;
    }
    return false;
}

static int others_of_track(const batch *b, const who *i) {
    int count = 0;
    for (who j = nobody_before(0); next_sample(b, b->loss->rows, &j);)
        count += j.s->track == i->s->track && !same(i, &j) ? 1 : 0;
    return count;
}

static void compare_sample(const batch *b, const who *i) {
    const int others = others_of_track(b, i);
    const float scale = (float)others * b->p->temperature * i->s->length;
    int left = b->p->contrastive_neg_max;
    if (scale == 0 || !isfinite(scale)) return;
    pull_together(b, i, 1 / scale);
    for (who j = nobody_before(0); next_sample(b, b->loss->rows, &j);) {
        if (j.s->track != i->s->track || same(i, &j)) continue;
        if (push_apart(b, i, &j, 1 / scale, &left)) return;
    }
}

static void finish_image(const batch *b, int image) {
    const float limit = b->p->max_delta;
    float *delta = b->loss->delta + (size_t)image * b->image;
    double cost = 0.0;
    for (size_t k = 0; k < b->image; k++) {
        delta[k] *= b->p->cls_normalizer;
        delta[k] = delta[k] > limit ? limit : delta[k] < -limit ? -limit : delta[k];
        cost += (double)delta[k] * (double)delta[k];
    }
    dn_loss_figures(b->loss, image)[DN_FIGURE_COST] = (float)cost;
}

static void compare(const dn_host_call *call) {
    const dn_loss_call loss = dn_loss_open(call, 1);
    const dn_contrastive *p = call->params;
    const dn_shape shape = call->inputs[0].shape;
    const batch b = {
        .p = p,
        .loss = &loss,
        .z = call->inputs[0].data,
        .plane = (size_t)shape.h * (size_t)shape.w,
        .image = (size_t)dn_shape_image(shape),
        .size = (size_t)(shape.c / p->yolo->anchors),
        .places = p->yolo->anchors * shape.h * shape.w,
    };
    for (int n = 0; n < loss.rows; n++) find_samples(&b, n);
    measure_all(&b);
    for (who i = nobody_before(0); next_sample(&b, loss.rows, &i);) compare_sample(&b, &i);
    for (int n = 0; n < loss.rows; n++) finish_image(&b, n);
}

/* ---- emit ---- */

static dn_status check(const dn_contrastive *p, const dn_emit *emit, dn_shape shape) {
    if (shape.h != p->yolo_shape.h || shape.w != p->yolo_shape.w)
        return dn_fail(emit->err, DN_E_SHAPE, "embeddings of %d x %d places belong to a [yolo] of %d x %d", shape.w,
                       shape.h, p->yolo_shape.w, p->yolo_shape.h);
    if (shape.c >= p->yolo->anchors) return DN_OK;
    return dn_fail(emit->err, DN_E_SHAPE,
                   "%d channels are no embedding for each of %d anchors: set filters= in the layer before to a "
                   "multiple of %d",
                   shape.c, p->yolo->anchors, p->yolo->anchors);
}

dn_status dn_contrastive_loss(const void *in, dn_emit *emit) {
    const dn_contrastive *p = in;
    const dn_shape shape = dn_emit_shape(emit, emit->output);
    DN_TRY(check(p, emit, shape));
    const int64_t places = (int64_t)p->yolo->anchors * shape.h * shape.w;
    const int64_t samples = places < p->yolo->boxes ? places : p->yolo->boxes;
    const int64_t columns = DN_FIGURES + 2 * places + 1 + SAMPLE_VALUES * samples;
    if (columns > INT32_MAX)
        return dn_fail(emit->err, DN_E_SHAPE, "%lld boxes are too many to compare", (long long)places);
    return dn_emit_loss(emit, "contrastive_loss", compare, p, &emit->output, 1, (int)columns);
}
