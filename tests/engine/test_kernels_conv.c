/* test_kernels_conv.c — convolution kernels of every instruction set the processor has, against loops in double
 * precision. Tensors end where their allocation ends, unused lanes hold large numbers and scratch holds not-a-number, so
 * that a read too far shows (under AddressSanitizer at once). */
#include "kernels_fixture.h"

typedef struct conv_shape {
    int channels, height, width, filters, groups, size, stride_x, stride_y, pad, dilation;
    int more; /* output rows and columns beyond what the padding on the far side allows for */
} conv_shape;

static const conv_shape conv_shapes[] = {
    /* 1×1 images, windows larger than the image */
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0},
    {3, 1, 1, 5, 1, 3, 1, 1, 1, 1, 0},
    {17, 1, 1, 33, 1, 5, 1, 1, 2, 1, 0},
    {4, 2, 2, 4, 1, 7, 1, 1, 3, 1, 0},
    {5, 1, 9, 17, 1, 3, 1, 1, 1, 1, 0},
    {5, 9, 1, 17, 1, 3, 1, 1, 1, 1, 0},
    /* 1×1 windows: flat, strided, padded */
    {17, 5, 7, 40, 1, 1, 1, 1, 0, 1, 0},
    {64, 13, 13, 64, 1, 1, 1, 1, 0, 1, 0},
    {33, 8, 9, 18, 1, 1, 2, 2, 0, 1, 0},
    {16, 6, 6, 16, 1, 1, 3, 3, 0, 1, 0},
    {16, 5, 5, 16, 1, 1, 1, 1, 1, 1, 0},
    {16, 5, 5, 16, 1, 1, 1, 1, 2, 1, 0},
    /* 3×3: one tile, several, every remainder of the tile's width, odd block counts */
    {16, 13, 13, 32, 1, 3, 1, 1, 1, 1, 0},
    {32, 7, 14, 48, 1, 3, 1, 1, 1, 1, 0},
    {20, 5, 15, 96, 1, 3, 1, 1, 1, 1, 0},
    {16, 4, 27, 16, 1, 3, 1, 1, 1, 1, 0},
    {16, 4, 29, 17, 1, 3, 1, 1, 1, 1, 0},
    {8, 26, 26, 24, 1, 3, 1, 1, 1, 1, 0},
    {16, 9, 9, 32, 1, 3, 1, 1, 0, 1, 0},
    {16, 16, 16, 32, 1, 3, 2, 2, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 2, 2, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 1, 2, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 2, 1, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 3, 3, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 5, 4, 1, 1, 0},
    /* first layers and other channel counts */
    {3, 32, 32, 32, 1, 3, 1, 1, 1, 1, 0},
    {3, 33, 31, 16, 1, 3, 2, 2, 1, 1, 0},
    {3, 23, 23, 64, 1, 7, 2, 2, 3, 1, 0},
    {3, 23, 23, 24, 1, 11, 4, 4, 5, 1, 0},
    {1, 28, 28, 6, 1, 5, 1, 1, 2, 1, 0},
    {5, 12, 12, 3, 1, 2, 2, 2, 0, 1, 0},
    {17, 12, 12, 1, 1, 4, 1, 1, 1, 1, 0},
    /* padding beyond the window, even windows, large windows, outputs beyond the far padding */
    {16, 5, 5, 16, 1, 3, 1, 1, 4, 1, 0},
    {4, 3, 3, 4, 1, 2, 1, 1, 5, 1, 0},
    {16, 8, 8, 16, 1, 2, 1, 1, 1, 1, 0},
    {3, 20, 20, 5, 1, 19, 1, 1, 9, 1, 0},
    {17, 20, 20, 5, 1, 17, 1, 1, 8, 1, 0},
    {16, 8, 8, 32, 1, 3, 1, 1, 1, 1, 1},
    {16, 8, 8, 32, 1, 3, 2, 2, 1, 1, 2},
    {3, 8, 8, 32, 1, 3, 2, 2, 1, 1, 3},
    {16, 8, 8, 32, 1, 1, 1, 1, 0, 1, 2},
    /* dilation */
    {16, 13, 13, 32, 1, 3, 1, 1, 2, 2, 0},
    {17, 13, 13, 20, 1, 3, 1, 1, 4, 4, 0},
    {3, 13, 13, 20, 1, 3, 2, 2, 3, 3, 0},
    {16, 9, 9, 16, 16, 3, 1, 1, 2, 2, 0},
    /* depthwise */
    {32, 14, 14, 32, 32, 3, 1, 1, 1, 1, 0},
    {32, 15, 33, 32, 32, 3, 2, 2, 1, 1, 0},
    {17, 12, 12, 17, 17, 5, 1, 1, 2, 1, 0},
    {5, 30, 30, 5, 5, 5, 2, 2, 2, 1, 0},
    {24, 10, 21, 24, 24, 7, 1, 1, 3, 1, 0},
    {40, 10, 40, 40, 40, 3, 3, 3, 1, 1, 0},
    {16, 1, 1, 16, 16, 3, 1, 1, 1, 1, 0},
    {16, 4, 4, 16, 16, 3, 1, 1, 5, 1, 0},
    {2, 20, 20, 2, 2, 1, 1, 1, 0, 1, 0},
    {16, 12, 12, 16, 16, 3, 1, 1, 1, 1, 2},
    /* groups: of whole blocks, of less, unequal, several filters per channel */
    {64, 8, 8, 64, 2, 3, 1, 1, 1, 1, 0},
    {32, 8, 8, 64, 2, 3, 1, 1, 1, 1, 0},
    {32, 8, 8, 32, 8, 3, 1, 1, 1, 1, 0},
    {12, 8, 8, 18, 3, 3, 2, 2, 1, 1, 0},
    {20, 8, 8, 100, 5, 1, 1, 1, 0, 1, 0},
    {16, 8, 8, 48, 16, 3, 1, 1, 1, 1, 0},
    {6, 8, 8, 6, 2, 5, 1, 1, 2, 1, 0},
    {48, 6, 6, 16, 16, 3, 1, 1, 1, 1, 0},
    /* so many channels that their sums are interrupted */
    {700, 4, 5, 40, 1, 3, 1, 1, 1, 1, 0},
    {500, 5, 3, 17, 1, 5, 1, 1, 2, 1, 0},
    {3000, 3, 4, 33, 1, 1, 1, 1, 0, 1, 0},
    {1400, 3, 3, 64, 2, 3, 2, 2, 1, 1, 0},
};

