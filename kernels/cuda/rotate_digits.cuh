/* Between the torus and the transforms: cutting accumulators into digits, rounding results.
 *
 *   t   torus value as a double, any size up to 2^51 (not reduced modulo 1: the spectrum of a step
 * is the exact integer combination of digits and key, about 2^26 torus units wide at N = 2048) B =
 * 2^base_log, l digits, kept = base_log l <= 32 bits digits   d_j in [-B/2, B/2], t = sum_j d_j
 * B^-(j+1) modulo 1 up to B^-l / 2
 *
 * Ties go to even, as a grouped step needs (ref/decompose.c): adding 1.5 2^52 rounds so. The number
 * of FP64 instructions stands at each function; conversion instructions run at a quarter of their
 * rate and are avoided. */
#ifndef TORC_CUDA_ROTATE_DIGITS_CUH
#define TORC_CUDA_ROTATE_DIGITS_CUH

#include "kernels/cuda/gpu.h"

/* x + MAGIC rounds x to an integer, which then stands in the low bits; |x| < 2^51. */
#define ROTATE_MAGIC 6755399441055744.0 /* 1.5 * 2^52 */

/* Integer as a double: 1. */
__device__ __forceinline__ double rotate_double(int32_t d)
{
    return __hiloint2double(0x43300000, (int)((uint32_t)d ^ 0x80000000u)) - 4503601774854144.0;
}

/* t modulo 1 in [-1/2, 1/2], exact: 3. */
__device__ __forceinline__ double rotate_fraction(double t)
{
    return t - ((t + ROTATE_MAGIC) - ROTATE_MAGIC);
}

/* The only digit at l = 1: 5. */
__device__ __forceinline__ double rotate_digit(double t, double base)
{
    return fma(rotate_fraction(t), base, ROTATE_MAGIC) - ROTATE_MAGIC;
}

/* t in units of 2^-kept, modulo 2^32: 4. scale = 2^kept. */
__device__ __forceinline__ uint32_t rotate_kept(double t, double scale)
{
    return (uint32_t)__double2loint(fma(rotate_fraction(t), scale, ROTATE_MAGIC));
}

/* The same where |t| scale < 2^51 is certain: 1. */
__device__ __forceinline__ uint32_t rotate_kept_narrow(double t, double scale)
{
    return (uint32_t)__double2loint(fma(t, scale, ROTATE_MAGIC));
}

/* Units of 2^-32 rounded to units of 2^-kept. Ties to even: one word in 2^(32 - kept) is a tie, and
 * a mean error of all coefficients is what a binary key makes largest. */
__device__ __forceinline__ uint32_t rotate_kept_word(uint32_t x, uint32_t kept)
{
    const uint32_t dropped = 32 - kept;
    return dropped == 0 ? x : (x + (1u << dropped >> 1) - 1 + (x >> dropped & 1)) >> dropped;
}

/* Takes the last digit off w, signed, and leaves the rest with its carry: 1. */
__device__ __forceinline__ double rotate_cut(uint32_t *w, uint32_t base_log)
{
    const int32_t digit = (int32_t)(*w << (32 - base_log)) >> (32 - base_log);
    *w = (uint32_t)((int32_t)(*w - (uint32_t)digit) >> base_log);
    return rotate_double(digit);
}

/* Torus value as a word of 64 bits, 62 of them rounded: 4 and a conversion. */
__device__ __forceinline__ uint64_t rotate_word64(double t)
{
    return (uint64_t)__double2ll_rn(rotate_fraction(t) * 4611686018427387904.0) << 2;
}

/* Word of 64 bits as a signed torus value, to 53 bits. */
__device__ __forceinline__ double rotate_torus(uint64_t word)
{
    return (double)(int64_t)word * (1.0 / 18446744073709551616.0);
}

#endif
