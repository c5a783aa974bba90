/* conv_weights.c — dw of a convolution, x and dy BLOCKED:
 *   dw[f,c,u,v] += Σ_{n,i,j} dy[n,f,i,j] · x[n,c, i·stride_y − pad + u·dilation, j·stride_x − pad + v·dilation]
 *
 * At one pixel, one tap and one block of channels that is an outer product of a vector of dy and the B values of x side
 * by side. The register tile holds F·K sums, F blocks of filters by K channels, over a piece of the image that stays
 * in the nearest cache for all taps and channels; then they are added to the task's sums in scratch,
 *   [channel block][u][v][channel B][F·B filters],
 * which at the end are added to dw. A sum is thus made of short partial sums, in an order that depends on shapes only.
 * A task is a unit of F filter blocks by some blocks of channels by some tap rows; tasks write disjoint parts of dw. */
#include "backend/cpu/isa/conv.h"

#if DN_REGISTERS == 32
#define UNIT     2 /* F; F·K sums + F + 1 registers */
#define CHANNELS 8 /* K; divides B */
#elif DN_REGISTERS == 16
#define UNIT     2
#define CHANNELS 4
#else
#define UNIT     1
#define CHANNELS 4
#endif

#define FLOATS(n)    ((size_t)(n))
#define PIECE_PIXELS 160 /* of a piece: 10 KB of x and 20 KB of dy where B is 16 */
#define WIDEST       104
#define MOST_BLOCKS  4 /* channel blocks of a task */

enum { CHANNEL_BLOCKS, CHANNEL_TASKS, ROW_TASKS, PIECE_ROWS, PIECE_COLUMNS };

/* ---- the register tile ---- */

typedef struct outer {
    const float *x, *dy;
    size_t x_row, x_pixel, dy_row, dy_block;
    int rows, pixels;
    float *sums; /* K times F·B */
} outer;

DN_INLINE void outer_product(const outer *o, size_t x_pixel, int blocks, int channels) {
    vec sums[CHANNELS][UNIT];
    for (int k = 0; k < channels; ++k) {
        for (int f = 0; f < blocks; ++f) sums[k][f] = vec_zero();
    }
    for (int r = 0; r < o->rows; ++r) {
        const float *x = o->x + FLOATS(r) * o->x_row, *dy = o->dy + FLOATS(r) * o->dy_row;
        _Pragma("GCC unroll 1") for (int j = 0; j < o->pixels; ++j, x += x_pixel, dy += DN_LANES) {
            const vec d0 = vec_load_aligned(dy);
            const vec d1 = blocks == 2 ? vec_load_aligned(dy + o->dy_block) : d0;
            _Pragma("GCC unroll 8") for (int k = 0; k < channels; ++k) {
                const vec value = vec_set(x[k]);
                sums[k][0] = vec_fma(d0, value, sums[k][0]);
                if (blocks == 2) sums[k][UNIT - 1] = vec_fma(d1, value, sums[k][UNIT - 1]);
            }
        }
    }
    for (int k = 0; k < channels; ++k) {
        for (int f = 0; f < blocks; ++f) {
            float *to = o->sums + (k * blocks + f) * DN_LANES;
            vec_store_aligned(to, vec_add(vec_load_aligned(to), sums[k][f]));
        }
    }
}

typedef void (*outer_fn)(const outer *o);

#define OUTER(NAME, PIXEL, BLOCKS, COUNT)                                                                              \
    static void NAME(const outer *o) { outer_product(o, PIXEL, BLOCKS, COUNT); }
OUTER(one_1, DN_LANES, 1, CHANNELS)
OUTER(one_any, o->x_pixel, 1, CHANNELS)
OUTER(few_1, DN_LANES, 1, 3)
OUTER(few_any, o->x_pixel, 1, 3)
#if UNIT == 2
OUTER(two_1, DN_LANES, 2, CHANNELS)
OUTER(two_any, o->x_pixel, 2, CHANNELS)
OUTER(two_few_1, DN_LANES, 2, 3)
OUTER(two_few_any, o->x_pixel, 2, 3)
#define TWO(ONE, PAIR) PAIR
#else
#define TWO(ONE, PAIR) ONE
#endif

static outer_fn outer_for(int blocks, bool few, size_t pixel) {
    static const outer_fn table[2][2][2] = {
        {{one_any, one_1}, {few_any, few_1}},
        {{TWO(one_any, two_any), TWO(one_1, two_1)}, {TWO(few_any, two_few_any), TWO(few_1, two_few_1)}},
    };
    return table[blocks - 1][few][pixel == DN_LANES];
}

/* ---- how the work is cut ---- */

static int unit_count(const dn_cpu_conv_weights *conv) { return dn_ceil_div(conv->filters, UNIT * DN_LANES); }

