/* Gadget decomposition of torus values.
 *   B = 2^base_log, l = level_count, x in Z/2^64, 0 < base_log * l < 64
 *   digit[j] in [-B/2, B/2),  j = 0 .. l-1, most significant first
 *   | x - sum_j digit[j] * 2^(64 - base_log * (j+1)) | <= 2^(63 - base_log * l)   (mod 2^64)
 * The rounding to base_log * l bits happens once, before the digits are cut.
 *
 * Ties matter where x comes out of a transform of doubles: values near 2^26 (a grouped step, N =
 * 2048, B = 2^22) are multiples of 2^-26, so one word in 16 lies half between two kept values.
 * Rounding all of them up gives every coefficient the same mean error, and a polynomial of equal
 * coefficients meets the binary key where it is largest: the noise of a bootstrap was 3 times the
 * formula's. Ties to even have no mean.
 *
 * Chillotti, Gama, Georgieva, Izabachene: TFHE (J. Cryptology 2020), section 3.2, in its exact
 * form. */
#include "kernels/kernels.h"

void torc_ref_decompose(int64_t *digit, uint64_t x, uint32_t base_log, uint32_t level_count)
{
    const uint32_t kept_bits = base_log * level_count;
    const uint64_t half_base = (uint64_t)1 << (base_log - 1);
    const uint64_t base_mask = ((uint64_t)1 << base_log) - 1;
    uint64_t rest = (x + ((uint64_t)1 << (63 - kept_bits))) >> (64 - kept_bits);

    for (uint32_t j = level_count; j-- > 0;) { /* least significant first: carries go up */
        const uint64_t d = rest & base_mask;
        const uint64_t carry = d >= half_base;
        rest = (rest >> base_log) + carry;
        digit[j] = (int64_t)d - (int64_t)(carry << base_log);
    }
}

/* Half a unit up becomes half to even: less one unless the last bit kept is odd. */
void torc_ref_decompose_even(int64_t *digit, uint64_t x, uint32_t base_log, uint32_t level_count)
{
    const uint64_t is_odd = x >> (64 - base_log * level_count) & 1;
    torc_ref_decompose(digit, x - 1 + is_odd, base_log, level_count);
}