/* One convolution with everything it reads and writes, planar. */
typedef struct conv_case {
    const dn_cpu_kernels *kernels;
    dn_cpu_conv conv;
    float *x, *weights, *bias, *residual; /* bias may be NULL */
    bool shared;                          /* y lies on the residual */
} conv_case;

/* Σ w·x + b and Σ |w·x| + |b| of one output. */
static double conv_sum(const conv_case *c, int filter, int row, int column, double *size) {
    const dn_cpu_conv *conv = &c->conv;
    const int channels = conv->in_channels / conv->groups;
    const int first = filter / (conv->filters / conv->groups) * channels;
    double sum = c->bias ? (double)c->bias[filter] : 0.0;
    *size = fabs(sum);
    for (int k = 0; k < channels; ++k) {
        for (int u = 0; u < conv->size; ++u) {
            for (int v = 0; v < conv->size; ++v) {
                const int i = row * conv->stride_y - conv->pad + u * conv->dilation;
                const int j = column * conv->stride_x - conv->pad + v * conv->dilation;
                if (i < 0 || j < 0 || i >= conv->in_height || j >= conv->in_width) continue;
                const int weight = ((filter * channels + k) * conv->size + u) * conv->size + v;
                const double product =
                    (double)c->weights[weight] * (double)c->x[((first + k) * conv->in_height + i) * conv->in_width + j];
                sum += product;
                *size += fabs(product);
            }
        }
    }
    return sum;
}

static double conv_exact(const conv_case *c, int filter, int row, int column, double *size) {
    const dn_cpu_epilogue *epilogue = &c->conv.epilogue;
    const size_t at =
        count_of(filter, c->conv.out_height, c->conv.out_width) + (size_t)(row * c->conv.out_width + column);
    const double residual = epilogue->residual ? (double)c->residual[at] : 0.0;
    double offset; /* what f adds rounds too: plse(0) is 0.5 */
    double y = conv_sum(c, filter, row, column, size);
    *size += fabs(residual);
    if (epilogue->residual_first) y += residual;
    y = exact(epilogue->activation, y, &offset);
    *size += offset;
    if (!epilogue->residual_first) y += residual;
    y = exact(epilogue->after, y, &offset);
    *size += offset;
    return y;
}

