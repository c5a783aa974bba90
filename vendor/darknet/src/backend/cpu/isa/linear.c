/* linear.c — y (rows, outputs) = x (rows, inputs) · Wᵀ.
 *
 * A unit is F·B outputs. Packed per unit: bias [F·B], weights [input][F·B]: one pass over the inputs reads them once,
 * in order. For one row that pass is limited by memory alone; it splits the inputs into even and odd ones, so that
 * 2·F sums are in flight. For more rows, F·R sums of R rows share each weight. A task is a run of units. */
#include "backend/cpu/isa/isa.h"

/* F·R sums, F weights, one input: 4·6 + 4 + 1 of 32 registers, 2·6 + 2 + 1 of 16, 1·5 + 1 + 1 of 8. */
#if DN_REGISTERS == 32
#define BLOCKS 4
#define ROWS   6
#elif DN_REGISTERS == 16
#define BLOCKS 2
#define ROWS   6
#else
#define BLOCKS 1
#define ROWS   5
#endif
#define OUTPUTS          (BLOCKS * DN_LANES)
#define TASKS_PER_THREAD 8
#define UNROLL           _Pragma("GCC unroll 8")

enum { UNITS_PER_TASK }; /* of dn_cpu_linear.tile */

static size_t unit_floats(const dn_cpu_linear *linear) { return ((size_t)linear->inputs + 1) * OUTPUTS; }

bool DN_ISA_NAME(linear_choose)(dn_cpu_linear *linear) {
    const int units = (linear->outputs + OUTPUTS - 1) / OUTPUTS;
    const int wanted = linear->threads > 1 ? linear->threads * TASKS_PER_THREAD : 1;
    linear->tile[UNITS_PER_TASK] = (units + wanted - 1) / wanted;
    linear->tasks = (units + linear->tile[UNITS_PER_TASK] - 1) / linear->tile[UNITS_PER_TASK];
    linear->packed_floats = (size_t)units * unit_floats(linear);
    linear->pack_outputs = OUTPUTS;
    linear->scratch_floats = 0;
    return true;
}

void DN_ISA_NAME(linear_pack)(const dn_cpu_linear *linear, int unit, const float *weights, const float *bias,
                              float *packed) {
    const size_t inputs = (size_t)linear->inputs, outputs = (size_t)linear->outputs;
    const size_t by_output = linear->transposed ? 1 : inputs, by_input = linear->transposed ? outputs : 1;
    const size_t left = outputs - (size_t)unit * OUTPUTS, own = left < OUTPUTS ? left : OUTPUTS;
    packed += (size_t)unit * unit_floats(linear);
    for (size_t i = 0; i < OUTPUTS; ++i) *packed++ = bias && i < own ? bias[i] : 0.0F;
    for (size_t input = 0; input < inputs; ++input) {
        for (size_t i = 0; i < OUTPUTS; ++i) *packed++ = i < own ? weights[i * by_output + input * by_input] : 0.0F;
    }
}

static void store_row(const dn_cpu_linear *linear, const vec sums[BLOCKS], int output, float *y) {
    _Alignas(64) float values[OUTPUTS];
    UNROLL for (int f = 0; f < BLOCKS; ++f) vec_store_aligned(values + f * DN_LANES, sums[f]);
    const int count = linear->outputs - output < OUTPUTS ? linear->outputs - output : OUTPUTS;
    DN_ISA_NAME(activate)(linear->epilogue.activation, values, y + output, (size_t)count);
}

/* One row: sums of the even inputs and of the odd ones. */
static void one_row(const dn_cpu_linear *linear, const float *x, const float *packed, int output, float *y) {
    vec even[BLOCKS], odd[BLOCKS];
    UNROLL for (int f = 0; f < BLOCKS; ++f) {
        even[f] = vec_load_aligned(packed + f * DN_LANES);
        odd[f] = vec_zero();
    }
    const float *weights = packed + OUTPUTS;
    int i = 0;
    for (; i + 2 <= linear->inputs; i += 2, weights += 2 * OUTPUTS) {
        const vec first = vec_set(x[i]), second = vec_set(x[i + 1]);
        UNROLL for (int f = 0; f < BLOCKS; ++f) {
            even[f] = vec_fma(first, vec_load_aligned(weights + f * DN_LANES), even[f]);
            odd[f] = vec_fma(second, vec_load_aligned(weights + OUTPUTS + f * DN_LANES), odd[f]);
        }
    }
    if (i < linear->inputs) {
        const vec last = vec_set(x[i]);
        UNROLL for (int f = 0; f < BLOCKS; ++f) {
            even[f] = vec_fma(last, vec_load_aligned(weights + f * DN_LANES), even[f]);
        }
    }
    UNROLL for (int f = 0; f < BLOCKS; ++f) even[f] = vec_add(even[f], odd[f]);
    store_row(linear, even, output, y);
}

static void many_rows(const dn_cpu_linear *linear, const float *x, const float *packed, int output, float *y) {
    const size_t inputs = (size_t)linear->inputs;
    vec sums[ROWS][BLOCKS];
    UNROLL for (int r = 0; r < ROWS; ++r) {
        UNROLL for (int f = 0; f < BLOCKS; ++f) sums[r][f] = vec_load_aligned(packed + f * DN_LANES);
    }
    const float *weights = packed + OUTPUTS;
    _Pragma("GCC unroll 1") for (size_t i = 0; i < inputs; ++i, weights += OUTPUTS) {
        vec weight[BLOCKS];
        UNROLL for (int f = 0; f < BLOCKS; ++f) weight[f] = vec_load_aligned(weights + f * DN_LANES);
        UNROLL for (int r = 0; r < ROWS; ++r) {
            const vec value = vec_set(x[(size_t)r * inputs + i]);
            UNROLL for (int f = 0; f < BLOCKS; ++f) sums[r][f] = vec_fma(value, weight[f], sums[r][f]);
        }
    }
    for (int r = 0; r < ROWS; ++r) store_row(linear, sums[r], output, y + (size_t)r * (size_t)linear->outputs);
}

void DN_ISA_NAME(linear_run)(const dn_cpu_linear *linear, const float *x, const float *packed, float *y, int rows,
                             float *scratch, int task) {
    (void)scratch;
    const size_t inputs = (size_t)linear->inputs, outputs = (size_t)linear->outputs;
    const int units = (linear->outputs + OUTPUTS - 1) / OUTPUTS;
    const int first = task * linear->tile[UNITS_PER_TASK];
    const int last = first + linear->tile[UNITS_PER_TASK];
    for (int unit = first; unit < last && unit < units; ++unit) {
        const float *of_unit = packed + (size_t)unit * unit_floats(linear);
        int row = 0;
        for (; row + ROWS <= rows; row += ROWS) {
            many_rows(linear, x + (size_t)row * inputs, of_unit, unit * OUTPUTS, y + (size_t)row * outputs);
        }
        for (; row < rows; ++row) {
            one_row(linear, x + (size_t)row * inputs, of_unit, unit * OUTPUTS, y + (size_t)row * outputs);
        }
    }
}
