/* color.c — colour changes in hue, saturation and value.
 *
 *   value      V = max(R, G, B)
 *   saturation S = (max − min) / max
 *   hue        H in [0, 1]: sixths of a turn from red through green and blue; 0 for grey
 *
 * A hue of exactly 1 comes back as magenta, not red, because that is what the reference makes of it. */
#include <math.h>

#include "darknet/darknet.h"

typedef struct hsv {
    float hue, saturation, value;
} hsv;

static hsv to_hsv(float red, float green, float blue) {
    const float high = fmaxf(red, fmaxf(green, blue));
    const float range = high - fminf(red, fminf(green, blue));
    if (high == 0.0F || range == 0.0F) return (hsv){0.0F, 0.0F, high};
    float sixths = 0.0F;
    if (red == high) {
        sixths = (green - blue) / range;
    } else if (green == high) {
        sixths = 2.0F + (blue - red) / range;
    } else {
        sixths = 4.0F + (red - green) / range;
    }
    if (sixths < 0.0F) sixths += 6.0F;
    return (hsv){sixths / 6.0F, range / high, high};
}

/* Between two primaries one channel is at its highest (value), one at its lowest, and one rises or falls. */
static void to_rgb(hsv color, float *red, float *green, float *blue) {
    const float sixths = 6.0F * color.hue;
    const float whole = floorf(sixths);
    const float part = sixths - whole;
    const float high = color.value;
    const float low = high * (1.0F - color.saturation);
    const float falling = high * (1.0F - color.saturation * part);
    const float rising = high * (1.0F - color.saturation * (1.0F - part));
    const int sector = whole >= 0.0F && whole < 5.0F ? (int)whole : 5;
    const float reds[] = {high, falling, low, low, rising, high};
    const float greens[] = {rising, high, high, falling, low, low};
    const float blues[] = {low, low, rising, high, high, falling};
    *red = reds[sector];
    *green = greens[sector];
    *blue = blues[sector];
}

static float clip(float value) { return value < 0.0F ? 0.0F : value > 1.0F ? 1.0F : value; }

void dn_planar_distort(float *image, int width, int height, float hue, float saturation, float exposure) {
    const size_t plane = (size_t)width * (size_t)height;
    float *red = image;
    float *green = image + plane;
    float *blue = image + 2 * plane;
    for (size_t i = 0; i < plane; ++i) {
        hsv color = to_hsv(red[i], green[i], blue[i]);
        color.saturation *= saturation;
        color.value *= exposure;
        color.hue += hue;
        if (color.hue > 1.0F) color.hue -= 1.0F;
        if (color.hue < 0.0F) color.hue += 1.0F;
        to_rgb(color, &red[i], &green[i], &blue[i]);
        red[i] = clip(red[i]);
        green[i] = clip(green[i]);
        blue[i] = clip(blue[i]);
    }
}
