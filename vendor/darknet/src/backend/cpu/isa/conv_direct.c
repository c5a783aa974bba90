/* conv_direct.c — convolution with a dense or grouped window, cut into tasks and register tiles.
 *
 * A task is a band of output rows for one unit (F filter blocks), or for all units when the band's input is first
 * copied with its padding into scratch. Tasks of one band follow each other, so that its input, cut to CACHE_BYTES,
 * stays in L2 while the units' weights pass by; a unit's weights stay there while its tiles go over the band, which
 * happens once for every WEIGHTS_BYTES of them: the sums wait in y meanwhile.
 * A 1×1 convolution sees the image as one long row, cut into "rows" of one tile each.
 *
 * What follows the sums happens tile by tile: slopes (linear, relu, leaky) on the registers before the store, the rest
 * on the tile while it is in L1. */
#include "backend/cpu/isa/conv.h"

#define CACHE_BYTES      (384 * 1024)
#define WEIGHTS_BYTES    (320 * 1024)
#define TASKS_PER_THREAD 4
#define FLOATS(n)        ((size_t)(n))

/* ---- choose ---- */

static bool is_flat(const dn_cpu_conv *conv) {
    return conv->size == 1 && conv->stride_x == 1 && conv->stride_y == 1 && conv->pad == 0 &&
           conv->in_height == conv->out_height && conv->in_width == conv->out_width;
}

/* How many of a tile's pixels, whose input columns are at, at + stride, …, lie left of 0 or from width on. */
static dn_tap_reach tap_reach(int at, int stride, int width, int pixels) {
    const int last = at + (pixels - 1) * stride;
    const int before = at < 0 ? dn_smaller(dn_ceil_div(-at, stride), pixels) : 0;
    const int after = last >= width ? dn_smaller((last - width) / stride + 1, pixels) : 0;
    if (before + after >= pixels) return DN_TAP_NONE;
    if (before + after == 0) return DN_TAP_ALL;
    if (before + after > 1) return DN_TAP_OTHER;
    return before ? DN_TAP_NOT_FIRST : DN_TAP_NOT_LAST;
}

/* Size of part `index` when `whole` is shared out evenly over `parts`; *first is where it begins. */
static int share(int whole, int parts, int index, int *first) {
    const int each = whole / parts, longer = whole % parts;
    *first = index * each + dn_smaller(index, longer);
    return each + (index < longer ? 1 : 0);
}

static bool reach_is_simple(const dn_cpu_conv *conv, int limit) {
    const int tiles = dn_ceil_div(conv->out_width, limit);
    for (int i = 0; i < tiles; ++i) {
        int column;
        const int pixels = share(conv->out_width, tiles, i, &column);
        for (int v = 0; v < conv->size; ++v) {
            const int at = column * conv->stride_x - conv->pad + v * conv->dilation;
            if (tap_reach(at, conv->stride_x, conv->in_width, pixels) == DN_TAP_OTHER) return false;
        }
    }
    return true;
}

static int window(const dn_cpu_conv *conv) { return (conv->size - 1) * conv->dilation + 1; }
static int padded_columns(const dn_cpu_conv *conv) { return (conv->out_width - 1) * conv->stride_x + window(conv); }
static int padded_rows(const dn_cpu_conv *conv, int rows) { return (rows - 1) * conv->stride_y + window(conv); }

static bool needs_padding(const dn_cpu_conv *conv, int limit) {
    if (conv->in_layout == DN_CPU_BLOCKED) return conv->size > DN_TAPS_MAX || !reach_is_simple(conv, limit);
    return conv->pad > 0 || padded_columns(conv) > conv->in_width ||
           padded_rows(conv, conv->out_height) > conv->in_height;
}

static int unit_count(const dn_cpu_conv *conv) {
    return dn_ceil_div(conv->filters, conv->tile[DN_CONV_UNIT_BLOCKS] * DN_LANES);
}

static void choose_units(dn_cpu_conv *conv) {
    const int per_group = conv->filters / conv->groups;
    const bool pairs = conv->groups == 1 ? conv->filters > DN_LANES : per_group % (DN_UNIT_BLOCKS * DN_LANES) == 0;
    const int blocks = pairs ? DN_UNIT_BLOCKS : 1;
    conv->tile[DN_CONV_UNIT_BLOCKS] = blocks;
    int most = 0;
    for (int unit = 0; unit < dn_ceil_div(conv->filters, blocks * DN_LANES); ++unit) {
        most = dn_greater(most, dn_conv_unit_range(conv, blocks, unit).count);
    }
    conv->tile[DN_CONV_UNIT_CHANNELS] = most;
}

