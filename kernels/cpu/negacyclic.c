/* Exact negacyclic product with a binary polynomial, for key generation and encryption.
 *   out += a * b  in Z/2^64[X]/(X^N + 1),  b_i in {0, 1}
 *   a = sum_{t < 3} 2^(22 t) limb_t,  limb_t in [-2^21, 2^21)
 * Each limb * b is an integer polynomial below 2^21 * 4096 = 2^33; the FFT returns it with an error
 * below 2^33 * 2^-53 * 40 < 2^-14 (measured: 2^-18), so rounding to the nearest integer is exact.
 *
 * b is secret: time and addresses do not depend on it, and what was derived from it is wiped. */
#include "kernels/cpu/fft.h"
#include "kernels/cpu/table.h"

#include <string.h>

enum { LIMB_BITS = 22, LIMB_COUNT = 3 };

/* limb_t of x, the carries of the lower limbs included. */
INLINE double limb_of(uint64_t x, int t)
{
    const uint64_t half = (uint64_t)1 << (LIMB_BITS - 1);
    const uint64_t offset = half | half << LIMB_BITS | half << 2 * LIMB_BITS;
    const uint64_t field = (x + offset) >> (LIMB_BITS * t) & (2 * half - 1);
    return (double)((int64_t)field - (int64_t)half);
}

/* z *= w, point by point. */
static void multiply_spectra(double *z, const double *w, uint32_t half)
{
    for (uint32_t j = 0; j < half; j += VECTOR_WIDTH) {
        const vec_f64 z_re = load_f64(z + j);
        const vec_f64 z_im = load_f64(z + half + j);
        const vec_f64 w_re = load_f64(w + j);
        const vec_f64 w_im = load_f64(w + half + j);
        store_f64(z + j, fused_sub(z_re * w_re, z_im, w_im));
        store_f64(z + half + j, fused_add(z_re * w_im, z_im, w_re));
    }
}

void TORC_CPU(negacyclic_add)(uint64_t *out, const uint64_t *a, const uint64_t *b,
                              uint32_t poly_size)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(poly_size);
    const uint32_t half = plan->half;
    const double scale = 1.0 / half;
    double factor[FFT_MAX_POLY] __attribute__((aligned(64)));
    double limb[FFT_MAX_POLY] __attribute__((aligned(64)));

    for (uint32_t i = 0; i < poly_size; i++) {
        factor[i] = (double)(int64_t)b[i] * scale;
    }
    TORC_CPU(fft_forward)(plan, factor, factor + half);
    for (int t = 0; t < LIMB_COUNT; t++) {
        for (uint32_t i = 0; i < poly_size; i++) {
            limb[i] = limb_of(a[i], t);
        }
        TORC_CPU(fft_forward)(plan, limb, limb + half);
        multiply_spectra(limb, factor, half);
        TORC_CPU(fft_inverse)(plan, limb, limb + half);
        for (uint32_t i = 0; i < poly_size; i++) {
            const double nearest = limb[i] + 0x1.8p52; /* the integer stands in the low bits */
            uint64_t bits = 0;
            memcpy(&bits, &nearest, sizeof bits);
            out[i] += (bits - 0x4338000000000000u) << (LIMB_BITS * t);
        }
    }
    explicit_bzero(factor, sizeof factor);
    explicit_bzero(limb, sizeof limb);
}
