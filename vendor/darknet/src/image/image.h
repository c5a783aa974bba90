/* image.h — the reference's resize and letterbox. Public functions are in darknet.h; this is their common part. */
#ifndef DN_IMAGE_IMAGE_H
#define DN_IMAGE_IMAGE_H

#include "base/pool.h"

/* Size and place of an image scaled into width × height with its aspect kept (integer division, as the reference). */
typedef struct dn_letterbox {
    int width, height; /* of the scaled image */
    int left, top;
} dn_letterbox;
dn_letterbox dn_letterbox_of(int image_width, int image_height, int width, int height);

#endif
