/* winograd_transform.c — the three transforms of F(2,3) and F(4,3); see winograd.h. Each is a transform of columns and
 * then of rows, on vectors of B channels. */
#include "backend/cpu/isa/winograd.h"

#define UNROLL      _Pragma("GCC unroll 8")
#define ROOT_HALF   0.70710678F /* points ±1/√2 … */
#define ROOT_TWO    1.41421356F /* … and ±√2      */
#define ROOT_HALF_3 0.35355339F /* their cubes    */
#define ROOT_TWO_3  2.82842712F

/* ---- weights ---- */

/* G of one column or row: rows (1, p, p²) / Π (p − other points). */
DN_INLINE void weights_line(int m, const vec g[3], vec to[DN_WINOGRAD_SIDE]) {
    to[0] = g[0];
    if (m == 2) {
        const vec half = vec_set(0.5F), even = vec_mul(half, vec_add(g[0], g[2])), odd = vec_mul(half, g[1]);
        to[1] = vec_add(even, odd);
        to[2] = vec_sub(even, odd);
        to[3] = g[2];
        return;
    }
    const vec third = vec_set(1.0F / 3.0F), sixth = vec_set(1.0F / 6.0F);
    const vec even_a = vec_mul(third, vec_add(vec_add(g[0], g[0]), g[2])), odd_a = vec_set(ROOT_TWO / 3.0F);
    const vec even_b = vec_mul(sixth, vec_add(vec_add(g[2], g[2]), g[0])), odd_b = vec_set(ROOT_TWO / 6.0F);
    to[1] = vec_fnma(odd_a, g[1], vec_neg(even_a));
    to[2] = vec_fma(odd_a, g[1], vec_neg(even_a));
    to[3] = vec_fma(odd_b, g[1], even_b);
    to[4] = vec_fnma(odd_b, g[1], even_b);
    to[5] = g[2];
}

DN_INLINE void weights_lanes(int m, const float taps[9 * DN_LANES], float *to, size_t step) {
    const int side = m + 2;
    vec columns[3][DN_WINOGRAD_SIDE]; /* [v][i] */
    UNROLL for (int v = 0; v < 3; ++v) {
        vec g[3];
        UNROLL for (int u = 0; u < 3; ++u) g[u] = vec_load_aligned(taps + (u * 3 + v) * DN_LANES);
        weights_line(m, g, columns[v]);
    }
    UNROLL for (int i = 0; i < side; ++i) {
        vec g[3], row[DN_WINOGRAD_SIDE];
        UNROLL for (int v = 0; v < 3; ++v) g[v] = columns[v][i];
        weights_line(m, g, row);
        UNROLL for (int j = 0; j < side; ++j) vec_store_aligned(to + (size_t)(i * side + j) * step, row[j]);
    }
}

void DN_ISA_NAME(winograd_weights)(int m, const float *weights, size_t filter, int filters, float *to, size_t step) {
    _Alignas(64) float taps[9 * DN_LANES] = {0};
    for (int k = 0; k < filters; ++k, weights += filter) {
        for (int tap = 0; tap < 9; ++tap) taps[tap * DN_LANES + k] = weights[tap];
    }
    if (m == 2) {
        weights_lanes(2, taps, to, step);
    } else {
        weights_lanes(4, taps, to, step);
    }
}

/* ---- input ---- */

/* Bᵀ of one column or row. */
DN_INLINE void input_line(int m, const vec d[DN_WINOGRAD_SIDE], vec to[DN_WINOGRAD_SIDE]) {
    if (m == 2) {
        to[0] = vec_sub(d[0], d[2]);
        to[1] = vec_add(d[1], d[2]);
        to[2] = vec_sub(d[2], d[1]);
        to[3] = vec_sub(d[1], d[3]);
        return;
    }
    const vec sum = vec_set(2.5F), two = vec_set(2.0F), half = vec_set(0.5F);
    const vec a = vec_set(ROOT_HALF), b = vec_set(ROOT_TWO);
    const vec even_a = vec_fnma(two, d[2], d[4]), odd_a = vec_fnma(two, d[1], d[3]);
    const vec even_b = vec_fnma(half, d[2], d[4]), odd_b = vec_fnma(half, d[1], d[3]);
    to[0] = vec_fnma(sum, d[2], vec_add(d[0], d[4]));
    to[1] = vec_fma(a, odd_a, even_a);
    to[2] = vec_fnma(a, odd_a, even_a);
    to[3] = vec_fma(b, odd_b, even_b);
    to[4] = vec_fnma(b, odd_b, even_b);
    to[5] = vec_fnma(sum, d[3], vec_add(d[1], d[5]));
}

