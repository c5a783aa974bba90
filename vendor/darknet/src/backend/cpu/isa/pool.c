/* pool.c — maxima and averages over windows and over whole planes.
 *
 * BLOCKED  a vector is one pixel of B channels, so every window is a plain loop over pixels. Wide maxima of stride 1
 *          (spatial pyramids) go down the columns first and then along the row: 2·13 loads per output, not 13·13.
 * PLANAR   a row of outputs at a time: every cell of the window adds or maximises a row of inputs onto it. */
#include <float.h>

#include "backend/cpu/isa/isa.h"

/* Cells of a window that lie inside: [first, last) of a side of `length`, window at position · stride − pad. */
typedef struct range {
    int first, last;
} range;

static range window(int position, int stride, int pad, int size, int length) {
    const int start = position * stride - pad;
    const int first = start > 0 ? start : 0, last = start + size < length ? start + size : length;
    return (range){first, last > first ? last : first};
}

/* ---- blocked ---- */

DN_INLINE vec pool_cell(bool average, const float *x, size_t width, range rows, range columns) {
    vec acc = vec_set(average ? 0.0F : -FLT_MAX);
    for (int i = rows.first; i < rows.last; i++) {
        const float *row = x + (size_t)i * width * DN_LANES;
        for (int j = columns.first; j < columns.last; j++) {
            const vec v = vec_load(row + (size_t)j * DN_LANES);
            acc = average ? vec_add(acc, v) : vec_max(v, acc);
        }
    }
    const int cells = (rows.last - rows.first) * (columns.last - columns.first);
    return average && cells > 0 ? vec_div(acc, vec_set((float)cells)) : acc;
}

/* Windows from `x` on that lie inside in full. */
DN_INLINE void pool_inside(bool average, const float *x, size_t width, int rows, int size, int stride, int count,
                           float *y) {
    const vec cells = vec_set((float)(rows * size));
    for (int j = 0; j < count; j++, x += stride * DN_LANES, y += DN_LANES) {
        vec acc = vec_set(average ? 0.0F : -FLT_MAX);
        for (int i = 0; i < rows; i++) {
            for (int v = 0; v < size; v++) {
                const vec value = vec_load(x + ((size_t)i * width + (size_t)v) * DN_LANES);
                acc = average ? vec_add(acc, value) : vec_max(value, acc);
            }
        }
        vec_store(y, average ? vec_div(acc, cells) : acc);
    }
}

static void pool_some_inside(const dn_op_pool2d *p, const float *x, size_t width, int rows, int count, float *y) {
    if (p->average) {
        pool_inside(true, x, width, rows, p->size, p->stride_x, count, y);
    } else if (p->size == 2 && rows == 2) {
        pool_inside(false, x, width, 2, 2, p->stride_x, count, y);
    } else if (p->size == 3 && rows == 3) {
        pool_inside(false, x, width, 3, 3, p->stride_x, count, y);
    } else {
        pool_inside(false, x, width, rows, p->size, p->stride_x, count, y);
    }
}

static void pool_row(const dn_op_pool2d *p, const float *x, int in_width, range rows, float *y, int out_width) {
    int j = 0;
    while (j < out_width) {
        const int left = j * p->stride_x - p->pad_x;
        int inside = left >= 0 && left + p->size <= in_width && rows.last > rows.first
                         ? (in_width - p->size - left) / p->stride_x + 1
                         : 0;
        inside = inside < out_width - j ? inside : out_width - j;
        if (inside > 0) {
            const float *from = x + ((size_t)rows.first * (size_t)in_width + (size_t)left) * DN_LANES;
            pool_some_inside(p, from, (size_t)in_width, rows.last - rows.first, inside, y + (size_t)j * DN_LANES);
            j += inside;
            continue;
        }
        const range columns = window(j, p->stride_x, p->pad_x, p->size, in_width);
        const vec cell = p->average ? pool_cell(true, x, (size_t)in_width, rows, columns)
                                    : pool_cell(false, x, (size_t)in_width, rows, columns);
        vec_store(y + (size_t)j * DN_LANES, cell);
        j++;
    }
}

/* A row of maxima, by way of the maxima of each column. */
static void pool_row_wide(const dn_op_pool2d *p, const float *x, int in_width, range rows, float *y, int out_width,
                          float *scratch) {
    for (int j = 0; j < in_width; j++) {
        vec_store(scratch + (size_t)j * DN_LANES, pool_cell(false, x, (size_t)in_width, rows, (range){j, j + 1}));
    }
    pool_row(p, scratch, in_width, (range){0, 1}, y, out_width);
}

