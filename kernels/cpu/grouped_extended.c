/* Bundles and products of a grouped step with extension, at the points of one block.
 *   B_r = sum of Y^(q_T) K_T over the sets T of residue r,  B_0 also G - sum of all K_T
 *   out_j = sum_r B_r D_(j - r),  D_m = digits of part m,  D_(m - 2^v) = Y D_m
 * A vector of points at a time: Y D of the parts that turn around; then one bundle after another, a
 * few elements of it formed in registers and multiplied with every part while they are there.
 * G - sum of all K_T, the bundle of the empty set, is formed once for all ciphertexts of a batch.
 * Fused multiply-adds of a point: 4 for each monomial, 4 2^g for each of the (k+1)^2 l elements,
 * and 4 for each element, part and bundle (at most 2^g, and 2^v). */
#include "kernels/cpu/block.h"
#include "kernels/cpu/grouped.h"

enum { CHUNK = 4 /* elements of a bundle in registers: 8 of the 16 of AVX2 */ };

/* Sizes of a block, constants where a shape is common. */
typedef struct block_size {
    uint32_t slots, columns, rows, parts;
} block_size;

/* What a vector of points reads and writes. */
typedef struct block_vector {
    const double *digits; /* [parts][rows][re, im][FFT_BLOCK] */
    double *turned;       /* [parts][rows][re, im][W]: Y D */
    double *out;          /* [parts][k + 1][re, im][FFT_BLOCK] */
    const double *key;    /* [k + 1][rows][slots][re, im][W] */
    const double *empty;  /* [k + 1][rows][re, im][W]: the empty set */
    key_stream *stream;
} block_vector;

/* A set T of a step, in the order of the bundles: Y^(q_T) = scalar times a row, K_T. */
typedef struct block_term {
    complex_vec scalar;
    const double *row; /* [re, im][FFT_BLOCK] */
    size_t slot;       /* doubles from the first slot to that of T */
} block_term;

static void terms_find(block_term *out, const group_monomials *monomials, uint32_t block,
                       const monomial_table *table)
{
    const bundle_list *list = &monomials->bundles;
    for (uint32_t t = 0; t < list->first[list->count]; t++) {
        const monomial *m = &monomials->set[list->order[t]];
        out[t] = (block_term){monomial_scalar(table, m, block), m->row,
                              (size_t)slot_of(list->order[t]) * 2 * VECTOR_WIDTH};
    }
}

/* Y D of the parts first .. parts - 1. */
INLINE void digits_turn(block_size size, block_vector at, complex_vec y, uint32_t first)
{
    for (size_t i = (size_t)first * size.rows; i < (size_t)size.parts * size.rows; i++) {
        const complex_vec d = load_complex(at.digits + i * 2 * FFT_BLOCK, FFT_BLOCK);
        store_complex(at.turned + i * 2 * VECTOR_WIDTH, VECTOR_WIDTH, complex_mul(y, d));
    }
}

/* count neighbouring elements of the bundle of the terms first .. end - 1; key: of the first
 * element; empty: likewise, NULL where the empty set is of another bundle. */
INLINE void bundle_form(complex_vec *sum, uint32_t count, uint32_t slots, const block_term *first,
                        const block_term *end, uint32_t point, const double *key,
                        const double *empty)
{
    const size_t element = (size_t)slots * 2 * VECTOR_WIDTH;
    for (uint32_t e = 0; e < count; e++) {
        sum[e] = empty != NULL ? load_complex(empty + (size_t)e * 2 * VECTOR_WIDTH, VECTOR_WIDTH)
                               : (complex_vec){splat_f64(0.0), splat_f64(0.0)};
    }
    for (const block_term *term = first; term < end; term++) {
        const double *slot = one_address(key + term->slot);
        const complex_vec w = row_times(term->scalar, term->row + point);
        for (uint32_t e = 0; e < count; e++) {
            sum[e] = complex_add(sum[e], w, load_complex(slot + e * element, VECTOR_WIDTH));
        }
    }
}

/* out_c += sum_r B_cr D_r of one part; first: out_c = .. */
INLINE void part_product(double *out, const complex_vec *bundle, const double *digit, size_t row,
                         size_t imag, uint32_t columns, uint32_t rows, bool first)
{
    complex_vec sum[CHUNK];
    for (uint32_t r = 0; r < rows; r++) {
        const complex_vec d = load_complex(digit + r * row, imag);
        for (uint32_t c = 0; c < columns; c++) {
            if (r == 0 && first) {
                sum[c] = complex_mul(d, bundle[c * rows]);
                continue;
            }
            if (r == 0) {
                sum[c] = load_complex(out + (size_t)c * 2 * FFT_BLOCK, FFT_BLOCK);
            }
            sum[c] = complex_add(sum[c], d, bundle[c * rows + r]);
        }
    }
    for (uint32_t c = 0; c < columns; c++) {
        store_complex(out + (size_t)c * 2 * FFT_BLOCK, FFT_BLOCK, sum[c]);
    }
}

