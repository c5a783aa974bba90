/* iou_loss.c — derivatives of overlaps by the predicted box, as YOLOv4 was trained with them.
 *
 * With p the predicted box, t the truth, I intersection, U union, C area of the hull, S squared distance of the
 * centres, D squared diagonal of the hull, and an edge e of p (left, top, right, bottom):
 *
 *   IoU    ∂/∂e = (U · I' − I · U') / U²
 *   GIoU   ∂/∂e = that + (C · U' − U · C') / C²
 *   DIoU   IoU's, and by x, y: (2 (t − p) · D − D' · S) / D²; by w, h: D' · S / D²
 *   CIoU   DIoU's, and by w: α · 8/π² · (atan(wt/ht) − atan(wp/hp)) · hp; by h: minus that, with wp for hp
 *          α = v / (1 − I/U + v + 1e-6), v = 4/π² · (atan(wt/ht) − atan(wp/hp))²
 *
 * and x = left + right, y = top + bottom, w = right − left, h = bottom − top.
 *
 * These are darknet's, not the exact derivatives: w and h are not halved, D' · S has the wrong sign by x and y, and the
 * angle lacks its denominator. Boxes that do not meet: IoU's takes I as the product of two gaps; of the others only the
 * terms of the hull remain. */
#include "layers/iou_loss.h"

#include <math.h>

typedef struct edges {
    float left, top, right, bottom;
} edges;

static edges edges_of(dn_box box) {
    return (edges){box.x - box.w / 2, box.y - box.h / 2, box.x + box.w / 2, box.y + box.h / 2};
}

typedef struct pair {
    dn_box predicted, truth;
    edges p, t;
    float shared_w, shared_h, intersection, both; /* negative sides: gaps */
    float hull_w, hull_h;
} pair;

static pair pair_of(dn_box predicted, dn_box truth) {
    pair m = {.predicted = predicted, .truth = truth, .p = edges_of(predicted), .t = edges_of(truth)};
    m.shared_w = fminf(m.p.right, m.t.right) - fmaxf(m.p.left, m.t.left);
    m.shared_h = fminf(m.p.bottom, m.t.bottom) - fmaxf(m.p.top, m.t.top);
    m.intersection = m.shared_w * m.shared_h;
    const float area = (m.p.bottom - m.p.top) * (m.p.right - m.p.left);
    m.both = area + (m.t.bottom - m.t.top) * (m.t.right - m.t.left) - m.intersection;
    m.hull_w = fmaxf(m.p.right, m.t.right) - fminf(m.p.left, m.t.left);
    m.hull_h = fmaxf(m.p.bottom, m.t.bottom) - fminf(m.p.top, m.t.top);
    return m;
}

static bool apart(const pair *m) { return m->shared_w <= 0 || m->shared_h <= 0; }

static edges area_slope(const pair *m) {
    const float w = m->p.right - m->p.left, h = m->p.bottom - m->p.top;
    return (edges){-h, -w, h, w};
}

static edges intersection_slope(const pair *m) {
    return (edges){m->p.left > m->t.left ? -m->shared_h : 0, m->p.top > m->t.top ? -m->shared_w : 0,
                   m->p.right < m->t.right ? m->shared_h : 0, m->p.bottom < m->t.bottom ? m->shared_w : 0};
}

static edges hull_slope(const pair *m) {
    return (edges){m->p.left < m->t.left ? -m->hull_h : 0, m->p.top < m->t.top ? -m->hull_w : 0,
                   m->p.right > m->t.right ? m->hull_h : 0, m->p.bottom > m->t.bottom ? m->hull_w : 0};
}

static edges minus(edges a, edges b) {
    return (edges){a.left - b.left, a.top - b.top, a.right - b.right, a.bottom - b.bottom};
}

static edges plus(edges a, edges b) {
    return (edges){a.left + b.left, a.top + b.top, a.right + b.right, a.bottom + b.bottom};
}

/* Slope of a / b. */
static edges quotient_slope(float a, edges da, float b, edges db) {
    const float square = b * b;
    return (edges){(b * da.left - a * db.left) / square, (b * da.top - a * db.top) / square,
                   (b * da.right - a * db.right) / square, (b * da.bottom - a * db.bottom) / square};
}

static edges overlap_slope(const pair *m, dn_iou_kind kind) {
    const edges shared = intersection_slope(m), both = minus(area_slope(m), shared);
    edges slope = {0};
    if (m->both > 0) slope = quotient_slope(m->intersection, shared, m->both, both);
    if (kind != DN_GIOU) return slope;
    const float hull = m->hull_w * m->hull_h;
    const edges filled = quotient_slope(m->both, both, hull, hull_slope(m));
    if (apart(m)) return filled;
    return hull > 0 ? plus(slope, filled) : slope;
}

/* Of DIoU's distance, as the formula above has it. */
static dn_box distance_ascent(const pair *m) {
    const float right = m->p.right > m->t.right ? 1 : 0, left = m->p.left < m->t.left ? 1 : 0;
    const float bottom = m->p.bottom > m->t.bottom ? 1 : 0, top = m->p.top < m->t.top ? 1 : 0;
    const float diagonal = m->hull_w * m->hull_w + m->hull_h * m->hull_h, square = diagonal * diagonal;
    const float dx = m->truth.x - m->predicted.x, dy = m->truth.y - m->predicted.y, distance = dx * dx + dy * dy;
    const float by_w = 2 * m->hull_w * distance, by_h = 2 * m->hull_h * distance;
    return (dn_box){
        (2 * dx * diagonal - by_w * (right - left)) / square,
        (2 * dy * diagonal - by_h * (bottom - top)) / square,
        by_w * (right + left) / 2 / square,
        by_h * (bottom + top) / 2 / square,
    };
}

/* Of CIoU's ratio of sides: adds to w and h. */
static void add_ratio_ascent(const pair *m, dn_box *slope) {
    const float pi = 3.14159265F;
    const float angle = atanf(m->truth.w / m->truth.h) - atanf(m->predicted.w / m->predicted.h);
    const float v = 4 / (pi * pi) * angle * angle;
    const float alpha = v / (1 - m->intersection / m->both + v + 1e-6F);
    slope->w += alpha * (8 / (pi * pi) * angle * m->predicted.h);
    slope->h -= alpha * (8 / (pi * pi) * angle * m->predicted.w);
}

dn_box dn_iou_ascent(dn_box predicted, dn_box truth, dn_iou_kind kind) {
    const pair m = pair_of(predicted, truth);
    const edges slope = overlap_slope(&m, kind);
    const dn_box overlap = {slope.left + slope.right, slope.top + slope.bottom, slope.right - slope.left,
                            slope.bottom - slope.top};
    if (kind != DN_DIOU && kind != DN_CIOU) return overlap;
    dn_box hull = distance_ascent(&m);
    if (kind == DN_CIOU) add_ratio_ascent(&m, &hull);
    if (apart(&m)) return hull;
    if (m.hull_w * m.hull_w + m.hull_h * m.hull_h <= 0) return overlap;
    return (dn_box){overlap.x + hull.x, overlap.y + hull.y, overlap.w + hull.w, overlap.h + hull.h};
}