/* Rows into bands: small enough for the cache, many enough for the threads. */
static void choose_bands(dn_cpu_conv *conv, int rows) {
    const bool padded = conv->tile[DN_CONV_PADDED] != 0;
    const int units = padded ? 1 : unit_count(conv);
    const double channels = (double)conv->tile[DN_CONV_UNIT_CHANNELS] * dn_conv_inner(conv);
    const double bytes = channels * conv->in_height * conv->in_width * sizeof(float);
    double bands = bytes / CACHE_BYTES + 1.0;
    if (conv->threads > 1 && bands * units < conv->threads * TASKS_PER_THREAD) {
        bands = (double)dn_ceil_div(conv->threads * TASKS_PER_THREAD, units);
    }
    int whole = bands < rows ? (int)bands : rows;
    for (int more = 0; more < conv->threads && whole + more <= rows; ++more) { /* as many tasks for each thread */
        if ((whole + more) * units % conv->threads != 0) continue;
        whole += more;
        break;
    }
    conv->tile[DN_CONV_ROWS] = dn_ceil_div(rows, whole);
    conv->tile[DN_CONV_BANDS] = whole;
    conv->tasks = whole * units;
}

bool DN_ISA_NAME(conv_direct_choose)(dn_cpu_conv *conv) {
    const int limit = DN_ISA_NAME(conv_tile_limit)(conv->stride_x);
    const bool planar = conv->in_layout == DN_CPU_PLANAR;
    conv->algorithm = planar ? DN_CONV_PLANAR : DN_CONV_DIRECT;
    conv->name = planar ? "planar" : is_flat(conv) ? "direct 1x1" : "direct";
    choose_units(conv);
    int rows = conv->out_height;
    conv->tile[DN_CONV_FLAT] = 0;
    conv->tile[DN_CONV_PADDED] = 0;
    if (is_flat(conv)) {
        const int pixels = conv->out_height * conv->out_width;
        conv->tile[DN_CONV_FLAT] = dn_ceil_div(pixels, dn_ceil_div(pixels, limit));
        rows = dn_ceil_div(pixels, conv->tile[DN_CONV_FLAT]);
    } else {
        conv->tile[DN_CONV_PADDED] = needs_padding(conv, limit);
    }
    choose_bands(conv, rows);
    conv->scratch_floats = 0;
    if (conv->tile[DN_CONV_PADDED]) {
        conv->scratch_floats = FLOATS(conv->tile[DN_CONV_UNIT_CHANNELS]) * FLOATS(dn_conv_inner(conv)) *
                               FLOATS(padded_rows(conv, conv->tile[DN_CONV_ROWS])) * FLOATS(padded_columns(conv));
    }
    conv->packed_floats = FLOATS(unit_count(conv)) * dn_conv_unit_floats(conv);
    conv->pack_filters = conv->tile[DN_CONV_UNIT_BLOCKS] * DN_LANES;
    return true;
}

/* ---- what follows the sums ---- */

/* One task's constants. */
typedef struct band {
    const dn_cpu_conv_call *call;
    const dn_cpu_conv *conv;
    dn_conv_tile tile;
    int first_block, blocks; /* filter blocks of the unit                                      */
    bool in_place;           /* tiles are written where they belong                            */
    bool last_part;          /* of the channels: what follows the sums may follow              */
    dn_conv_finish finish;
    float *buffer; /* of a tile that is not, [f][pixel][lane]; then its transpose     */
    unsigned char reach[DN_TAPS_MAX];
} band;

#define BUFFER_FLOATS (DN_UNIT_BLOCKS * DN_TILE_PIXELS * DN_LANES)
#define PLANE_PIXELS  ((DN_TILE_PIXELS + DN_LANES - 1) / DN_LANES * DN_LANES)

