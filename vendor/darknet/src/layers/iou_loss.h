/* iou_loss.h — in which direction a predicted box has to move for an overlap to grow, as darknet defines it. */
#ifndef DN_LAYERS_IOU_LOSS_H
#define DN_LAYERS_IOU_LOSS_H

#include "detect/box.h"

/* By x, y, w, h of `predicted`. What an empty union or hull makes of it (not finite) is left to the caller. */
dn_box dn_iou_ascent(dn_box predicted, dn_box truth, dn_iou_kind kind);

#endif
