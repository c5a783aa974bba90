/* letterbox.c — the whole image inside width × height, its aspect kept, the rest 0.5. */
#include "image/image.h"

#define FILL 0.5F

static int at_least_one(int64_t value) { return value < 1 ? 1 : (int)value; }

dn_letterbox dn_letterbox_of(int image_width, int image_height, int width, int height) {
    dn_letterbox box = {width, height, 0, 0};
    /* Compared in float and divided as integers, as the reference does: the size decides every later pixel. */
    if ((float)width / (float)image_width < (float)height / (float)image_height) {
        box.height = at_least_one((int64_t)image_height * width / image_width);
    } else {
        box.width = at_least_one((int64_t)image_width * height / image_height);
    }
    if (box.width > width) box.width = width; /* the comparison in float can err for sides beyond 2^24 */
    if (box.height > height) box.height = height;
    box.left = (width - box.width) / 2;
    box.top = (height - box.height) / 2;
    return box;
}

static void fill(float *out, size_t count) {
    for (size_t i = 0; i < count; ++i) out[i] = FILL;
}

/* Everything in one channel but the box. */
static void fill_border(float *plane, size_t width, size_t height, const dn_letterbox *box) {
    const size_t left = (size_t)box->left;
    const size_t top = (size_t)box->top;
    const size_t right = left + (size_t)box->width;
    const size_t bottom = top + (size_t)box->height;
    fill(plane, top * width);
    for (size_t y = top; y < bottom; ++y) {
        fill(plane + y * width, left);
        fill(plane + y * width + right, width - right);
    }
    fill(plane + bottom * width, (height - bottom) * width);
}

dn_status dn_image_letterbox(float *out, int out_channels, int width, int height, const dn_pixels *image, dn_pool *pool,
                             dn_error *err) {
    DN_TRY(dn_check_pixels(image, out_channels, err));
    DN_TRY(dn_check_size("a result", width, height, out_channels, err));
    const dn_letterbox box = dn_letterbox_of(image->width, image->height, width, height);
    const size_t row = (size_t)width;
    const size_t plane = row * (size_t)height;
    const dn_canvas canvas = {
        out + (size_t)box.top * row + (size_t)box.left, out_channels, box.width, box.height, row, plane};
    DN_TRY(dn_resize_onto(&canvas, image, pool, err));
    for (int c = 0; c < out_channels; ++c) fill_border(out + (size_t)c * plane, row, (size_t)height, &box);
    return DN_OK;
}
