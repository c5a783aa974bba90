/* conv_winograd.c — 3 × 3 convolutions of stride 1 by F(m,3) (winograd.h), blocked in and out.
 *
 * The output is cut into tiles of m × m. A task is a band of T neighbouring tiles (in the order of reading) for some of
 * the units of filters, in three steps on scratch memory:
 *   V[frequency][input block][tile][B]    transformed input of the band
 *   M[frequency][F][tile][B]              = U[frequency] · V[frequency], for one unit, by the register tiles of 1 × 1
 *   y                                     transformed back, with bias, activation and residual
 * T is as large as lets V and M stay in L2, or larger: weights pass by once per band. Tasks of the same band transform its input
 * each for itself: next to the products of many filters that is little.
 *
 * Packed: bias [filters rounded up to units], U [unit][frequency][input block][B][F·B]. */
#include "backend/cpu/isa/winograd.h"

#define SCRATCH_BYTES    (448 * 1024) /* V and M of a thread */
#define TASKS_PER_THREAD 3
#define FLOATS(n)        ((size_t)(n))

/* Meaning of dn_cpu_conv.tile. */
enum { SIDE, UNIT_BLOCKS, TILES, BANDS, PARTS }; /* m, F, T at most, bands, parts of the units */

static int tile_columns(const dn_cpu_conv *conv) { return dn_ceil_div(conv->out_width, conv->tile[SIDE]); }
static int tile_rows(const dn_cpu_conv *conv) { return dn_ceil_div(conv->out_height, conv->tile[SIDE]); }
static int frequencies(const dn_cpu_conv *conv) { return (conv->tile[SIDE] + 2) * (conv->tile[SIDE] + 2); }
static int in_blocks(const dn_cpu_conv *conv) { return dn_ceil_div(conv->in_channels, DN_LANES); }
static int unit_count(const dn_cpu_conv *conv) {
    return dn_ceil_div(conv->filters, conv->tile[UNIT_BLOCKS] * DN_LANES);
}
static size_t unit_bias(const dn_cpu_conv *conv) { return FLOATS(conv->tile[UNIT_BLOCKS]) * DN_LANES; }

/* Floats of one frequency of one unit of U, of V and of M; V and M end with a gap, lest all their frequencies fall into
 * the same sets of the cache. */
static size_t weight_step(const dn_cpu_conv *conv) { return FLOATS(in_blocks(conv)) * DN_LANES * unit_bias(conv); }
static size_t input_step(const dn_cpu_conv *conv, int tiles) {
    return (FLOATS(in_blocks(conv)) * FLOATS(tiles) + 1) * DN_LANES;
}
static size_t sums_step(const dn_cpu_conv *conv, int tiles) {
    return (FLOATS(conv->tile[UNIT_BLOCKS]) * FLOATS(tiles) + 1) * DN_LANES;
}
static size_t residual_floats(const dn_cpu_conv *conv) {
    return conv->epilogue.residual ? FLOATS(tile_columns(conv)) * 16 * DN_LANES : 0;
}

/* ---- choose ---- */

/* Cycles of one core, roughly, per image: products at two vectors per cycle less what loads and stores take of it,
 * transforms, and weights that come from memory because no cache holds them. */
#define CACHED_WEIGHTS  (6.0 * 1024 * 1024)
#define BYTES_PER_CYCLE 8.0

static double weights_cycles(double floats) {
    const double bytes = floats * sizeof(float);
    return bytes > CACHED_WEIGHTS ? (bytes - CACHED_WEIGHTS) / BYTES_PER_CYCLE : 0.0;
}

static double direct_cycles(const dn_cpu_conv *conv) {
    const double in = in_blocks(conv) * DN_LANES, out = dn_ceil_div(conv->filters, DN_LANES);
    return (double)conv->out_height * conv->out_width * 9.0 * in * out * 0.55 +
           weights_cycles(9.0 * in * out * DN_LANES);
}

static double winograd_cycles(const dn_cpu_conv *conv, int m) {
    const double in = in_blocks(conv), out = dn_ceil_div(conv->filters, DN_LANES), points = (m + 2) * (m + 2);
    const double tiles = (double)dn_ceil_div(conv->out_height, m) * dn_ceil_div(conv->out_width, m);
    return tiles * points * (in * DN_LANES * out * 0.62 + (in + out) * 4.0) +
           weights_cycles(points * in * DN_LANES * out * DN_LANES);
}

/* The error of an output is that of its whole tile: not for outputs that see next to nothing, or nothing, of the image. */
static bool windows_inside(const dn_cpu_conv *conv) {
    return conv->pad <= 1 && conv->out_height <= conv->in_height + 2 * conv->pad - 2 &&
           conv->out_width <= conv->in_width + 2 * conv->pad - 2;
}

