/* conv.c — entries of the convolution kernels: which algorithm, and weights in its order. */
#include "backend/cpu/isa/conv.h"

bool DN_ISA_NAME(conv_choose)(dn_cpu_conv *conv) {
    return DN_ISA_NAME(conv_depthwise_choose)(conv) || DN_ISA_NAME(conv_winograd_choose)(conv) ||
           DN_ISA_NAME(conv_direct_choose)(conv);
}

/* The filters that share a packed vector: where each one's weights are, and for which channels. */
typedef struct lanes {
    int count;                                       /* F·B */
    const float *weights[DN_UNIT_BLOCKS * DN_LANES]; /* NULL past the last filter */
    int first[DN_UNIT_BLOCKS * DN_LANES], end[DN_UNIT_BLOCKS * DN_LANES];
} lanes;

static lanes unit_lanes(const dn_cpu_conv *conv, const float *weights, int unit) {
    const int unit_blocks = conv->tile[DN_CONV_UNIT_BLOCKS];
    const int blocks = dn_smaller(unit_blocks, dn_ceil_div(conv->filters, DN_LANES) - unit * unit_blocks);
    const int channels = conv->in_channels / conv->groups, per_group = conv->filters / conv->groups;
    lanes l = {.count = blocks * DN_LANES};
    for (int i = 0; i < l.count; ++i) {
        const int filter = unit * unit_blocks * DN_LANES + i;
        if (filter >= conv->filters) break;
        l.weights[i] = weights + (size_t)i * (size_t)channels * (size_t)conv->size * (size_t)conv->size;
        l.first[i] = filter / per_group * channels;
        l.end[i] = l.first[i] + channels;
    }
    return l;
}

/* Weights of one tap and one input channel for all filters of the unit. */
static void pack_channel(const lanes *l, int channel, int tap, int taps, float *to) {
    for (int i = 0; i < l->count; ++i) {
        const bool own = channel >= l->first[i] && channel < l->end[i]; /* never past the last filter: end is 0 */
        to[i] = own ? l->weights[i][(size_t)(channel - l->first[i]) * (size_t)taps + (size_t)tap] : 0.0F;
    }
}

static void pack_direct(const dn_cpu_conv *conv, int unit, const float *weights, const float *bias, float *to) {
    const lanes l = unit_lanes(conv, weights, unit);
    const dn_conv_range range = dn_conv_unit_range(conv, conv->tile[DN_CONV_UNIT_BLOCKS], unit);
    const int inner = dn_conv_inner(conv), taps = conv->size * conv->size;
    for (int i = 0; i < l.count; ++i) *to++ = bias && l.weights[i] ? bias[i] : 0.0F;
    for (int c = range.first; c < range.first + range.count; ++c) {
        for (int tap = 0; tap < taps; ++tap) {
            for (int k = 0; k < inner; ++k, to += l.count) pack_channel(&l, c * inner + k, tap, taps, to);
        }
    }
}

void DN_ISA_NAME(conv_pack)(const dn_cpu_conv *conv, int unit, const float *weights, const float *bias, float *packed) {
    if (conv->algorithm == DN_CONV_DEPTHWISE) {
        DN_ISA_NAME(conv_depthwise_pack)(conv, unit, weights, bias, packed);
    } else if (conv->algorithm == DN_CONV_WINOGRAD) {
        DN_ISA_NAME(conv_winograd_pack)(conv, unit, weights, bias, packed);
    } else {
        pack_direct(conv, unit, weights, bias, packed + (size_t)unit * dn_conv_unit_floats(conv));
    }
}

void DN_ISA_NAME(conv_run)(const dn_cpu_conv_call *call, int task) {
    const dn_cpu_conv *conv = call->conv;
    if (conv->algorithm == DN_CONV_DEPTHWISE) {
        DN_ISA_NAME(conv_depthwise_run)(call, task);
    } else if (conv->algorithm == DN_CONV_WINOGRAD) {
        DN_ISA_NAME(conv_winograd_run)(call, task);
    } else {
        DN_ISA_NAME(conv_direct_run)(call, task);
    }
}
