/* conv_fixture.h — one convolution by the kernels of one instruction set, against loops in double precision. Tensors
 * end where their allocation ends, unused lanes hold large numbers and scratch holds not-a-number, so that a read too
 * far shows (under AddressSanitizer at once). */
#ifndef CONV_FIXTURE_H
#define CONV_FIXTURE_H

#include "kernels_fixture.h"

typedef struct conv_shape {
    int channels, height, width, filters, groups, size, stride_x, stride_y, pad, dilation;
    int more; /* output rows and columns beyond what the padding on the far side allows for */
} conv_shape;

/* One convolution with everything it reads and writes, planar. */
typedef struct conv_case {
    const dn_cpu_kernels *kernels;
    dn_cpu_conv conv;
    float *x, *weights, *bias, *residual; /* bias may be NULL */
    bool shared;                          /* y lies on the residual */
} conv_case;

/* Σ w·x + b and Σ |w·x| + |b| of one output. */
static inline double conv_sum(const conv_case *c, int filter, int row, int column, double *size) {
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

static inline double conv_exact(const conv_case *c, int filter, int row, int column, double *size) {
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
static inline float *laid_out(const float *planar, dn_cpu_layout layout, int block, int channels, int height,
                              int width) {
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
static inline float *conv_result(const conv_case *c) {
    const dn_cpu_conv *conv = &c->conv;
    const int block = c->kernels->block;
    const int out_channels =
        conv->out_layout == DN_CPU_PLANAR ? conv->filters : (conv->filters + block - 1) / block * block;
    float *packed = floats(conv->packed_floats), *scratch = floats(conv->scratch_floats);
    float *x = laid_out(c->x, conv->in_layout, block, conv->in_channels, conv->in_height, conv->in_width);
    float *residual = laid_out(c->residual, conv->out_layout, block, conv->filters, conv->out_height, conv->out_width);
    float *y = c->shared ? residual : floats(count_of(out_channels, conv->out_height, conv->out_width));
    const size_t per_filter = count_of(conv->in_channels / conv->groups, conv->size, conv->size);
    for (int first = 0; first < conv->filters; first += conv->pack_filters) {
        c->kernels->conv_pack(conv, first / conv->pack_filters, c->weights + (size_t)first * per_filter,
                              c->bias ? c->bias + first : NULL, packed);
    }
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

static inline double conv_worst_error(const conv_case *c, const float *y) {
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

static inline bool set_shape(dn_cpu_conv *conv, const conv_shape *s) {
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

static inline dn_cpu_epilogue epilogue_number(int number) {
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

static inline void conv_report(const conv_case *c, const conv_shape *s, double error) {
    fprintf(stderr,
            "set %d %s: %d×%d×%d → %d groups %d size %d stride %d %d pad %d dilation %d more %d, layouts %d %d, "
            "activation %d residual %d %d after %d: error %g\n",
            c->kernels->isa, c->conv.name, s->channels, s->height, s->width, s->filters, s->groups, s->size,
            s->stride_x, s->stride_y, s->pad, s->dilation, s->more, c->conv.in_layout, c->conv.out_layout,
            c->conv.epilogue.activation, c->conv.epilogue.residual, c->conv.epilogue.residual_first,
            c->conv.epilogue.after, error);
}

/* x, weights, bias and residual of a shape. */
static inline void conv_open(conv_case *c, const conv_shape *s, bool bias) {
    c->x = random_floats(count_of(s->channels, s->height, s->width));
    c->weights = random_floats(count_of(s->filters * (s->channels / s->groups), s->size, s->size));
    c->bias = bias ? random_floats((size_t)s->filters) : NULL;
    c->residual = random_floats(count_of(s->filters, c->conv.out_height, c->conv.out_width));
}

static inline void conv_close(conv_case *c) {
    free(c->x);
    free(c->weights);
    free(c->bias);
    free(c->residual);
}

static inline size_t conv_result_floats(const conv_case *c) {
    const int block = c->kernels->block;
    const int channels =
        c->conv.out_layout == DN_CPU_PLANAR ? c->conv.filters : (c->conv.filters + block - 1) / block * block;
    return count_of(channels, c->conv.out_height, c->conv.out_width);
}

#endif