static int choose_side(const dn_cpu_conv *conv) {
    if (conv->wish == DN_CPU_CONV_WINOGRAD_2) return 2;
    if (conv->wish == DN_CPU_CONV_WINOGRAD_4) return 4;
    if (conv->wish != DN_CPU_CONV_FASTEST) return 0;
    const double direct = direct_cycles(conv), two = winograd_cycles(conv, 2), four = winograd_cycles(conv, 4);
    if (four < direct && four <= two) return 4;
    return two < direct ? 2 : 0;
}

static void choose_tasks(dn_cpu_conv *conv) {
    const int tiles = tile_rows(conv) * tile_columns(conv), limit = DN_ISA_NAME(conv_tile_limit)(1);
    const size_t per_tile = FLOATS(frequencies(conv)) * (FLOATS(in_blocks(conv)) * DN_LANES + unit_bias(conv));
    int most = (int)(SCRATCH_BYTES / sizeof(float) / per_tile) / limit * limit;
    most = dn_greater(most, 4 * limit); /* or else the weights pass by too often */
    int bands = dn_ceil_div(tiles, most);
    const int wanted = conv->threads > 1 ? conv->threads * TASKS_PER_THREAD : 1;
    const int parts = dn_smaller(dn_ceil_div(wanted, bands), unit_count(conv));
    if (bands * parts < wanted) bands = dn_smaller(dn_ceil_div(wanted, parts), dn_ceil_div(tiles, limit));
    conv->tile[TILES] = dn_ceil_div(tiles, bands);
    conv->tile[BANDS] = bands;
    conv->tile[PARTS] = parts;
    conv->tasks = bands * parts;
}

bool DN_ISA_NAME(conv_winograd_choose)(dn_cpu_conv *conv) {
    if (conv->size != 3 || conv->stride_x != 1 || conv->stride_y != 1 || conv->dilation != 1) return false;
    if (conv->groups != 1 || conv->in_layout != DN_CPU_BLOCKED || conv->out_layout != DN_CPU_BLOCKED) return false;
    const int m = windows_inside(conv) ? choose_side(conv) : 0;
    if (m == 0) return false;
    conv->algorithm = DN_CONV_WINOGRAD;
    conv->name = m == 2 ? "winograd 2" : "winograd 4";
    conv->tile[SIDE] = m;
    conv->tile[UNIT_BLOCKS] = conv->filters > DN_LANES ? DN_UNIT_BLOCKS : 1;
    choose_tasks(conv);
    conv->pack_filters = conv->tile[UNIT_BLOCKS] * DN_LANES;
    conv->packed_floats = FLOATS(unit_count(conv)) * (unit_bias(conv) + FLOATS(frequencies(conv)) * weight_step(conv));
    conv->scratch_floats =
        FLOATS(frequencies(conv)) * (input_step(conv, conv->tile[TILES]) + sums_step(conv, conv->tile[TILES])) +
        residual_floats(conv);
    return true;
}

/* ---- pack ---- */

void DN_ISA_NAME(conv_winograd_pack)(const dn_cpu_conv *conv, int unit, const float *weights, const float *bias,
                                     float *packed) {
    const int unit_blocks = conv->tile[UNIT_BLOCKS], lanes = unit_blocks * DN_LANES;
    const int blocks = dn_smaller(unit_blocks, dn_ceil_div(conv->filters, DN_LANES) - unit * unit_blocks);
    const int filters = dn_smaller(lanes, conv->filters - unit * lanes);
    const size_t unit_floats = FLOATS(frequencies(conv)) * weight_step(conv);
    for (int i = 0; i < lanes; ++i) packed[unit * lanes + i] = bias && i < filters ? bias[i] : 0.0F;
    float *to = packed + FLOATS(unit_count(conv)) * unit_bias(conv) + FLOATS(unit) * unit_floats;
    const size_t filter = FLOATS(conv->in_channels) * 9;
    for (int c = 0; c < in_blocks(conv) * DN_LANES; ++c) {
        for (int f = 0; f < blocks; ++f, to += DN_LANES) {
            const int own = c < conv->in_channels ? dn_smaller(DN_LANES, filters - f * DN_LANES) : 0;
            const float *from = weights + FLOATS(f) * DN_LANES * filter + (own > 0 ? FLOATS(c) * 9 : 0);
            DN_ISA_NAME(winograd_weights)(conv->tile[SIDE], from, filter, own, to, weight_step(conv));
        }
    }
}

