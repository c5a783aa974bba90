/* fold.h — parameters as they enter a kernel: what prepare=FUSE and BINARY make of them. Shared by host backends. */
#ifndef DN_BACKEND_FOLD_H
#define DN_BACKEND_FOLD_H

#include "op/op.h"

/* d of dn_op_batchnorm for one channel. */
float dn_batchnorm_divisor(const dn_op_batchnorm *params, float variance);
/* weights (filters, per_filter) · scale/d, bias − scale · mean/d. `into_weights` may be NULL or weights itself. */
void dn_fold_batchnorm(const dn_op_batchnorm *params, int filters, size_t per_filter, const float *weights,
                       const float *scales, const float *mean, const float *variance, const float *biases,
                       float *into_weights, float *into_biases);
/* a_k of dn_op_add, (terms, channels); `fused`: the once-normalised form. */
void dn_add_coefficients(const dn_op_add *params, int channels, const float *weights, bool fused, float *into);
/* ±mean|w| per filter. */
void dn_binarize_weights(int filters, size_t per_filter, const float *weights, float *into);

#endif
