/* conv_finish.c — what follows the sums of a convolution, on a run that has just been stored and is still in L1. */
#include "backend/cpu/isa/conv.h"

/* Slope below 0 of the activations that are max(x, slope · x), or -1. */
static float slope_of(dn_activation kind) {
    switch (kind) {
    case DN_LINEAR:
        return 1.0F;
    case DN_RELU:
        return 0.0F;
    case DN_RELIE:
        return 0.01F;
    case DN_LEAKY:
    case DN_REVLEAKY:
        return 0.1F;
    default:
        return -1.0F;
    }
}

dn_conv_finish DN_ISA_NAME(conv_finish_plan)(const dn_cpu_epilogue *epilogue) {
    const float slope = slope_of(epilogue->activation);
    const bool sloped = slope >= 0.0F && !(epilogue->residual && epilogue->residual_first);
    return (dn_conv_finish){
        .epilogue = *epilogue,
        .slope = sloped ? slope : 1.0F,
        .rest = sloped ? DN_LINEAR : epilogue->activation,
        .on_store = sloped && !epilogue->residual && epilogue->after == DN_LINEAR,
    };
}

void DN_ISA_NAME(conv_finish)(const dn_conv_finish *finish, float *sums, const float *residual, float *y,
                              size_t count) {
    const dn_cpu_epilogue *epilogue = &finish->epilogue;
    if (epilogue->residual && epilogue->residual_first) {
        DN_ISA_NAME(add)(epilogue->activation, sums, residual, y, count);
        if (epilogue->after != DN_LINEAR) DN_ISA_NAME(activate)(epilogue->after, y, y, count);
        return;
    }
    if (epilogue->residual) {
        if (finish->rest != DN_LINEAR) DN_ISA_NAME(activate)(finish->rest, sums, sums, count);
        DN_ISA_NAME(add)(epilogue->after, sums, residual, y, count);
        return;
    }
    if (finish->rest != DN_LINEAR || sums != y) DN_ISA_NAME(activate)(finish->rest, sums, y, count);
    if (epilogue->after != DN_LINEAR) DN_ISA_NAME(activate)(epilogue->after, y, y, count);
}