/* A planar tensor in the layout asked for; lanes past the last channel hold large numbers. */
static float *laid_out(const float *planar, dn_cpu_layout layout, int block, int channels, int height, int width) {
    const size_t plane = count_of(1, height, width);
    if (layout == DN_CPU_PLANAR) {
        float *copy = malloc(plane * (size_t)channels * sizeof(float));
        memcpy(copy, planar, plane * (size_t)channels * sizeof(float));
        return copy;
    }
    const int blocks = (channels + block - 1) / block;
    float *blocked = floats(plane * (size_t)(blocks * block));
    for (int c = 0; c < blocks * block; ++c) {
        for (size_t i = 0; i < plane; ++i) {
            const size_t at = ((size_t)(c / block) * plane + i) * (size_t)block + (size_t)(c % block);
            blocked[at] = c < channels ? planar[(size_t)c * plane + i] : 1e6F;
        }
    }
    return blocked;
}

/* Runs the tasks from the last to the first; gives y in its layout. */
static float *conv_result(const conv_case *c) {
    const dn_cpu_conv *conv = &c->conv;
    const int block = c->kernels->block;
    const int out_channels =
        conv->out_layout == DN_CPU_PLANAR ? conv->filters : (conv->filters + block - 1) / block * block;
    float *packed = floats(conv->packed_floats), *scratch = floats(conv->scratch_floats);
    float *x = laid_out(c->x, conv->in_layout, block, conv->in_channels, conv->in_height, conv->in_width);
    float *residual = laid_out(c->residual, conv->out_layout, block, conv->filters, conv->out_height, conv->out_width);
    float *y = c->shared ? residual : floats(count_of(out_channels, conv->out_height, conv->out_width));
    c->kernels->conv_pack(conv, c->weights, c->bias, packed);
    const dn_cpu_conv_call call = {
        .conv = conv,
        .x = {x, conv->in_channels, conv->in_height, conv->in_width},
        .y = {y, conv->filters, conv->out_height, conv->out_width},
        .residual = {conv->epilogue.residual ? residual : NULL, conv->filters, conv->out_height, conv->out_width},
        .packed = packed,
        .scratch = scratch};
    for (int task = conv->tasks - 1; task >= 0; --task) {
        c->kernels->conv_run(&call, task);
        for (size_t i = 0; i < conv->scratch_floats; ++i) scratch[i] = NAN;
    }
    if (!c->shared) free(residual);
    free(x);
    free(packed);
    free(scratch);
    return y;
}

static double conv_worst_error(const conv_case *c, const float *y) {
    const dn_cpu_conv *conv = &c->conv;
    const int block = c->kernels->block;
    const size_t plane = count_of(1, conv->out_height, conv->out_width);
    double worst = 0.0;
    for (int filter = 0; filter < conv->filters; ++filter) {
        for (size_t i = 0; i < plane; ++i) {
            double size;
            const double wanted = conv_exact(c, filter, (int)i / conv->out_width, (int)i % conv->out_width, &size);
            const size_t blocked = ((size_t)(filter / block) * plane + i) * (size_t)block + (size_t)(filter % block);
            const double found = (double)y[conv->out_layout == DN_CPU_PLANAR ? (size_t)filter * plane + i : blocked];
            const double error = fabs(found - wanted) / (size + 1e-3);
            if (!(error <= worst)) worst = error;
            if (isnan(found)) return INFINITY;
        }
    }
    for (size_t i = 0;
         conv->out_layout == DN_CPU_BLOCKED && i < plane * (size_t)((conv->filters + block - 1) / block * block); ++i) {
        if (!isfinite(y[i])) return INFINITY; /* the unused lanes too */
    }
    return worst;
}

static bool set_shape(dn_cpu_conv *conv, const conv_shape *s) {
    const int window = (s->size - 1) * s->dilation + 1;
    *conv = (dn_cpu_conv){.in_channels = s->channels,
                          .in_height = s->height,
                          .in_width = s->width,
                          .filters = s->filters,
                          .groups = s->groups,
                          .size = s->size,
                          .stride_x = s->stride_x,
                          .stride_y = s->stride_y,
                          .pad = s->pad,
                          .dilation = s->dilation};
    conv->out_height = (s->height + 2 * s->pad - window) / s->stride_y + 1 + s->more;
    conv->out_width = (s->width + 2 * s->pad - window) / s->stride_x + 1 + s->more;
    return s->height + 2 * s->pad >= window && s->width + 2 * s->pad >= window;
}

