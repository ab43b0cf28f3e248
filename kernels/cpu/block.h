/* One block of points of a spectrum through the register kernel, to and from [re, im][FFT_BLOCK].
 */
#ifndef TORC_KERNELS_CPU_BLOCK_H
#define TORC_KERNELS_CPU_BLOCK_H

#include "kernels/cpu/fft.h"

#include <stddef.h>

/* Where the points of one block lie: polynomial r from re + r * stride on, its imaginary parts
 * `imag` behind. */
typedef struct block_place {
    size_t stride, imag;
} block_place;

/* All rows of a block -> digit [rows][re, im][FFT_BLOCK]. */
INLINE void block_forward(double *digit, const double *re, size_t rows, block_place place,
                          const double *twiddle)
{
    vec_f64 x[VECTOR_WIDTH];
    vec_f64 y[VECTOR_WIDTH];
    for (size_t r = 0; r < rows; r++, re += place.stride) {
        for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
            x[v] = load_f64(re + v * VECTOR_WIDTH);
            y[v] = load_f64(re + place.imag + v * VECTOR_WIDTH);
        }
        kernel_forward(x, y, twiddle);
        for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
            store_f64(digit + 2 * r * FFT_BLOCK + v * VECTOR_WIDTH, x[v]);
            store_f64(digit + (2 * r + 1) * FFT_BLOCK + v * VECTOR_WIDTH, y[v]);
        }
    }
}

/* result [rows][re, im][FFT_BLOCK] -> all rows of a block. */
INLINE void block_inverse(double *re, const double *result, size_t rows, block_place place,
                          const double *twiddle)
{
    vec_f64 x[VECTOR_WIDTH];
    vec_f64 y[VECTOR_WIDTH];
    for (size_t r = 0; r < rows; r++, re += place.stride) {
        for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
            x[v] = load_f64(result + 2 * r * FFT_BLOCK + v * VECTOR_WIDTH);
            y[v] = load_f64(result + (2 * r + 1) * FFT_BLOCK + v * VECTOR_WIDTH);
        }
        kernel_inverse(x, y, twiddle);
        for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
            store_f64(re + v * VECTOR_WIDTH, x[v]);
            store_f64(re + place.imag + v * VECTOR_WIDTH, y[v]);
        }
    }
}

#endif
