/* box.c — overlaps of boxes, with I intersection, U union, C the smallest box around both (the hull):
 *
 *   IoU   I / U
 *   GIoU  IoU − (area(C) − U) / area(C)
 *   DIoU  IoU − (d / c)^0.6            d = squared distance of the centres, c = squared diagonal of C
 *   CIoU  IoU − (d / c + a · v)        v = 4/π² · (atan(wb/hb) − atan(wa/ha))², a = v / (1 − IoU + v + 1e-6)
 *
 * The exponent 0.6 is the reference's; the paper has 1. Where C is empty, all are the IoU. */
#include "detect/box.h"

#include <math.h>

/* Length that two segments share; negative: the gap between them. */
static float shared(float a, float a_length, float b, float b_length) {
    const float left = fmaxf(a - a_length / 2, b - b_length / 2);
    const float right = fminf(a + a_length / 2, b + b_length / 2);
    return right - left;
}

static float hull(float a, float a_length, float b, float b_length) {
    const float left = fminf(a - a_length / 2, b - b_length / 2);
    const float right = fmaxf(a + a_length / 2, b + b_length / 2);
    return right - left;
}

static float intersection_of(dn_box a, dn_box b) {
    const float w = shared(a.x, a.w, b.x, b.w), h = shared(a.y, a.h, b.y, b.h);
    return w < 0 || h < 0 ? 0 : w * h;
}

static float union_of(dn_box a, dn_box b) { return a.w * a.h + b.w * b.h - intersection_of(a, b); }

/* d / c, or −1 where c is 0. */
static float distance_ratio(dn_box a, dn_box b) {
    const float w = hull(a.x, a.w, b.x, b.w), h = hull(a.y, a.h, b.y, b.h);
    const float c = w * w + h * h;
    if (c == 0) return -1;
    return ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)) / c;
}

float dn_iou(dn_box a, dn_box b) {
    const float intersection = intersection_of(a, b);
    const float both = a.w * a.h + b.w * b.h - intersection;
    return intersection == 0 || both == 0 ? 0 : intersection / both;
}

float dn_giou(dn_box a, dn_box b) {
    const float c = hull(a.x, a.w, b.x, b.w) * hull(a.y, a.h, b.y, b.h);
    const float iou = dn_iou(a, b);
    return c == 0 ? iou : iou - (c - union_of(a, b)) / c;
}

float dn_diou_nms(dn_box a, dn_box b, float beta) {
    const float ratio = distance_ratio(a, b), iou = dn_iou(a, b);
    return ratio < 0 ? iou : iou - powf(ratio, beta);
}

float dn_diou(dn_box a, dn_box b) { return dn_diou_nms(a, b, 0.6F); }

float dn_ciou(dn_box a, dn_box b) {
    const float ratio = distance_ratio(a, b), iou = dn_iou(a, b);
    if (ratio < 0) return iou;
    const float pi = 3.14159265F;
    const float angle = atanf(b.w / b.h) - atanf(a.w / a.h);
    const float v = 4 / (pi * pi) * angle * angle;
    const float alpha = v / (1 - iou + v + 1e-6F);
    return iou - (ratio + alpha * v);
}

float dn_overlap(dn_box a, dn_box b, dn_iou_kind kind) {
    switch (kind) {
    case DN_GIOU:
        return dn_giou(a, b);
    case DN_DIOU:
        return dn_diou(a, b);
    case DN_CIOU:
        return dn_ciou(a, b);
    case DN_IOU:
        break;
    }
    return dn_iou(a, b);
}

void dn_box_iou(const float *a, const float *b, size_t count, dn_iou_kind kind, float *out) {
    for (size_t i = 0; i < count; i++) {
        const float *p = a + 4 * i, *q = b + 4 * i;
        out[i] = dn_overlap((dn_box){p[0], p[1], p[2], p[3]}, (dn_box){q[0], q[1], q[2], q[3]}, kind);
    }
}

/* Width and height of the scaled image inside the network's input; at least 1, so that the way back exists. */
static void scaled_size(const dn_decode_options *options, int *width, int *height) {
    const int64_t net_w = options->net_width, net_h = options->net_height;
    const int64_t w = options->image_width, h = options->image_height;
    *width = options->net_width;
    *height = options->net_height;
    if (!options->letterbox) return;
    if (net_w * h < net_h * w) {
        *height = (int)(h * net_w / w);
    } else {
        *width = (int)(w * net_h / h);
    }
    if (*width < 1) *width = 1;
    if (*height < 1) *height = 1;
}

dn_box dn_box_to_image(dn_box box, const dn_decode_options *options) {
    int width, height;
    scaled_size(options, &width, &height);
    const double net_w = options->net_width, net_h = options->net_height;
    const double ratio_w = width / net_w, ratio_h = height / net_h;
    const double unit_w = options->relative ? 1 : options->image_width;
    const double unit_h = options->relative ? 1 : options->image_height;
    return (dn_box){(float)((box.x - (net_w - width) / 2 / net_w) / ratio_w * unit_w),
                    (float)((box.y - (net_h - height) / 2 / net_h) / ratio_h * unit_h),
                    (float)(box.w / ratio_w * unit_w), (float)(box.h / ratio_h * unit_h)};
}
