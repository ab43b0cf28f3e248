/* Production noise formulas: against published figures where production agrees with a published
 * formula, against independent sums elsewhere; odds against tables of the error function. */
#include "kernels/kernels.h"
#include "kernels/kernels_cuda.h"
#include "runtime/noise_terms.h"
#include "runtime/security.h"
#include "tests/cpu_tables.h"

#include <criterion/criterion.h>
#include <math.h>

static void expect_ratio(double found, double expected, double tolerance, const char *what)
{
    cr_expect(fabs(found / expected - 1.0) < tolerance, "%s: found %.10g, expected %.10g", what,
              found, expected);
}

/* Sum over the distribution itself: 2^b - 1 inner pairs with weight 1, the two ends with 1/2. */
Test(noise, tuniform_variance_by_enumeration)
{
    for (uint32_t b = 0; b <= 12; b++) {
        double sum = 0.0;
        for (int64_t e = 1; e < INT64_C(1) << b; e++) {
            sum += 2.0 * (double)(e * e);
        }
        sum += ldexp(1.0, 2 * (int)b);
        expect_ratio(torc_tuniform_variance(b, 32), ldexp(sum, -64 - (int)b - 1), 1e-12,
                     "tuniform");
    }
    /* tfhe-rs, which adds 2^(4.44 - 128) */
    expect_ratio(torc_tuniform_variance(17, 64), 1.682903271e-29, 1e-8, "published, bound 17");
}

/* tfhe-rs V1_4 2_2 at TUniform: n 918, k 1, N 2048, B 2^23, l 1. Terms worked out by hand from the
 * formulas in reference form with half-weight keys. */
static const torc_params published = {.glwe_dim = 1,
                                      .poly_size = 2048,
                                      .glwe_noise_log2 = 17,
                                      .lwe_dim = 918,
                                      .lwe_noise_log2 = 13,
                                      .grouping = 1,
                                      .bootstrap = {23, 1},
                                      .keyswitch = {4, 4}};

Test(noise, terms_of_a_published_set)
{
    const torc_noise_keys half = {1024.0, 459.0, 0.0125};
    const double vb = 1.682903271e-29;

    expect_ratio(torc_variance_fresh(&published), vb, 1e-8, "fresh");
    expect_ratio(torc_variance_bootstrap_key(&published),
                 918.0 * 1 * 2 * 2048 * vb * (pow(2, 46) + 2) / 12, 1e-8, "bootstrap key");
    expect_ratio(torc_variance_bootstrap_rounding(&published, &half),
                 918.0 * (1 + 1024.0) * pow(2, -46) / 24, 1e-12, "bootstrap rounding");
    expect_ratio(torc_variance_bootstrap_fft(&published, &half),
                 918.0 * 0.0125 * pow(2, -106) * pow(2, 46) * 2 * 2048 * 11 * 1025, 1e-12, "fft");
    expect_ratio(torc_variance_keyswitch_key(&published),
                 2048.0 * 4 * (pow(2, 27) + 1) / 6 * pow(2, -64) * 258 / 12, 1e-12,
                 "keyswitch key");
    expect_ratio(torc_variance_keyswitch_rounding(&published, &half),
                 2048.0 * pow(2, -32) / 24 + pow(2, -64) / 12, 1e-12, "keyswitch rounding");
    /* n/48 cells of 1/4096; the published figure for n = 866 is 1.075367133e-6 */
    expect_ratio(torc_variance_modulus_switch(&published), 1.075367133e-6 * 918 / 866, 1e-8,
                 "modulus switch");
}

/* An empty key leaves only the body's own rounding to 32 bits. */
Test(noise, body_rounding)
{
    const torc_noise_keys empty = {0.0, 0.0, 0.0125};

    expect_ratio(torc_variance_keyswitch_rounding(&published, &empty), 0x1p-64 / 12, 1e-15, "body");
}