/* ---- run ---- */

/* One task. */
typedef struct band {
    const dn_cpu_conv_call *call;
    const dn_cpu_conv *conv;
    int first, tiles; /* of the image's tiles */
    float *v, *sums, *rows;
    size_t v_step, sums_step;
    dn_conv_finish finish;
} band;

/* Neighbouring tiles of one row of tiles. */
typedef struct run {
    int at, row, column, tiles; /* at: in the band */
} run;

static bool next_run(const band *b, run *r) {
    const int columns = tile_columns(b->conv);
    r->at += r->tiles;
    if (r->at >= b->tiles) return false;
    r->row = (b->first + r->at) / columns;
    r->column = (b->first + r->at) % columns;
    r->tiles = dn_smaller(columns - r->column, b->tiles - r->at);
    return true;
}

/* The window of a tile that reaches beyond the image, with zeros there. */
static void copy_window(const dn_cpu_conv *conv, const float *plane, int top, int left, float *to) {
    const int side = conv->tile[SIDE] + 2;
    const int first = dn_smaller(dn_greater(-left, 0), side);
    const int end = dn_greater(dn_smaller(conv->in_width - left, side), first);
    memset(to, 0, FLOATS(side) * FLOATS(side) * DN_LANES * sizeof(float));
    for (int i = 0; i < side; ++i) {
        if (top + i < 0 || top + i >= conv->in_height) continue;
        const ptrdiff_t from = ((ptrdiff_t)(top + i) * conv->in_width + left + first) * DN_LANES;
        memcpy(to + (i * side + first) * DN_LANES, plane + from, FLOATS(end - first) * DN_LANES * sizeof(float));
    }
}

/* Tiles of a run whose windows lie inside, and those that do not, one by one. */
static void input_run(const band *b, const float *plane, const run *r, float *v) {
    const dn_cpu_conv *conv = b->conv;
    const int m = conv->tile[SIDE], top = r->row * m - conv->pad;
    const size_t width = FLOATS(conv->in_width) * DN_LANES;
    const bool rows_inside = top >= 0 && top + m + 2 <= conv->in_height;
    for (int t = 0; t < r->tiles;) {
        const int left = (r->column + t) * m - conv->pad;
        int inside = rows_inside && left >= 0 ? (conv->in_width - left - 2) / m : 0;
        inside = dn_smaller(inside, r->tiles - t);
        if (inside > 0) {
            const float *x = plane + FLOATS(top) * width + FLOATS(left) * DN_LANES;
            DN_ISA_NAME(winograd_input)(m, x, width, inside, v + FLOATS(t) * DN_LANES, b->v_step);
            t += inside;
            continue;
        }
        _Alignas(64) float window[DN_WINOGRAD_SIDE * DN_WINOGRAD_SIDE * DN_LANES];
        copy_window(conv, plane, top, left, window);
        DN_ISA_NAME(winograd_input)
        (m, window, FLOATS(m + 2) * DN_LANES, 1, v + FLOATS(t) * DN_LANES, b->v_step);
        t += 1;
    }
}

static void transform_input(const band *b) {
    const size_t plane = FLOATS(b->conv->in_height) * FLOATS(b->conv->in_width) * DN_LANES;
    for (int c = 0; c < in_blocks(b->conv); ++c) {
        for (run r = {0}; next_run(b, &r);) {
            float *v = b->v + (FLOATS(c) * FLOATS(b->tiles) + FLOATS(r.at)) * DN_LANES;
            input_run(b, b->call->x.data + FLOATS(c) * plane, &r, v);
        }
    }
}

/* Weights pass by once: while the second part of the tiles (and the third) reads them from L1, those of the next
 * frequency are fetched. */
static void multiply(const band *b, const float *weights, int blocks) {
    static const _Alignas(64) float zeros[DN_UNIT_BLOCKS * DN_LANES];
    const int parts = dn_ceil_div(b->tiles, DN_ISA_NAME(conv_tile_limit)(1));
    dn_conv_tile tile = {.bias = zeros,
                         .x_channel = FLOATS(b->tiles) * DN_LANES,
                         .pixel = DN_LANES,
                         .y_block = FLOATS(b->tiles) * DN_LANES,
                         .channels = in_blocks(b->conv),
                         .last_lanes = b->conv->in_channels - (in_blocks(b->conv) - 1) * DN_LANES,
                         .size = 1,
                         .u_end = 1,
                         .slope = 1.0F};
    const size_t ahead = FLOATS(in_blocks(b->conv)) * DN_LANES * DN_LANES; /* of one filter block */
    for (int k = 0; k < frequencies(b->conv); ++k) {
        tile.weights = weights + FLOATS(k) * weight_step(b->conv);
        tile.x = b->v + FLOATS(k) * b->v_step;
        const float *next = tile.weights + weight_step(b->conv);
        for (int part = 0, first = 0; part < parts; ++part) {
            const int pixels = (b->tiles - first) / (parts - part);
            tile.at = (ptrdiff_t)first * DN_LANES;
            tile.ahead = part > 0 && part <= blocks ? next + FLOATS(part - 1) * ahead : NULL;
            tile.y = b->sums + FLOATS(k) * b->sums_step + FLOATS(first) * DN_LANES;
            DN_ISA_NAME(conv_tile)(DN_CPU_BLOCKED, 1, blocks, pixels)(&tile);
            first += pixels;
        }
    }
}

