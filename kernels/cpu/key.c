/* The bootstrap key in the Fourier domain, in the order in which a step reads it (rotate.h,
 * grouped.h). Rows are independent: any thread may fill any row. A grouped step is combined when
 * all its rows are there. */
#include "kernels/cpu/grouped.h"
#include "kernels/cpu/table.h"

#include <string.h>

static bool is_grouped(const torc_shape *shape)
{
    return shape->grouping > 1;
}

static size_t key_step_doubles(const torc_shape *shape)
{
    return is_grouped(shape) ? grouped_step_doubles(shape) : step_doubles(shape);
}

size_t TORC_CPU(bootstrap_key_bytes)(const torc_shape *shape)
{
    const uint32_t grouping = is_grouped(shape) ? shape->grouping : 1;
    return shape->lwe_dim / grouping * key_step_doubles(shape) * sizeof(double);
}

/* Vectors re, im [M] of element (column, row) of term `set` of a step. */
static void store_grouped(double *step, const double *spectrum, size_t column, size_t row,
                          uint32_t set, const torc_shape *shape)
{
    const size_t half = shape->poly_size / 2;
    const size_t element = (column * row_count(shape) + row) * slot_count(shape);
    const size_t stride = grouped_step_doubles(shape) / half * VECTOR_WIDTH;
    double *out = step + (element + slot_of(set)) * 2 * VECTOR_WIDTH;

    for (size_t first = 0; first < half; first += VECTOR_WIDTH, out += stride) {
        memcpy(out, spectrum + first, VECTOR_BYTES);
        memcpy(out + VECTOR_WIDTH, spectrum + half + first, VECTOR_BYTES);
    }
}

static void store_classic(double *step, const double *spectrum, size_t column, size_t row,
                          const torc_shape *shape)
{
    const size_t half = shape->poly_size / 2;
    const size_t columns = shape->glwe_dim + (size_t)1;

    for (size_t block = 0; block < half / FFT_BLOCK; block++) {
        double *out = step + ((block * columns + column) * row_count(shape) + row) * 2 * FFT_BLOCK;
        memcpy(out, spectrum + block * FFT_BLOCK, FFT_BLOCK * sizeof *out);
        memcpy(out + FFT_BLOCK, spectrum + half + block * FFT_BLOCK, FFT_BLOCK * sizeof *out);
    }
}

void TORC_CPU(bootstrap_key_row)(void *key, size_t row, const uint64_t *glwe,
                                 const torc_shape *shape)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(shape->poly_size);
    const size_t rows = row_count(shape);
    const size_t ggsw = row / rows;
    const size_t terms = is_grouped(shape) ? ((size_t)1 << shape->grouping) - 1 : 1;
    const double scale = 0x1p-64 / plan->half;
    double *step = (double *)key + ggsw / terms * key_step_doubles(shape);
    double spectrum[FFT_MAX_POLY] __attribute__((aligned(64)));

    for (uint32_t column = 0; column <= shape->glwe_dim; column++) {
        for (uint32_t i = 0; i < shape->poly_size; i++) {
            spectrum[i] = (double)(int64_t)glwe[(size_t)column * shape->poly_size + i] * scale;
        }
        TORC_CPU(fft_forward)(plan, spectrum, spectrum + plan->half);
        if (is_grouped(shape)) {
            store_grouped(step, spectrum, column, row % rows, (uint32_t)(ggsw % terms) + 1, shape);
        } else {
            store_classic(step, spectrum, column, row % rows, shape);
        }
    }
}

/* out += in; one slot. */
static void slot_add(double *out, const double *in)
{
    for (int i = 0; i < 2 * VECTOR_WIDTH; i++) {
        out[i] += in[i];
    }
}

/* A_T = K_T + .. in place: bit by bit from the highest, sets below it take what stands with it. */
static void combine_plain(double *slots, const torc_shape *shape)
{
    for (uint32_t bit = (uint32_t)1 << (shape->grouping - 1); bit > 1; bit >>= 1) {
        for (uint32_t set = 1; set < bit; set++) {
            slot_add(slots + slot_of(set) * 2 * VECTOR_WIDTH,
                     slots + slot_of(set | bit) * 2 * VECTOR_WIDTH);
        }
    }
}

void TORC_CPU(bootstrap_key_step)(void *key, size_t step, const torc_shape *shape)
{
    const size_t elements = row_count(shape) * (shape->glwe_dim + 1) * shape->poly_size / 2;
    const bool is_combined = is_grouped(shape) && shape->extended_log2 == 0;
    double *slots = (double *)key + step * key_step_doubles(shape);

    for (size_t e = 0; is_combined && e < elements; e += VECTOR_WIDTH) {
        combine_plain(slots, shape);
        slots += (size_t)slot_count(shape) * 2 * VECTOR_WIDTH;
    }
}
