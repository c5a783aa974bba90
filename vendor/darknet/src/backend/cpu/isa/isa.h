/* isa.h — prototypes of every function with external linkage in isa/, under its name for the set being compiled.
 * What each does: kernels.h. */
#ifndef DN_BACKEND_CPU_ISA_H
#define DN_BACKEND_CPU_ISA_H

#include "backend/cpu/kernels.h"
#include "backend/cpu/vec.h"

/* table.c */
extern const dn_cpu_kernels DN_ISA_NAME(kernels);

/* conv.c */
double DN_ISA_NAME(peak)(int rounds, float *result);
bool DN_ISA_NAME(conv_choose)(dn_cpu_conv *conv);
void DN_ISA_NAME(conv_pack)(const dn_cpu_conv *conv, int unit, const float *weights, const float *bias, float *packed);
void DN_ISA_NAME(conv_run)(const dn_cpu_conv_call *call, int task);

/* linear.c */
bool DN_ISA_NAME(linear_choose)(dn_cpu_linear *linear);
void DN_ISA_NAME(linear_pack)(const dn_cpu_linear *linear, int unit, const float *weights, const float *bias,
                              float *packed);
void DN_ISA_NAME(linear_run)(const dn_cpu_linear *linear, const float *x, const float *packed, float *y, int rows,
                             float *scratch, int task);

/* activate.c */
void DN_ISA_NAME(activate)(dn_activation kind, const float *x, float *y, size_t count);

/* elementwise.c */
void DN_ISA_NAME(add)(dn_activation kind, const float *a, const float *b, float *y, size_t count);
void DN_ISA_NAME(scale)(dn_activation kind, const float *x, float scale, float offset, float *y, size_t count);
void DN_ISA_NAME(scale_blocked)(dn_activation kind, const float *x, const float *scale, const float *offset, float *y,
                                size_t pixels);
void DN_ISA_NAME(mul)(const float *a, const float *b, float *y, size_t count);

/* pool.c */
size_t DN_ISA_NAME(pool2d_scratch)(const dn_cpu_pool2d *pool, int in_width);
void DN_ISA_NAME(pool2d)(const dn_cpu_pool2d *pool, const float *x, int in_height, int in_width, int row, float *y,
                         int out_width, float *scratch);
void DN_ISA_NAME(pool_global)(dn_cpu_layout layout, const float *x, size_t pixels, float *y);

/* reorder.c */
void DN_ISA_NAME(upsample)(dn_cpu_layout layout, const float *x, int in_height, int in_width, int stride, float scale,
                           float *y);
void DN_ISA_NAME(to_blocked)(dn_cpu_view x, int first, dn_cpu_view y, int row0, int row1);
void DN_ISA_NAME(to_planar)(dn_cpu_view x, int first, dn_cpu_view y, int row0, int row1);
void DN_ISA_NAME(copy_blocked)(dn_cpu_view x, int first, dn_cpu_view y, int y_first, int count, int row0, int row1);

/* conv_weights.c */
void DN_ISA_NAME(conv_weights_choose)(dn_cpu_conv_weights *conv);
void DN_ISA_NAME(conv_weights_run)(const dn_cpu_conv_weights_call *call, int task);

/* batchnorm_train.c */
void DN_ISA_NAME(moments)(const float *x, size_t pixels, double before, double *mean, double *apart);
void DN_ISA_NAME(normalize)(const float *x, const float *mean, const float *factor, const float *bias, float *y,
                            size_t pixels);
void DN_ISA_NAME(delta_sums)(const float *dy, const float *x, const float *mean, size_t pixels, double *sum,
                             double *apart);
void DN_ISA_NAME(batchnorm_line)(const dn_cpu_line *line, const float *x, const float *dy, bool accumulate, float *dx,
                                 size_t pixels);

/* gradients.c */
void DN_ISA_NAME(activation_gradient)(dn_activation kind, const float *x, const float *y, const float *dy,
                                      bool accumulate, float *dx, size_t count);
void DN_ISA_NAME(accumulate)(float factor, const float *x, bool accumulate, float *y, size_t count);
void DN_ISA_NAME(pool2d_train)(const dn_op_pool2d *pool, const float *x, int in_height, int in_width, int row, float *y,
                               float *cell, int out_width);
void DN_ISA_NAME(pool2d_gradient)(const dn_op_pool2d *pool, const float *dy, const float *cell, int out_height,
                                  int out_width, bool accumulate, float *dx, int in_height, int in_width);
void DN_ISA_NAME(upsample_reverse)(dn_cpu_layout layout, const float *x, int stride, float scale, bool accumulate,
                                   int row, float *y, int out_width);

#endif
