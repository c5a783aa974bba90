/* common.h — what several layer files need to parse keys and to find their shapes. */
#ifndef DN_LAYERS_COMMON_H
#define DN_LAYERS_COMMON_H

#include "layers/layer.h"

/* Ranges of keys: wide enough for any network, narrow enough that their products stay in 64 bits. */
#define DN_FILTERS_MAX    (1 << 24)
#define DN_SIZE_MAX       4096
#define DN_STRIDE_MAX     65536
#define DN_PADDING_MAX    8192
#define DN_REFERENCES_MAX 4096 /* layers that one layer may read */

/* Strides across and down: stride_x=, stride_y=, or stride= (1) where they are missing or below 1. */
dn_status dn_parse_strides(dn_section *section, int *stride_x, int *stride_y, dn_error *err);
/* dn_parse_activation for another key. */
dn_status dn_parse_named_activation(dn_section *section, const dn_layer_context *context, const char *key,
                                    dn_activation fallback, dn_activation *out, dn_error *err);
/* dontload= and dontloadscales=: whether a file holds the layer's weights and biases, and its batch norm. */
dn_status dn_parse_stored(dn_section *section, bool *weights, bool *scales, dn_error *err);
/* DN_E_UNSUPPORTED when the flag `key` is set. */
dn_status dn_parse_refuse(dn_section *section, const char *key, dn_error *err);

/* DN_E_SHAPE unless the input has rows and columns. */
dn_status dn_check_image(const dn_layer_plan *plan, dn_error *err);
/* A shape out of numbers that may be too large; DN_E_SHAPE with the numbers when it is not valid. */
dn_status dn_shape_make(dn_shape *out, int64_t n, int64_t c, int64_t h, int64_t w, dn_error *err);
/* Places of a window of `size` over `in` cells and `padding` cells more (both sides together), as darknet counts them:
 * (in + padding − size) / stride + 1, the quotient cut towards zero. */
static inline int64_t dn_window_places(int64_t in, int64_t padding, int64_t size, int64_t stride) {
    return (in + padding - size) / stride + 1;
}

/* Slots scales, rolling_mean and rolling_variance of `channels` values each, as a batch norm has them. */
dn_status dn_layer_plan_batchnorm_slots(dn_layer_plan *plan, int channels, bool stored, dn_error *err);
/* How the dialect divides: sqrt(variance + 1e-5) in alexeyab, sqrt(variance) + 1e-6 in pjreddie. */
dn_op_batchnorm dn_batchnorm_of(dn_dialect dialect);

/* Absolute indices of `count` references, in the plan's zone. */
dn_status dn_layer_plan_resolve_list(const dn_layer_plan *plan, const char *key, const int *references, int count,
                                     const int **out, dn_error *err);

#endif
