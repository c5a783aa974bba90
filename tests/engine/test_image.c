/* test_image.c — uint8 to planar float, resize, letterbox, crop, flip, colours. The oracle for resizing is the formula
 * at the top of resize.c, written down plainly: two full passes over a whole float image. */
#include "harness.h"

#include <limits.h>

#include "base/rng.h"
#include "image/image.h"

#define SIDE_MAX   80
#define VALUES_MAX (16 * SIDE_MAX * SIDE_MAX)

typedef struct picture {
    uint8_t bytes[VALUES_MAX];
    float planar[VALUES_MAX];
    int width, height, channels;
} picture;

static dn_pixels pixels_of(const picture *p) {
    return (dn_pixels){p->bytes, p->width, p->height, p->channels, (ptrdiff_t)p->width * p->channels, false};
}

static void fill_picture(picture *p, dn_rng *rng, int width, int height, int channels) {
    p->width = width;
    p->height = height;
    p->channels = channels;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c) {
                const uint8_t value = (uint8_t)(dn_rng_next(rng) & 255);
                p->bytes[(y * width + x) * channels + c] = value;
                p->planar[(c * height + y) * width + x] = (float)value / 255.0F;
            }
        }
    }
}

/* ---------------------------------------------------------------- oracle */

static float at(const float *image, int width, int height, int x, int y, int c) {
    return image[(c * height + y) * width + x];
}

static void plain_resize(float *out, int width, int height, const float *in, int in_width, int in_height,
                         int channels) {
    static float wide[VALUES_MAX];
    const float x_scale = width > 1 ? (float)(in_width - 1) / (float)(width - 1) : 0.0F;
    const float y_scale = height > 1 ? (float)(in_height - 1) / (float)(height - 1) : 0.0F;
    for (int i = 0; i < channels * in_height * width; ++i) {
        const int x = i % width;
        const int y = i / width % in_height;
        const int c = i / width / in_height;
        const float position = (float)x * x_scale;
        const int first = (int)position;
        const float part = position - (float)first;
        wide[i] = x == width - 1  ? at(in, in_width, in_height, in_width - 1, y, c)
                  : in_width == 1 ? at(in, in_width, in_height, 0, y, c)
                                  : (1.0F - part) * at(in, in_width, in_height, first, y, c) +
                                        part * at(in, in_width, in_height, first + 1, y, c);
    }
    for (int i = 0; i < channels * height * width; ++i) {
        const int x = i % width;
        const int y = i / width % height;
        const int c = i / width / height;
        const float position = height > 1 ? (float)y * y_scale : (float)(in_height - 1);
        const int first = (int)position;
        const float part = position - (float)first;
        out[i] = (1.0F - part) * at(wide, width, in_height, x, first, c);
        if (y < height - 1 && in_height > 1) out[i] += part * at(wide, width, in_height, x, first + 1, c);
    }
}

static double largest_difference(const float *a, const float *b, int count) {
    double largest = 0.0;
    for (int i = 0; i < count; ++i) {
        const double difference = fabs((double)a[i] - (double)b[i]);
        if (!(difference <= largest)) largest = isnan(difference) ? (double)INFINITY : difference;
    }
    return largest;
}

/* ---------------------------------------------------------------- planar */

static void test_planar(void) {
    /* 2 × 2 pixels of three channels, rows 8 bytes apart, rubbish between them. */
    static const uint8_t bytes[] = {0, 51, 102, 153, 204, 255, 99, 99, 255, 204, 153, 102, 51, 0, 99, 99};
    static const float wanted[] = {0.0F, .6F, 1.0F, .4F, .2F, .8F, .8F, .2F, .4F, 1.0F, .6F, 0.0F};
    dn_pixels image = {bytes, 2, 2, 3, 8, false};
    float out[12];
    CHECK_EQ(dn_image_planar(out, 3, &image, NULL), DN_OK);
    for (int i = 0; i < 12; ++i) CHECK_NEAR(out[i], wanted[i], 1e-7);
    image.swap_red_blue = true;
    CHECK_EQ(dn_image_planar(out, 3, &image, NULL), DN_OK);
    for (int i = 0; i < 12; ++i) CHECK_NEAR(out[i], wanted[(2 - i / 4) * 4 + i % 4], 1e-7);
    image = (dn_pixels){bytes + 8, 2, 2, 3, -8, false}; /* bottom row first */
    CHECK_EQ(dn_image_planar(out, 3, &image, NULL), DN_OK);
    for (int i = 0; i < 12; ++i) CHECK_NEAR(out[i], wanted[i / 4 * 4 + (i % 4 + 2) % 4], 1e-7);
    image = (dn_pixels){bytes, 4, 1, 1, 4, true}; /* grey read as three */
    CHECK_EQ(dn_image_planar(out, 3, &image, NULL), DN_OK);
    for (int i = 0; i < 12; ++i) CHECK_NEAR(out[i], (double)bytes[i % 4] / 255.0, 1e-7);
    for (int value = 0; value < 256; ++value) {
        const uint8_t byte = (uint8_t)value;
        image = (dn_pixels){&byte, 1, 1, 1, 1, false};
        CHECK(dn_image_planar(out, 1, &image, NULL) == DN_OK && out[0] == (float)value / 255.0F);
    }
}

