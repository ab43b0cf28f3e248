/* The functions of accumulator.h. */
#include "kernels/cpu/accumulator.h"

#include <string.h>

void TORC_CPU(modulus_switch)(uint32_t *exponent, const uint32_t *small, uint32_t half_bin,
                              const torc_shape *shape)
{
    const uint32_t n = shape->lwe_dim;
    const uint32_t o = shape->outputs_log2;
    const uint32_t log2_poly = (uint32_t)__builtin_ctz(shape->poly_size);
    const uint32_t cell_log2 = 31 - log2_poly - shape->extended_log2 + o;
    const uint32_t half_cell = (uint32_t)1 << (cell_log2 - 1);
    int64_t error_sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t rounded = small[i] + half_cell;
        exponent[i] = rounded >> cell_log2 << o;
        error_sum += (int64_t)half_cell - (int64_t)(rounded & (2 * half_cell - 1));
    }
    const int64_t twice_body = 2 * (int64_t)(uint32_t)(small[n] + half_bin) + error_sum;
    exponent[n] = ((uint32_t)(twice_body >> (cell_log2 + 1)) & (UINT32_MAX >> cell_log2)) << o;
}

void TORC_CPU(accumulator_start)(uint64_t *accumulator, const uint64_t *entry, uint32_t index_bits,
                                 uint32_t back, const torc_shape *shape)
{
    const uint32_t size = shape->poly_size << shape->extended_log2;
    const uint32_t bin_log2 = (uint32_t)__builtin_ctz(size) - index_bits;
    const uint32_t output_mask = ((uint32_t)1 << shape->outputs_log2) - 1;
    const size_t body = shape->glwe_dim * poly_words(shape);

    memset(accumulator, 0, accumulator_words(shape) * sizeof *accumulator);
    for (uint32_t r = 0; r < (uint32_t)1 << shape->extended_log2; r++) {
        uint64_t *part = accumulator + r * part_words(shape) + body;
        for (uint32_t i = 0; i < shape->poly_size; i++) {
            const uint32_t place = ((i << shape->extended_log2) + r + back) & (2 * size - 1);
            const size_t table = (size_t)(place & output_mask) << index_bits;
            const uint64_t value = entry[table + ((place & (size - 1)) >> bin_log2)];
            part[i] = place < size ? value : -value;
        }
        pad_wide(part, shape->poly_size);
    }
}

/* big [kN + 1] of coefficient `index` of one part. */
static void part_extract(uint64_t *big, const uint64_t *part, uint32_t index,
                         const torc_shape *shape)
{
    const uint32_t size = shape->poly_size;
    for (uint32_t c = 0; c < shape->glwe_dim; c++, big += size) {
        const uint64_t *mask = part + c * poly_words(shape);
        for (uint32_t i = 0; i <= index; i++) {
            big[i] = mask[index - i];
        }
        for (uint32_t i = index + 1; i < size; i++) {
            big[i] = -mask[size + index - i];
        }
    }
    *big = part[shape->glwe_dim * poly_words(shape) + index];
}

void TORC_CPU(accumulator_extract)(uint64_t *big, const uint64_t *accumulator,
                                   const torc_shape *shape)
{
    const uint32_t part_mask = ((uint32_t)1 << shape->extended_log2) - 1;
    const size_t big_words = (size_t)shape->glwe_dim * shape->poly_size + 1;
    for (uint32_t s = 0; s < (uint32_t)1 << shape->outputs_log2; s++) {
        part_extract(big + s * big_words, accumulator + (s & part_mask) * part_words(shape),
                     s >> shape->extended_log2, shape);
    }
}
