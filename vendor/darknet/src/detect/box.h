/* box.h — overlaps of boxes, and the way back from a letterboxed input. */
#ifndef DN_DETECT_BOX_H
#define DN_DETECT_BOX_H

#include "detect/detections.h"

typedef struct dn_box {
    float x, y, w, h; /* centre and size */
} dn_box;

float dn_iou(dn_box a, dn_box b);  /* 0 where the union is empty */
float dn_giou(dn_box a, dn_box b); /* arXiv:1902.09630 */
float dn_diou(dn_box a, dn_box b); /* arXiv:1911.08287 */
float dn_ciou(dn_box a, dn_box b); /* arXiv:1911.08287 */
/* IoU − (d/c)^beta, d squared distance of centres, c squared diagonal of the hull. */
float dn_diou_nms(dn_box a, dn_box b, float beta);
float dn_overlap(dn_box a, dn_box b, dn_iou_kind kind);

/* From units of the network's input to units (or pixels) of the image. The reference's arithmetic: the size of the
 * scaled image inside the letterbox is an integer. */
dn_box dn_box_to_image(dn_box box, const dn_decode_options *options);

#endif