static void check_pixels_refused(dn_pixels image, int out_channels, int width, int height, const char *part) {
    float out[4] = {9.0F, 9.0F, 9.0F, 9.0F};
    dn_error err = {0};
    CHECK_EQ(dn_image_resize(out, out_channels, width, height, &image, NULL, &err), DN_E_ARGUMENT);
    CHECK_HAS(err.message, part);
    CHECK_EQ(dn_image_letterbox(out, out_channels, width, height, &image, NULL, NULL), DN_E_ARGUMENT);
    CHECK(out[0] == 9.0F && out[3] == 9.0F);
}

static void test_refusals(void) {
    static const uint8_t bytes[64];
    check_pixels_refused((dn_pixels){bytes, 0, 2, 3, 6, false}, 3, 2, 2, "0 × 2");
    check_pixels_refused((dn_pixels){bytes, 2, -1, 3, 6, false}, 3, 2, 2, "2 × -1");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 0, 6, false}, 3, 2, 2, "0 channels");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 17, 34, false}, 17, 2, 2, "17 channels");
    check_pixels_refused((dn_pixels){bytes, INT_MAX, INT_MAX, 3, PTRDIFF_MAX, false}, 3, 2, 2, "2147483647");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 3, 5, false}, 3, 2, 2, "need 6");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 3, 0, false}, 3, 2, 2, "need 6");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 3, -5, false}, 3, 2, 2, "need 6");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 3, 6, false}, 1, 2, 2, "3 channels cannot be read as 1");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 1, 2, false}, 4, 2, 2, "1 channels cannot be read as 4");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 3, 6, false}, 3, 0, 2, "0 × 2");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 3, 6, false}, 3, 2, -2, "2 × -2");
    check_pixels_refused((dn_pixels){bytes, 2, 2, 3, 6, false}, 3, INT_MAX, INT_MAX, "2147483647");
    float out[4] = {9.0F, 9.0F, 9.0F, 9.0F};
    const float in[4] = {0};
    CHECK_EQ(dn_planar_resize(out, 0, 1, in, 1, 1, 1, NULL), DN_E_ARGUMENT);
    CHECK_EQ(dn_planar_resize(out, 1, 1, in, 1, 1, 0, NULL), DN_E_ARGUMENT);
    CHECK_EQ(dn_planar_crop(out, 1, 1, 0, 0, in, 0, 1, 1, NULL), DN_E_ARGUMENT);
    CHECK_EQ(dn_planar_crop(out, -1, 1, 0, 0, in, 1, 1, 1, NULL), DN_E_ARGUMENT);
    CHECK(out[0] == 9.0F);
}

/* ---------------------------------------------------------------- resize */

static void test_resize_by_hand(void) {
    static const float in[] = {0.0F, 1.0F, 2.0F, 4.0F}; /* 2 × 2 */
    static const float wanted[] = {0.0F, .5F, 1.0F, 1.0F, 1.75F, 2.5F, 2.0F, 3.0F, 4.0F};
    float out[9];
    CHECK_EQ(dn_planar_resize(out, 3, 3, in, 2, 2, 1, NULL), DN_OK);
    for (int i = 0; i < 9; ++i) CHECK(out[i] == wanted[i]);
    CHECK_EQ(dn_planar_resize(out, 1, 2, in, 2, 2, 1, NULL), DN_OK); /* one column: the last */
    CHECK(out[0] == 1.0F && out[1] == 4.0F);
    CHECK_EQ(dn_planar_resize(out, 2, 1, in, 2, 2, 1, NULL), DN_OK); /* one row: the last */
    CHECK(out[0] == 2.0F && out[1] == 4.0F);
    CHECK_EQ(dn_planar_resize(out, 3, 3, in + 3, 1, 1, 1, NULL), DN_OK);
    for (int i = 0; i < 9; ++i) CHECK(out[i] == 4.0F);
}

