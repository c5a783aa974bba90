/* test_kernels.c — dispatch, and the activation and linear kernels of every instruction set the processor has, against
 * double precision. */
#include "kernels_fixture.h"

/* ---------------------------------------------------------------- activations */

/* Where e^-x overflows, logistic, swish and gelu are 0; the exact values are below 3e-37. */
#define TINY 1e-30

static bool has_formula(dn_activation kind) { return kind < DN_NORMALIZE_CHANNELS; }

/* Every 9973rd float, and the extremes. */
static size_t sweep_values(float *values) {
    size_t count = 0;
    for (uint64_t bits = 0; bits < 0x100000000U; bits += 9973) {
        const uint32_t low = (uint32_t)bits;
        float x;
        memcpy(&x, &low, sizeof x);
        if (isfinite(x)) values[count++] = x;
    }
    static const float extremes[] = {FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN, 0.0F, -0.0F, 88.8F, -88.8F, 104.0F, -104.0F};
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; ++i) values[count++] = extremes[i];
    return count;
}

static void check_sweep(const dn_cpu_kernels *kernels, dn_activation kind, const float *x, float *y, size_t count) {
    kernels->activate(kind, x, y, count);
    double worst = 0.0;
    float worst_at = 0.0F;
    for (size_t i = 0; i < count; ++i) {
        double size;
        const double wanted = exact(kind, (double)x[i], &size);
        if (fabs(wanted) > (double)FLT_MAX) continue; /* overflow: inf or the largest float, both fine */
        const double error = fabs((double)y[i] - wanted) / (size + TINY);
        if (!(error <= worst)) worst = error, worst_at = x[i]; /* not-a-number counts as worst */
        if (isnan(y[i])) break;
    }
    if (!CHECK(worst <= 3e-7))
        fprintf(stderr, "set %d kind %d: error %g at %g\n", kernels->isa, kind, worst, (double)worst_at);
    const float not_a_number = NAN;
    float result = 0.0F;
    kernels->activate(kind, &not_a_number, &result, 1);
    CHECK(isnan(result));
}

static void test_activations(const dn_cpu_kernels *kernels) {
    float *x = floats((size_t)0x100000000U / 9973 + 32), *y = floats((size_t)0x100000000U / 9973 + 32);
    const size_t count = sweep_values(x);
    for (int kind = 0; kind < DN_ACTIVATIONS; ++kind) {
        if (has_formula((dn_activation)kind)) check_sweep(kernels, (dn_activation)kind, x, y, count);
    }
    free(x);
    free(y);
}

/* All lengths around the vector's, in place, with nothing behind the end; the same values as in a long run. */
static void test_activation_lengths(const dn_cpu_kernels *kernels) {
    float *all = random_floats(200), *wanted = floats(200);
    for (int kind = 0; kind < DN_ACTIVATIONS; ++kind) {
        if (!has_formula((dn_activation)kind)) continue;
        kernels->activate((dn_activation)kind, all, wanted, 200);
        bool same = true;
        for (size_t count = 0; count <= 140; ++count) {
            float *piece = malloc(count * sizeof(float) + 1);
            memcpy(piece, all, count * sizeof(float));
            kernels->activate((dn_activation)kind, piece, piece, count);
            same = same && memcmp(piece, wanted, count * sizeof(float)) == 0;
            free(piece);
        }
        CHECK(same);
    }
    free(all);
    free(wanted);
}

/* ---------------------------------------------------------------- linear */

static void check_linear(const dn_cpu_kernels *kernels, int rows, int inputs, int outputs, bool transposed,
                         int number) {
    dn_cpu_linear linear = {.rows = rows,
                            .inputs = inputs,
                            .outputs = outputs,
                            .threads = 1 + number % 3,
                            .transposed = transposed,
                            .epilogue = {.activation = (dn_activation)(number % DN_NORMALIZE_CHANNELS)}};
    if (!CHECK(kernels->linear_choose(&linear))) return;
    float *x = random_floats(count_of(1, rows, inputs)), *weights = random_floats(count_of(1, inputs, outputs));
    float *bias = number % 4 ? random_floats((size_t)outputs) : NULL, *y = floats(count_of(1, rows, outputs));
    float *packed = floats(linear.packed_floats), *scratch = floats(linear.scratch_floats);
    for (int first = 0; first < linear.outputs; first += linear.pack_outputs) {
        const size_t at = (size_t)first * (linear.transposed ? 1 : (size_t)linear.inputs);
        kernels->linear_pack(&linear, first / linear.pack_outputs, weights + at, bias ? bias + first : NULL, packed);
    }
    for (int task = linear.tasks - 1; task >= 0; --task)
        kernels->linear_run(&linear, x, packed, y, rows, scratch, task);
    double worst = 0.0;
    for (int row = 0; row < rows; ++row) {
        for (int o = 0; o < outputs; ++o) {
            double sum = bias ? (double)bias[o] : 0.0, size = fabs(sum) + 1e-3, offset;
            for (int i = 0; i < inputs; ++i) {
                const double product =
                    (double)x[row * inputs + i] * (double)weights[transposed ? i * outputs + o : o * inputs + i];
                sum += product;
                size += fabs(product);
            }
            const double found = (double)y[row * outputs + o];
            const double wanted = exact(linear.epilogue.activation, sum, &offset);
            const double error = fabs(found - wanted) / (size + offset);
            if (!(error <= worst)) worst = isnan(error) ? INFINITY : error;
        }
    }
    if (!CHECK(worst <= 1e-5)) {
        fprintf(stderr, "set %d: %d rows, %d → %d, transposed %d: error %g\n", kernels->isa, rows, inputs, outputs,
                transposed, worst);
    }
    free(x), free(weights), free(bias), free(y), free(packed), free(scratch);
}

static void test_linear(const dn_cpu_kernels *kernels) {
    static const int row_counts[] = {1, 2, 5, 6, 7, 13}, input_counts[] = {1, 2, 3, 17, 100},
                     output_counts[] = {1, 5, 16, 33, 64, 129};
    int number = 0;
    for (size_t r = 0; r < 6; ++r) {
        for (size_t i = 0; i < 5; ++i) {
            for (size_t o = 0; o < 6; ++o, ++number) {
                check_linear(kernels, row_counts[r], input_counts[i], output_counts[o], number % 2 == 0, number / 2);
            }
        }
    }
}

/* ---------------------------------------------------------------- dispatch */

static void test_dispatch(void) {
    CHECK(dn_isa_best() >= DN_ISA_PORTABLE && dn_isa_best() <= DN_ISA_AVX512);
    CHECK_EQ(dn_cpu_kernels_for(DN_ISA_AUTO)->isa, dn_isa_best());
    CHECK_EQ(dn_cpu_kernels_for(DN_ISA_PORTABLE)->isa, DN_ISA_PORTABLE);
    for (size_t i = 0; i < sizeof all_sets / sizeof *all_sets; ++i) {
        const dn_cpu_kernels *kernels = dn_cpu_kernels_for(all_sets[i]);
        CHECK(kernels->isa == all_sets[i] || (all_sets[i] > dn_isa_best() && kernels->isa == dn_isa_best()));
        CHECK(kernels->block == (kernels->isa == DN_ISA_AVX512 ? 16 : 8));
    }
}

int main(void) {
    test_dispatch();
    for_each_set(test_activations);
    for_each_set(test_activation_lengths);
    for_each_set(test_linear);
    return harness_result();
}