static void finish_blocked(const band *b, size_t at, int pixels) {
    const size_t plane = FLOATS(b->conv->out_height) * FLOATS(b->conv->out_width) * DN_LANES;
    for (int f = 0; f < b->blocks; ++f) {
        const size_t offset = FLOATS(b->first_block + f) * plane + at * DN_LANES;
        float *y = b->call->y.data + offset;
        const float *residual = b->conv->epilogue.residual ? b->call->residual.data + offset : NULL;
        float *sums = b->in_place ? y : b->buffer + f * DN_TILE_PIXELS * DN_LANES;
        DN_ISA_NAME(conv_finish)(&b->finish, sums, residual, y, FLOATS(pixels) * DN_LANES);
    }
}

/* Nothing follows the sums: they go to their planes as they are turned. */
static void store_planes(const float *sums, float *y, size_t plane, int lanes, int pixels) {
    for (int first = 0; first < pixels; first += DN_LANES) {
        const int count = dn_smaller(DN_LANES, pixels - first);
        vec rows[DN_LANES];
        for (int p = 0; p < DN_LANES; ++p) {
            rows[p] = p < count ? vec_load_aligned(sums + (first + p) * DN_LANES) : vec_zero();
        }
        vec_transpose(rows);
        for (int lane = 0; lane < lanes; ++lane) {
            vec_store_first(y + FLOATS(lane) * plane + first, rows[lane], count);
        }
    }
}

/* One filter block of a tile from [pixel][lane] to [lane][pixel]. */
static void transpose_tile(const float *sums, float *planes, int pixels) {
    for (int first = 0; first < pixels; first += DN_LANES) {
        vec rows[DN_LANES];
        for (int p = 0; p < DN_LANES; ++p) {
            rows[p] = first + p < pixels ? vec_load_aligned(sums + (first + p) * DN_LANES) : vec_zero();
        }
        vec_transpose(rows);
        for (int lane = 0; lane < DN_LANES; ++lane) {
            vec_store_aligned(planes + lane * PLANE_PIXELS + first, rows[lane]);
        }
    }
}

static void finish_planar(const band *b, size_t at, int pixels) {
    const size_t plane = FLOATS(b->conv->out_height) * FLOATS(b->conv->out_width);
    float *planes = b->buffer + BUFFER_FLOATS;
    for (int f = 0; f < b->blocks; ++f) {
        const int filter = (b->first_block + f) * DN_LANES;
        if (b->finish.on_store) {
            store_planes(b->buffer + f * DN_TILE_PIXELS * DN_LANES, b->call->y.data + FLOATS(filter) * plane + at,
                         plane, dn_smaller(DN_LANES, b->conv->filters - filter), pixels);
            continue;
        }
        transpose_tile(b->buffer + f * DN_TILE_PIXELS * DN_LANES, planes, pixels);
        for (int lane = 0; lane < dn_smaller(DN_LANES, b->conv->filters - filter); ++lane) {
            const size_t offset = FLOATS(filter + lane) * plane + at;
            const float *residual = b->conv->epilogue.residual ? b->call->residual.data + offset : NULL;
            DN_ISA_NAME(conv_finish)
            (&b->finish, planes + lane * PLANE_PIXELS, residual, b->call->y.data + offset, FLOATS(pixels));
        }
    }
}

/* ---- run ---- */

/* Runs the tile and what follows; `at` is the first pixel in the output image. */
static void run_tile(band *b, size_t at, int pixels) {
    const size_t plane = FLOATS(b->conv->out_height) * FLOATS(b->conv->out_width) * DN_LANES;
    b->tile.y_block = b->in_place ? plane : DN_TILE_PIXELS * DN_LANES;
    b->tile.y = b->in_place ? b->call->y.data + FLOATS(b->first_block) * plane + at * DN_LANES : b->buffer;
    DN_ISA_NAME(conv_tile)(b->conv->in_layout, b->conv->stride_x, b->blocks, pixels)(&b->tile);
    if (b->conv->out_layout == DN_CPU_PLANAR) {
        finish_planar(b, at, pixels);
    } else if (b->last_part && !b->finish.on_store) {
        finish_blocked(b, at, pixels);
    }
}

static void run_flat_row(band *b, int row) {
    const int pixels = b->conv->out_height * b->conv->out_width, flat = b->conv->tile[DN_CONV_FLAT];
    b->tile.at = (ptrdiff_t)row * flat * dn_conv_inner(b->conv);
    run_tile(b, FLOATS(row) * FLOATS(flat), dn_smaller(flat, pixels - row * flat));
}

