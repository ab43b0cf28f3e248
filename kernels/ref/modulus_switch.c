/* Centred (mean-compensated) modulus switch with half-cell shift, from 2^32 to w = 2N 2^v.
 *   cell  = 2^32 / w
 *   out_i = round(mask_i / cell) mod w,   err_i = out_i cell - mask_i  in [-cell/2, cell/2]
 *   out_n = floor((body + sum_i err_i / 2) / cell) mod w
 * A key bit is 1 half of the time: sum err_i / 2 is the mean of what rounding the mask takes from
 * the phase, whatever the key's weight. What is left has variance n / 48 cells^2. Rounding the
 * shifted body, round(body' / cell - 1/2), is a floor. As the mask contributes whole cells, out_n -
 * sum_i out_i s_i = floor((phase + noise) / cell), and as bins of a table begin at whole cells, out
 * >> ... is floor((phase + noise) * bins): body rounding adds no noise, and a phase in the middle
 * of its bin (half a bin is added before) stands exactly in the centre of its decision window.
 *
 * The halved sum keeps its last bit: everything is computed in half units of 2^-32.
 * A rotation of 2^o results, o = outputs_log2, has cells 2^o as wide: w = 2N 2^v / 2^o above, and
 * every out is multiplied by 2^o, so that a table begins at every 2^o-th coefficient.
 *
 * Layouts: small u32 [n + 1], exponent u32 [n + 1], body last.
 *
 * "Don't be mean" (eprint 2025/809); half-cell shift: reference/noise-and-parameters.md 1.2.
 * Several results: Chillotti, Ligier, Orfila, Tap, "Improved programmable bootstrapping" (ASIACRYPT
 * 2021), section 4. */
#include "kernels/kernels.h"

static uint32_t log2_exact(uint32_t power)
{
    uint32_t log = 0;
    while (power > 1) {
        power >>= 1;
        log++;
    }
    return log;
}

void torc_ref_modulus_switch(uint32_t *exponent, const uint32_t *small, const torc_shape *shape)
{
    const uint32_t n = shape->lwe_dim;
    const uint32_t o = shape->outputs_log2;
    const uint32_t cell_log2 = 31 - log2_exact(shape->poly_size) - shape->extended_log2 + o;
    const uint32_t half_cell = (uint32_t)1 << (cell_log2 - 1);
    const uint32_t mask = UINT32_MAX >> cell_log2;
    int64_t error_sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t rounded = small[i] + half_cell; /* wraps: modulo w */
        exponent[i] = rounded >> cell_log2 << o;
        error_sum += (int64_t)half_cell - (int64_t)(rounded & (2 * half_cell - 1));
    }
    const int64_t twice_body = 2 * (int64_t)small[n] + error_sum;
    exponent[n] = ((uint32_t)(twice_body >> (cell_log2 + 1)) & mask) << o;
}
