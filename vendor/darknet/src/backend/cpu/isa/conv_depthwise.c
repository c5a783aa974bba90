/* conv_depthwise.c — one filter per channel: y[c] = bias[c] + Σ_{u,v} w[c,u,v] · x[c], blocked in and out.
 *
 * Vectors run over the channels of a block. Eight neighbouring pixels share each vector of weights, so a multiply-add
 * costs one load and an eighth; the loads are the limit. The last eight of a row may begin among the ones before: some
 * pixels are computed twice. Where the image cuts one column off the first or last window of eight, that multiply-add
 * is left out; pixels whose windows are cut more come one at a time. Packed per block: bias [B], weights [u][v][B]. A
 * task is a band of rows of one block. */
#include "backend/cpu/isa/conv.h"

#define PIXELS           8
#define UNROLL           _Pragma("GCC unroll 8")
#define TASKS_PER_THREAD 4

static int block_count(const dn_cpu_conv *conv) { return dn_ceil_div(conv->filters, DN_LANES); }
static size_t block_floats(const dn_cpu_conv *conv) { return (size_t)(conv->size * conv->size + 1) * DN_LANES; }

bool DN_ISA_NAME(conv_depthwise_choose)(dn_cpu_conv *conv) {
    if (conv->groups != conv->in_channels || conv->groups != conv->filters || conv->groups == 1) return false;
    if (conv->in_layout != DN_CPU_BLOCKED || conv->out_layout != DN_CPU_BLOCKED) return false;
    const int blocks = block_count(conv);
    const int wanted = conv->threads > 1 ? dn_ceil_div(conv->threads * TASKS_PER_THREAD, blocks) : 1;
    const int bands = dn_smaller(wanted, conv->out_height);
    conv->algorithm = DN_CONV_DEPTHWISE;
    conv->name = "depthwise";
    conv->tile[DN_CONV_ROWS] = dn_ceil_div(conv->out_height, bands);
    conv->tile[DN_CONV_BANDS] = dn_ceil_div(conv->out_height, conv->tile[DN_CONV_ROWS]);
    conv->tasks = blocks * conv->tile[DN_CONV_BANDS];
    conv->packed_floats = (size_t)blocks * block_floats(conv);
    conv->pack_filters = DN_LANES;
    conv->scratch_floats = conv->epilogue.residual ? (size_t)conv->out_width * DN_LANES : 0;
    return true;
}

void DN_ISA_NAME(conv_depthwise_pack)(const dn_cpu_conv *conv, int unit, const float *weights, const float *bias,
                                      float *packed) {
    const int taps = conv->size * conv->size, filters = dn_smaller(DN_LANES, conv->filters - unit * DN_LANES);
    packed += (size_t)unit * block_floats(conv);
    for (int lane = 0; lane < DN_LANES; ++lane) packed[lane] = bias && lane < filters ? bias[lane] : 0.0F;
    packed += DN_LANES;
    for (int tap = 0; tap < taps; ++tap) {
        for (int lane = 0; lane < DN_LANES; ++lane) {
            *packed++ = lane < filters ? weights[(size_t)lane * (size_t)taps + (size_t)tap] : 0.0F;
        }
    }
}

/* A run of neighbouring output pixels, all of whose windows have the tap rows and columns [first, end). */
typedef struct window {
    const float *x; /* of tap (0, 0) of the first pixel would be x + at */
    ptrdiff_t at;
    const float *bias, *weights;
    size_t row, column, pixel; /* floats to the next tap row, tap column, output pixel */
    int size, u_first, u_end, v_first, v_end;
    float slope;
} window;