/* Tap rows that lie in the image for output row `row`. */
static void set_tap_rows(band *b, int row) {
    const dn_cpu_conv *conv = b->conv;
    const int top = row * conv->stride_y - conv->pad;
    const int below = conv->in_height - top; /* rows from the window's first to the image's end */
    b->tile.u_first = top < 0 ? dn_smaller(dn_ceil_div(-top, conv->dilation), conv->size) : 0;
    b->tile.u_end = below > 0 ? dn_smaller(dn_ceil_div(below, conv->dilation), conv->size) : 0;
}

/* first_row: output row whose window begins at the top of the padded copy. */
static void run_row(band *b, int row, int first_row) {
    const dn_cpu_conv *conv = b->conv;
    const bool padded = conv->tile[DN_CONV_PADDED] != 0;
    const int inner = dn_conv_inner(conv), pad = padded ? 0 : conv->pad;
    const int columns = padded ? padded_columns(conv) : conv->in_width;
    const int top = (padded ? row - first_row : row) * conv->stride_y - pad;
    const int tiles = dn_ceil_div(conv->out_width, DN_ISA_NAME(conv_tile_limit)(conv->stride_x));
    const bool edges = !padded && conv->in_layout == DN_CPU_BLOCKED;
    if (edges) set_tap_rows(b, row);
    b->tile.reach = edges ? b->reach : NULL;
    for (int i = 0; i < tiles; ++i) {
        int column;
        const int pixels = share(conv->out_width, tiles, i, &column);
        const int left = column * conv->stride_x - pad;
        b->tile.at = ((ptrdiff_t)top * columns + left) * inner;
        for (int v = 0; edges && v < conv->size; ++v) {
            const dn_tap_reach reach = tap_reach(left + v * conv->dilation, conv->stride_x, columns, pixels);
            b->reach[v] = (unsigned char)reach;
        }
        run_tile(b, FLOATS(row) * FLOATS(conv->out_width) + FLOATS(column), pixels);
    }
}

/* One row of the padded copy: input row `y` of a channel or block, or zeros. */
static void copy_row(const dn_cpu_conv *conv, const float *plane, int y, float *to, int columns, int inner) {
    const int left = dn_smaller(conv->pad, columns);
    const int middle = dn_smaller(conv->in_width, columns - left);
    const size_t pixel = FLOATS(inner) * sizeof(float);
    if (y < 0 || y >= conv->in_height || middle <= 0) {
        memset(to, 0, FLOATS(columns) * pixel);
        return;
    }
    memset(to, 0, FLOATS(left) * pixel);
    memcpy(to + left * inner, plane + FLOATS(y) * FLOATS(conv->in_width) * FLOATS(inner), FLOATS(middle) * pixel);
    memset(to + (left + middle) * inner, 0, FLOATS(columns - left - middle) * pixel);
}

static void copy_padded(const dn_cpu_conv_call *call, dn_conv_range range, int first_row, int rows) {
    const dn_cpu_conv *conv = call->conv;
    const int inner = dn_conv_inner(conv), columns = padded_columns(conv), height = padded_rows(conv, rows);
    const size_t plane = FLOATS(conv->in_height) * FLOATS(conv->in_width) * FLOATS(inner);
    float *to = call->scratch;
    for (int c = range.first; c < range.first + range.count; ++c) {
        for (int y = 0; y < height; ++y, to += FLOATS(columns) * FLOATS(inner)) {
            const int from = first_row * conv->stride_y - conv->pad + y;
            copy_row(conv, call->x.data + FLOATS(c) * plane, from, to, columns, inner);
        }
    }
}

/* Geometry of the input as tiles see it: the tensor itself or the padded copy. */
static void set_unit(band *b, int unit, dn_conv_range range, int rows) {
    const dn_cpu_conv *conv = b->conv;
    const bool padded = conv->tile[DN_CONV_PADDED] != 0;
    const size_t inner = FLOATS(dn_conv_inner(conv));
    const size_t columns = FLOATS(padded ? padded_columns(conv) : conv->in_width);
    const size_t height = FLOATS(padded ? padded_rows(conv, rows) : conv->in_height);
    const int unit_blocks = conv->tile[DN_CONV_UNIT_BLOCKS];
    b->first_block = unit * unit_blocks;
    b->blocks = dn_smaller(unit_blocks, dn_ceil_div(conv->filters, DN_LANES) - b->first_block);
    b->tile.channels = range.count;
    b->tile.x_channel = height * columns * inner;
    b->tile.x_row = columns * inner * FLOATS(conv->dilation);
    b->tile.x_column = inner * FLOATS(conv->dilation);
    b->tile.pixel = inner * FLOATS(conv->stride_x);
    b->tile.x = padded ? b->call->scratch : b->call->x.data + FLOATS(range.first) * b->tile.x_channel;
    b->tile.bias = b->call->packed + FLOATS(unit) * dn_conv_unit_floats(conv);
    b->tile.weights = b->tile.bias + b->blocks * DN_LANES;
}

