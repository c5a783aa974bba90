/* resize.c — darknet's bilinear resize, corners aligned, horizontal pass first.
 *
 *   position p(i) = i · (in − 1) / (out − 1) in float; first = floor(p), fraction = p − first
 *   value(i)      = (1 − fraction) · in[first] + fraction · in[first + 1]
 *   last column   takes the last input column
 *   last row      takes (1 − fraction) · in[first] alone
 *
 * The last row is darkened by what its position is short of a whole number through rounding: black, when p lies just
 * below in − 1. That is the reference's behaviour for about one size in twenty, and networks see the same here.
 *
 * The result is made row by row: two input rows, already resized to the output's width, are kept and mixed. No row
 * that no output row needs is read. uint8 input is mixed as it is; the division by 255 comes with the vertical pass. */
#include "base/alloc.h"
#include "image/image.h"

typedef struct tap { /* output i = first_weight · in[first] + second_weight · in[second] */
    int first, second;
    float first_weight, second_weight;
} tap;

static void set_tap(tap *out, int index, float scale, int in) {
    const float position = (float)index * scale;
    int first = (int)position;
    if (first > in - 1) first = in - 1;
    const float fraction = position - (float)first;
    *out = (tap){first, first < in - 1 ? first + 1 : first, 1.0F - fraction, fraction};
}

static float scale_of(int in, int out) { return out > 1 ? (float)(in - 1) / (float)(out - 1) : 0.0F; }

static void set_columns(tap *columns, int in, int out) {
    const float scale = scale_of(in, out);
    for (int x = 0; x < out - 1; ++x) set_tap(&columns[x], x, scale, in);
    columns[out - 1] = (tap){in - 1, in - 1, 1.0F, 0.0F};
}

static tap row_tap(int y, int in, int out) {
    if (out == 1) return (tap){in - 1, in - 1, 1.0F, 0.0F}; /* as a single column; the reference divides by 0 */
    tap row;
    set_tap(&row, y, scale_of(in, out), in);
    if (y < out - 1) return row;
    row.second = row.first;
    row.second_weight = 0.0F;
    return row;
}

/* What all bands of one resize share. */
typedef struct resizer {
    const dn_pixels *pixels; /* the input, or NULL:                                      */
    const float *planar;     /* then this is it                                          */
    int in_width, in_height;
    const dn_canvas *canvas;
    const tap *columns;
    float *rows; /* 2 · channels · width floats for each band                            */
    int bands;
} resizer;

/* ---------------------------------------------------------------- horizontal pass */

static inline void widen_bytes(float *restrict out, const uint8_t *restrict row, const tap *restrict columns, int width,
                               int step) {
    for (int x = 0; x < width; ++x) {
        const tap t = columns[x];
        out[x] = t.first_weight * (float)row[t.first * step] + t.second_weight * (float)row[t.second * step];
    }
}

/* All three channels in one go: most images are this, and their taps are looked up once. */
static void widen_rgb(float *restrict out, const uint8_t *restrict row, const tap *restrict columns, int width,
                      bool swap) {
    float *restrict red = out + (swap ? 2 * width : 0);
    float *restrict green = out + width;
    float *restrict blue = out + (swap ? 0 : 2 * width);
    for (int x = 0; x < width; ++x) {
        const tap t = columns[x];
        const uint8_t *a = row + (ptrdiff_t)t.first * 3;
        const uint8_t *b = row + (ptrdiff_t)t.second * 3;
        red[x] = t.first_weight * (float)a[0] + t.second_weight * (float)b[0];
        green[x] = t.first_weight * (float)a[1] + t.second_weight * (float)b[1];
        blue[x] = t.first_weight * (float)a[2] + t.second_weight * (float)b[2];
    }
}

static void widen_planar(float *restrict out, const float *restrict row, const tap *restrict columns, int width) {
    for (int x = 0; x < width; ++x) {
        const tap t = columns[x];
        out[x] = t.first_weight * row[t.first] + t.second_weight * row[t.second];
    }
}

/* Input row y at the output's width, channel after channel. One channel read as three is computed once. */
static void widen(const resizer *r, float *out, int y) {
    const int width = r->canvas->width;
    if (!r->pixels) {
        for (int c = 0; c < r->canvas->channels; ++c) {
            const float *row = r->planar + ((size_t)c * (size_t)r->in_height + (size_t)y) * (size_t)r->in_width;
            widen_planar(out + (size_t)c * (size_t)width, row, r->columns, width);
        }
        return;
    }
    const dn_pixels *pixels = r->pixels;
    const uint8_t *row = pixels->data + y * pixels->row_bytes;
    if (pixels->channels == 3) {
        widen_rgb(out, row, r->columns, width, pixels->swap_red_blue);
        return;
    }
    for (int c = 0; c < pixels->channels; ++c) {
        widen_bytes(out + (size_t)c * (size_t)width, row + dn_source_channel(pixels, c), r->columns, width,
                    pixels->channels);
    }
}

/* ---------------------------------------------------------------- vertical pass */

