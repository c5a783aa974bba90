/* reorder.c — values that only move: from layout to layout, from channel range to channel range, to a larger image.
 *
 * Between the layouts, B pixels of B channels at a time are turned in registers (vec_transpose). */
#include "backend/cpu/isa/isa.h"

static size_t pixels_of(dn_cpu_view view) { return (size_t)view.height * (size_t)view.width; }

static int smaller(int a, int b) { return a < b ? a : b; }

/* ---- planar → blocked ---- */

/* `lanes` planes, `plane` floats apart, become the lanes of `count` pixels; the other lanes become 0. */
static void interleave(const float *x, size_t plane, int lanes, float *y, size_t count) {
    size_t i = 0;
    for (; i + DN_LANES <= count; i += DN_LANES) {
        vec rows[DN_LANES];
        for (int k = 0; k < DN_LANES; k++) rows[k] = k < lanes ? vec_load(x + (size_t)k * plane + i) : vec_zero();
        vec_transpose(rows);
        for (size_t k = 0; k < DN_LANES; k++) vec_store(y + (i + k) * DN_LANES, rows[k]);
    }
    for (; i < count; i++) {
        for (int k = 0; k < DN_LANES; k++) y[i * DN_LANES + (size_t)k] = k < lanes ? x[(size_t)k * plane + i] : 0.0F;
    }
}

void DN_ISA_NAME(to_blocked)(dn_cpu_view x, int first, dn_cpu_view y, int row0, int row1) {
    const size_t plane = pixels_of(x), start = (size_t)row0 * (size_t)x.width;
    const size_t count = (size_t)(row1 - row0) * (size_t)x.width;
    for (int c = 0; c < y.channels; c += DN_LANES) {
        const int lanes = smaller(DN_LANES, y.channels - c);
        interleave(x.data + (size_t)(first + c) * plane + start, plane, lanes,
                   y.data + (size_t)c * plane + start * DN_LANES, count);
    }
}

/* ---- blocked → planar ---- */

/* Lanes lane … lane+lanes−1 of `count` pixels become planes. */
static void separate(const float *x, int lane, int lanes, float *y, size_t plane, size_t count) {
    size_t i = 0;
    for (; i + DN_LANES <= count; i += DN_LANES) {
        vec rows[DN_LANES];
        for (size_t k = 0; k < DN_LANES; k++) rows[k] = vec_load(x + (i + k) * DN_LANES);
        vec_transpose(rows);
        for (int k = 0; k < lanes; k++) vec_store(y + (size_t)k * plane + i, rows[lane + k]);
    }
    for (; i < count; i++) {
        for (int k = 0; k < lanes; k++) y[(size_t)k * plane + i] = x[i * DN_LANES + (size_t)(lane + k)];
    }
}

void DN_ISA_NAME(to_planar)(dn_cpu_view x, int first, dn_cpu_view y, int row0, int row1) {
    const size_t plane = pixels_of(x), start = (size_t)row0 * (size_t)x.width;
    const size_t count = (size_t)(row1 - row0) * (size_t)x.width;
    for (int c = 0; c < y.channels;) {
        const int lane = (first + c) % DN_LANES, lanes = smaller(DN_LANES - lane, y.channels - c);
        separate(x.data + (size_t)(first + c - lane) * plane + start * DN_LANES, lane, lanes,
                 y.data + (size_t)c * plane + start, plane, count);
        c += lanes;
    }
}

/* ---- blocked → blocked ---- */

/* Touches the named lanes of y only: its other lanes may be written by another thread. */
static void copy_lanes(const float *x, float *y, int lanes, size_t count) {
    if (lanes == DN_LANES) {
        for (size_t i = 0; i < count; i++) vec_store(y + i * DN_LANES, vec_load(x + i * DN_LANES));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        vec_store_first(y + i * DN_LANES, vec_load_first(x + i * DN_LANES, lanes), lanes);
    }
}

/* Lanes past the last channel must be finite. */
static void clear_lanes(float *y, int lane, size_t count) {
    for (size_t i = 0; i < count; i++) vec_store_first(y + i * DN_LANES + lane, vec_zero(), DN_LANES - lane);
}

void DN_ISA_NAME(copy_blocked)(dn_cpu_view x, int first, dn_cpu_view y, int y_first, int count, int row0, int row1) {
    const size_t plane = pixels_of(y), start = (size_t)row0 * (size_t)y.width * DN_LANES;
    const size_t pixels = (size_t)(row1 - row0) * (size_t)y.width;
    for (int c = 0; c < count;) {
        const int from = (first + c) % DN_LANES, to = (y_first + c) % DN_LANES;
        const int lanes = smaller(smaller(DN_LANES - from, DN_LANES - to), count - c);
        copy_lanes(x.data + (size_t)(first + c - from) * plane + start + from,
                   y.data + (size_t)(y_first + c - to) * plane + start + to, lanes, pixels);
        c += lanes;
    }
    const int end = y_first + count, lane = end % DN_LANES;
    if (end == y.channels && lane > 0) clear_lanes(y.data + (size_t)(end - lane) * plane + start, lane, pixels);
}

/* ---- nearest neighbour ---- */

static void widen_blocked(const float *x, int in_width, int stride, vec scale, float *y) {
    for (int j = 0; j < in_width; j++, x += DN_LANES) {
        const vec v = vec_mul(vec_load(x), scale);
        for (int k = 0; k < stride; k++, y += DN_LANES) vec_store(y, v);
    }
}

static void widen_planar(const float *x, int in_width, int stride, float scale, float *y) {
    for (int j = 0; j < in_width; j++) {
        const float value = scale * x[j];
        for (int k = 0; k < stride; k++) *y++ = value;
    }
}

void DN_ISA_NAME(upsample)(dn_cpu_layout layout, const float *x, int in_height, int in_width, int stride, float scale,
                           float *y) {
    const size_t lanes = layout == DN_CPU_BLOCKED ? DN_LANES : 1;
    const size_t in_row = (size_t)in_width * lanes, out_row = in_row * (size_t)stride;
    for (int i = 0; i < in_height; i++, x += in_row) {
        if (layout == DN_CPU_BLOCKED) {
            widen_blocked(x, in_width, stride, vec_set(scale), y);
        } else {
            widen_planar(x, in_width, stride, scale, y);
        }
        for (int k = 1; k < stride; k++) memcpy(y + (size_t)k * out_row, y, out_row * sizeof(float));
        y += out_row * (size_t)stride;
    }
}