static void check_conv(conv_case *c, const conv_shape *s) {
    c->conv.threads = 1;
    if (!CHECK(c->kernels->conv_choose(&c->conv))) return;
    float *y = conv_result(c);
    const double error = conv_worst_error(c, y);
    if (!CHECK(error <= 1e-5)) {
        fprintf(stderr,
                "set %d %s: %d×%d×%d → %d groups %d size %d stride %d %d pad %d dilation %d more %d, layouts %d %d, "
                "activation %d residual %d %d after %d: error %g\n",
                c->kernels->isa, c->conv.name, s->channels, s->height, s->width, s->filters, s->groups, s->size,
                s->stride_x, s->stride_y, s->pad, s->dilation, s->more, c->conv.in_layout, c->conv.out_layout,
                c->conv.epilogue.activation, c->conv.epilogue.residual, c->conv.epilogue.residual_first,
                c->conv.epilogue.after, error);
    }
    /* The number of threads moves the tasks' borders, not a single bit of the result. */
    c->conv.threads = 5;
    CHECK(c->kernels->conv_choose(&c->conv));
    float *y5 = conv_result(c);
    const int block = c->kernels->block;
    const int channels =
        c->conv.out_layout == DN_CPU_PLANAR ? c->conv.filters : (c->conv.filters + block - 1) / block * block;
    CHECK(memcmp(y, y5, count_of(channels, c->conv.out_height, c->conv.out_width) * sizeof(float)) == 0);
    free(y);
    free(y5);
}

static dn_cpu_epilogue epilogue_number(int number) {
    const dn_activation kind = (dn_activation)(number % DN_NORMALIZE_CHANNELS);
    static const dn_cpu_epilogue kinds[] = {{.residual = false},
                                            {.residual = true},
                                            {.residual = true, .after = DN_LEAKY},
                                            {.residual = true, .residual_first = true},
                                            {.residual = true, .residual_first = true, .after = DN_MISH}};
    dn_cpu_epilogue epilogue = kinds[number / 3 % 5];
    epilogue.activation = kind;
    return epilogue;
}

static void check_shape(const dn_cpu_kernels *kernels, const conv_shape *s, int number) {
    conv_case c = {.kernels = kernels};
    if (!set_shape(&c.conv, s)) return;
    c.x = random_floats(count_of(s->channels, s->height, s->width));
    c.weights = random_floats(count_of(s->filters * (s->channels / s->groups), s->size, s->size));
    c.bias = number % 4 ? random_floats((size_t)s->filters) : NULL;
    c.residual = random_floats(count_of(s->filters, c.conv.out_height, c.conv.out_width));
    for (int layouts = 0; layouts < 4; ++layouts) {
        c.conv.in_layout = layouts & 1 ? DN_CPU_PLANAR : DN_CPU_BLOCKED;
        c.conv.out_layout = layouts & 2 ? DN_CPU_PLANAR : DN_CPU_BLOCKED;
        for (int k = 0; k < 3; ++k) {
            c.conv.epilogue = k == 0 ? (dn_cpu_epilogue){.activation = DN_LEAKY} : epilogue_number(number + 7 * k);
            c.shared = c.conv.epilogue.residual && k == 2;
            check_conv(&c, s);
        }
    }
    free(c.x);
    free(c.weights);
    free(c.bias);
    free(c.residual);
}

static void test_conv_table(const dn_cpu_kernels *kernels) {
    for (size_t i = 0; i < sizeof conv_shapes / sizeof *conv_shapes; ++i) check_shape(kernels, &conv_shapes[i], (int)i);
}

static void test_conv_random(const dn_cpu_kernels *kernels) {
    for (int i = 0; i < 120; ++i) {
        const int groups = random_int(0, 2) ? 1 : random_int(1, 6);
        const conv_shape s = {.channels = groups * random_int(1, 24),
                              .height = random_int(1, 20),
                              .width = random_int(1, 40),
                              .filters = groups * random_int(1, 24),
                              .groups = groups,
                              .size = random_int(1, 5),
                              .stride_x = random_int(1, 3),
                              .stride_y = random_int(1, 3),
                              .pad = random_int(0, 4),
                              .dilation = random_int(0, 2) ? 1 : random_int(1, 3),
                              .more = random_int(0, 3) ? 0 : 1};
        check_shape(kernels, &s, i);
    }
}

int main(void) {
    for_each_set(test_conv_table);
    for_each_set(test_conv_random);
    return harness_result();
}
