/* kernels.h — the contract between the cpu backend's program (compile, layouts, fusion, run loop) and its kernels.
 *
 * Files in isa/ are compiled once per instruction set (DN_VEC_AVX512, DN_VEC_AVX2 or DN_VEC_PORTABLE defined, with the
 * matching compiler flags) from one source through vec.h, and end up in one table per set; the rest of the backend is
 * compiled once, portably, and reaches them through the table alone.
 *
 * Layouts of a (n, c, h, w) tensor, float32:
 *   PLANAR   (n, c, h, w), dense within an image
 *   BLOCKED  (n, ⌈c/B⌉, h, w, B): B channels side by side, B = table's block; the lanes past c in the last block hold
 *            finite values that no result may depend on (packed weights are zero there).
 * Images may be further apart than their own size: a tensor may lie inside the joint buffer of a concatenation.
 *
 * Kernels are called for one image and one task at a time, from several threads; tasks of one call write disjoint
 * parts, and a task's result depends on its number alone, never on the thread or on how many threads there are.
 * Nothing here allocates. */
#ifndef DN_BACKEND_CPU_KERNELS_H
#define DN_BACKEND_CPU_KERNELS_H

#include "op/activation.h"
#include "op/op.h"

typedef enum dn_cpu_layout { DN_CPU_PLANAR, DN_CPU_BLOCKED } dn_cpu_layout;

typedef struct dn_cpu_view { /* one image of a tensor, or of a part of its channels */
    float *data;             /* 4-byte aligned for PLANAR (a caller's own input), 64-byte for BLOCKED */
    int channels, height, width;
} dn_cpu_view;

/* What follows the sums of a convolution or linear op, in this order: y = f(sum · multiply[k] + bias[k]) + residual. */
typedef struct dn_cpu_epilogue {
    dn_activation activation; /* none of the normalize_channels kinds */
    bool residual;            /* add the residual view (same shape and layout as y) … */
    bool residual_first;      /* … before f instead of after it                     */
    dn_activation after;      /* applied after the residual (shortcut's activation), LINEAR when unused */
} dn_cpu_epilogue;

/* Which algorithm a test wants; where it cannot be, the fastest other. */
typedef enum dn_cpu_conv_wish {
    DN_CPU_CONV_FASTEST,
    DN_CPU_CONV_DIRECT,
    DN_CPU_CONV_WINOGRAD_2, /* F(2,3) */
    DN_CPU_CONV_WINOGRAD_4, /* F(4,3) */
} dn_cpu_conv_wish;

/* A convolution at fixed shapes. Filled by the program (upper part), then by choose (lower part). */
typedef struct dn_cpu_conv {
    int in_channels, in_height, in_width;
    int filters, out_height, out_width;
    int groups, size, stride_x, stride_y, pad, dilation;
    int threads; /* that will share the work: choose makes tasks for them */
    dn_cpu_layout in_layout, out_layout;
    dn_cpu_epilogue epilogue;
    dn_cpu_conv_wish wish;
    /* chosen */
    int algorithm;         /* kernel's own number                                  */
    const char *name;      /* "direct", "winograd 4", "depthwise", … for profiles  */
    size_t packed_floats;  /* packed weights and bias                              */
    int pack_filters;      /* that one call of pack takes                          */
    size_t scratch_floats; /* per thread, 64-byte aligned                          */
    int tasks;             /* per image                                            */
    int tile[6];           /* the kernel's own numbers                             */
} dn_cpu_conv;

typedef struct dn_cpu_conv_call {
    const dn_cpu_conv *conv;
    dn_cpu_view x, y, residual;
    const float *packed;
    float *scratch; /* of the calling thread */
} dn_cpu_conv_call;

/* y (rows, outputs) = x (rows, inputs) · Wᵀ, epilogue per output. Tasks cover all rows at once. */
typedef struct dn_cpu_linear {
    int rows, inputs, outputs, threads;
    bool transposed;
    dn_cpu_epilogue epilogue; /* no residual */
    size_t packed_floats;
    int pack_outputs; /* that one call of pack takes */
    size_t scratch_floats;
    int tasks;
    int tile[4];
} dn_cpu_linear;

typedef struct dn_cpu_pool2d {
    dn_op_pool2d op;
    dn_cpu_layout layout; /* of x and y */
} dn_cpu_pool2d;

/* dw of a convolution: x and dy BLOCKED, all images in one call. Filled by the program, then by choose. */
typedef struct dn_cpu_conv_weights {
    int in_channels, in_height, in_width;
    int filters, out_height, out_width;
    int groups, size, stride_x, stride_y, pad, dilation;
    int threads;
    /* chosen */
    int tasks;
    size_t scratch_floats; /* per thread */
    int tile[6];           /* the kernel's own numbers */
} dn_cpu_conv_weights;

typedef struct dn_cpu_conv_weights_call {
    const dn_cpu_conv_weights *conv;
    const float *x, *dy;
    size_t x_image, dy_image; /* floats from one image to the next */
    int images;
    float *dw; /* (filters, channels / groups, size, size), added to */
    float *scratch;
} dn_cpu_conv_weights_call;

/* Batch norm's backward of one block, of which the sums are known: dx = a · dy + b · (x − mean) + c, per lane. */
typedef struct dn_cpu_line {
    const float *a, *b, *c, *mean;
} dn_cpu_line;