/* columns x rows elements of a bundle times all parts; at: from these on. */
INLINE void parts_product(block_size size, block_vector at, const complex_vec *bundle,
                          uint32_t residue, uint32_t columns, uint32_t rows, bool first)
{
    const size_t poly = (size_t)2 * FFT_BLOCK;
    const double *turned =
        at.turned + (size_t)(size.parts - residue) * size.rows * 2 * VECTOR_WIDTH;

    for (uint32_t part = 0; part < residue; part++) {
        part_product(at.out, bundle, turned, 2 * VECTOR_WIDTH, VECTOR_WIDTH, columns, rows, first);
        turned += (size_t)size.rows * 2 * VECTOR_WIDTH;
        at.out += size.columns * poly;
    }
    for (uint32_t part = residue; part < size.parts; part++) {
        part_product(at.out, bundle, at.digits, poly, FFT_BLOCK, columns, rows, first);
        at.digits += size.rows * poly;
        at.out += size.columns * poly;
    }
}

/* The terms of a block and their bundles; first of the points that are worked at. */
typedef struct block_bundles {
    const block_term *term;
    const bundle_list *list;
    uint32_t point;
} block_bundles;

/* Bundle i: columns x rows elements from (column, row) on, formed and multiplied. */
INLINE void chunk_product(block_size size, block_vector at, block_bundles bundles, uint32_t i,
                          uint32_t column, uint32_t row, uint32_t columns, uint32_t rows,
                          bool first)
{
    const bundle_list *list = bundles.list;
    complex_vec bundle[CHUNK];
    const size_t element = (size_t)column * size.rows + row;
    at.key += element * size.slots * 2 * VECTOR_WIDTH;
    at.digits += (size_t)row * 2 * FFT_BLOCK;
    at.turned += (size_t)row * 2 * VECTOR_WIDTH;
    at.out += (size_t)column * 2 * FFT_BLOCK;
    bundle_form(bundle, columns * rows, size.slots, bundles.term + list->first[i],
                bundles.term + list->first[i + 1], bundles.point, at.key,
                i == 0 ? at.empty + element * 2 * VECTOR_WIDTH : NULL);
    if (i == 0) {
        parts_product(size, at, bundle, 0, columns, rows, first);
    } else if (size.parts == 2) { /* a constant: no loop is left */
        parts_product(size, at, bundle, 1, columns, rows, first);
    } else {
        parts_product(size, at, bundle, list->residue[i], columns, rows, first);
    }
}

/* All elements of bundle i. */
INLINE void bundle_product(block_size size, block_vector at, block_bundles bundles, uint32_t i)
{
    if (size.rows == 2 && size.columns == 2) {
        chunk_product(size, at, bundles, i, 0, 0, 2, 2, i == 0);
        return;
    }
    for (uint32_t column = 0; column < size.columns; column++) {
        uint32_t row = 0;
        for (; row + CHUNK <= size.rows; row += CHUNK) {
            chunk_product(size, at, bundles, i, column, row, 1, CHUNK, i == 0 && row == 0);
        }
        switch (size.rows - row) {
        case 1: chunk_product(size, at, bundles, i, column, row, 1, 1, i == 0 && row == 0); break;
        case 2: chunk_product(size, at, bundles, i, column, row, 1, 2, i == 0 && row == 0); break;
        case 3: chunk_product(size, at, bundles, i, column, row, 1, 3, i == 0 && row == 0); break;
        default: break;
        }
    }
}

INLINE void block_product(block_size size, block_vector at, uint32_t block,
                          const group_monomials *monomials, const monomial_table *table)
{
    const bundle_list *list = &monomials->bundles;
    const monomial y = monomial_of(table, 1);
    const complex_vec y_scalar = monomial_scalar(table, &y, block);
    block_term term[MAX_SETS];
    block_bundles bundles = {term, list, 0};

    terms_find(term, monomials, block, table);
    for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
        key_fetch(at.stream);
        digits_turn(size, at, monomial_at(&y, y_scalar, v), size.parts - list->largest);
        bundle_product(size, at, bundles, 0);
        for (uint32_t i = 1; i < list->count; i++) {
            bundle_product(size, at, bundles, i);
        }
        bundles.point += VECTOR_WIDTH;
        at.digits += VECTOR_WIDTH;
        at.out += VECTOR_WIDTH;
        at.key += (size_t)size.columns * size.rows * size.slots * 2 * VECTOR_WIDTH;
        at.empty += (size_t)size.columns * size.rows * 2 * VECTOR_WIDTH;
    }
}

