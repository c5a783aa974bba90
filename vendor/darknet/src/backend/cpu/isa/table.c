/* table.c — the kernels of one instruction set. */
#include "backend/cpu/isa/isa.h"

#if defined(DN_VEC_AVX512)
#define DN_ISA_SELF DN_ISA_AVX512
#elif defined(DN_VEC_AVX2)
#define DN_ISA_SELF DN_ISA_AVX2
#else
#define DN_ISA_SELF DN_ISA_PORTABLE
#endif

const dn_cpu_kernels DN_ISA_NAME(kernels) = {
    .isa = DN_ISA_SELF,
    .block = DN_LANES,
    .conv_choose = DN_ISA_NAME(conv_choose),
    .conv_pack = DN_ISA_NAME(conv_pack),
    .conv_run = DN_ISA_NAME(conv_run),
    .linear_choose = DN_ISA_NAME(linear_choose),
    .linear_pack = DN_ISA_NAME(linear_pack),
    .linear_run = DN_ISA_NAME(linear_run),
    .peak = DN_ISA_NAME(peak),
    .activate = DN_ISA_NAME(activate),
    .add = DN_ISA_NAME(add),
    .scale = DN_ISA_NAME(scale),
    .scale_blocked = DN_ISA_NAME(scale_blocked),
    .mul = DN_ISA_NAME(mul),
    .pool2d_scratch = DN_ISA_NAME(pool2d_scratch),
    .pool2d = DN_ISA_NAME(pool2d),
    .pool_global = DN_ISA_NAME(pool_global),
    .upsample = DN_ISA_NAME(upsample),
    .to_blocked = DN_ISA_NAME(to_blocked),
    .to_planar = DN_ISA_NAME(to_planar),
    .copy_blocked = DN_ISA_NAME(copy_blocked),
    .conv_weights_choose = DN_ISA_NAME(conv_weights_choose),
    .conv_weights_run = DN_ISA_NAME(conv_weights_run),
    .moments = DN_ISA_NAME(moments),
    .normalize = DN_ISA_NAME(normalize),
    .delta_sums = DN_ISA_NAME(delta_sums),
    .batchnorm_line = DN_ISA_NAME(batchnorm_line),
    .activation_gradient = DN_ISA_NAME(activation_gradient),
    .accumulate = DN_ISA_NAME(accumulate),
    .pool2d_train = DN_ISA_NAME(pool2d_train),
    .pool2d_gradient = DN_ISA_NAME(pool2d_gradient),
    .upsample_reverse = DN_ISA_NAME(upsample_reverse),
};