Test(noise, weights_enter_only_rounding_and_transform)
{
    torc_noise half;
    torc_noise none;
    torc_noise_of(&half, &published, 1024, 459);
    torc_noise_of(&none, &published, 0, 0);

    expect_ratio(none.bootstrap, torc_variance_bootstrap_key(&published), 2e-3, "empty key");
    expect_ratio(none.keyswitch, torc_variance_keyswitch_key(&published), 1e-6, "empty key");
    cr_expect_gt(half.bootstrap, 1.2 * none.bootstrap);
    cr_expect_eq(half.modulus_switch, none.modulus_switch);
    cr_expect_eq(half.fresh, none.fresh);
}

Test(noise, production_is_worse_than_half_weight)
{
    torc_noise half;
    torc_noise production;
    torc_noise_of(&half, &published, 1024, 459);
    torc_noise_production(&production, &published);
    const torc_noise_keys keys = torc_noise_keys_production(&published);

    expect_ratio(keys.big_weight, 1024 + 2 * sqrt(2048.0), 1e-12, "big weight");
    expect_ratio(keys.small_weight, 459 + 2 * sqrt(918.0), 1e-12, "small weight");
    expect_ratio(keys.fft_constant, 1.1 * TORC_FFT_CONSTANT, 1e-12, "transform");
    cr_expect_gt(production.bootstrap, half.bootstrap);
    cr_expect_gt(production.keyswitch, half.keyswitch);
    cr_expect_eq(production.fresh, half.fresh);
}

/* No CPU kernel rounds more than the formula says, before its margin. */
Test(noise, cpu_kernels_are_covered)
{
    torc_params params = published;
    const torc_noise_keys keys = {1024, 462, TORC_FFT_CONSTANT};
    params.lwe_dim = 924;
    params.grouping = 1;
    const double classic = torc_variance_bootstrap_fft(&params, &keys);
    for (size_t isa = 0; isa < CPU_TABLES; isa++) {
        const torc_cpu_kernels *cpu = cpu_table(isa);
        for (uint32_t g = 1; cpu != NULL && g <= TORC_CPU_GROUPING_MAX; g++) {
            params.grouping = g;
            const double terms = g > 1 ? 2.0 * (pow(2, g) - 1) : 1;
            const double covered = TORC_FFT_CONSTANT * torc_variance_bootstrap_fft(&params, &keys) /
                                   classic * g / terms;
            cr_expect_leq(cpu->fft_constant[g - 1], covered * (1 + 1e-12), "%s g=%u", cpu->name, g);
        }
    }
}

/* The GPU's kernels: their own constant with the same margin, and words of 32 bits at g = 1. */
Test(noise, gpu)
{
    for (uint32_t g = 1; g <= 4; g++) {
        torc_params params = published;
        params.lwe_dim = 924;
        params.grouping = g;
        const torc_shape shape = {.poly_size = 2048, .grouping = g};
        const torc_noise_keys keys = torc_noise_keys_gpu(&params);
        const torc_noise_keys cpu = torc_noise_keys_production(&params);
        expect_ratio(keys.fft_constant, 1.1 * torc_gpu_fft_constant(&shape), 1e-12, "transform");
        cr_expect_eq(keys.big_weight, cpu.big_weight);
        cr_expect_eq(keys.small_weight, cpu.small_weight);
        if (g == 1) {
            params.bootstrap =
                (torc_gadget){16, 2}; /* drops what the words drop, but at ones only */
            expect_ratio(torc_variance_gpu_words(&params, &keys) / 924,
                         torc_variance_bootstrap_rounding(&params, &keys) / keys.small_weight,
                         1e-12, "words");
        } else {
            cr_expect_eq(torc_variance_gpu_words(&params, &keys), 0);
        }
    }
}

