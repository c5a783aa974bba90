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

/* A part of a planar float image: where a resized image is put. */
typedef struct dn_canvas {
    float *data; /* its top left corner */
    int channels, width, height;
    size_t row, plane; /* floats from one row and from one channel to the next */
} dn_canvas;

dn_status dn_check_pixels(const dn_pixels *image, int out_channels, dn_error *err);
dn_status dn_check_size(const char *what, int width, int height, int channels, dn_error *err); /* all sides >= 1 */

/* Resizes checked pixels onto a canvas with as many channels as are asked for. */
dn_status dn_resize_onto(const dn_canvas *canvas, const dn_pixels *image, dn_pool *pool, dn_error *err);

/* Number of the interleaved channel that channel `channel` of the result comes from. */
static inline int dn_source_channel(const dn_pixels *image, int channel) {
    if (image->channels == 1) return 0;
    return image->swap_red_blue && image->channels >= 3 && channel < 3 ? 2 - channel : channel;
}

#endif
