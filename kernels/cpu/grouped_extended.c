/* Bundles and products of a grouped step with extension, at the points of one block.
 *   B_r = sum of Y^(q_T) K_T over the sets T of residue r,  B_0 also G - sum of all K_T (slot 0)
 *   out_j = sum_r Y^[j < r] B_r digits_((j - r) mod 2^v)
 * A vector of points at a time, all parts: the bundles that occur (at most 2^g and 2^v) are formed
 * for one column, then every part meets each of them. The root Y itself multiplies once a result,
 * after the sum over the bundles that need it. */
#include "kernels/cpu/block.h"
#include "kernels/cpu/grouped.h"

#include <string.h>

/* The bundles of a step: which there are, and which one each set belongs to. */
typedef struct bundle_list {
    uint32_t count;
    uint32_t residue[MAX_SETS]; /* of bundle i; bundle 0: residue 0 */
    uint32_t bundle[MAX_SETS];  /* of set T */
} bundle_list;

static void bundles_find(bundle_list *out, const group_monomials *monomials, uint32_t sets)
{
    out->count = 1;
    out->residue[0] = 0;
    for (uint32_t set = 1; set < sets; set++) {
        uint32_t i = 0;
        while (i < out->count && out->residue[i] != monomials->residue[set]) {
            i++;
        }
        if (i == out->count) {
            out->residue[out->count++] = monomials->residue[set];
        }
        out->bundle[set] = i;
    }
}

/* B of all bundles and rows, one column; key double [rows][sets][re, im][W]. */
INLINE void bundles_form(complex_vec *bundle, const bundle_list *list, const complex_vec *w,
                         const double *key, uint32_t sets, uint32_t rows)
{
    const complex_vec zero = {splat_f64(0.0), splat_f64(0.0)};
    for (uint32_t r = 0; r < rows; r++) {
        complex_vec *sum = bundle + (size_t)r * MAX_SETS;
        sum[0] = (complex_vec){load_f64(key), load_f64(key + VECTOR_WIDTH)};
        for (uint32_t i = 1; i < list->count; i++) {
            sum[i] = zero;
        }
        key += 2 * VECTOR_WIDTH;
        for (uint32_t set = 1; set < sets; set++, key += 2 * VECTOR_WIDTH) {
            const complex_vec term = {load_f64(key), load_f64(key + VECTOR_WIDTH)};
            sum[list->bundle[set]] = complex_add(sum[list->bundle[set]], w[set], term);
        }
    }
}

/* out_j of one column; digit: of this vector, double [parts][rows][re, im][FFT_BLOCK]. */
INLINE complex_vec part_product(const complex_vec *bundle, const bundle_list *list, complex_vec y,
                                const double *digit, uint32_t part, uint32_t part_mask,
                                uint32_t rows)
{
    complex_vec plain = {splat_f64(0.0), splat_f64(0.0)};
    complex_vec turned = plain; /* to be multiplied by Y */
    for (uint32_t i = 0; i < list->count; i++) {
        const uint32_t residue = list->residue[i];
        const double *d = digit + (size_t)((part - residue) & part_mask) * rows * 2 * FFT_BLOCK;
        complex_vec sum = part < residue ? turned : plain;
        for (uint32_t r = 0; r < rows; r++, d += 2 * FFT_BLOCK) {
            const complex_vec factor = {load_f64(d), load_f64(d + FFT_BLOCK)};
            sum = complex_add(sum, factor, bundle[(size_t)r * MAX_SETS + i]);
        }
        if (part < residue) {
            turned = sum;
        } else {
            plain = sum;
        }
    }
    return complex_add(plain, y, turned);
}

typedef struct set_scalars {
    complex_vec set[MAX_SETS];
    complex_vec y;
} set_scalars;

/* Digits in place become results, one vector of points; key of this vector. */
INLINE void vector_product(double *digit, uint32_t v, const bundle_list *list,
                           const group_monomials *monomials, const monomial *y,
                           const set_scalars *scalar, const double *key, const torc_shape *shape)
{
    const uint32_t sets = (uint32_t)1 << shape->grouping;
    const uint32_t parts = (uint32_t)1 << shape->extended_log2;
    const uint32_t columns = shape->glwe_dim + 1;
    const uint32_t rows = (uint32_t)row_count(shape);
    complex_vec bundle[MAX_ROWS * MAX_SETS];
    complex_vec result[(MAX_GLWE_DIM + 1) * MAX_PARTS];
    complex_vec w[MAX_SETS];
    const complex_vec y_at = monomial_at(y, scalar->y, v);

    for (uint32_t set = 1; set < sets; set++) {
        w[set] = monomial_at(&monomials->set[set], scalar->set[set], v);
    }
    for (uint32_t c = 0; c < columns; c++, key += (size_t)rows * sets * 2 * VECTOR_WIDTH) {
        bundles_form(bundle, list, w, key, sets, rows);
        for (uint32_t part = 0; part < parts; part++) {
            result[c * parts + part] =
                part_product(bundle, list, y_at, digit + v * VECTOR_WIDTH, part, parts - 1, rows);
        }
    }
    for (uint32_t part = 0; part < parts; part++) {
        for (uint32_t c = 0; c < columns; c++) {
            double *out = digit + ((size_t)part * rows + c) * 2 * FFT_BLOCK + v * VECTOR_WIDTH;
            store_f64(out, result[c * parts + part].re);
            store_f64(out + FFT_BLOCK, result[c * parts + part].im);
        }
    }
}

void TORC_CPU(grouped_block_extended)(double *state, uint32_t block,
                                      const group_monomials *monomials, const double *key,
                                      const grouped_plan *plan, double *scratch)
{
    const torc_shape *shape = plan->shape;
    const uint32_t half = plan->fft->half;
    const uint32_t first = block * FFT_BLOCK;
    const uint32_t sets = (uint32_t)1 << shape->grouping;
    const size_t rows = row_count(shape);
    const size_t node = (size_t)block * FFT_KERNEL_WORDS;
    const size_t key_vector = rows * (shape->glwe_dim + 1) * sets * 2 * VECTOR_WIDTH;
    const monomial y = monomial_of(plan->monomials, 1);
    set_scalars scalar;
    bundle_list list;

    bundles_find(&list, monomials, sets);
    scalar.y = monomial_scalar(plan->monomials, &y, block);
    for (uint32_t set = 1; set < sets; set++) {
        scalar.set[set] = monomial_scalar(plan->monomials, &monomials->set[set], block);
    }
    for (uint32_t part = 0; part < (uint32_t)1 << shape->extended_log2; part++) {
        block_forward(scratch + part * rows * 2 * FFT_BLOCK, state + part * rows * 2 * half, rows,
                      half, first, plan->fft->kernel_forward + node);
    }
    for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
        vector_product(scratch, v, &list, monomials, &y, &scalar, key + v * key_vector, shape);
    }
    for (uint32_t part = 0; part < (uint32_t)1 << shape->extended_log2; part++) {
        block_inverse(state + part * rows * 2 * half, scratch + part * rows * 2 * FFT_BLOCK,
                      shape->glwe_dim + 1, half, first, plan->fft->kernel_inverse + node);
    }
}
