/* Spectra of the device against those in natural order, for tests and benches. */
#ifndef TORC_TESTS_GPU_SPECTRUM_H
#define TORC_TESTS_GPU_SPECTRUM_H

#include <math.h>
#include <stdint.h>

static inline uint32_t spectrum_reverse(uint32_t x, uint32_t bits)
{
    uint32_t y = 0;
    for (uint32_t i = 0; i < bits; i++) {
        y |= (x >> i & 1) << (bits - 1 - i);
    }
    return y;
}

/* Root of point y of the device's order, as index t of exp(i pi (1 + 4t) / N): cuda/fft.cuh. */
static inline uint32_t spectrum_root_of_point(uint32_t y, uint32_t poly_size)
{
    uint32_t row_bits = 0;
    while (64u << row_bits < poly_size) {
        row_bits++;
    }
    return spectrum_reverse(y % 32, 5) + 32 * spectrum_reverse(y / 32, row_bits);
}

/* Largest distance of a spectrum in the device's order from one in natural order, as
 * kernels/ref/fft.c and cuFFT have it, in units of the last place of its largest value. */
static inline double spectrum_distance(const double *got, const double *expected,
                                       uint32_t poly_size)
{
    double worst = 0, largest = 0;
    for (uint32_t y = 0; y < poly_size / 2; y++) {
        const uint32_t t = spectrum_root_of_point(y, poly_size);
        worst = fmax(worst, fabs(got[2 * y] - expected[2 * t]));
        worst = fmax(worst, fabs(got[2 * y + 1] - expected[2 * t + 1]));
        largest = fmax(largest, fmax(fabs(expected[2 * t]), fabs(expected[2 * t + 1])));
    }
    return worst / (largest * 0x1p-52);
}

#endif