DN_INLINE void input_tiles(int m, const float *x, size_t row, int tiles, float *v, size_t frequency) {
    const int side = m + 2;
    for (; tiles > 0; --tiles, x += m * DN_LANES, v += DN_LANES) {
        vec columns[DN_WINOGRAD_SIDE][DN_WINOGRAD_SIDE]; /* [j][i] */
        UNROLL for (int j = 0; j < side; ++j) {
            vec d[DN_WINOGRAD_SIDE];
            UNROLL for (int i = 0; i < side; ++i) d[i] = vec_load_aligned(x + (size_t)i * row + j * DN_LANES);
            input_line(m, d, columns[j]);
        }
        UNROLL for (int i = 0; i < side; ++i) {
            vec d[DN_WINOGRAD_SIDE], to[DN_WINOGRAD_SIDE];
            UNROLL for (int j = 0; j < side; ++j) d[j] = columns[j][i];
            input_line(m, d, to);
            UNROLL for (int j = 0; j < side; ++j) vec_store_aligned(v + (size_t)(i * side + j) * frequency, to[j]);
        }
    }
}

void DN_ISA_NAME(winograd_input)(int m, const float *x, size_t row, int tiles, float *v, size_t frequency) {
    if (m == 2) {
        input_tiles(2, x, row, tiles, v, frequency);
    } else {
        input_tiles(4, x, row, tiles, v, frequency);
    }
}

/* ---- output ---- */

/* Aᵀ of one column or row. */
DN_INLINE void output_line(int m, const vec s[DN_WINOGRAD_SIDE], vec to[4]) {
    const vec even_a = vec_add(s[1], s[2]), odd_a = vec_sub(s[1], s[2]);
    if (m == 2) {
        to[0] = vec_add(s[0], even_a);
        to[1] = vec_sub(odd_a, s[3]);
        return;
    }
    const vec even_b = vec_add(s[3], s[4]), odd_b = vec_sub(s[3], s[4]);
    to[0] = vec_add(vec_add(s[0], even_a), even_b);
    to[1] = vec_fma(vec_set(ROOT_HALF), odd_a, vec_mul(vec_set(ROOT_TWO), odd_b));
    to[2] = vec_fma(vec_set(0.5F), even_a, vec_add(even_b, even_b));
    to[3] = vec_fma(vec_set(ROOT_HALF_3), odd_a, vec_fma(vec_set(ROOT_TWO_3), odd_b, s[5]));
}

DN_INLINE void output_tile(int m, const float *sums, size_t frequency, const float *bias, float slope, float *y,
                           size_t row) {
    const int side = m + 2;
    vec columns[DN_WINOGRAD_SIDE][4]; /* [j][i] */
    UNROLL for (int j = 0; j < side; ++j) {
        vec s[DN_WINOGRAD_SIDE];
        UNROLL for (int i = 0; i < side; ++i) s[i] = vec_load_aligned(sums + (size_t)(i * side + j) * frequency);
        output_line(m, s, columns[j]);
    }
    const vec b = vec_load_aligned(bias), below = vec_set(slope);
    UNROLL for (int i = 0; i < m; ++i) {
        vec s[DN_WINOGRAD_SIDE], to[4];
        UNROLL for (int j = 0; j < side; ++j) s[j] = columns[j][i];
        output_line(m, s, to);
        UNROLL for (int j = 0; j < m; ++j) {
            const vec sum = vec_add(to[j], b);
            vec_store_aligned(y + (size_t)i * row + j * DN_LANES, vec_max(vec_mul(sum, below), sum));
        }
    }
}

void DN_ISA_NAME(winograd_output)(int m, const float *sums, size_t frequency, const float *bias, float slope, float *y,
                                  size_t row, int rows, int columns) {
    _Alignas(64) float whole[16 * DN_LANES];
    const bool part = rows < m || columns < m;
    float *to = part ? whole : y;
    const size_t to_row = part ? (size_t)m * DN_LANES : row;
    if (m == 2) {
        output_tile(2, sums, frequency, bias, slope, to, to_row);
    } else {
        output_tile(4, sums, frequency, bias, slope, to, to_row);
    }
    for (int i = 0; part && i < rows; ++i) {
        memcpy(y + (size_t)i * row, whole + (size_t)i * to_row, (size_t)columns * DN_LANES * sizeof(float));
    }
}
