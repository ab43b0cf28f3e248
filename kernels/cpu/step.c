/* One step of the blind rotation.
 *   acc_to += GGSW external-product (Y^shift acc_from - acc_to)      for every part `to`
 * (kernels/ref/blind_rotate.c gives from and shift). In passes over the second cache:
 *   digits_*      rotate, subtract, cut a digit, to double, first pass of the transform
 *   children      for each child of the root, all rows: the other vertical passes; block by block
 *                 the end of the forward transforms, the key product, the start of the inverse;
 *                 vertical passes back
 *   update_*      last pass of the inverse, reduce modulo 1, to words, add
 * Layouts: rotate.h. Noise: kernels/ref/external_product.c. */
#include "kernels/cpu/step.h"

#include "kernels/cpu/block.h"

#include <string.h>

/* x + i y = sum over rows of digit * key, a block of one column. fetch: calls the key `ahead`
 * doubles further into the first cache. */
INLINE void block_product(vec_f64 *x, vec_f64 *y, const double *digit, const double *key,
                          size_t rows, bool fetch, size_t ahead)
{
    for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
        x[v] = splat_f64(0.0);
        y[v] = splat_f64(0.0);
    }
    for (size_t r = 0; r < rows; r++, digit += 2 * FFT_BLOCK, key += 2 * FFT_BLOCK) {
        for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
            const double *d = digit + v * VECTOR_WIDTH;
            const double *k = key + v * VECTOR_WIDTH;
            const vec_f64 d_re = load_f64(d);
            const vec_f64 d_im = load_f64(d + FFT_BLOCK);
            const vec_f64 k_re = load_f64(k);
            const vec_f64 k_im = load_f64(k + FFT_BLOCK);
            if (fetch) {
                __builtin_prefetch(k + ahead, 0, 3);
                __builtin_prefetch(k + ahead + FFT_BLOCK, 0, 3);
            }
            x[v] = fused_sub(fused_add(x[v], d_re, k_re), d_im, k_im);
            y[v] = fused_add(fused_add(y[v], d_re, k_im), d_im, k_re);
        }
    }
}

/* Spectra of the digits -> spectra of the k + 1 result columns, in place, blocks of the points
 * begin .. end - 1; key of the whole step. */
INLINE void product(double *spectra, const double *key, const torc_shape *shape,
                    const fft_plan *plan, uint32_t begin, uint32_t end, bool fetch)
{
    const size_t rows = row_count(shape);
    const size_t key_column = rows * 2 * FFT_BLOCK;
    const size_t key_block = key_column * (shape->glwe_dim + 1);
    const uint32_t half = plan->half;
    double digit[MAX_ROWS * 2 * FFT_BLOCK] __attribute__((aligned(64)));
    vec_f64 x[VECTOR_WIDTH];
    vec_f64 y[VECTOR_WIDTH];

    key += begin / FFT_BLOCK * key_block;
    for (uint32_t first = begin; first < end; first += FFT_BLOCK) {
        const size_t node = (size_t)(first / FFT_BLOCK) * FFT_KERNEL_WORDS;
        block_forward(digit, spectra + first, rows, (block_place){2 * (size_t)half, half},
                      plan->kernel_forward + node);
        for (uint32_t column = 0; column <= shape->glwe_dim; column++, key += key_column) {
            double *re = spectra + 2 * (size_t)column * half + first;
            block_product(x, y, digit, key, rows, fetch, key_block);
            kernel_inverse(x, y, plan->kernel_inverse + node);
            for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
                store_f64(re + v * VECTOR_WIDTH, x[v]);
                store_f64(re + half + v * VECTOR_WIDTH, y[v]);
            }
        }
    }
}

static void product_cached(double *spectra, const double *key, const torc_shape *shape,
                           const fft_plan *plan, uint32_t begin, uint32_t end)
{
    product(spectra, key, shape, plan, begin, end, false);
}

