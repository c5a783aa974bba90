/* yolo_limits.c — deltas that AlexeyAB's [yolo] leaves out in late training: large ones, since the label may be wrong,
 * and small ones.
 *
 * Over the deltas of a mini-batch that are not 0: m the largest |δ|, a the mean |δ|, s = sqrt(mean (δ − A)²). Kept from
 * one mini-batch to the next: M, A, S, each .99 · before + .01 · (m, a, s), M beginning with m; T begins with M. With i
 * the iteration, B max_batches, E equidistant_point and L = ¾ B:
 *
 *   i > L, sigmas n       D = A + n · S of the mini-batches before; left out: |δ| > max(D, M − (i − L)/L · |M − D|)
 *   i > L, percentage p   left out: |δ| > T; then T grows by .01 if more than p % were (each counts for a whole
 *                         anchor), else shrinks by .01 as long as it is above .01
 *   i > E                 left out: |δ| < 1.4 · A before · (i − E)/(B − E); after the first rule: min(D, A) · the same
 *
 * In the reference M, A, S and T are one for all heads; here each head has its own. */
#include <math.h>

#include "layers/yolo_loss.h"

enum { LARGEST, AVERAGE, DEVIATION, THRESHOLD };

bool dn_yolo_limits_deltas(const dn_yolo_loss *loss) {
    const dn_delta_limits *limits = &loss->limits;
    return loss->form == DN_YOLO_V4 &&
           (limits->equidistant_point > 0 || limits->rejected_percentage != 0 || limits->sigmas != 0);
}

typedef struct deltas {
    float *values;
    size_t count;
} deltas;

static float follow(float before, double found) { return 0.99F * before + 0.01F * (float)found; }

/* Updates M and A; returns how many deltas are not 0. */
static size_t measure(deltas all, float *kept) {
    double sum = 0.0, largest = 0.0;
    size_t count = 0;
    for (size_t k = 0; k < all.count; k++) {
        const double size = fabs((double)all.values[k]);
        if (size == 0.0 || !isfinite(size)) continue;
        sum += size;
        if (size > largest) largest = size;
        count++;
    }
    if (count == 0) return 0;
    if (kept[LARGEST] == 0) kept[LARGEST] = (float)largest;
    kept[LARGEST] = follow(kept[LARGEST], largest);
    kept[AVERAGE] = follow(kept[AVERAGE], sum / (double)count);
    return count;
}

static double deviation(deltas all, size_t count, float average) {
    double sum = 0.0;
    for (size_t k = 0; k < all.count; k++) {
        const double off = (double)all.values[k] - (double)average;
        if (all.values[k] != 0) sum += off * off;
    }
    return sqrt(sum / (double)count);
}

static size_t leave_out(deltas all, float low, float high) {
    size_t count = 0;
    for (size_t k = 0; k < all.count; k++) {
        const float size = fabsf(all.values[k]);
        if (size == 0 || (size >= low && size <= high)) continue;
        all.values[k] = 0;
        count++;
    }
    return count;
}

/* Returns D. */
static float reject_by_sigmas(const dn_delta_limits *limits, deltas all, size_t count, float late, float *kept) {
    const float usual = kept[AVERAGE] + kept[DEVIATION] * limits->sigmas;
    const float limit = kept[LARGEST] - late * fabsf(kept[LARGEST] - usual);
    kept[DEVIATION] = follow(kept[DEVIATION], deviation(all, count, kept[AVERAGE]));
    (void)leave_out(all, 0, fmaxf(usual, limit));
    return usual;
}

static void reject_by_percentage(const dn_yolo_loss *loss, deltas all, size_t count, float *kept) {
    if (kept[THRESHOLD] == 0) kept[THRESHOLD] = kept[LARGEST];
    const double rejected = (double)leave_out(all, 0, kept[THRESHOLD]);
    const double percent = 100.0 * rejected * (double)dn_yolo_entries(loss) / (double)count;
    if (percent > (double)loss->limits.rejected_percentage) {
        kept[THRESHOLD] += 0.01F;
    } else if (kept[THRESHOLD] > 0.01F) {
        kept[THRESHOLD] -= 0.01F;
    }
}

static size_t count_nonzero(deltas all) {
    size_t count = 0;
    for (size_t k = 0; k < all.count; k++) count += all.values[k] != 0;
    return count;
}

void dn_yolo_limit_deltas(const dn_yolo_loss *loss, uint64_t iteration, float *values, size_t value_count,
                          const float *before, float *after) {
    const dn_delta_limits *limits = &loss->limits;
    const deltas all = {values, value_count};
    const double now = (double)iteration, start = floor((double)limits->max_batches * 3 / 4);
    const double point = limits->equidistant_point, progress = (now - point) / ((double)limits->max_batches - point);
    const bool late = now > start, balanced = limits->equidistant_point > 0 && now > point;
    for (int k = 0; k < DN_YOLO_KEPT; k++) after[k] = before[k];
    if (!balanced && !(late && (limits->rejected_percentage != 0 || limits->sigmas != 0))) return;
    float least = 1.4F * before[AVERAGE] * (float)progress;
    const size_t count = measure(all, after);
    if (count == 0) return;
    if (late && limits->sigmas != 0) {
        const float usual = reject_by_sigmas(limits, all, count, (float)((now - start) / start), after);
        least = fminf(usual, after[AVERAGE]) * (float)progress;
    }
    if (late && limits->rejected_percentage != 0) reject_by_percentage(loss, all, count_nonzero(all), after);
    if (balanced) (void)leave_out(all, least, INFINITY);
}