/* Pixel 0 has no tap column 0 when cut_first, the last pixel no last one when cut_last. */
DN_INLINE void sum_pixels(const window *w, float *y, int pixels, int size, size_t pixel, bool cut_first,
                          bool cut_last) {
    vec sums[PIXELS];
    UNROLL for (int p = 0; p < pixels; ++p) sums[p] = vec_load_aligned(w->bias);
    for (int u = w->u_first; u < w->u_end; ++u) {
        const float *weights = w->weights + u * size * DN_LANES;
        const float *x = w->x + (w->at + (ptrdiff_t)((size_t)u * w->row));
        for (int v = pixels == 1 ? w->v_first : 0; v < (pixels == 1 ? w->v_end : size); ++v) {
            const vec weight = vec_load_aligned(weights + v * DN_LANES);
            for (int p = cut_first && v == 0 ? 1 : 0; p < pixels - (cut_last && v == size - 1 ? 1 : 0); ++p) {
                sums[p] = vec_fma(weight, vec_load_aligned(x + (size_t)v * w->column + (size_t)p * pixel), sums[p]);
            }
        }
    }
    const vec slope = vec_set(w->slope);
    UNROLL for (int p = 0; p < pixels; ++p) {
        vec_store_aligned(y + p * DN_LANES, vec_max(vec_mul(sums[p], slope), sums[p]));
    }
}

/* Eight pixels of a 3 × 3 window: each input is loaded once for all the pixels that it belongs to. */
DN_INLINE void sum_three(const window *w, float *y, int stride, bool cut_first, bool cut_last) {
    vec sums[PIXELS];
    UNROLL for (int p = 0; p < PIXELS; ++p) sums[p] = vec_load_aligned(w->bias);
    const int first = cut_first ? 1 : 0, end = (PIXELS - 1) * stride + (cut_last ? 2 : 3); /* columns */
    for (int u = w->u_first; u < w->u_end; ++u) {
        const float *x = w->x + (w->at + (ptrdiff_t)((size_t)u * w->row));
        const float *weights = w->weights + u * 3 * DN_LANES;
        const vec taps[3] = {vec_load_aligned(weights), vec_load_aligned(weights + DN_LANES),
                             vec_load_aligned(weights + 2 * DN_LANES)};
        _Pragma("GCC unroll 17") for (int j = first; j < end; ++j) {
            const vec value = vec_load_aligned(x + j * DN_LANES);
            UNROLL for (int v = 0; v < 3; ++v) {
                if (j < v || (j - v) % stride != 0 || (j - v) / stride >= PIXELS) continue;
                sums[(j - v) / stride] = vec_fma(taps[v], value, sums[(j - v) / stride]);
            }
        }
    }
    const vec slope = vec_set(w->slope);
    UNROLL for (int p = 0; p < PIXELS; ++p) {
        vec_store_aligned(y + p * DN_LANES, vec_max(vec_mul(sums[p], slope), sums[p]));
    }
}

typedef enum cut_kind { CUT_NONE, CUT_FIRST, CUT_LAST, CUT_MORE } cut_kind;

DN_INLINE void sum_cut(const window *w, float *y, int size, size_t pixel, cut_kind cut) {
    if (cut == CUT_FIRST) {
        sum_pixels(w, y, PIXELS, size, pixel, true, false);
    } else if (cut == CUT_LAST) {
        sum_pixels(w, y, PIXELS, size, pixel, false, true);
    } else {
        sum_pixels(w, y, PIXELS, size, pixel, false, false);
    }
}

DN_INLINE void three_cut(const window *w, float *y, int stride, cut_kind cut) {
    if (cut == CUT_FIRST) {
        sum_three(w, y, stride, true, false);
    } else if (cut == CUT_LAST) {
        sum_three(w, y, stride, false, true);
    } else {
        sum_three(w, y, stride, false, false);
    }
}

static void sum_eight(const window *w, float *y, cut_kind cut) {
    const bool three = w->size == 3 && w->column == DN_LANES;
    if (three && w->pixel == DN_LANES) {
        three_cut(w, y, 1, cut);
    } else if (three && w->pixel == 2 * DN_LANES) {
        three_cut(w, y, 2, cut);
    } else if (w->size == 5 && w->pixel == DN_LANES) {
        sum_cut(w, y, 5, DN_LANES, cut);
    } else {
        sum_cut(w, y, w->size, w->pixel, cut);
    }
}

