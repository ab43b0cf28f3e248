/* The bootstrap key in the Fourier domain, in the order in which a step reads it (rotate.h).
 * Rows are independent: any thread may fill any row. */
#include "kernels/cpu/rotate.h"
#include "kernels/cpu/table.h"

#include <string.h>

size_t TORC_CPU(bootstrap_key_bytes)(const torc_shape *shape)
{
    return shape->lwe_dim * step_doubles(shape) * sizeof(double);
}

void TORC_CPU(bootstrap_key_row)(void *key, size_t row, const uint64_t *glwe,
                                 const torc_shape *shape)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(shape->poly_size);
    const uint32_t half = plan->half;
    const uint32_t columns = shape->glwe_dim + 1;
    const size_t rows = row_count(shape);
    const double scale = 0x1p-64 / half;
    double *step = (double *)key + row / rows * step_doubles(shape);
    double spectrum[FFT_MAX_POLY] __attribute__((aligned(64)));

    for (uint32_t column = 0; column < columns; column++) {
        for (uint32_t i = 0; i < shape->poly_size; i++) {
            spectrum[i] = (double)(int64_t)glwe[(size_t)column * shape->poly_size + i] * scale;
        }
        TORC_CPU(fft_forward)(plan, spectrum, spectrum + half);
        for (uint32_t block = 0; block < half / FFT_BLOCK; block++) {
            double *out =
                step + ((block * (size_t)columns + column) * rows + row % rows) * 2 * FFT_BLOCK;
            memcpy(out, spectrum + block * FFT_BLOCK, FFT_BLOCK * sizeof *out);
            memcpy(out + FFT_BLOCK, spectrum + half + block * FFT_BLOCK, FFT_BLOCK * sizeof *out);
        }
    }
}