/* Grouped steps: 2 (2^g - 1) keys each, always multiplied, n / g of them. */
Test(noise, grouping)
{
    for (uint32_t g = 2; g <= 4; g++) {
        torc_params params = published;
        params.lwe_dim = 924;
        const torc_noise_keys keys = {1024, 462, 0.0125};
        params.grouping = 1;
        const double key = torc_variance_bootstrap_key(&params);
        const double rounding = torc_variance_bootstrap_rounding(&params, &keys);
        const double fft = torc_variance_bootstrap_fft(&params, &keys);
        const double modulus_switch = torc_variance_modulus_switch(&params);
        params.grouping = g;
        const double terms = 2.0 * (pow(2, g) - 1) / g;
        expect_ratio(torc_variance_bootstrap_key(&params), key * terms, 1e-12, "key");
        expect_ratio(torc_variance_bootstrap_rounding(&params, &keys), rounding * 2 / g, 1e-12,
                     "rounding");
        const double bundle[] = {1.03, 1.07, 1.12};
        expect_ratio(torc_variance_bootstrap_fft(&params, &keys), fft * terms * bundle[g - 2],
                     1e-12, "fft");
        cr_expect_eq(torc_variance_modulus_switch(&params), modulus_switch);
    }
}

/* Extended accumulators: only the cell of the modulus switch shrinks. */
Test(noise, extended_accumulator)
{
    for (uint32_t v = 1; v <= 5; v++) {
        torc_params params = published;
        torc_noise plain;
        torc_noise extended;
        torc_noise_production(&plain, &params);
        params.extended_log2 = v;
        torc_noise_production(&extended, &params);
        cr_expect_eq(extended.bootstrap, plain.bootstrap);
        cr_expect_eq(extended.keyswitch, plain.keyswitch);
        expect_ratio(extended.modulus_switch, plain.modulus_switch * pow(4, -(double)v), 1e-8,
                     "modulus switch");
    }
}

Test(noise, no_lookup_has_only_fresh)
{
    const torc_params params = {.glwe_dim = 2, .poly_size = 256, .glwe_noise_log2 = 55};
    torc_noise noise;
    torc_noise_production(&noise, &params);

    expect_ratio(noise.fresh, torc_tuniform_variance(55, 64), 1e-15, "fresh");
    cr_expect(noise.bootstrap == 0.0 && noise.keyswitch == 0.0 && noise.modulus_switch == 0.0);
}

/* --- odds ------------------------------------------------------------------------------------- */

/* kappa of reference tables: two-sided odds of a Gaussian. */
Test(noise, kappa_published)
{
    const struct {
        double log2_p, kappa;
    } rows[] = {{-20, 4.9010}, {-40, 7.14355}, {-64, 9.15529}, {-80, 10.28456}, {-128, 13.10863}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_float_eq(torc_failure_kappa(rows[i].log2_p), rows[i].kappa, 6e-6 * 10);
    }
    cr_expect_float_eq(torc_failure_kappa(log2(1 - 0.999936657516)), 4.0, 1e-6);
    cr_expect_float_eq(torc_failure_kappa(log2(1e-5)), 4.4172, 5e-5);
    cr_expect_float_eq(torc_failure_kappa(-1.0), 0.67448975, 1e-7);
}

/* log2 erfc(x) by its continued fraction, evaluated backwards: another way than the code's. */
static double log2_erfc_fraction(double x)
{
    double f = x;
    for (int i = 200; i > 0; i--) {
        f = x + 0.5 * i / f;
    }
    return (-x * x - log(f) - 0.5 * log(acos(-1.0))) / log(2.0);
}

Test(noise, failure_far_below_underflow)
{
    for (double x = 3.0; x < 800.0; x *= 1.07) {
        const double found = torc_log2_failure(x * sqrt(2.0), 1.0);
        expect_ratio(found, log2_erfc_fraction(x), 1e-11, "log2 erfc");
    }
    /* mpmath, 40 digits */
    expect_ratio(torc_log2_failure(26.3 * sqrt(2.0), 1.0), -1003.441512790557, 1e-12, "erfc(26.3)");
    expect_ratio(torc_log2_failure(100.0 * sqrt(2.0), 1.0), -14434.42008526988, 1e-12, "erfc(100)");
    cr_expect_eq(torc_log2_failure(1.0, 0.0), TORC_LOG2_NEVER);
    cr_expect_eq(torc_log2_failure(1.0, 1e-300), TORC_LOG2_NEVER);
    cr_expect_eq(torc_log2_failure(0.0, 1.0), 0.0);
}