/* 64 rows to 16: 15 · (63 / 15) is a little less than 63 in float, and the reference's last row is all but black. */
static void test_dark_last_row(void) {
    float in[64];
    float out[16];
    for (int y = 0; y < 64; ++y) in[y] = 1.0F;
    CHECK_EQ(dn_planar_resize(out, 1, 16, in, 1, 64, 1, NULL), DN_OK);
    for (int y = 0; y < 15; ++y) CHECK_NEAR(out[y], 1.0, 1e-6);
    CHECK_NEAR(out[15], 0.0, 1e-5);
}

static void test_resize_against_plain(void) {
    static picture p;
    static float wanted[VALUES_MAX];
    static float out[VALUES_MAX];
    dn_pool *pool = NULL;
    if (!CHECK_EQ(dn_pool_create(&pool, 3, NULL), DN_OK)) return;
    dn_rng rng = {11, 0, 0};
    static const int channels[] = {1, 2, 3, 3, 4, 16};
    for (int i = 0; i < 600; ++i) {
        int sides[4];
        for (int k = 0; k < 4; ++k) sides[k] = 1 + (int)(dn_rng_next(&rng) % (i % 3 ? SIDE_MAX : 4));
        fill_picture(&p, &rng, sides[0], sides[1], channels[i % 6]);
        const int count = p.channels * sides[2] * sides[3];
        plain_resize(wanted, sides[2], sides[3], p.planar, p.width, p.height, p.channels);
        CHECK_EQ(dn_planar_resize(out, sides[2], sides[3], p.planar, p.width, p.height, p.channels, NULL), DN_OK);
        CHECK_NEAR(largest_difference(out, wanted, count), 0.0, 1e-6);
        const dn_pixels image = pixels_of(&p);
        memset(out, 0xFF, sizeof out); /* NaN */
        CHECK_EQ(dn_image_resize(out, p.channels, sides[2], sides[3], &image, i % 2 ? pool : NULL, NULL), DN_OK);
        CHECK_NEAR(largest_difference(out, wanted, count), 0.0, 1e-6);
        if (count < VALUES_MAX) CHECK(isnan(out[count])); /* nothing past the end */
    }
    dn_pool_release(pool);
}

/* The split over threads must not show: large enough for many bands. */
static void test_resize_in_bands(void) {
    const int side = 300;
    const size_t count = (size_t)3 * 300 * 300;
    float *alone = malloc(count * sizeof(float));
    float *split = malloc(count * sizeof(float));
    uint8_t *bytes = malloc((size_t)3 * 201 * 157);
    dn_pool *pool = NULL;
    if (!CHECK(alone && split && bytes && dn_pool_create(&pool, 4, NULL) == DN_OK)) abort();
    dn_rng rng = {12, 0, 0};
    for (size_t i = 0; i < (size_t)3 * 201 * 157; ++i) bytes[i] = (uint8_t)(dn_rng_next(&rng) & 255);
    const dn_pixels image = {bytes, 201, 157, 3, 603, true};
    CHECK_EQ(dn_image_resize(alone, 3, side, side, &image, NULL, NULL), DN_OK);
    CHECK_EQ(dn_image_resize(split, 3, side, side, &image, pool, NULL), DN_OK);
    CHECK(memcmp(alone, split, count * sizeof(float)) == 0);
    CHECK_EQ(dn_image_letterbox(alone, 3, side, side, &image, NULL, NULL), DN_OK);
    CHECK_EQ(dn_image_letterbox(split, 3, side, side, &image, pool, NULL), DN_OK);
    CHECK(memcmp(alone, split, count * sizeof(float)) == 0);
    dn_pool_release(pool);
    free(bytes);
    free(split);
    free(alone);
}

