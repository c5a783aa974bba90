/* fold.c — parameters as they enter a kernel. Computed in double and rounded once, so that a folded network stays as
 * close as possible to the one that it stands for. */
#include <math.h>

#include "backend/fold.h"

float dn_batchnorm_divisor(const dn_op_batchnorm *params, float variance) {
    if (params->outside) return sqrtf(variance) + params->epsilon;
    return (float)sqrt((double)variance + (double)params->epsilon);
}

void dn_fold_batchnorm(const dn_op_batchnorm *params, int filters, size_t per_filter, const float *weights,
                       const float *scales, const float *mean, const float *variance, const float *biases,
                       float *into_weights, float *into_biases) {
    for (int f = 0; f < filters; f++) {
        const double epsilon = (double)params->epsilon, v = (double)variance[f];
        const double divisor = params->outside ? sqrt(v) + epsilon : sqrt(v + epsilon);
        const double factor = (double)scales[f] / divisor;
        const double bias = biases != NULL ? (double)biases[f] : 0.0;
        into_biases[f] = (float)(bias - factor * (double)mean[f]);
        if (into_weights == NULL) continue;
        const size_t start = (size_t)f * per_filter;
        for (size_t i = start; i < start + per_filter; i++) into_weights[i] = (float)(factor * (double)weights[i]);
    }
}

/* The divisor starts at 0.0001 instead of 0, for softmax too: part of the definition. */
static void add_coefficients_of_channel(const dn_op_add *params, size_t stride, const float *weights, bool fused,
                                        float *into) {
    const double floor = fused ? 0.001 : 0.0;
    const size_t terms = (size_t)params->terms;
    double largest = (double)weights[0], sum = 0.0001;
    for (size_t k = 1; k < terms; k++) { /* not fmax: GCC 12 fails to vectorise it for aarch64 */
        if ((double)weights[k * stride] > largest) largest = (double)weights[k * stride];
    }
    for (int pass = 0; pass < 2; pass++) {
        for (size_t k = 0; k < terms; k++) {
            const double w = (double)weights[k * stride];
            const double a = params->normalization == DN_ADD_RELU ? fmax(w, floor) : exp(w - largest);
            if (pass == 0) {
                sum += a;
            } else {
                into[k * stride] = (float)(a / sum);
            }
        }
    }
}

void dn_add_coefficients(const dn_op_add *params, int channels, const float *weights, bool fused, float *into) {
    const size_t terms = (size_t)params->terms, c = (size_t)channels;
    const bool per_channel = params->weights == DN_ADD_PER_CHANNEL;
    for (size_t k = 0; k < terms; k++) {
        for (size_t i = 0; i < c; i++) {
            const float w = params->weights == DN_ADD_PLAIN ? 1.0F : weights[per_channel ? k * c + i : k];
            into[k * c + i] = w;
        }
    }
    if (params->weights == DN_ADD_PLAIN || params->normalization == DN_ADD_RAW) return;
    for (size_t i = 0; i < c; i++) add_coefficients_of_channel(params, c, into + i, fused, into + i);
}

void dn_binarize_weights(int filters, size_t per_filter, const float *weights, float *into) {
    for (size_t f = 0; f < (size_t)filters; f++) {
        const size_t start = f * per_filter;
        double sum = 0.0;
        for (size_t i = start; i < start + per_filter; i++) sum += fabs((double)weights[i]);
        const float mean = (float)(sum / (double)per_filter);
        for (size_t i = start; i < start + per_filter; i++) into[i] = weights[i] > 0.0F ? mean : -mean;
    }
}