Test(noise, kappa_inverts_failure)
{
    for (double log2_p = -1.0; log2_p > -5000.0; log2_p *= 1.3) {
        const double kappa = torc_failure_kappa(log2_p);
        cr_expect_float_eq(torc_log2_failure(kappa, 1.0), log2_p, 1e-9 * fabs(log2_p));
    }
}

/* --- rows ------------------------------------------------------------------------------------- */

static const torc_noise quiet = {
    .fresh = 0x1p-60, .bootstrap = 0x1p-40, .keyswitch = 0x1p-30, .modulus_switch = 0x1p-28};

Test(noise, row_variance_and_threshold)
{
    const torc_noise_row lookup = {TORC_ROW_LOOKUP_EXACT, 5, 3.0, 9.0, 0.0, 1};
    torc_noise_row row = lookup;
    expect_ratio(torc_row_variance(&row, &quiet), 3 * 0x1p-60 + 9 * 0x1p-40 + 0x1p-30 + 0x1p-28,
                 1e-15, "lookup");
    cr_expect_eq(torc_row_threshold(&row), 0x1p-7);
    row.kind = TORC_ROW_LOOKUP_ROUNDED;
    cr_expect_eq(torc_row_threshold(&row), 0x1p-6);
    row.kind = TORC_ROW_OUTPUT_EXACT;
    cr_expect_eq(torc_row_threshold(&row), 0x1p-7);
    expect_ratio(torc_row_variance(&row, &quiet), 3 * 0x1p-60 + 9 * 0x1p-40, 1e-15, "output");
    row.kind = TORC_ROW_OUTPUT_ROUNDED;
    row.max_std = 0.25;
    cr_expect_eq(torc_row_threshold(&row), 0.25);
    cr_expect_eq(torc_row_log2_failure(&row, &quiet), TORC_LOG2_NEVER);
}

Test(noise, rows_add_up_with_their_counts)
{
    const torc_noise loud = {.bootstrap = 0x1p-14};
    const torc_noise_row rows[] = {{TORC_ROW_OUTPUT_EXACT, 3, 0, 1.0, 0, 10},
                                   {TORC_ROW_OUTPUT_EXACT, 3, 0, 2.0, 0, 7},
                                   {TORC_ROW_OUTPUT_EXACT, 2, 0, 1.0, 0, 0},
                                   {TORC_ROW_OUTPUT_ROUNDED, 2, 0, 1.0, 0.1, 5}};
    /* thresholds 2^-5 over deviations 2^-7 and 2^-6.5: erfc(4/sqrt2), erfc(2 sqrt2 / sqrt2) */
    const double expected = log2(10 * erfc(4 / sqrt(2)) + 7 * erfc(2.0));

    cr_expect_float_eq(torc_rows_log2_failure(rows, 4, &loud), expected, 1e-12);
    cr_expect_float_eq(torc_rows_log2_worst(rows, 4, &loud), log2(erfc(2.0)), 1e-12);
    cr_expect_eq(torc_rows_log2_failure(rows, 0, &loud), TORC_LOG2_NEVER);
    cr_expect_eq(torc_rows_log2_worst(rows, 0, &loud), TORC_LOG2_NEVER);
}

/* 2^10 rows at 2^-3000 are 2^-2990, which no double holds as a probability; more than 1 is 1. */
Test(noise, rows_of_extreme_odds)
{
    const double kappa = torc_failure_kappa(-3000.0);
    const torc_noise noise = {.bootstrap = pow(0x1p-5 / kappa, 2)};
    const torc_noise_row rare = {TORC_ROW_OUTPUT_EXACT, 3, 0, 1.0, 0, 1024};
    const torc_noise_row sure = {TORC_ROW_OUTPUT_EXACT, 3, 0, 1e12, 0, 1024};

    cr_expect_float_eq(torc_rows_log2_failure(&rare, 1, &noise), -2990.0, 1e-6);
    cr_expect_eq(torc_rows_log2_failure(&sure, 1, &noise), 0.0);
}