static void test_channel_order(void) {
    static picture p;
    static float plain[VALUES_MAX];
    static float swapped[VALUES_MAX];
    dn_rng rng = {13, 0, 0};
    for (int channels = 2; channels <= 4; ++channels) {
        fill_picture(&p, &rng, 9, 7, channels);
        dn_pixels image = pixels_of(&p);
        CHECK_EQ(dn_image_resize(plain, channels, 5, 6, &image, NULL, NULL), DN_OK);
        image.swap_red_blue = true;
        CHECK_EQ(dn_image_resize(swapped, channels, 5, 6, &image, NULL, NULL), DN_OK);
        for (int c = 0; c < channels; ++c) {
            const int from = channels >= 3 && c < 3 ? 2 - c : c;
            CHECK(memcmp(swapped + c * 30, plain + from * 30, 30 * sizeof(float)) == 0);
        }
    }
    fill_picture(&p, &rng, 9, 7, 1);
    const dn_pixels grey = pixels_of(&p);
    CHECK_EQ(dn_image_resize(plain, 1, 5, 6, &grey, NULL, NULL), DN_OK);
    CHECK_EQ(dn_image_resize(swapped, 3, 5, 6, &grey, NULL, NULL), DN_OK);
    for (int c = 0; c < 3; ++c) CHECK(memcmp(swapped + c * 30, plain, 30 * sizeof(float)) == 0);
}

/* ---------------------------------------------------------------- letterbox */

static void check_box(int image_width, int image_height, int width, int height, dn_letterbox wanted) {
    const dn_letterbox box = dn_letterbox_of(image_width, image_height, width, height);
    CHECK(box.width == wanted.width && box.height == wanted.height);
    CHECK(box.left == wanted.left && box.top == wanted.top);
}

static void test_letterbox(void) {
    check_box(768, 576, 416, 416, (dn_letterbox){416, 312, 0, 52});
    check_box(576, 768, 416, 416, (dn_letterbox){312, 416, 52, 0});
    check_box(57, 41, 32, 32, (dn_letterbox){32, 23, 0, 4}); /* 23.02 and 4.5 */
    check_box(100, 100, 64, 32, (dn_letterbox){32, 32, 16, 0});
    check_box(10000, 1, 32, 32, (dn_letterbox){32, 1, 0, 15}); /* never nothing */
    check_box(1, 10000, 32, 32, (dn_letterbox){1, 32, 15, 0});
    check_box(INT_MAX, INT_MAX - 1, INT_MAX, 1, (dn_letterbox){1, 1, (INT_MAX - 1) / 2, 0});

    static picture p;
    static float wanted[VALUES_MAX];
    static float out[VALUES_MAX];
    dn_rng rng = {14, 0, 0};
    for (int i = 0; i < 200; ++i) {
        int sides[4];
        for (int k = 0; k < 4; ++k) sides[k] = 1 + (int)(dn_rng_next(&rng) % SIDE_MAX);
        fill_picture(&p, &rng, sides[0], sides[1], 1 + i % 4);
        const int width = sides[2];
        const int height = sides[3];
        const dn_letterbox box = dn_letterbox_of(p.width, p.height, width, height);
        plain_resize(wanted, box.width, box.height, p.planar, p.width, p.height, p.channels);
        const dn_pixels image = pixels_of(&p);
        memset(out, 0xFF, sizeof out);
        CHECK_EQ(dn_image_letterbox(out, p.channels, width, height, &image, NULL, NULL), DN_OK);
        double worst = 0.0;
        for (int k = 0; k < p.channels * width * height; ++k) {
            const int x = k % width - box.left;
            const int y = k / width % height - box.top;
            const int c = k / width / height;
            const bool inside = x >= 0 && x < box.width && y >= 0 && y < box.height;
            const float value = inside ? at(wanted, box.width, box.height, x, y, c) : 0.5F;
            const double difference = fabs((double)value - (double)out[k]);
            if (!(difference <= worst)) worst = isnan(difference) ? (double)INFINITY : difference;
        }
        CHECK_NEAR(worst, 0.0, 1e-6);
    }
}

/* ---------------------------------------------------------------- crop, flip, colours */