/* Blocks of channels that the groups of a unit's filters read. */
static dn_conv_range unit_channels(const dn_cpu_conv_weights *conv, int unit) {
    const int first = unit * UNIT * DN_LANES, last = dn_smaller(first + UNIT * DN_LANES, conv->filters) - 1;
    const int per_group = conv->filters / conv->groups, channels = conv->in_channels / conv->groups;
    const int begin = first / per_group * channels / DN_LANES;
    return (dn_conv_range){begin, dn_ceil_div((last / per_group + 1) * channels, DN_LANES) - begin};
}

static int most_channel_blocks(const dn_cpu_conv_weights *conv) {
    int most = 1;
    for (int unit = 0; unit < unit_count(conv); ++unit) most = dn_greater(most, unit_channels(conv, unit).count);
    return most;
}

static bool flat(const dn_cpu_conv_weights *conv) {
    return conv->size == 1 && conv->pad == 0 && conv->stride_x == 1 && conv->stride_y == 1;
}

void DN_ISA_NAME(conv_weights_choose)(dn_cpu_conv_weights *conv) {
    if (flat(conv)) { /* rows do not matter */
        conv->in_width *= conv->in_height;
        conv->out_width *= conv->out_height;
        conv->in_height = conv->out_height = 1;
    }
    const int units = unit_count(conv), blocks = most_channel_blocks(conv);
    int together = dn_smaller(MOST_BLOCKS, blocks);
    while (together > 1 && units * dn_ceil_div(blocks, together) < 4 * conv->threads) --together;
    const int tasks = dn_ceil_div(blocks, together);
    conv->tile[CHANNEL_TASKS] = tasks;
    conv->tile[CHANNEL_BLOCKS] = dn_ceil_div(blocks, tasks);
    conv->tile[ROW_TASKS] = units * tasks < 4 * conv->threads ? conv->size : 1;
    const int widest = flat(conv) ? PIECE_PIXELS : WIDEST;
    conv->tile[PIECE_COLUMNS] = dn_ceil_div(conv->out_width, dn_ceil_div(conv->out_width, widest));
    conv->tile[PIECE_ROWS] = dn_greater(1, PIECE_PIXELS / conv->tile[PIECE_COLUMNS]);
    conv->tasks = units * tasks * conv->tile[ROW_TASKS];
    conv->scratch_floats =
        FLOATS(conv->tile[CHANNEL_BLOCKS]) * FLOATS(conv->size) * FLOATS(conv->size) * DN_LANES * UNIT * DN_LANES;
}

/* ---- one task ---- */

typedef struct piece { /* of one image's output */
    int row, rows, column, columns;
} piece;

typedef struct task {
    const dn_cpu_conv_weights_call *call;
    const dn_cpu_conv_weights *conv;
    int unit, blocks;       /* filter blocks */
    dn_conv_range channels; /* blocks        */
    int u_first, u_end;
} task;

/* Outputs of first … first+count-1 whose tap lies in the input; `shift`: of the tap, from the window's first cell. */
static void clip(int *first, int *count, int stride, int shift, int limit) {
    int end = *first + *count;
    const int begin = shift < 0 ? dn_ceil_div(-shift, stride) : 0;
    const int stop = limit - shift > 0 ? dn_ceil_div(limit - shift, stride) : 0;
    *first = dn_greater(*first, begin);
    end = dn_smaller(end, stop);
    *count = dn_greater(0, end - *first);
}

static void add_tap(const task *t, const float *x, const float *dy, const piece *whole, int lanes, int u, int v,
                    float *sums) {
    const dn_cpu_conv_weights *conv = t->conv;
    const int up = u * conv->dilation - conv->pad, left = v * conv->dilation - conv->pad;
    piece p = *whole;
    clip(&p.row, &p.rows, conv->stride_y, up, conv->in_height);
    clip(&p.column, &p.columns, conv->stride_x, left, conv->in_width);
    if (p.rows == 0 || p.columns == 0) return;
    const size_t in_row = FLOATS(conv->in_width) * DN_LANES, out_row = FLOATS(conv->out_width) * DN_LANES;
    outer o = {.x = x + FLOATS(p.row * conv->stride_y + up) * in_row +
                    FLOATS(p.column * conv->stride_x + left) * DN_LANES,
               .dy = dy + FLOATS(p.row) * out_row + FLOATS(p.column) * DN_LANES,
               .x_row = FLOATS(conv->stride_y) * in_row,
               .x_pixel = FLOATS(conv->stride_x) * DN_LANES,
               .dy_row = out_row,
               .dy_block = FLOATS(conv->out_height) * out_row,
               .rows = p.rows,
               .pixels = p.columns,
               .sums = sums};
    const outer_fn run = outer_for(t->blocks, lanes <= 3, o.x_pixel);
    for (int k = 0; k < lanes; k += CHANNELS, o.x += CHANNELS, o.sums += CHANNELS * t->blocks * DN_LANES) run(&o);
}