static void product_fresh(double *spectra, const double *key, const torc_shape *shape,
                          const fft_plan *plan, uint32_t begin, uint32_t end)
{
    product(spectra, key, shape, plan, begin, end, true);
}

/* Everything between digit_pass and update_pass, for one child of the root at a time: what a child
 * holds, all rows, stays in the first cache. */
static void children(double *spectra, const double *key, const torc_shape *shape,
                     const fft_plan *plan, bool key_is_fresh)
{
    const uint32_t child = plan->half >> plan->pass[0].log2_radix;
    for (uint32_t begin = 0; begin < plan->half; begin += child) {
        for (size_t r = 0; r < row_count(shape); r++) {
            double *re = spectra + 2 * r * plan->half;
            TORC_CPU(fft_vertical_forward)(plan, re, re + plan->half, 1, begin, begin + child);
        }
        if (key_is_fresh) {
            product_fresh(spectra, key, shape, plan, begin, begin + child);
        } else {
            product_cached(spectra, key, shape, plan, begin, begin + child);
        }
        for (size_t c = 0; c <= shape->glwe_dim; c++) {
            double *re = spectra + 2 * c * plan->half;
            TORC_CPU(fft_vertical_inverse)(plan, re, re + plan->half, 1, begin, begin + child);
        }
    }
}

/* to += GGSW external-product (Y^shift from - to), one part. */
static void part_step(char *to, const char *from, uint32_t shift, const double *key,
                      bool key_is_fresh, const torc_shape *shape, const fft_plan *plan,
                      double *spectra)
{
    const size_t poly_bytes = poly_words(shape) * word_bytes(shape);
    double *spectrum = spectra;
    for (uint32_t c = 0; c <= shape->glwe_dim; c++) {
        const digit_source source = {from + c * poly_bytes, to + c * poly_bytes, shift};
        for (uint32_t j = 0; j < shape->level_count; j++, spectrum += shape->poly_size) {
            if (is_narrow(shape)) {
                TORC_CPU(digits_narrow)(spectrum, &source, j, shape);
            } else {
                TORC_CPU(digits_wide)(spectrum, &source, j, shape);
            }
        }
    }
    children(spectra, key, shape, plan, key_is_fresh);
    for (uint32_t c = 0; c <= shape->glwe_dim; c++) {
        void *poly = to + c * poly_bytes;
        const double *result = spectra + (size_t)c * shape->poly_size;
        if (is_narrow(shape)) {
            TORC_CPU(update_narrow)(poly, result, shape);
        } else {
            TORC_CPU(update_wide)(poly, result, shape);
        }
    }
}

/* The parts that exchange places form cycles: to <- to - residue <- to - 2 residue ... Walking a
 * cycle in that order needs the old value of its first part once more, at its end. */
void TORC_CPU(rotate_step)(void *accumulator, uint32_t exponent, const double *key,
                           bool key_is_fresh, const torc_shape *shape, double *spectra, void *saved)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(shape->poly_size);
    const uint32_t part_mask = ((uint32_t)1 << shape->extended_log2) - 1;
    const uint32_t quotient = exponent >> shape->extended_log2;
    const uint32_t residue = exponent & part_mask;
    const uint32_t cycles = residue == 0 ? part_mask + 1 : residue & -residue;
    const size_t part_bytes = part_words(shape) * word_bytes(shape);
    char *parts = accumulator;

    for (uint32_t first = 0; first < cycles; first++) {
        uint32_t to = first;
        uint32_t from = 0;
        if (residue != 0) {
            memcpy(saved, parts + part_bytes * first, part_bytes);
        }
        do {
            from = (to - residue) & part_mask;
            const char *old = from == first && residue != 0 ? saved : parts + part_bytes * from;
            const uint32_t shift = (quotient + (to < residue)) & (2 * shape->poly_size - 1);
            part_step(parts + part_bytes * to, old, shift, key, key_is_fresh, shape, plan, spectra);
            key_is_fresh = false;
            to = from;
        } while (from != first);
    }
}
