/* conv.h — what the convolution files share.
 *
 *   conv.c            choose, pack, run: which algorithm, how the work is cut, weights in the kernel's order
 *   conv_direct.c     the loop over tiles of "direct" (blocked input) and "planar" (planar input)
 *   conv_tiles.c      the register tiles those two call
 *   conv_finish.c     what follows the sums: activation, residual
 *   conv_depthwise.c  one filter per channel
 *   conv_winograd.c   3×3 of stride 1 with fewer products; winograd_transform.c: what surrounds them
 *
 * A unit is F filter blocks of B = DN_LANES filters that one register tile computes together; the last unit of an odd
 * number of blocks has one. Packed, unit after unit, dn_conv_layout.unit_floats apart:
 *   bias [F·B], weights [input block][u][v][B][F·B]       blocked input
 *   bias [F·B], weights [channel][u][v][F·B]              planar input
 * A unit reads only the channels (whole blocks) of the groups its filters belong to; weights of a filter for channels
 * of another group are 0 there, so every number of groups takes the same path. */
#ifndef DN_BACKEND_CPU_ISA_CONV_H
#define DN_BACKEND_CPU_ISA_CONV_H

#include "backend/cpu/isa/isa.h"

/* Accumulators stay in registers: F·P of them, F of weights and one of the input.
 * 32 registers: 2·14 + 2 + 1. 16: 2·6 + 2 + 1. 8: 1·5 + 1 + 1. */
#if DN_REGISTERS == 32
#define DN_UNIT_BLOCKS 2
#define DN_TILE_PIXELS 14
#elif DN_REGISTERS == 16
#define DN_UNIT_BLOCKS 2
#define DN_TILE_PIXELS 6
#else
#define DN_UNIT_BLOCKS 1
#define DN_TILE_PIXELS 5
#endif

typedef enum dn_conv_algorithm {
    DN_CONV_DIRECT,
    DN_CONV_PLANAR,
    DN_CONV_DEPTHWISE,
    DN_CONV_WINOGRAD
} dn_conv_algorithm;

/* Meaning of dn_cpu_conv.tile, direct and planar */
typedef enum dn_conv_number {
    DN_CONV_UNIT_BLOCKS,   /* F */
    DN_CONV_UNIT_CHANNELS, /* most input blocks (blocked) or channels (planar) that a unit reads */
    DN_CONV_ROWS,          /* most output rows of a task                                            */
    DN_CONV_BANDS,         /* tasks that the rows are cut into                                  */
    DN_CONV_FLAT,          /* 1×1 on an image seen as rows of so many pixels; 0: not flattened  */
    DN_CONV_PADDED,        /* the input is copied into scratch with its padding                 */
} dn_conv_number;

static inline int dn_ceil_div(int a, int b) { return (a + b - 1) / b; }
static inline int dn_smaller(int a, int b) { return a < b ? a : b; }
static inline int dn_greater(int a, int b) { return a > b ? a : b; }

/* First input block or channel of a unit, and how many. */
typedef struct dn_conv_range {
    int first, count;
} dn_conv_range;

static inline dn_conv_range dn_conv_unit_range(const dn_cpu_conv *conv, int unit_blocks, int unit) {
    const int first = unit * unit_blocks * DN_LANES;
    const int last = dn_smaller(first + unit_blocks * DN_LANES, conv->filters) - 1;
    const int per_group = conv->filters / conv->groups, channels = conv->in_channels / conv->groups;
    const int begin = first / per_group * channels, end = (last / per_group + 1) * channels;
    if (conv->in_layout == DN_CPU_PLANAR) return (dn_conv_range){begin, end - begin};
    return (dn_conv_range){begin / DN_LANES, dn_ceil_div(end, DN_LANES) - begin / DN_LANES};
}

static inline int dn_conv_inner(const dn_cpu_conv *conv) { return conv->in_layout == DN_CPU_PLANAR ? 1 : DN_LANES; }

