/* Modulus switch: against exact rationals, its window at bin edges, its mean and variance. */
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>
#include <math.h>

static const torc_shape shapes[] = {
    {.glwe_dim = 1, .poly_size = 256, .lwe_dim = 33, .extended_log2 = 0},
    {.glwe_dim = 1, .poly_size = 2048, .lwe_dim = 860, .extended_log2 = 0},
    {.glwe_dim = 1, .poly_size = 1024, .lwe_dim = 700, .extended_log2 = 3},
    {.glwe_dim = 1, .poly_size = 4096, .lwe_dim = 1000, .extended_log2 = 5},
    {.glwe_dim = 1, .poly_size = 2048, .lwe_dim = 860, .extended_log2 = 1, .outputs_log2 = 3},
    {.glwe_dim = 1, .poly_size = 256, .lwe_dim = 33, .extended_log2 = 5, .outputs_log2 = 1},
};

Test(kernels_switch, words_are_the_exact_rationals_rounded)
{
    static uint32_t small[1024];
    static uint32_t exponent[1024];
    test_rng rng = {21};
    for (size_t row = 0; row < sizeof shapes / sizeof *shapes; row++) {
        const torc_shape *s = &shapes[row];
        const uint32_t outputs = (uint32_t)1 << s->outputs_log2; /* exponents count in these */
        const double modulus = 2.0 * s->poly_size * (1 << s->extended_log2) / outputs;
        const double cell = 0x1p32 / modulus; /* powers of two: every double below is exact */
        for (int repeat = 0; repeat < 20; repeat++) {
            double error_sum = 0;
            for (uint32_t i = 0; i <= s->lwe_dim; i++) {
                small[i] = (uint32_t)rng_next(&rng);
                if (repeat % 4 == 1) { /* ties and whole cells */
                    small[i] &= ~(uint32_t)(cell / 2 - 1);
                }
            }
            torc_ref_modulus_switch(exponent, small, s);
            for (uint32_t i = 0; i < s->lwe_dim; i++) {
                const double nearest = floor(small[i] / cell + 0.5);
                error_sum += nearest * cell - small[i];
                cr_expect_eq(exponent[i], outputs * (uint32_t)fmod(nearest, modulus),
                             "row %zu word %u", row, i);
            }
            const double body = floor((small[s->lwe_dim] + error_sum / 2) / cell);
            cr_expect_eq(exponent[s->lwe_dim],
                         outputs * ((uint32_t)(fmod(body, modulus) + (body < 0 ? modulus : 0)) %
                                    (uint32_t)modulus),
                         "row %zu body", row);
        }
    }
}

/* With masks of whole cells nothing is rounded but the body. Every phase in [-1/2, 1/2) bin around
 * the centre of bin u, half a bin added, is read as u: as many words below the centre as above it.
 */
Test(kernels_switch, decision_window_is_centred)
{
    const torc_shape *s = &shapes[1];
    const uint32_t index_bits = 4;
    const uint32_t bin = (uint32_t)1 << (31 - index_bits);
    const uint32_t cells_log2 = 12; /* 2N = 2^12 */
    static uint32_t small[1024];
    static uint32_t exponent[1024];
    test_rng rng = {22};
    uint64_t key[1024];
    rng_bits(&rng, key, s->lwe_dim);

    for (uint32_t u = 0; u < 32; u++) {
        static const int64_t moves[] = {-1, 0, 1};
        for (size_t m = 0; m < 9; m++) {
            const int64_t edge = moves[m / 3] * (int64_t)bin / 2 + moves[m % 3];
            uint32_t body = u * bin + (uint32_t)edge;
            int64_t switched = 0;
            for (uint32_t i = 0; i < s->lwe_dim; i++) {
                small[i] = (uint32_t)rng_next(&rng) & ~(((uint32_t)1 << 20) - 1);
                body += small[i] * (uint32_t)key[i];
            }
            small[s->lwe_dim] = body + bin / 2; /* the half bin of DESIGN section 5 */
            torc_ref_modulus_switch(exponent, small, s);
            switched = exponent[s->lwe_dim];
            for (uint32_t i = 0; i < s->lwe_dim; i++) {
                switched -= (int64_t)(exponent[i] * key[i]);
            }
            const uint32_t read = ((uint32_t)switched & 4095) >> (cells_log2 - 1 - index_bits);
            const bool below = edge < -(int64_t)bin / 2;
            const bool above = edge >= (int64_t)bin / 2;
            cr_expect_eq(read, (u + (above ? 1 : 0) - (below ? 1 : 0)) & 31, "bin %u, moved %ld", u,
                         edge);
        }
    }
}

/* Error of the switched phase in cells: mean 0 and variance n/48, whatever the key's weight. 4000
 * samples: the mean within 5 standard deviations, the variance within 5 sqrt(2/4000) = 11 %. The
 * exact phase is compared with the middle of the cell that is read: 1/12 of body rounding. */
Test(kernels_switch, error_has_mean_zero_and_variance_n_over_48)
{
    enum { SAMPLES = 4000 };
    const torc_shape *s = &shapes[1];
    const uint32_t n = s->lwe_dim;
    static uint32_t small[1024];
    static uint32_t exponent[1024];
    test_rng rng = {23};
    for (uint32_t quarter = 1; quarter <= 3; quarter++) {
        const uint32_t weight = n * quarter / 4;
        double sum = 0;
        double sum_sq = 0;
        for (int t = 0; t < SAMPLES; t++) {
            uint32_t phase = 0;
            uint32_t switched = 0;
            for (uint32_t i = 0; i <= n; i++) {
                small[i] = (uint32_t)rng_next(&rng);
                phase = i == n ? small[i] - phase : phase + (i < weight ? small[i] : 0);
            }
            torc_ref_modulus_switch(exponent, small, s);
            for (uint32_t i = 0; i < weight; i++) {
                switched += exponent[i];
            }
            switched = exponent[n] - switched;
            const uint32_t middle = (switched << 20) + (1 << 19);
            const double error = (double)(int32_t)(middle - phase) / 0x1p20;
            sum += error;
            sum_sq += error * error;
        }
        const double variance = n / 48.0 + 1.0 / 12;
        cr_expect(fabs(sum / SAMPLES) < 5 * sqrt(variance / SAMPLES), "weight %u: mean %g cells",
                  weight, sum / SAMPLES);
        cr_expect(fabs(sum_sq / SAMPLES / variance - 1) < 0.112, "weight %u: variance %g, not %g",
                  weight, sum_sq / SAMPLES, variance);
    }
}