/* The common shapes, k = l = 1, with their sizes as constants. */
static NOINLINE void product_2(uint32_t parts, block_vector at, uint32_t block,
                               const group_monomials *monomials, const monomial_table *table)
{
    block_product((block_size){3, 2, 2, parts}, at, block, monomials, table);
}

static NOINLINE void product_3(uint32_t parts, block_vector at, uint32_t block,
                               const group_monomials *monomials, const monomial_table *table)
{
    block_product((block_size){7, 2, 2, parts}, at, block, monomials, table);
}

static NOINLINE void product_3_two_parts(block_vector at, uint32_t block,
                                         const group_monomials *monomials,
                                         const monomial_table *table)
{
    block_product((block_size){7, 2, 2, 2}, at, block, monomials, table);
}

/* Two levels, k = 1. */
static NOINLINE void product_3_levels(uint32_t parts, block_vector at, uint32_t block,
                                      const group_monomials *monomials, const monomial_table *table)
{
    block_product((block_size){7, 2, 4, parts}, at, block, monomials, table);
}

static NOINLINE void product_any(block_size size, block_vector at, uint32_t block,
                                 const group_monomials *monomials, const monomial_table *table)
{
    block_product(size, at, block, monomials, table);
}

/* Scratch of a block: results of the products, Y D, the bundle of the empty set. */
static size_t turned_place(const torc_shape *shape)
{
    return (shape->glwe_dim + (size_t)1) * 2 * FFT_BLOCK << shape->extended_log2;
}

static size_t empty_place(const torc_shape *shape)
{
    return turned_place(shape) + state_polys(shape) * 2 * VECTOR_WIDTH;
}

size_t TORC_CPU(grouped_block_doubles)(const torc_shape *shape)
{
    return empty_place(shape) + (shape->glwe_dim + (size_t)1) * row_count(shape) * 2 * FFT_BLOCK;
}

void TORC_CPU(grouped_block_empty)(const double *key, const grouped_plan *plan, double *scratch)
{
    const torc_shape *shape = plan->shape;
    const size_t elements = (shape->glwe_dim + (size_t)1) * row_count(shape);
    double *out = scratch + empty_place(shape);

    for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
        for (size_t e = 0; e < elements; e++, out += 2 * VECTOR_WIDTH) {
            complex_vec sum = {splat_f64(plan->unit[e]), splat_f64(0.0)};
            for (uint32_t slot = 0; slot < slot_count(shape); slot++, key += 2 * VECTOR_WIDTH) {
                sum.re = sum.re - load_f64(key);
                sum.im = sum.im - load_f64(key + VECTOR_WIDTH);
            }
            store_complex(out, VECTOR_WIDTH, sum);
        }
    }
}

void TORC_CPU(grouped_block_extended)(double *block_state, uint32_t block,
                                      const group_monomials *monomials, const double *key,
                                      const grouped_plan *plan, double *scratch, key_stream *stream)
{
    const block_place place = {2 * FFT_BLOCK, FFT_BLOCK};
    const torc_shape *shape = plan->shape;
    const size_t node = (size_t)block * FFT_KERNEL_WORDS;
    const block_size size = {.slots = slot_count(shape),
                             .columns = shape->glwe_dim + 1,
                             .rows = (uint32_t)row_count(shape),
                             .parts = (uint32_t)1 << shape->extended_log2};
    const block_vector at = {.digits = block_state,
                             .turned = scratch + turned_place(shape),
                             .out = scratch,
                             .key = key,
                             .empty = scratch + empty_place(shape),
                             .stream = stream};

    key_fetch(stream);
    block_forward(block_state, block_state, state_polys(shape), place,
                  plan->fft->kernel_forward + node);
    if (size.slots == 7 && size.columns == 2 && size.rows == 4) {
        product_3_levels(size.parts, at, block, monomials, plan->monomials);
    } else if (size.columns != 2 || size.rows != 2) {
        product_any(size, at, block, monomials, plan->monomials);
    } else if (size.slots == 3) {
        product_2(size.parts, at, block, monomials, plan->monomials);
    } else if (size.parts == 2) {
        product_3_two_parts(at, block, monomials, plan->monomials);
    } else {
        product_3(size.parts, at, block, monomials, plan->monomials);
    }
    key_fetch(stream);
    for (uint32_t part = 0; part < size.parts; part++) {
        block_inverse(block_state + (size_t)part * size.rows * 2 * FFT_BLOCK,
                      scratch + (size_t)part * size.columns * 2 * FFT_BLOCK, size.columns, place,
                      plan->fft->kernel_inverse + node);
    }
}