static inline size_t dn_conv_unit_floats(const dn_cpu_conv *conv) {
    const size_t taps = (size_t)conv->size * (size_t)conv->size;
    const size_t sums = (size_t)conv->tile[DN_CONV_UNIT_CHANNELS] * taps * (size_t)dn_conv_inner(conv);
    return (sums + 1) * (size_t)conv->tile[DN_CONV_UNIT_BLOCKS] * DN_LANES;
}

/* Which pixels of a tile have input under tap column v: the others reach beyond the left or right edge. */
typedef enum dn_tap_reach { DN_TAP_ALL, DN_TAP_NOT_FIRST, DN_TAP_NOT_LAST, DN_TAP_NONE, DN_TAP_OTHER } dn_tap_reach;

#define DN_TAPS_MAX 16 /* wider windows go through padded scratch, where every tap reaches every pixel */

/* One register tile: P neighbouring output pixels × F filter blocks.
 * y[f][p] = max(s, slope·s), s = bias[f] + Σ_{c, u in [u_first, u_end), v} Σ_k weights · x[at + c·x_channel + u·x_row
 *           + v·x_column + p·pixel + k] */
typedef struct dn_conv_tile {
    const float *x, *weights, *bias;
    float *y;
    ptrdiff_t at;
    size_t x_channel, x_row, x_column; /* floats to the next block or channel, tap row, tap column */
    size_t pixel;                      /* floats to the next output pixel's input                  */
    size_t y_block;                    /* floats from a filter block of y to the next              */
    int channels, last_lanes;          /* blocks (or planes), and how many channels the last block has */
    int size, u_first, u_end;
    const float *ahead;         /* what is needed soon, B·B floats per block; or NULL */
    float slope;                /* 0 … 1 */
    bool resume;                /* y holds the sum over earlier channels: continue it, without bias */
    const unsigned char *reach; /* blocked input: dn_tap_reach per v, or NULL: ALL */
} dn_conv_tile;

typedef void (*dn_conv_tile_fn)(const dn_conv_tile *tile);

/* conv_tiles.c: the tile for F blocks and P <= dn_conv_tile_limit pixels; stride as in dn_cpu_conv.stride_x. */
int DN_ISA_NAME(conv_tile_limit)(int stride);
dn_conv_tile_fn DN_ISA_NAME(conv_tile)(dn_cpu_layout layout, int stride, int blocks, int pixels);

/* What the store's slope does of an epilogue, and what is left for conv_finish. */
typedef struct dn_conv_finish {
    dn_cpu_epilogue epilogue;
    float slope;        /* of the store: max(s, slope · s)                                 */
    dn_activation rest; /* activation that the store leaves to do                          */
    bool on_store;      /* the store does all of it: y is finished when the sums are stored */
} dn_conv_finish;

/* conv_finish.c: y = after(f(sum) + residual), or after(f(sum + residual)), over one run of what the store left. sums
 * may be y, and are overwritten; y may be residual. */
dn_conv_finish DN_ISA_NAME(conv_finish_plan)(const dn_cpu_epilogue *epilogue);
void DN_ISA_NAME(conv_finish)(const dn_conv_finish *finish, float *sums, const float *residual, float *y, size_t count);

/* conv_direct.c */
bool DN_ISA_NAME(conv_direct_choose)(dn_cpu_conv *conv);
void DN_ISA_NAME(conv_direct_run)(const dn_cpu_conv_call *call, int task);

/* conv_winograd.c */
bool DN_ISA_NAME(conv_winograd_choose)(dn_cpu_conv *conv);
void DN_ISA_NAME(conv_winograd_pack)(const dn_cpu_conv *conv, int unit, const float *weights, const float *bias,
                                     float *packed);
void DN_ISA_NAME(conv_winograd_run)(const dn_cpu_conv_call *call, int task);

/* conv_depthwise.c */
bool DN_ISA_NAME(conv_depthwise_choose)(dn_cpu_conv *conv);
void DN_ISA_NAME(conv_depthwise_pack)(const dn_cpu_conv *conv, int unit, const float *weights, const float *bias,
                                      float *packed);
void DN_ISA_NAME(conv_depthwise_run)(const dn_cpu_conv_call *call, int task);

#endif
