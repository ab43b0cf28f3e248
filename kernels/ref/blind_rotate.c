/* Classic blind rotation with an extended accumulator, and what surrounds it.
 *   N' = 2^v N,  X the variable of Z/2^64[X]/(X^N' + 1),  Y = X^(2^v) that of a part
 *   p(X) = sum_{r < 2^v} X^r p_r(Y):   part r holds the coefficients r, r + 2^v, ...
 *   start:  acc = X^(-exponent_n) table
 *   step i: acc = acc + GGSW(s_i) external-product ((X^(exponent_i) - 1) acc)
 *   end:    phase(acc) = X^(-(exponent_n - sum_i exponent_i s_i)) table + noise
 * With o = outputs_log2 all exponents are multiples of 2^o, and coefficients s, s + 2^o, ... belong
 * to table s: after rotation coefficient s is what coefficient 0 would be with table s alone.
 * GGSW(s_i) is a matrix of polynomials in Y: it acts on every part alike, and X^a, a = 2^v q + s,
 * moves part r to part (r + s) mod 2^v, times Y^q, or Y^(q+1) where r + s passes 2^v.
 * Noise: n external products (ref/external_product.c), whatever v.
 *
 * Layouts: accumulator u64 [2^v][k + 1][N]; table u64 [N'], entries u64 [2^o][2^P]; exponents in
 * [0, 2N').
 *
 * Chillotti et al., TFHE (J. Cryptology 2020), section 4.2; extended accumulators: Lee, Yoon,
 * "Discretization error reduction for high precision torus FHE" (PKC 2023). */
#include "kernels/kernels.h"

#include <string.h>

static size_t part_words(const torc_shape *shape)
{
    return (size_t)(shape->glwe_dim + 1) * shape->poly_size;
}

void torc_ref_table_polynomial(uint64_t *poly, const uint64_t *entry, uint32_t index_bits,
                               const torc_shape *shape)
{
    const uint32_t size = shape->poly_size << shape->extended_log2;
    const uint32_t bin = size >> index_bits;
    const uint32_t outputs = (uint32_t)1 << shape->outputs_log2;
    for (uint32_t i = 0; i < size; i++) {
        poly[i] = entry[((size_t)(i % outputs) << index_bits) + i / bin];
    }
}

void torc_ref_accumulator_start(uint64_t *parts, const uint64_t *poly, uint32_t shift,
                                const torc_shape *shape)
{
    const uint32_t size = shape->poly_size << shape->extended_log2;
    const uint32_t part_mask = ((uint32_t)1 << shape->extended_log2) - 1;
    const size_t words = part_words(shape);
    const size_t body = (size_t)shape->glwe_dim * shape->poly_size;

    memset(parts, 0, (words << shape->extended_log2) * sizeof *parts);
    for (uint32_t i = 0; i < size; i++) {
        const uint32_t target = (i + shift) & (2 * size - 1);
        const uint32_t place = target & (size - 1);
        uint64_t *part = parts + words * (place & part_mask) + body;
        part[place >> shape->extended_log2] = target < size ? poly[i] : -poly[i];
    }
}

/* out[N] = Y^shift in[N], 0 <= shift < 2N. */
static void rotate_polynomial(uint64_t *out, const uint64_t *in, uint32_t shift, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        const uint32_t target = (i + shift) & (2 * size - 1);
        out[target & (size - 1)] = target < size ? in[i] : -in[i];
    }
}

/* out = (X^exponent - 1) in, all parts. */
static void rotate_subtract(uint64_t *out, const uint64_t *in, uint32_t exponent,
                            const torc_shape *shape)
{
    const uint32_t size = shape->poly_size;
    const uint32_t part_count = (uint32_t)1 << shape->extended_log2;
    const uint32_t quotient = exponent >> shape->extended_log2;
    const uint32_t residue = exponent & (part_count - 1);
    const size_t words = part_words(shape);

    for (uint32_t to = 0; to < part_count; to++) {
        const uint32_t from = (to - residue) & (part_count - 1);
        const uint32_t shift = (quotient + (to < residue)) & (2 * size - 1);
        for (uint32_t c = 0; c <= shape->glwe_dim; c++) {
            rotate_polynomial(out + words * to + (size_t)c * size,
                              in + words * from + (size_t)c * size, shift, size);
        }
    }
    for (size_t i = 0; i < words << shape->extended_log2; i++) {
        out[i] -= in[i];
    }
}

void torc_ref_blind_rotate(uint64_t *parts, uint64_t *scratch, const uint64_t *poly,
                           const uint32_t *exponent, const double *const *fourier,
                           const torc_shape *shape)
{
    const uint32_t exponent_mask = 2 * (shape->poly_size << shape->extended_log2) - 1;
    const size_t words = part_words(shape);
    uint64_t *product = scratch + (words << shape->extended_log2);

    torc_ref_accumulator_start(parts, poly, (0 - exponent[shape->lwe_dim]) & exponent_mask, shape);
    for (uint32_t step = 0; step < shape->lwe_dim; step++) {
        rotate_subtract(scratch, parts, exponent[step], shape);
        for (uint32_t r = 0; r < (uint32_t)1 << shape->extended_log2; r++) {
            torc_ref_external_product(product, fourier[step], scratch + words * r, shape);
            for (size_t i = 0; i < words; i++) {
                parts[words * r + i] += product[i];
            }
        }
    }
}

/* Coefficient 0 of mask_c S_c is mask_c[0] S_c[0] - sum_{i > 0} mask_c[N - i] S_c[i]. */
void torc_ref_sample_extract(uint64_t *big, const uint64_t *glwe, uint32_t glwe_dim,
                             uint32_t poly_size)
{
    for (uint32_t c = 0; c < glwe_dim; c++) {
        const uint64_t *mask = glwe + (size_t)c * poly_size;
        uint64_t *out = big + (size_t)c * poly_size;
        out[0] = mask[0];
        for (uint32_t i = 1; i < poly_size; i++) {
            out[i] = -mask[poly_size - i];
        }
    }
    big[(size_t)glwe_dim * poly_size] = glwe[(size_t)glwe_dim * poly_size];
}

void torc_ref_extract_outputs(uint64_t *big, const uint64_t *parts, const torc_shape *shape)
{
    const uint32_t part_mask = ((uint32_t)1 << shape->extended_log2) - 1;
    const size_t big_words = (size_t)shape->glwe_dim * shape->poly_size + 1;

    for (uint32_t s = 0; s < (uint32_t)1 << shape->outputs_log2; s++) {
        torc_ref_sample_extract_at(big + s * big_words, parts + part_words(shape) * (s & part_mask),
                                   s >> shape->extended_log2, shape->glwe_dim, shape->poly_size);
    }
}