static void add_piece(const task *t, const float *x, const float *dy, const piece *p) {
    const dn_cpu_conv_weights *conv = t->conv;
    const size_t plane = FLOATS(conv->in_height) * FLOATS(conv->in_width) * DN_LANES;
    const size_t tap = FLOATS(DN_LANES) * FLOATS(t->blocks) * DN_LANES, taps = FLOATS(conv->size) * FLOATS(conv->size);
    for (int c = 0; c < t->channels.count; ++c) {
        const int block = t->channels.first + c, lanes = dn_smaller(DN_LANES, conv->in_channels - block * DN_LANES);
        float *sums = t->call->scratch + FLOATS(c) * taps * tap;
        for (int u = t->u_first; u < t->u_end; ++u) {
            for (int v = 0; v < conv->size; ++v) {
                add_tap(t, x + FLOATS(block) * plane, dy, p, lanes, u, v, sums + FLOATS(u * conv->size + v) * tap);
            }
        }
    }
}

static void add_image(const task *t, int image) {
    const dn_cpu_conv_weights *conv = t->conv;
    const size_t plane = FLOATS(conv->out_height) * FLOATS(conv->out_width) * DN_LANES;
    const float *x = t->call->x + FLOATS(image) * t->call->x_image;
    const float *dy = t->call->dy + FLOATS(image) * t->call->dy_image + FLOATS(t->unit * UNIT) * plane;
    for (int row = 0; row < conv->out_height; row += conv->tile[PIECE_ROWS]) {
        for (int column = 0; column < conv->out_width; column += conv->tile[PIECE_COLUMNS]) {
            const piece p = {row, dn_smaller(conv->tile[PIECE_ROWS], conv->out_height - row), column,
                             dn_smaller(conv->tile[PIECE_COLUMNS], conv->out_width - column)};
            add_piece(t, x, dy, &p);
        }
    }
}

/* The sums of one filter and one block of channels, into the filter's weights. */
static void add_filter(const task *t, int filter, int block, const float *sums) {
    const dn_cpu_conv_weights *conv = t->conv;
    const int channels = conv->in_channels / conv->groups, group = filter / (conv->filters / conv->groups);
    const int taps = conv->size * conv->size, from = t->u_first * conv->size, to = t->u_end * conv->size;
    const int first = dn_greater(block * DN_LANES, group * channels);
    const int end = dn_smaller((block + 1) * DN_LANES, (group + 1) * channels);
    const size_t lane = FLOATS(t->blocks) * DN_LANES;
    float *dw = t->call->dw + (FLOATS(filter) * FLOATS(channels)) * FLOATS(taps);
    for (int c = first; c < end; ++c) {
        float *at = dw + FLOATS(c - group * channels) * FLOATS(taps);
        const float *sum = sums + FLOATS(c - block * DN_LANES) * lane;
        for (int k = from; k < to; ++k) at[k] += sum[FLOATS(k) * DN_LANES * lane];
    }
}

static void add_sums(const task *t) {
    const dn_cpu_conv_weights *conv = t->conv;
    const size_t taps = FLOATS(conv->size) * FLOATS(conv->size), lane = FLOATS(t->blocks) * DN_LANES;
    const int first = t->unit * UNIT * DN_LANES, count = dn_smaller(t->blocks * DN_LANES, conv->filters - first);
    for (int c = 0; c < t->channels.count; ++c) {
        const float *sums = t->call->scratch + FLOATS(c) * taps * DN_LANES * lane;
        for (int f = 0; f < count; ++f) add_filter(t, first + f, t->channels.first + c, sums + f);
    }
}

void DN_ISA_NAME(conv_weights_run)(const dn_cpu_conv_weights_call *call, int number) {
    const dn_cpu_conv_weights *conv = call->conv;
    const int rows = conv->tile[ROW_TASKS], together = conv->tile[CHANNEL_BLOCKS];
    const int share = number / rows, unit = share / conv->tile[CHANNEL_TASKS];
    const dn_conv_range all = unit_channels(conv, unit);
    const int skip = share % conv->tile[CHANNEL_TASKS] * together;
    if (skip >= all.count) return;
    task t = {.call = call, .conv = conv, .unit = unit, .u_end = conv->size};
    t.blocks = dn_smaller(UNIT, dn_ceil_div(conv->filters, DN_LANES) - unit * UNIT);
    t.channels = (dn_conv_range){all.first + skip, dn_smaller(together, all.count - skip)};
    if (rows > 1) {
        t.u_first = number % rows;
        t.u_end = t.u_first + 1;
    }
    memset(call->scratch, 0, conv->scratch_floats * sizeof(float));
    for (int image = 0; image < call->images; ++image) add_image(&t, image);
    add_sums(&t);
}
