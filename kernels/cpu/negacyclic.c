/* Exact negacyclic products with binary polynomials, for key generation and encryption.
 *   out += sum_{c < count} a_c * b_c  in Z/2^64[X]/(X^N + 1),  b_c in {0, 1}
 *   a = low + 2^32 high,  low, high in [-2^31, 2^31)
 * The sums of the products of either half are integers below 2^31 N count <= 2^45.6. The transforms
 * return them with an error below 40 * 2^-53 times that, at most 0.24, so rounding to the nearest
 * integer is exact. (Measured at N = 4096, count = 6: 2^-4.2 when all words are extreme, 2^-11.8
 * for random ones.)
 *
 * b_c is transformed once for all products; one inverse transform serves all c. b is secret: time
 * and addresses do not depend on it, and what was derived from it is wiped.
 *
 * Layouts: a u64 [count][N]; spectrum double [count][re, im][N/2], 1/(N/2) of the transforms
 * included. */
#include "kernels/cpu/fft.h"
#include "kernels/cpu/table.h"

#include <stdbool.h>
#include <string.h>

enum { LIMB_BITS = 32 };

void TORC_CPU(binary_spectrum)(double *spectrum, const uint64_t *b, uint32_t poly_size)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(poly_size);
    const double scale = 1.0 / plan->half;
    for (uint32_t i = 0; i < poly_size; i++) {
        spectrum[i] = (double)(int32_t)b[i] * scale;
    }
    TORC_CPU(fft_forward)(plan, spectrum, spectrum + plan->half);
}

/* Half `is_high` of a; the carry of the lower one included. */
static void cut_limb(double *limb, const uint64_t *a, bool is_high, uint32_t poly_size)
{
    const uint64_t carry = is_high ? (uint64_t)1 << (LIMB_BITS - 1) : 0;
    const uint32_t shift = is_high ? LIMB_BITS : 0;
    for (uint32_t i = 0; i < poly_size; i++) {
        limb[i] = (double)(int32_t)(uint32_t)((a[i] + carry) >> shift);
    }
}

/* sum = z w, or sum += z w, point by point; sum may be z. */
static void multiply_spectra(double *sum, const double *z, const double *w, bool is_first,
                             uint32_t half)
{
    for (uint32_t j = 0; j < half; j += VECTOR_WIDTH) {
        const vec_f64 z_re = load_f64(z + j);
        const vec_f64 z_im = load_f64(z + half + j);
        const vec_f64 w_re = load_f64(w + j);
        const vec_f64 w_im = load_f64(w + half + j);
        const vec_f64 old_re = is_first ? splat_f64(0) : load_f64(sum + j);
        const vec_f64 old_im = is_first ? splat_f64(0) : load_f64(sum + half + j);
        store_f64(sum + j, fused_sub(fused_add(old_re, z_re, w_re), z_im, w_im));
        store_f64(sum + half + j, fused_add(fused_add(old_im, z_re, w_im), z_im, w_re));
    }
}

/* sum[N] = the integers sum_c limb_c b_c. */
static void limb_products(double *sum, double *limb, const uint64_t *a, const double *spectrum,
                          bool is_high, uint32_t count, const fft_plan *plan)
{
    const uint32_t poly_size = 2 * plan->half;
    for (uint32_t c = 0; c < count; c++) {
        const size_t at = (size_t)c * poly_size;
        double *factor = c == 0 ? sum : limb;
        cut_limb(factor, a + at, is_high, poly_size);
        TORC_CPU(fft_forward)(plan, factor, factor + plan->half);
        multiply_spectra(sum, factor, spectrum + at, c == 0, plan->half);
    }
    TORC_CPU(fft_inverse)(plan, sum, sum + plan->half);
}

/* The integer nearest to x, modulo 2^64: it stands in the low bits of x + 3 * 2^51. */
INLINE uint64_t nearest_integer(double x)
{
    const double shifted = x + 0x1.8p52;
    uint64_t bits = 0;
    memcpy(&bits, &shifted, sizeof bits);
    return bits - 0x4338000000000000u;
}

void TORC_CPU(negacyclic_add)(uint64_t *out, const uint64_t *a, const double *spectrum,
                              uint32_t count, uint32_t poly_size)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(poly_size);
    double low[FFT_MAX_POLY] __attribute__((aligned(64)));
    double high[FFT_MAX_POLY] __attribute__((aligned(64)));
    double limb[FFT_MAX_POLY] __attribute__((aligned(64))); /* of a, which is public */

    limb_products(low, limb, a, spectrum, false, count, plan);
    limb_products(high, limb, a, spectrum, true, count, plan);
    for (uint32_t i = 0; i < poly_size; i++) {
        out[i] += nearest_integer(low[i]) + (nearest_integer(high[i]) << LIMB_BITS);
    }
    explicit_bzero(low, poly_size * sizeof *low);
    explicit_bzero(high, poly_size * sizeof *high);
}