static void mix(float *restrict out, const float *restrict first, const float *restrict second, float first_weight,
                float second_weight, size_t width) {
    for (size_t x = 0; x < width; ++x) out[x] = first_weight * first[x] + second_weight * second[x];
}

static void write_row(const resizer *r, int y, const tap *t, const float *first, const float *second) {
    const dn_canvas *canvas = r->canvas;
    const size_t width = (size_t)canvas->width;
    const float unit = r->pixels ? 1.0F / 255.0F : 1.0F;
    const bool one = r->pixels && r->pixels->channels == 1;
    for (int c = 0; c < canvas->channels; ++c) {
        float *out = canvas->data + (size_t)c * canvas->plane + (size_t)y * canvas->row;
        const size_t from = one ? 0 : (size_t)c * width;
        mix(out, first + from, second + from, t->first_weight * unit, t->second_weight * unit, width);
    }
}

static void resize_band(void *user, int band, int thread) {
    (void)thread;
    const resizer *r = user;
    const dn_canvas *canvas = r->canvas;
    const size_t row_floats = (size_t)canvas->channels * (size_t)canvas->width;
    float *kept[2] = {r->rows + 2 * (size_t)band * row_floats, r->rows + (2 * (size_t)band + 1) * row_floats};
    int held[2] = {-1, -1}; /* which input rows they are */
    const int begin = (int)((int64_t)canvas->height * band / r->bands);
    const int end = (int)((int64_t)canvas->height * (band + 1) / r->bands);
    for (int y = begin; y < end; ++y) {
        const tap t = row_tap(y, r->in_height, canvas->height);
        if (held[0] != t.first) { /* going down, it is most often the second row of before */
            float *other = kept[0];
            kept[0] = kept[1];
            kept[1] = other;
            held[0] = held[1];
            held[1] = -1;
        }
        if (held[0] != t.first) widen(r, kept[0], t.first);
        held[0] = t.first;
        if (t.second != t.first && held[1] != t.second) {
            widen(r, kept[1], t.second);
            held[1] = t.second;
        }
        write_row(r, y, &t, kept[0], t.second == t.first ? kept[0] : kept[1]);
    }
}

/* ---------------------------------------------------------------- together */

#define BAND_VALUES 16384 /* fewer values of the result are not worth a thread */

static int count_bands(const dn_canvas *canvas, const dn_pool *pool) {
    const int threads = pool ? dn_pool_threads(pool) : 1;
    if (threads < 2) return 1;
    int64_t bands = (int64_t)canvas->channels * canvas->width * canvas->height / BAND_VALUES;
    if (bands > 2 * (int64_t)threads) bands = 2 * (int64_t)threads; /* each band reads its first rows anew */
    if (bands > canvas->height) bands = canvas->height;
    return bands < 1 ? 1 : (int)bands;
}

static dn_status run(resizer *r, dn_pool *pool, dn_error *err) {
    const dn_canvas *canvas = r->canvas;
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    const size_t width = (size_t)canvas->width;
    void *columns = NULL;
    void *rows = NULL;
    r->bands = count_bands(canvas, pool);
    DN_TRY(dn_alloc_dirty(&allocator, &columns, width, sizeof(tap), "columns of a resize", err));
    const size_t row_floats = 2 * (size_t)r->bands * (size_t)canvas->channels;
    const dn_status status =
        dn_alloc_dirty(&allocator, &rows, row_floats, width * sizeof(float), "rows of a resize", err);
    if (status == DN_OK) {
        set_columns(columns, r->in_width, canvas->width);
        r->columns = columns;
        r->rows = rows;
        dn_pool_run(pool, r->bands, resize_band, r);
    }
    dn_free(&allocator, rows);
    dn_free(&allocator, columns);
    return status;
}

dn_status dn_resize_onto(const dn_canvas *canvas, const dn_pixels *image, dn_pool *pool, dn_error *err) {
    resizer r = {.pixels = image, .in_width = image->width, .in_height = image->height, .canvas = canvas};
    return run(&r, pool, err);
}

dn_status dn_image_resize(float *out, int out_channels, int width, int height, const dn_pixels *image, dn_pool *pool,
                          dn_error *err) {
    DN_TRY(dn_check_pixels(image, out_channels, err));
    DN_TRY(dn_check_size("a result", width, height, out_channels, err));
    if (width == image->width && height == image->height) return dn_image_planar(out, out_channels, image, err);
    const size_t row = (size_t)width;
    const dn_canvas canvas = {out, out_channels, width, height, row, row * (size_t)height};
    return dn_resize_onto(&canvas, image, pool, err);
}

dn_status dn_planar_resize(float *out, int width, int height, const float *in, int in_width, int in_height,
                           int channels, dn_error *err) {
    DN_TRY(dn_check_size("an image", in_width, in_height, channels, err));
    DN_TRY(dn_check_size("a result", width, height, channels, err));
    const size_t row = (size_t)width;
    const dn_canvas canvas = {out, channels, width, height, row, row * (size_t)height};
    resizer r = {.planar = in, .in_width = in_width, .in_height = in_height, .canvas = &canvas};
    return run(&r, NULL, err);
}
