/* The accumulator and key layouts of the blind rotation, shared by bootstrap.c, step.c and key.c.
 *
 *   accumulator  u64 [2^v parts][k + 1][N + ACC_PAD]; the pad holds the negated first words of its
 *                polynomial, so that a vector that begins in front of N reads on into X^N = -1
 *   key          double [n steps][M / FFT_BLOCK][k + 1 columns][(k+1) l rows][re, im][FFT_BLOCK],
 *                the order in which a step reads it; scaled by 2^-64 / M
 *   spectra      double [(k+1) l rows][re, im][M], scratch of a step; the results take the place of
 *                the first k + 1 rows */
#ifndef TORC_KERNELS_CPU_ROTATE_H
#define TORC_KERNELS_CPU_ROTATE_H

#include "kernels/cpu/fft.h"
#include "kernels/kernels.h"

#include <stdbool.h>

enum { ACC_PAD = 8, MAX_GLWE_DIM = 6, MAX_LEVELS = 8, MAX_ROWS = (MAX_GLWE_DIM + 1) * MAX_LEVELS };

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

INLINE void pad_polynomial(uint64_t *poly, uint32_t poly_size)
{
    for (uint32_t i = 0; i < ACC_PAD; i++) {
        poly[poly_size + i] = -poly[i];
    }
}

/* accumulator += GGSW external-product ((X^exponent - 1) accumulator), 0 < exponent < 2N 2^v; key
 * is the key of this step; saved: u64 [part_words]. */
void TORC_CPU(rotate_step)(uint64_t *accumulator, uint32_t exponent, const double *key,
                           bool key_is_fresh, const torc_shape *shape, double *spectra,
                           uint64_t *saved);

#endif
