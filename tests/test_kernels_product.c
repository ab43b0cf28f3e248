/* The external product against the exact integer product, and its phase. */
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>

typedef struct product_case {
    uint32_t glwe_dim, poly_size, base_log, level_count;
} product_case;

static const product_case cases[] = {
    {1, 256, 23, 1}, {1, 512, 15, 2}, {2, 256, 8, 4},
    {3, 256, 20, 1}, {6, 256, 10, 2}, {1, 256, 2, 8},
};

/* out[k+1][N] = sum of digit times row, modulo 2^64. */
static void exact_product(uint64_t *out, const uint64_t *ggsw, const uint64_t *in,
                          const torc_shape *s)
{
    const size_t size = s->poly_size;
    const uint32_t columns = s->glwe_dim + 1;
    uint64_t *digit = test_alloc(s->level_count * size * sizeof *digit);
    for (uint32_t c = 0; c < columns; c++) {
        for (size_t i = 0; i < size; i++) {
            int64_t all[64];
            torc_ref_decompose(all, in[c * size + i], s->base_log, s->level_count);
            for (uint32_t j = 0; j < s->level_count; j++) {
                digit[j * size + i] = (uint64_t)all[j];
            }
        }
        for (uint32_t j = 0; j < s->level_count; j++) {
            for (uint32_t d = 0; d < columns; d++) {
                const size_t row = (size_t)c * s->level_count + j;
                naive_product_add(out + d * size, digit + j * size,
                                  ggsw + (row * columns + d) * size, s->poly_size);
            }
        }
    }
    free(digit);
}

static void expect_close(const uint64_t *got, const uint64_t *expected, const torc_shape *s,
                         size_t row)
{
    const size_t count = (size_t)(s->glwe_dim + 1) * s->poly_size;
    const double sigma =
        sqrt(0.0125 * s->level_count * (s->glwe_dim + 1) * s->poly_size * log2(s->poly_size)) *
        exp2((double)s->base_log - 53);
    double sum_sq = 0;
    for (size_t i = 0; i < count; i++) {
        const double error = torus_fraction(got[i] - expected[i]);
        cr_expect(fabs(error) < 8 * sigma, "row %zu word %zu: error %g, sigma %g", row, i, error,
                  sigma);
        sum_sq += error * error;
    }
    cr_expect(sqrt(sum_sq / (double)count) < 1.2 * sigma, "row %zu: rms %g, sigma %g", row,
              sqrt(sum_sq / (double)count), sigma);
}

Test(kernels_product, external_product_is_the_integer_product)
{
    for (size_t row = 0; row < sizeof cases / sizeof *cases; row++) {
        const torc_shape shape = {.glwe_dim = cases[row].glwe_dim,
                                  .poly_size = cases[row].poly_size,
                                  .lwe_dim = 1,
                                  .base_log = cases[row].base_log,
                                  .level_count = cases[row].level_count,
                                  .ks_base_log = 1,
                                  .ks_level_count = 1};
        const size_t words = keys_row_words(&shape);
        test_rng rng = {100 + row};
        test_keys keys;
        keys_make(&keys, &shape, &rng, 17, -1);
        double *fourier = test_alloc(keys_row_count(&shape) * words * sizeof *fourier);
        uint64_t *in = test_alloc(words * sizeof *in);
        uint64_t *got = test_alloc(words * sizeof *got);
        uint64_t *expected = test_alloc(words * sizeof *expected);

        rng_words(&rng, in, words);
        torc_ref_ggsw_forward(fourier, keys.ggsw, &shape);
        torc_ref_external_product(got, fourier, in, &shape);
        exact_product(expected, keys.ggsw, in, &shape);
        expect_close(got, expected, &shape, row);
        free(fourier);
        free(in);
        free(got);
        free(expected);
        keys_free(&keys);
    }
}

/* phase(out) = s * phase(in), up to decomposition rounding and FFT (no key noise here). */
Test(kernels_product, phase_is_multiplied_by_the_bit)
{
    const torc_shape shape = {.glwe_dim = 2,
                              .poly_size = 256,
                              .lwe_dim = 6,
                              .base_log = 10,
                              .level_count = 3,
                              .ks_base_log = 1,
                              .ks_level_count = 1};
    const size_t words = keys_row_words(&shape);
    const size_t step_words = keys_row_count(&shape) / shape.lwe_dim * words;
    test_rng rng = {7};
    test_keys keys;
    keys_make(&keys, &shape, &rng, -1, -1);
    double *fourier = test_alloc(step_words * sizeof *fourier);
    uint64_t *in = test_alloc(words * sizeof *in);
    uint64_t *out = test_alloc(words * sizeof *out);
    uint64_t phase_in[256];
    uint64_t phase_out[256];
    int ones = 0;

    for (uint32_t step = 0; step < shape.lwe_dim; step++) {
        rng_words(&rng, in, words);
        torc_ref_ggsw_forward(fourier, keys.ggsw + step * step_words, &shape);
        torc_ref_external_product(out, fourier, in, &shape);
        torc_ref_glwe_phase(phase_in, in, keys.big, shape.glwe_dim, shape.poly_size);
        torc_ref_glwe_phase(phase_out, out, keys.big, shape.glwe_dim, shape.poly_size);
        ones += (int)keys.small[step];
        for (uint32_t i = 0; i < shape.poly_size; i++) {
            const double error = torus_fraction(phase_out[i] - keys.small[step] * phase_in[i]);
            /* rounding 2^-30/sqrt(12) times sqrt(257): 2^-27.8; 8 sigma */
            cr_expect(fabs(error) < 0x1p-24, "step %u coefficient %u: %g", step, i, error);
        }
    }
    cr_expect(ones > 0 && ones < 6, "both bits are needed, %d ones", ones);
    free(fourier);
    free(in);
    free(out);
    keys_free(&keys);
}
