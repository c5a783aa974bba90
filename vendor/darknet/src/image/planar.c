/* planar.c — uint8 interleaved to planar float (value / 255), and whole-pixel operations on planar images. */
#include "base/shape.h"
#include "image/image.h"

#define CHANNELS_MAX 16

dn_status dn_check_size(const char *what, int width, int height, int channels, dn_error *err) {
    if (dn_shape_valid((dn_shape){1, channels, height, width})) return DN_OK;
    dn_fail(err, DN_E_ARGUMENT, "%s of %d channels, %d × %d pixels: give sides of at least 1 and at most 2^31 values",
            what, channels, width, height);
    dn_error_found(err, "%d x %d x %d", channels, height, width);
    return DN_E_ARGUMENT;
}

dn_status dn_check_pixels(const dn_pixels *image, int out_channels, dn_error *err) {
    DN_TRY(dn_check_size("an image", image->width, image->height, image->channels, err));
    if (image->channels > CHANNELS_MAX) {
        return dn_fail(err, DN_E_ARGUMENT, "an image of %d channels: at most %d can be read", image->channels,
                       CHANNELS_MAX);
    }
    const ptrdiff_t row = (ptrdiff_t)image->width * image->channels;
    const ptrdiff_t given = image->row_bytes < 0 ? -image->row_bytes : image->row_bytes;
    if (given < row && image->height > 1) {
        return dn_fail(err, DN_E_ARGUMENT, "rows %td bytes apart: %d pixels of %d channels need %td", image->row_bytes,
                       image->width, image->channels, row);
    }
    const bool grey = image->channels == 1 && out_channels == 3;
    if (out_channels == image->channels || grey) return DN_OK;
    dn_fail(err, DN_E_ARGUMENT, "an image of %d channels cannot be read as %d: convert it first", image->channels,
            out_channels);
    dn_error_expected(err, "%d channels", out_channels);
    dn_error_found(err, "%d channels", image->channels);
    return DN_E_ARGUMENT;
}

dn_status dn_image_planar(float *out, int out_channels, const dn_pixels *image, dn_error *err) {
    DN_TRY(dn_check_pixels(image, out_channels, err));
    DN_TRY(dn_check_size("a result", image->width, image->height, out_channels, err));
    float unit[256];
    for (int i = 0; i < 256; ++i) unit[i] = (float)i / 255.0F;
    const size_t width = (size_t)image->width;
    const size_t step = (size_t)image->channels;
    const size_t plane = width * (size_t)image->height;
    for (int y = 0; y < image->height; ++y) {
        const uint8_t *row = image->data + y * image->row_bytes;
        for (int c = 0; c < out_channels; ++c) {
            const uint8_t *from = row + dn_source_channel(image, c);
            float *to = out + (size_t)c * plane + (size_t)y * width;
            for (size_t x = 0; x < width; ++x) to[x] = unit[from[x * step]];
        }
    }
    return DN_OK;
}

static int64_t clamp(int64_t value, int64_t high) { return value < 0 ? 0 : value > high ? high : value; }

static void crop_row(float *out, int width, int dx, const float *in, int in_width) {
    for (int x = 0; x < width; ++x) out[x] = in[clamp((int64_t)x + dx, in_width - 1)];
}

dn_status dn_planar_crop(float *out, int width, int height, int dx, int dy, const float *in, int in_width,
                         int in_height, int channels, dn_error *err) {
    DN_TRY(dn_check_size("an image", in_width, in_height, channels, err));
    DN_TRY(dn_check_size("a result", width, height, channels, err));
    for (int c = 0; c < channels; ++c) {
        for (int y = 0; y < height; ++y) {
            const int64_t row = (int64_t)c * in_height + clamp((int64_t)y + dy, in_height - 1);
            crop_row(out, width, dx, in + row * in_width, in_width);
            out += width;
        }
    }
    return DN_OK;
}

void dn_planar_flip(float *image, int width, int height, int channels) {
    const int64_t rows = (int64_t)height * channels;
    for (int64_t r = 0; r < rows; ++r) {
        float *row = image + r * width;
        for (int left = 0, right = width - 1; left < right; ++left, --right) {
            const float kept = row[left];
            row[left] = row[right];
            row[right] = kept;
        }
    }
}
