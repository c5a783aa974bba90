/* batchnorm_train.c — batch norm in training, one block of channels of one image at a time.
 *
 * Sums are made of short ones of CHUNK pixels in float, which are added up in double; the variance by each chunk's own
 * mean (Chan, Golub & LeVeque 1983), so that x is read once and a large mean does not cost digits. */
#include "backend/cpu/isa/isa.h"

#define CHUNK ((size_t)128)

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* ---- forward ---- */

static vec chunk_sum(const float *x, size_t pixels) {
    vec sums[4] = {vec_zero(), vec_zero(), vec_zero(), vec_zero()};
    size_t i = 0;
    for (; i + 4 <= pixels; i += 4) {
        for (size_t k = 0; k < 4; ++k) sums[k] = vec_add(sums[k], vec_load(x + (i + k) * DN_LANES));
    }
    for (; i < pixels; ++i) sums[0] = vec_add(sums[0], vec_load(x + i * DN_LANES));
    return vec_add(vec_add(sums[0], sums[1]), vec_add(sums[2], sums[3]));
}

static vec chunk_apart(const float *x, vec mean, size_t pixels) {
    vec sums[4] = {vec_zero(), vec_zero(), vec_zero(), vec_zero()};
    size_t i = 0;
    for (; i + 4 <= pixels; i += 4) {
        for (size_t k = 0; k < 4; ++k) {
            const vec apart = vec_sub(vec_load(x + (i + k) * DN_LANES), mean);
            sums[k] = vec_fma(apart, apart, sums[k]);
        }
    }
    for (; i < pixels; ++i) {
        const vec apart = vec_sub(vec_load(x + i * DN_LANES), mean);
        sums[0] = vec_fma(apart, apart, sums[0]);
    }
    return vec_add(vec_add(sums[0], sums[1]), vec_add(sums[2], sums[3]));
}

static void merge(const float *found, const float *found_apart, double count, double before, double *mean,
                  double *apart) {
    const double share = count / (before + count), both = before * share;
    for (int k = 0; k < DN_LANES; ++k) {
        const double between = (double)found[k] - mean[k];
        mean[k] += between * share;
        apart[k] += (double)found_apart[k] + between * between * both;
    }
}

void DN_ISA_NAME(moments)(const float *x, size_t pixels, double before, double *mean, double *apart) {
    float found[DN_LANES], found_apart[DN_LANES];
    for (size_t i = 0; i < pixels; i += CHUNK) {
        const size_t count = smaller(CHUNK, pixels - i);
        const vec m = vec_div(chunk_sum(x + i * DN_LANES, count), vec_set((float)count));
        vec_store(found, m);
        vec_store(found_apart, chunk_apart(x + i * DN_LANES, m, count));
        merge(found, found_apart, (double)count, before, mean, apart);
        before += (double)count;
    }
}

void DN_ISA_NAME(normalize)(const float *x, const float *mean, const float *factor, const float *bias, float *y,
                            size_t pixels) {
    const vec m = vec_load(mean), f = vec_load(factor), b = vec_load(bias);
    for (size_t i = 0; i < pixels * DN_LANES; i += DN_LANES) {
        vec_store(y + i, vec_fma(vec_sub(vec_load(x + i), m), f, b));
    }
}

/* ---- backward ---- */

static void add_to(double *to, vec sum) {
    float values[DN_LANES];
    vec_store(values, sum);
    for (int k = 0; k < DN_LANES; ++k) to[k] += (double)values[k];
}

void DN_ISA_NAME(delta_sums)(const float *dy, const float *x, const float *mean, size_t pixels, double *sum,
                             double *apart) {
    const vec m = x ? vec_load(mean) : vec_zero();
    for (size_t start = 0; start < pixels; start += CHUNK) {
        const size_t end = start + smaller(CHUNK, pixels - start);
        add_to(sum, chunk_sum(dy + start * DN_LANES, end - start));
        if (!x) continue;
        vec sums[4] = {vec_zero(), vec_zero(), vec_zero(), vec_zero()};
        size_t i = start;
        for (; i + 4 <= end; i += 4) {
            for (size_t k = 0; k < 4; ++k) {
                const size_t at = (i + k) * DN_LANES;
                sums[k] = vec_fma(vec_load(dy + at), vec_sub(vec_load(x + at), m), sums[k]);
            }
        }
        for (; i < end; ++i) {
            sums[0] = vec_fma(vec_load(dy + i * DN_LANES), vec_sub(vec_load(x + i * DN_LANES), m), sums[0]);
        }
        add_to(apart, vec_add(vec_add(sums[0], sums[1]), vec_add(sums[2], sums[3])));
    }
}

void DN_ISA_NAME(batchnorm_line)(const dn_cpu_line *line, const float *x, const float *dy, bool accumulate, float *dx,
                                 size_t pixels) {
    const vec a = vec_load(line->a), b = vec_load(line->b), c = vec_load(line->c), m = vec_load(line->mean);
    for (size_t i = 0; i < pixels * DN_LANES; i += DN_LANES) {
        const vec value = vec_fma(a, vec_load(dy + i), vec_fma(b, vec_sub(vec_load(x + i), m), c));
        vec_store(dx + i, accumulate ? vec_add(vec_load(dx + i), value) : value);
    }
}