/* One run of one block of filters; the rows of its tiles go to y, or to `rows` where a residual is to be added. */
static void output_run(const band *b, const run *r, const float *sums, int block) {
    const dn_cpu_conv *conv = b->conv;
    const int m = conv->tile[SIDE], top = r->row * m, left = r->column * m;
    const size_t width = FLOATS(conv->out_width) * DN_LANES;
    const size_t offset =
        FLOATS(block) * FLOATS(conv->out_height) * width + FLOATS(top) * width + FLOATS(left) * DN_LANES;
    float *y = b->call->y.data + offset;
    float *to = conv->epilogue.residual ? b->rows : y;
    const size_t row = conv->epilogue.residual ? FLOATS(r->tiles * m) * DN_LANES : width;
    const int rows = dn_smaller(m, conv->out_height - top);
    for (int t = 0; t < r->tiles; ++t) {
        const int columns = dn_smaller(m, conv->out_width - left - t * m);
        DN_ISA_NAME(winograd_output)
        (m, sums + FLOATS(t) * DN_LANES, b->sums_step, b->call->packed + FLOATS(block) * DN_LANES, b->finish.slope,
         to + FLOATS(t * m) * DN_LANES, row, rows, columns);
    }
    const size_t count = FLOATS(dn_smaller(r->tiles * m, conv->out_width - left)) * DN_LANES;
    for (int i = 0; !b->finish.on_store && i < rows; ++i) {
        const float *residual = conv->epilogue.residual ? b->call->residual.data + offset + FLOATS(i) * width : NULL;
        DN_ISA_NAME(conv_finish)(&b->finish, to + FLOATS(i) * row, residual, y + FLOATS(i) * width, count);
    }
}

static void transform_output(const band *b, int first_block, int blocks) {
    for (int f = 0; f < blocks; ++f) {
        for (run r = {0}; next_run(b, &r);) {
            const size_t at = FLOATS(f) * FLOATS(b->tiles) + FLOATS(r.at);
            output_run(b, &r, b->sums + at * DN_LANES, first_block + f);
        }
    }
}

/* Part `index` of `count` things in `parts` even parts. */
static int share(int count, int parts, int index, int *first) {
    const int each = count / parts, longer = count % parts;
    *first = index * each + dn_smaller(index, longer);
    return each + (index < longer ? 1 : 0);
}

void DN_ISA_NAME(conv_winograd_run)(const dn_cpu_conv_call *call, int task) {
    const dn_cpu_conv *conv = call->conv;
    const int parts = conv->tile[PARTS], points = frequencies(conv), unit_blocks = conv->tile[UNIT_BLOCKS];
    band b = {.call = call, .conv = conv, .finish = DN_ISA_NAME(conv_finish_plan)(&conv->epilogue)};
    b.tiles = share(tile_rows(conv) * tile_columns(conv), conv->tile[BANDS], task / parts, &b.first);
    b.v_step = input_step(conv, b.tiles);
    b.sums_step = sums_step(conv, b.tiles);
    b.v = call->scratch;
    b.sums = b.v + FLOATS(points) * b.v_step;
    b.rows = b.sums + FLOATS(points) * b.sums_step;
    transform_input(&b);
    int unit;
    const int units = share(unit_count(conv), parts, task % parts, &unit);
    const float *weights = call->packed + FLOATS(unit_count(conv)) * unit_bias(conv);
    for (const int end = unit + units; unit < end; ++unit) {
        const int first = unit * unit_blocks;
        const int blocks = dn_smaller(unit_blocks, dn_ceil_div(conv->filters, DN_LANES) - first);
        multiply(&b, weights + FLOATS(unit) * FLOATS(points) * weight_step(conv), blocks);
        transform_output(&b, first, blocks);
    }
}
