/* The accumulator and key layouts of the blind rotation, shared by bootstrap.c, step.c and key.c.
 *
 *   accumulator  [2^v parts][k + 1][N + ACC_PAD] words of 64 bits, or of 32 where digits take few
 *                bits; the pad holds the negated first words of its polynomial, so that a vector
 *                that begins in front of N reads on into X^N = -1
 *   key          double [n steps][M / FFT_BLOCK][k + 1 columns][(k+1) l rows][re, im][FFT_BLOCK],
 *                the order in which a step reads it; scaled by 2^-64 / M
 *   spectra      double [(k+1) l rows][re, im][M], scratch of a step; the results take the place of
 *                the first k + 1 rows */
#ifndef TORC_KERNELS_CPU_ROTATE_H
#define TORC_KERNELS_CPU_ROTATE_H

#include "kernels/cpu/fft.h"
#include "kernels/kernels.h"

#include <stdbool.h>

enum {
    ACC_PAD = 16, /* words of the widest vector */
    MAX_GLWE_DIM = 6,
    MAX_LEVELS = 8,
    MAX_ROWS = (MAX_GLWE_DIM + 1) * MAX_LEVELS,
    /* One level with digits of so many bits: words of 32. Rounding the accumulator to 2^-32 adds
     * (1 + H) 2^-64/12 a step, at 26 bits 2^-12 of what the digits leave out, at 18 bits 2^-4.7 of
     * the transform's round-off. */
    NARROW_BITS_MIN = 18,
    NARROW_BITS_MAX = 26
};

INLINE bool is_narrow(const torc_shape *shape)
{
    return shape->level_count == 1 && shape->base_log >= NARROW_BITS_MIN &&
           shape->base_log <= NARROW_BITS_MAX;
}
INLINE size_t word_bytes(const torc_shape *shape)
{
    return is_narrow(shape) ? sizeof(uint32_t) : sizeof(uint64_t);
}

INLINE size_t poly_words(const torc_shape *shape)
{
    return (size_t)shape->poly_size + ACC_PAD;
}
INLINE size_t part_words(const torc_shape *shape)
{
    return (shape->glwe_dim + 1) * poly_words(shape);
}
INLINE size_t accumulator_words(const torc_shape *shape)
{
    return part_words(shape) << shape->extended_log2;
}
INLINE size_t row_count(const torc_shape *shape)
{
    return (size_t)(shape->glwe_dim + 1) * shape->level_count;
}
/* Of one GGSW: the key of a classic step. */
INLINE size_t step_doubles(const torc_shape *shape)
{
    return row_count(shape) * (shape->glwe_dim + 1) * shape->poly_size;
}

INLINE void pad_wide(uint64_t *poly, uint32_t poly_size)
{
    for (uint32_t i = 0; i < ACC_PAD; i++) {
        poly[poly_size + i] = -poly[i];
    }
}
INLINE void pad_narrow(uint32_t *poly, uint32_t poly_size)
{
    for (uint32_t i = 0; i < ACC_PAD; i++) {
        poly[poly_size + i] = -poly[i];
    }
}

/* accumulator += GGSW external-product ((X^exponent - 1) accumulator), 0 < exponent < 2N 2^v; key
 * is the key of this step; saved: one part. */
void TORC_CPU(rotate_step)(void *accumulator, uint32_t exponent, const double *key,
                           bool key_is_fresh, const torc_shape *shape, double *spectra,
                           void *saved);

#endif
