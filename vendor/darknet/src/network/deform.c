/* deform.c — sway=, rotate=, stretch= and stretch_sway= of [convolutional]: groups of filters that are the first group's
 * kernels, deformed, so that one pattern is found in several positions.
 *
 *   rotate         as it is; turned by 90, 180, 270 degrees
 *   sway           as it is; turned by angle= (15) to both sides; mirrored, left to right
 *   stretch        as it is; larger or smaller: .65, .8, 1.3
 *   stretch_sway   as it is; .65, .8, 1.2, 1.4; turned to both sides; mirrored
 *
 * A deformed kernel reads the first one between its values (bilinear), 0 outside. Turned by an angle, it is multiplied by
 * size² / (size² − share of what lies outside); stretched by s, divided by s (in stretch_sway where s > 1). */
#include "network/deform.h"

#include <math.h>
#include <string.h>

#include "network/network.h"

enum { NONE, SWAY, ROTATE, STRETCH, STRETCH_SWAY };

#define PI 3.14159265358979323846

/* ---- which ---- */

static int kind_of(const dn_plan *plan, int layer) {
    if (dn_layer_number(plan, layer, "sway") != 0.0) return SWAY;
    if (dn_layer_number(plan, layer, "rotate") != 0.0) return ROTATE;
    if (dn_layer_number(plan, layer, "stretch") != 0.0) return STRETCH;
    return dn_layer_number(plan, layer, "stretch_sway") != 0.0 ? STRETCH_SWAY : NONE;
}

dn_deform dn_deform_of(const dn_plan *plan, const dn_slot *slot, uint64_t iteration) {
    const dn_deform none = {0};
    const int until = plan->delta_limits.max_batches / 2;
    if (plan->net.dialect != DN_ALEXEYAB || plan->graph.piles_up) return none;
    if (strcmp(plan->layers[slot->layer].name, "convolutional") != 0 || strcmp(slot->name, "weights") != 0) return none;
    if (plan->delta_limits.max_batches > 0 && iteration > (uint64_t)until) return none;
    const int kind = kind_of(plan, slot->layer), groups = kind == STRETCH_SWAY ? 8 : 4;
    const int size = (int)slot->shape[2];
    if (kind == NONE || size < 3 || slot->shape[0] % groups != 0) return none;
    const int kernels = (int)(slot->count / size / size / groups);
    return (dn_deform){groups, kernels, size, kind, dn_layer_number(plan, slot->layer, "angle")};
}

/* ---- how ---- */

/* Where a value of the deformed kernel is read: (x, y) goes to center + matrix · ((x, y) − center). */
typedef struct reading {
    double matrix[2][2], scale;
    bool turned; /* by an angle: what lies outside is made up for */
} reading;

static reading turned(double degrees, bool made_up) {
    const double c = cos(degrees * PI / 180.0), s = sin(degrees * PI / 180.0);
    return (reading){{{c, s}, {-s, c}}, 1.0, made_up};
}

static reading stretched(double by, bool shrink) {
    return (reading){{{1.0 / by, 0.0}, {0.0, 1.0 / by}}, shrink || by > 1.0 ? 1.0 / by : 1.0, false};
}

static reading reading_of(const dn_deform *deform, int group) {
    static const double sizes[] = {0.65, 0.8, 1.3}, more_sizes[] = {0.65, 0.8, 1.2, 1.4};
    const reading mirrored = {{{-1.0, 0.0}, {0.0, 1.0}}, 1.0, false};
    if (deform->kind == ROTATE) {
        static const double quarters[][2][2] = {{{0, 1}, {-1, 0}}, {{-1, 0}, {0, -1}}, {{0, -1}, {1, 0}}};
        reading r = {.scale = 1.0};
        memcpy(r.matrix, quarters[group - 1], sizeof r.matrix);
        return r;
    }
    if (deform->kind == STRETCH) return stretched(sizes[group - 1], true);
    if (group == deform->groups - 1) return mirrored;
    if (deform->kind == STRETCH_SWAY && group < 5) return stretched(more_sizes[group - 1], false);
    return turned((deform->groups - 1 - group) % 2 == 0 ? deform->angle : -deform->angle, true);
}

/* The values of the first kernel that (x, y) of the deformed one reads, and their shares; those outside have none. */
typedef struct taps {
    int at[4];
    double share[4], inside;
} taps;

static taps taps_of(const reading *r, int size, int x, int y) {
    /* Mirrors and quarter turns are about the middle; the others about the value size / 2, as in the reference. */
    const double center = r->turned || r->matrix[0][0] > 0.0 ? size / 2 : (size - 1) / 2.0;
    const double from_x = center + r->matrix[0][0] * (x - center) + r->matrix[0][1] * (y - center);
    const double from_y = center + r->matrix[1][0] * (x - center) + r->matrix[1][1] * (y - center);
    const int left = (int)floor(from_x), top = (int)floor(from_y);
    taps t = {.inside = 0.0};
    for (int k = 0; k < 4; k++) {
        const int column = left + k % 2, row = top + k / 2;
        const bool inside = column >= 0 && column < size && row >= 0 && row < size;
        const double across = k % 2 ? from_x - left : left + 1 - from_x, down = k / 2 ? from_y - top : top + 1 - from_y;
        t.at[k] = inside ? row * size + column : 0;
        t.share[k] = inside ? across * down : 0.0;
        t.inside += t.share[k];
    }
    return t;
}

/* What all values of the deformed kernel are multiplied by. */
static double factor_of(const reading *r, int size) {
    double inside = 0.0;
    if (!r->turned) return r->scale;
    for (int i = 0; i < size * size; i++) inside += taps_of(r, size, i % size, i / size).inside;
    return inside > 0.0 ? (double)size * size / inside : 0.0;
}

/* ---- both ways ---- */

/* spread: kernels of group `group` from those of the first; else the first's gradient from the group's. */
static void carry(const dn_deform *deform, int group, float *values, bool spread) {
    const int size = deform->size, area = size * size;
    const reading r = reading_of(deform, group);
    const double factor = factor_of(&r, size);
    for (int i = 0; i < area; i++) {
        const taps t = taps_of(&r, size, i % size, i / size);
        for (int k = 0; k < deform->kernels; k++) {
            float *const first = values + (size_t)k * (size_t)area;
            float *const own = first + (size_t)group * (size_t)deform->kernels * (size_t)area + i;
            double sum = 0.0;
            for (int tap = 0; tap < 4; tap++) {
                const double share = factor * t.share[tap];
                sum += share * (double)first[t.at[tap]];
                if (!spread) first[t.at[tap]] += (float)(share * (double)*own);
            }
            if (spread) *own = (float)sum;
        }
    }
}

void dn_deform_gather(const dn_deform *deform, float *gradient) {
    const size_t count = (size_t)deform->kernels * (size_t)deform->size * (size_t)deform->size;
    for (int group = 1; group < deform->groups; group++) carry(deform, group, gradient, false);
    for (size_t i = 0; i < count; i++) gradient[i] /= (float)deform->groups;
    memset(gradient + count, 0, count * (size_t)(deform->groups - 1) * sizeof(float));
}

void dn_deform_spread(const dn_deform *deform, float *weights, float *gradient, bool again) {
    const size_t count = (size_t)deform->kernels * (size_t)deform->size * (size_t)deform->size;
    for (int group = 1; group < deform->groups; group++) carry(deform, group, weights, true);
    for (size_t i = 0; again && i < count; i++) gradient[i] *= (float)deform->groups;
    memset(gradient + count, 0, count * (size_t)(deform->groups - 1) * sizeof(float));
}
