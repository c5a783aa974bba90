/* yolo_loss_box.c — deltas of x, y, w, h of one predicted box towards one truth.
 *
 * With (x, y, w, h) the raw values, (tx, ty) the truth's point in its cell, tw = ln(truth width · net width / anchor
 * width) and th likewise (new_coords: the root of a quarter of that quotient), s = 2 − truth width · truth height:
 *
 *   mse       δ = s · (t − value) · iou_normalizer
 *   overlaps  δx, δy = slope (iou_loss.h) · iou_normalizer; δw, δh = slope · e^w, e^h (new_coords: slope) · the same
 *   Gaussian  N = density of t − value with deviation u, divided by u + 0.3 in place of u; q = s/2 · N / (N + 1e-9)
 *             δ = q · (t − value) / u² · iou_normalizer, or as in overlaps
 *             δu = q · ((t − value)² / u³ − 1 / (u + 0.3)) · uc_normalizer
 *
 * All but mse: what is not finite becomes 0, then max_delta limits each. */
#include <math.h>

#include "layers/iou_loss.h"
#include "layers/yolo_loss.h"

enum { X, Y, W, H, SIDES };

dn_box dn_yolo_box(const dn_yolo_loss *loss, const dn_yolo_place *place) {
    const size_t step = dn_yolo_step(loss) * place->plane;
    const float w = place->output[W * step], h = place->output[H * step];
    const float wide = loss->new_coords ? 4 * w * w : expf(w), high = loss->new_coords ? 4 * h * h : expf(h);
    dn_box box = {((float)place->column + place->output[X * step]) / (float)place->w,
                  ((float)place->row + place->output[Y * step]) / (float)place->h,
                  wide * place->anchor[0] / (float)loss->net_width, high * place->anchor[1] / (float)loss->net_height};
    const float way = loss->point == DN_POINT_CENTER ? 0 : loss->point == DN_POINT_LEFT_TOP ? 0.5F : -0.5F;
    box.x += way * box.w;
    box.y += way * box.h;
    return box;
}

/* What x, y, w, h would be if the box were the truth. */
static void wanted(const dn_yolo_loss *loss, const dn_yolo_place *place, dn_box truth, float *out) {
    const float way = loss->point == DN_POINT_CENTER ? 0 : loss->point == DN_POINT_LEFT_TOP ? -0.5F : 0.5F;
    const float w = truth.w * (float)loss->net_width / place->anchor[0];
    const float h = truth.h * (float)loss->net_height / place->anchor[1];
    out[X] = (truth.x + way * truth.w) * (float)place->w - (float)place->column;
    out[Y] = (truth.y + way * truth.h) * (float)place->h - (float)place->row;
    out[W] = loss->new_coords ? sqrtf(w / 4) : logf(w);
    out[H] = loss->new_coords ? sqrtf(h / 4) : logf(h);
}

static float limited(const dn_yolo_loss *loss, float delta) {
    if (!isfinite(delta)) return 0;
    return fminf(fmaxf(delta, -loss->max_delta), loss->max_delta);
}

/* ---- squared errors ---- */

static void pull_mse(const dn_yolo_loss *loss, const dn_yolo_place *place, dn_box truth, float weight) {
    float target[SIDES];
    wanted(loss, place, truth, target);
    const float scale = 2 - truth.w * truth.h;
    for (size_t k = 0; k < SIDES; k++) {
        float *const delta = place->delta + k * place->plane;
        const float found = scale * (target[k] - place->output[k * place->plane]) * (loss->iou_normalizer * weight);
        *delta = loss->form == DN_YOLO_V3 ? found : *delta + found;
    }
}

/* ---- overlaps ---- */

/* By the raw values, before normalizers and limits. */
static void slope_of(const dn_yolo_loss *loss, const dn_yolo_place *place, dn_box box, dn_box truth, float *out) {
    const size_t step = dn_yolo_step(loss) * place->plane;
    if (box.w == 0) box.w = 1;
    if (box.h == 0) box.h = 1;
    const dn_box slope = dn_iou_ascent(box, truth, loss->iou_loss);
    const float way = loss->point == DN_POINT_CENTER ? 0 : loss->point == DN_POINT_LEFT_TOP ? -0.5F : 0.5F;
    out[X] = slope.x + way * slope.w;
    out[Y] = slope.y + way * slope.h;
    out[W] = loss->new_coords ? slope.w : slope.w * expf(place->output[W * step]);
    out[H] = loss->new_coords ? slope.h : slope.h * expf(place->output[H * step]);
}

static void pull_iou(const dn_yolo_loss *loss, const dn_yolo_place *place, dn_box box, dn_box truth, float weight) {
    float slope[SIDES];
    slope_of(loss, place, box, truth, slope);
    for (size_t k = 0; k < SIDES; k++)
        place->delta[k * place->plane] += limited(loss, slope[k] * (loss->iou_normalizer * weight));
}

/* ---- Gaussian ---- */

static void pull_gaussian(const dn_yolo_loss *loss, const dn_yolo_place *place, dn_box box, dn_box truth,
                          float weight) {
    const float margin = 0.3F, least = 1e-9F, root_of_two_pi = 2.50662827F, scale = 2 - truth.w * truth.h;
    float target[SIDES], slope[SIDES];
    wanted(loss, place, truth, target);
    if (!loss->mse) slope_of(loss, place, box, truth, slope);
    for (size_t k = 0; k < SIDES; k++) {
        const float *const output = place->output + 2 * k * place->plane;
        float *const delta = place->delta + 2 * k * place->plane;
        const float deviation = output[place->plane], off = (target[k] - output[0]) / deviation;
        const float density = expf(-off * off / 2) / (root_of_two_pi * (deviation + margin));
        const float q = 0.5F / (density + least) * density * scale;
        const float pull = loss->mse ? q * off / deviation : slope[k];
        const float doubt = q * (off * off / deviation - 1 / (deviation + margin));
        delta[0] += limited(loss, pull * (loss->iou_normalizer * weight));
        delta[place->plane] += limited(loss, doubt * loss->uc_normalizer);
    }
}

/* ---- one of them ---- */

bool dn_yolo_touched(const dn_yolo_loss *loss, const dn_yolo_place *place) {
    for (size_t k = 0; k < dn_yolo_objectness(loss); k++) {
        if (place->delta[k * place->plane] != 0.0F) return true;
    }
    return false;
}

dn_yolo_fit dn_yolo_pull(const dn_yolo_loss *loss, const dn_yolo_place *place, dn_box truth, float weight) {
    const dn_box box = dn_yolo_box(loss, place);
    const dn_yolo_fit fit = {dn_iou(box, truth), dn_giou(box, truth), dn_yolo_touched(loss, place)};
    if (loss->form == DN_YOLO_GAUSSIAN) {
        pull_gaussian(loss, place, box, truth, weight);
    } else if (loss->mse) {
        pull_mse(loss, place, truth, weight);
    } else {
        pull_iou(loss, place, box, truth, weight);
    }
    return fit;
}