typedef struct dn_cpu_kernels {
    dn_isa isa;
    int block; /* B */

    /* Which pairs of layouts choose accepts: BLOCKED→BLOCKED always; PLANAR input for any convolution (first layers are
     * fast, others may pack); PLANAR output for any convolution (heads). False only for what no kernel here does
     * (xnor). */
    bool (*conv_choose)(dn_cpu_conv *conv);
    /* Filters unit · pack_filters … : weights (filters, channels/groups, size, size) and bias (filters) begin with the
     * first of them; bias may be NULL for 0. Calls for different units write disjoint parts of `packed`. */
    void (*conv_pack)(const dn_cpu_conv *conv, int unit, const float *weights, const float *bias, float *packed);
    void (*conv_run)(const dn_cpu_conv_call *call, int task); /* one task of one image */

    bool (*linear_choose)(dn_cpu_linear *linear);
    /* Outputs unit · pack_outputs …, likewise; transposed weights begin with their first output's column. */
    void (*linear_pack)(const dn_cpu_linear *linear, int unit, const float *weights, const float *bias, float *packed);
    void (*linear_run)(const dn_cpu_linear *linear, const float *x, const float *packed, float *y, int rows,
                       float *scratch, int task);

    /* Rounds of multiply-adds in registers; how many operations these were. */
    double (*peak)(int rounds, float *result);

    /* Element-wise over dense runs; y may be x. Not for the normalize_channels kinds. */
    void (*activate)(dn_activation kind, const float *x, float *y, size_t count);
    /* y = f(a + b) */
    void (*add)(dn_activation kind, const float *a, const float *b, float *y, size_t count);
    /* y = f(x · scale + offset) with one scale and offset for the run (planar channel) … */
    void (*scale)(dn_activation kind, const float *x, float scale, float offset, float *y, size_t count);
    /* … or one per lane of a block, `pixels` blocks of B. */
    void (*scale_blocked)(dn_activation kind, const float *x, const float *scale, const float *offset, float *y,
                          size_t pixels);
    void (*mul)(const float *a, const float *b, float *y, size_t count);
    /* Row `row` of the output, to y, of one block (BLOCKED) or one channel (PLANAR) of one image; floats of scratch. */
    size_t (*pool2d_scratch)(const dn_cpu_pool2d *pool, int in_width);
    void (*pool2d)(const dn_cpu_pool2d *pool, const float *x, int in_height, int in_width, int row, float *y,
                   int out_width, float *scratch);
    /* Mean over `pixels` of one block (B results) or one channel (one result). */
    void (*pool_global)(dn_cpu_layout layout, const float *x, size_t pixels, float *y);
    /* One block or channel, nearest neighbour. */
    void (*upsample)(dn_cpu_layout layout, const float *x, int in_height, int in_width, int stride, float scale,
                     float *y);
    /* Channels first … first+count-1 of planar (or blocked) x become the channels of y, rows [row0, row1) of the image:
     * the change of layout, and the general copy of a channel range (offsets need not be multiples of B). */
    void (*to_blocked)(dn_cpu_view x, int first, dn_cpu_view y, int row0, int row1);
    void (*to_planar)(dn_cpu_view x, int first, dn_cpu_view y, int row0, int row1);
    void (*copy_blocked)(dn_cpu_view x, int first, dn_cpu_view y, int y_first, int count, int row0, int row1);

    /* ---- training: of one block (B lanes, `pixels` side by side) unless it says otherwise ---- */

    void (*conv_weights_choose)(dn_cpu_conv_weights *conv);
    void (*conv_weights_run)(const dn_cpu_conv_weights_call *call, int task);
    /* mean[B] and apart[B] = Σ (x − mean)² of `before` pixels become those of `before` + `pixels` */
    void (*moments)(const float *x, size_t pixels, double before, double *mean, double *apart);
    /* y = (x − mean) · factor + bias, per lane */
    void (*normalize)(const float *x, const float *mean, const float *factor, const float *bias, float *y,
                      size_t pixels);
    /* sum[B] += Σ dy; apart[B] += Σ dy · (x − mean), where x is given */
    void (*delta_sums)(const float *dy, const float *x, const float *mean, size_t pixels, double *sum, double *apart);
    void (*batchnorm_line)(const dn_cpu_line *line, const float *x, const float *dy, bool accumulate, float *dx,
                           size_t pixels);
    /* dx (+)= f'(x) · dy over a dense run. x is read where activation_slope_of_x. */
    void (*activation_gradient)(dn_activation kind, const float *x, const float *y, const float *dy, bool accumulate,
                                float *dx, size_t count);
    /* y (+)= factor · x over a dense run */
    void (*accumulate)(float factor, const float *x, bool accumulate, float *y, size_t count);
    /* One row of windows: y and which cell of the window it came from, as a float, -1: none. */
    void (*pool2d_train)(const dn_op_pool2d *pool, const float *x, int in_height, int in_width, int row, float *y,
                         float *cell, int out_width);
    /* A whole block: dx (+)= */
    void (*pool2d_gradient)(const dn_op_pool2d *pool, const float *dy, const float *cell, int out_height, int out_width,
                            bool accumulate, float *dx, int in_height, int in_width);
    /* y row `row` (+)= scale · Σ of the stride × stride cells of x */
    void (*upsample_reverse)(dn_cpu_layout layout, const float *x, int stride, float scale, bool accumulate, int row,
                             float *y, int out_width);
} dn_cpu_kernels;

/* The table for an instruction set that the processor has; AUTO gives the best. Never NULL: wider sets than the build
 * or the processor have fall back to the next narrower one. */
const dn_cpu_kernels *dn_cpu_kernels_for(dn_isa isa);

#endif