/* Taps at `at`, at + dilation, … of which those within [0, length) are [*first, *end). */
static void clip_taps(int at, int dilation, int size, int length, int *first, int *end) {
    *first = at < 0 ? dn_smaller(dn_ceil_div(-at, dilation), size) : 0;
    *end = at < length ? dn_smaller(dn_ceil_div(length - at, dilation), size) : 0;
}

/* What the image cuts off the windows of the eight pixels from `column` on. */
static cut_kind cut_of(const dn_cpu_conv *conv, int column) {
    const int left = column * conv->stride_x - conv->pad;
    const int right = left + (PIXELS - 1) * conv->stride_x + (conv->size - 1) * conv->dilation;
    const bool first = left < 0, last = right >= conv->in_width;
    if (!first && !last) return CUT_NONE;
    const int step = dn_smaller(conv->stride_x, conv->dilation); /* what the next pixel or tap gains */
    if (first && last) return CUT_MORE;
    if (first) return left + step >= 0 ? CUT_FIRST : CUT_MORE;
    return right - step < conv->in_width ? CUT_LAST : CUT_MORE;
}

static void sum_row(const dn_cpu_conv *conv, window *w, int row, float *y) {
    const int top = row * conv->stride_y - conv->pad;
    clip_taps(top, conv->dilation, conv->size, conv->in_height, &w->u_first, &w->u_end);
    for (int column = 0; column < conv->out_width;) {
        const int first = dn_smaller(column, conv->out_width - PIXELS);
        const cut_kind cut = first >= 0 ? cut_of(conv, first) : CUT_MORE;
        w->at = ((ptrdiff_t)top * conv->in_width + (cut == CUT_MORE ? column : first) * conv->stride_x - conv->pad) *
                DN_LANES;
        if (cut != CUT_MORE) {
            sum_eight(w, y + first * DN_LANES, cut);
            column = first + PIXELS;
            continue;
        }
        clip_taps(column * conv->stride_x - conv->pad, conv->dilation, conv->size, conv->in_width, &w->v_first,
                  &w->v_end);
        sum_pixels(w, y + column * DN_LANES, 1, w->size, w->pixel, false, false);
        column += 1;
    }
}

void DN_ISA_NAME(conv_depthwise_run)(const dn_cpu_conv_call *call, int task) {
    const dn_cpu_conv *conv = call->conv;
    const int block = task / conv->tile[DN_CONV_BANDS], band = task % conv->tile[DN_CONV_BANDS];
    const size_t in_plane = (size_t)conv->in_height * (size_t)conv->in_width * DN_LANES;
    const size_t width = (size_t)conv->out_width * DN_LANES, out_plane = (size_t)conv->out_height * width;
    const dn_conv_finish finish = DN_ISA_NAME(conv_finish_plan)(&conv->epilogue);
    window w = {.x = call->x.data + (size_t)block * in_plane,
                .bias = call->packed + (size_t)block * block_floats(conv),
                .row = (size_t)conv->dilation * (size_t)conv->in_width * DN_LANES,
                .column = (size_t)conv->dilation * DN_LANES,
                .pixel = (size_t)conv->stride_x * DN_LANES,
                .size = conv->size,
                .slope = finish.slope};
    w.weights = w.bias + DN_LANES;
    const int first = band * conv->tile[DN_CONV_ROWS];
    const int end = dn_smaller(first + conv->tile[DN_CONV_ROWS], conv->out_height);
    for (int row = first; row < end; ++row) {
        const size_t offset = (size_t)block * out_plane + (size_t)row * width;
        float *y = call->y.data + offset;
        float *sums = conv->epilogue.residual ? call->scratch : y;
        sum_row(conv, &w, row, sums);
        const float *residual = conv->epilogue.residual ? call->residual.data + offset : NULL;
        if (!finish.on_store) DN_ISA_NAME(conv_finish)(&finish, sums, residual, y, width);
    }
}
