/* winograd.h — F(m,3): m × m outputs of a 3 × 3 convolution of stride 1 from (m+2)² products instead of 9·m².
 *
 *   Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A     d: (m+2)² inputs, g: 3 × 3 weights, Y: m × m outputs; ⊙ summed over channels
 *
 * B, G and A evaluate polynomials at m + 1 points and infinity. m = 2: 0, ±1. m = 4: 0, ±1/√2, ±√2, whose powers stay
 * near 1, so that less is lost to cancellation than with 0, ±1, ±2. A frequency is one of the (m+2)² products.
 *
 * Error against exact sums, relative to Σ|w·x| of an output (largest found by tests/engine/test_winograd.c):
 * direct 1.8e-7, m = 2 1.5e-7, m = 4 7e-7. */
#ifndef DN_BACKEND_CPU_ISA_WINOGRAD_H
#define DN_BACKEND_CPU_ISA_WINOGRAD_H

#include "backend/cpu/isa/conv.h"

#define DN_WINOGRAD_SIDE 6 /* m + 2 at most */

/* winograd_transform.c */

/* U = G g Gᵀ of one channel for up to B filters, whose 3 × 3 weights lie `filter` floats apart: frequency k goes to
 * to + k · step; lanes without a filter become 0. */
void DN_ISA_NAME(winograd_weights)(int m, const float *weights, size_t filter, int filters, float *to, size_t step);
/* V = Bᵀ d B of `tiles` neighbouring tiles of one block of channels. x: first tile's window, `row` floats between its
 * rows; frequency k of tile t goes to v + k · frequency + t · B. */
void DN_ISA_NAME(winograd_input)(int m, const float *x, size_t row, int tiles, float *v, size_t frequency);
/* Y = max(s, slope · s), s = Aᵀ M A + bias, of one tile of one block of filters. The first rows × columns outputs. */
void DN_ISA_NAME(winograd_output)(int m, const float *sums, size_t frequency, const float *bias, float slope, float *y,
                                  size_t row, int rows, int columns);

#endif