size_t DN_ISA_NAME(pool2d_scratch)(const dn_cpu_pool2d *pool, int in_width) {
    const bool wide = !pool->op.average && pool->op.stride_x == 1 && pool->op.size > 3;
    return wide && pool->layout == DN_CPU_BLOCKED ? (size_t)in_width * DN_LANES : 0;
}

/* ---- planar ---- */

/* Outputs whose window's column v lies inside. */
static range outputs_at(int v, int stride, int pad, int in_width, int out_width) {
    const int shift = pad - v; /* x = j · stride − shift */
    const int first = shift > 0 ? (shift + stride - 1) / stride : 0;
    const int end = in_width + shift;
    const int last = end > 0 ? (end + stride - 1) / stride : 0;
    const int capped = last < out_width ? last : out_width;
    return (range){first, capped > first ? capped : first};
}

static void merge_row(const dn_op_pool2d *p, const float *x, int in_width, float *y, int out_width) {
    for (int v = 0; v < p->size; v++) {
        const range js = outputs_at(v, p->stride_x, p->pad_x, in_width, out_width);
        const float *from = x + v - p->pad_x;
        for (int j = js.first; j < js.last; j++) {
            const float value = from[j * p->stride_x];
            if (p->average) {
                y[j] += value;
            } else {
                y[j] = value > y[j] ? value : y[j];
            }
        }
    }
}

static void divide_row(const dn_op_pool2d *p, range rows, int in_width, float *y, int out_width) {
    for (int j = 0; j < out_width; j++) {
        const range columns = window(j, p->stride_x, p->pad_x, p->size, in_width);
        const int cells = (rows.last - rows.first) * (columns.last - columns.first);
        if (cells > 0) y[j] /= (float)cells;
    }
}

static void pool_row_planar(const dn_op_pool2d *p, const float *x, int in_width, range rows, float *y, int out_width) {
    for (int j = 0; j < out_width; j++) y[j] = p->average ? 0.0F : -FLT_MAX;
    for (int r = rows.first; r < rows.last; r++) merge_row(p, x + (size_t)r * (size_t)in_width, in_width, y, out_width);
    if (p->average) divide_row(p, rows, in_width, y, out_width);
}

void DN_ISA_NAME(pool2d)(const dn_cpu_pool2d *pool, const float *x, int in_height, int in_width, int row, float *y,
                         int out_width, float *scratch) {
    const dn_op_pool2d *p = &pool->op;
    const range rows = window(row, p->stride_y, p->pad_y, p->size, in_height);
    if (pool->layout == DN_CPU_PLANAR) {
        pool_row_planar(p, x, in_width, rows, y, out_width);
    } else if (DN_ISA_NAME(pool2d_scratch)(pool, in_width) > 0) {
        pool_row_wide(p, x, in_width, rows, y, out_width, scratch);
    } else {
        pool_row(p, x, in_width, rows, y, out_width);
    }
}

/* ---- whole planes: four sums, so that additions overlap ---- */

static void mean_blocked(const float *x, size_t pixels, float *y) {
    vec sums[4] = {vec_zero(), vec_zero(), vec_zero(), vec_zero()};
    for (size_t i = 0; i < pixels; i++) sums[i % 4] = vec_add(sums[i % 4], vec_load(x + i * DN_LANES));
    const vec sum = vec_add(vec_add(sums[0], sums[1]), vec_add(sums[2], sums[3]));
    vec_store(y, vec_div(sum, vec_set((float)pixels)));
}

static void mean_planar(const float *x, size_t pixels, float *y) {
    vec sum = vec_zero();
    size_t i = 0;
    for (; i + DN_LANES <= pixels; i += DN_LANES) sum = vec_add(sum, vec_load(x + i));
    if (i < pixels) sum = vec_add(sum, vec_load_first(x + i, (int)(pixels - i)));
    *y = vec_sum(sum) / (float)pixels;
}

void DN_ISA_NAME(pool_global)(dn_cpu_layout layout, const float *x, size_t pixels, float *y) {
    if (layout == DN_CPU_BLOCKED) {
        mean_blocked(x, pixels, y);
    } else {
        mean_planar(x, pixels, y);
    }
}