static void test_crop(void) {
    static const float in[] = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15}; /* 2 channels, 2 rows, 3 columns */
    float out[24];
    CHECK_EQ(dn_planar_crop(out, 2, 1, 1, 1, in, 3, 2, 2, NULL), DN_OK);
    CHECK(out[0] == 4 && out[1] == 5 && out[2] == 14 && out[3] == 15);
    static const float around[] = {0, 0, 1, 2, 0, 0, 1, 2, 3, 3, 4, 5}; /* from (-1, -1): the border goes on */
    CHECK_EQ(dn_planar_crop(out, 4, 3, -1, -1, in, 3, 2, 2, NULL), DN_OK);
    for (int i = 0; i < 12; ++i) CHECK(out[i] == around[i] && out[12 + i] == around[i] + 10);
    CHECK_EQ(dn_planar_crop(out, 2, 2, INT_MAX, INT_MAX, in, 3, 2, 2, NULL), DN_OK);
    CHECK(out[0] == 5 && out[3] == 5 && out[4] == 15);
    CHECK_EQ(dn_planar_crop(out, 2, 2, INT_MIN, INT_MIN, in, 3, 2, 2, NULL), DN_OK);
    CHECK(out[0] == 0 && out[3] == 0 && out[4] == 10);
}

static void test_flip(void) {
    float odd[] = {0, 1, 2, 3, 4, 5};
    static const float wanted[] = {2, 1, 0, 5, 4, 3};
    dn_planar_flip(odd, 3, 1, 2);
    CHECK(memcmp(odd, wanted, sizeof odd) == 0);
    float even[] = {0, 1, 2, 3};
    static const float wanted_even[] = {3, 2, 1, 0};
    dn_planar_flip(even, 4, 1, 1);
    CHECK(memcmp(even, wanted_even, sizeof even) == 0);
    dn_planar_flip(even, 1, 4, 1);
    CHECK(memcmp(even, wanted_even, sizeof even) == 0);
}

static void check_color(const float *in, float hue, float saturation, float exposure, float r, float g, float b) {
    float pixel[3] = {in[0], in[1], in[2]};
    dn_planar_distort(pixel, 1, 1, hue, saturation, exposure);
    CHECK_NEAR(pixel[0], r, 2e-6);
    CHECK_NEAR(pixel[1], g, 2e-6);
    CHECK_NEAR(pixel[2], b, 2e-6);
}

static void test_distort(void) {
    static const float red[] = {1, 0, 0};
    static const float orange[] = {.8F, .4F, 0}; /* a twelfth of a turn, saturation 1, value .8 */
    static const float grey[] = {.5F, .5F, .5F};
    static const float black[] = {0, 0, 0};
    check_color(red, 0, 1, 1, 1, 0, 0);
    check_color(red, 1.0F / 3, 1, 1, 0, 1, 0);  /* a third of a turn: green      */
    check_color(red, -1.0F / 3, 1, 1, 0, 0, 1); /* and back through 0: blue      */
    check_color(red, .5F, 1, 1, 0, 1, 1);
    check_color(orange, 1.0F / 6, 1, 1, .4F, .8F, 0);
    check_color(orange, 5.0F / 6, 1, 1, .8F, 0, .4F);
    check_color(orange, 11.0F / 12, 1, 1, .8F, 0, .8F); /* exactly one turn: magenta, as in the reference */
    check_color(orange, 0, .5F, 1, .8F, .6F, .4F);
    check_color(orange, 0, 1, .5F, .4F, .2F, 0);
    check_color(orange, 0, 1, 2, 1, .8F, 0); /* 1.6 is clipped */
    check_color(grey, .3F, 3, 1.5F, .75F, .75F, .75F);
    check_color(black, .3F, 3, 1.5F, 0, 0, 0);

    static picture p;
    dn_rng rng = {15, 0, 0};
    fill_picture(&p, &rng, 40, 30, 3);
    static float image[VALUES_MAX];
    memcpy(image, p.planar, sizeof image);
    dn_planar_distort(image, 40, 30, 0, 1, 1); /* there and back */
    CHECK_NEAR(largest_difference(image, p.planar, 3600), 0.0, 2e-6);
    dn_planar_distort(image, 40, 30, .37F, 1, 1);
    dn_planar_distort(image, 40, 30, -.37F, 1, 1);
    CHECK_NEAR(largest_difference(image, p.planar, 3600), 0.0, 2e-5);
}

int main(void) {
    test_planar();
    test_refusals();
    test_resize_by_hand();
    test_dark_last_row();
    test_resize_against_plain();
    test_resize_in_bands();
    test_channel_order();
    test_letterbox();
    test_crop();
    test_flip();
    test_distort();
    return harness_result();
}
