/* External product of a GGSW and a GLWE ciphertext.
 *   out_d = sum_{c=0..k} sum_{j=0..l-1} digit_j(in_c) * row_{c,j,d}     in Z/2^64[X]/(X^N + 1)
 * Row (c, j) of the GGSW of a bit s encrypts s * 2^(64 - base_log (j+1)) times -S_c (c < k) or 1
 * (c = k), so that phase(out) = s * phase(in) + noise.
 * Noise of one product (torus units, all coefficients alike):
 *   l (k+1) N vb (B^2+2)/12 + (1 + weight(S)) s B^(-2l)/12 + V_FFT
 *
 * Layouts: in, out u64 [k+1][N]; ggsw u64 [(k+1) l][k+1][N] (row c*l + j), in the Fourier domain
 * double [(k+1) l][k+1][N] of ref/fft.c's spectra. Words enter the transform as signed fractions of
 * the torus, in [-1/2, 1/2); the spectra carry no factor.
 *
 * Chillotti, Gama, Georgieva, Izabachene: TFHE (J. Cryptology 2020), section 3. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { MAX_POLY_SIZE = 4096, MAX_COLUMNS = 7, MAX_LEVELS = 64 };

/* The word nearest to x modulo 1. x - rint(x) is exact and in [-1/2, 1/2]; at +1/2 the product is
 * 2^63, which no int64_t holds: the same word is reached from -2^63. */
static uint64_t torus_from_double(double x)
{
    const double scaled = (x - rint(x)) * 0x1p64;
    return scaled >= 0x1p63 ? (uint64_t)1 << 63 : (uint64_t)(int64_t)scaled;
}

void torc_ref_ggsw_forward(double *fourier, const uint64_t *ggsw, const torc_shape *shape)
{
    const uint32_t size = shape->poly_size;
    const uint32_t columns = shape->glwe_dim + 1;
    double real[MAX_POLY_SIZE];
    for (size_t poly = 0; poly < (size_t)columns * shape->level_count * columns; poly++) {
        for (uint32_t i = 0; i < size; i++) {
            real[i] = (double)(int64_t)ggsw[poly * size + i] * 0x1p-64;
        }
        torc_ref_fft_forward(fourier + poly * size, real, size);
    }
}

/* digit[N] of level j of one polynomial. */
static void digit_polynomial(double *digit, const uint64_t *in, uint32_t level,
                             const torc_shape *shape)
{
    int64_t all[MAX_LEVELS];
    for (uint32_t i = 0; i < shape->poly_size; i++) {
        torc_ref_decompose_even(all, in[i], shape->base_log, shape->level_count);
        digit[i] = (double)all[level];
    }
}

/* sum[N] += a[N] * b[N], spectra. */
static void spectrum_multiply_add(double *sum, const double *a, const double *b, uint32_t size)
{
    for (uint32_t m = 0; m < size; m += 2) {
        sum[m] += a[m] * b[m] - a[m + 1] * b[m + 1];
        sum[m + 1] += a[m] * b[m + 1] + a[m + 1] * b[m];
    }
}

void torc_ref_external_product(uint64_t *out, const double *fourier, const uint64_t *in,
                               const torc_shape *shape)
{
    const uint32_t size = shape->poly_size;
    const uint32_t columns = shape->glwe_dim + 1;
    double sum[MAX_COLUMNS][MAX_POLY_SIZE];
    double digit[MAX_POLY_SIZE];
    double spectrum[MAX_POLY_SIZE];

    memset(sum, 0, sizeof sum);
    for (uint32_t row = 0; row < columns * shape->level_count; row++) {
        const uint32_t c = row / shape->level_count;
        digit_polynomial(digit, in + (size_t)c * size, row % shape->level_count, shape);
        torc_ref_fft_forward(spectrum, digit, size);
        for (uint32_t d = 0; d < columns; d++) {
            const double *key = fourier + ((size_t)row * columns + d) * size;
            spectrum_multiply_add(sum[d], spectrum, key, size);
        }
    }
    for (uint32_t d = 0; d < columns; d++) {
        torc_ref_fft_inverse(spectrum, sum[d], size);
        for (uint32_t i = 0; i < size; i++) {
            out[(size_t)d * size + i] = torus_from_double(spectrum[i]);
        }
    }
}