/* The first tiles of a 1 × 1 unit, which are short, fetch the next unit's weights. */
static const float *next_weights(const band *b, int tile) {
    if (!b->conv->tile[DN_CONV_FLAT] || tile >= b->blocks) return NULL;
    const size_t block = FLOATS(b->tile.channels) * DN_LANES * DN_LANES;
    return b->tile.weights + FLOATS(b->blocks + tile) * block;
}

static void run_rows(band *b, int first_row, int end_row) {
    for (int row = first_row; row < end_row; ++row) {
        b->tile.ahead = next_weights(b, row - first_row);
        if (b->conv->tile[DN_CONV_FLAT]) {
            run_flat_row(b, row);
        } else {
            run_row(b, row, first_row);
        }
    }
}

/* All channels in one go, or as many at a time as the cache has room for their weights. */
static void run_unit(band *b, int unit, dn_conv_range range, int first_row, int end_row) {
    set_unit(b, unit, range, end_row - first_row);
    const size_t weights = FLOATS(b->conv->size) * FLOATS(b->conv->size) * FLOATS(dn_conv_inner(b->conv)) *
                           FLOATS(b->blocks) * DN_LANES; /* of one step of the channels */
    const size_t wanted = weights * FLOATS(range.count) * sizeof(float) / WEIGHTS_BYTES + 1;
    const int parts = b->in_place && wanted < FLOATS(range.count) ? (int)wanted : 1;
    const dn_conv_tile whole = b->tile;
    for (int part = 0; part < parts; ++part) {
        int first;
        b->tile.channels = share(range.count, parts, part, &first);
        b->tile.x = whole.x + FLOATS(first) * whole.x_channel;
        b->tile.weights = whole.weights + FLOATS(first) * weights;
        b->tile.resume = part > 0;
        b->tile.last_lanes =
            dn_smaller(DN_LANES, b->conv->in_channels - (range.first + first + b->tile.channels - 1) * DN_LANES);
        b->last_part = part == parts - 1;
        b->tile.slope = b->last_part ? b->finish.slope : 1.0F;
        run_rows(b, first_row, end_row);
    }
}

void DN_ISA_NAME(conv_direct_run)(const dn_cpu_conv_call *call, int task) {
    const dn_cpu_conv *conv = call->conv;
    _Alignas(64) float buffer[BUFFER_FLOATS + DN_LANES * PLANE_PIXELS];
    band b = {.call = call, .conv = conv, .buffer = buffer};
    b.tile.size = conv->size;
    b.tile.u_end = conv->size;
    b.finish = DN_ISA_NAME(conv_finish_plan)(&conv->epilogue);
    b.in_place = conv->out_layout == DN_CPU_BLOCKED && !conv->epilogue.residual;
    const int units = unit_count(conv), unit_blocks = conv->tile[DN_CONV_UNIT_BLOCKS];
    const bool padded = conv->tile[DN_CONV_PADDED] != 0;
    const int flat = conv->tile[DN_CONV_FLAT];
    const int rows = flat ? dn_ceil_div(conv->out_height * conv->out_width, flat) : conv->out_height;
    int first_row;
    const int band_rows = share(rows, conv->tile[DN_CONV_BANDS], padded ? task : task / units, &first_row);
    const int end_row = first_row + band_rows;
    if (!padded) {
        const int unit = task % units;
        run_unit(&b, unit, dn_conv_unit_range(conv, unit_blocks, unit), first_row, end_row);
        return;
    }
    dn_conv_range copied = {-1, 0};
    for (int unit = 0; unit < units; ++unit) {
        const dn_conv_range range = dn_conv_unit_range(conv, unit_blocks, unit);
        if (range.first != copied.first || range.count != copied.count) {
            copy_padded(call, range, first_row, band_rows);
            copied = range;
        }
        run_unit(&b, unit, range, first_row, end_row);
    }
}
