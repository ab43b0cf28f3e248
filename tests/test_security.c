/* The security table against published figures, and what the check of a parameter set refuses. */
#include "runtime/noise.h"
#include "runtime/security.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* log2 of the standard deviation on both curves (zama-ai/concrete, q = 2^64) and the TUniform bound
 * that zama-ai/tfhe-rs takes at the dimension. */
static const struct {
    uint32_t dim;
    double log2_std_128, log2_std_132;
    uint32_t tfhe_rs_bound;
} table[] = {
    {512, -10.481, -10.087, 56},  {600, -12.742, -12.278, 54},  {640, -13.770, -13.273, 52},
    {700, -15.312, -14.767, 51},  {768, -17.059, -16.459, 49},  {800, -17.881, -17.256, 48},
    {866, -19.577, -18.899, 47},  {918, -20.914, -20.193, 45},  {1024, -23.638, -22.832, 43},
    {1100, -25.591, -24.723, 41}, {1280, -30.216, -29.204, 36}, {1536, -36.794, -35.576, 30},
    {2048, -49.951, -48.320, 17}, {2560, -62.0, -61.065, 4},    {2600, -62.0, -62.0, 3},
};

Test(security, published_curves)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const uint32_t dim = table[i].dim;
        cr_expect_float_eq(torc_security_log2_std(dim, 128, 64), table[i].log2_std_128, 6e-4,
                           "128 bits, dimension %u: %.4f", dim,
                           torc_security_log2_std(dim, 128, 64));
        cr_expect_float_eq(torc_security_log2_std(dim, 132, 64), table[i].log2_std_132, 6e-4,
                           "132 bits, dimension %u: %.4f", dim,
                           torc_security_log2_std(dim, 132, 64));
    }
}

/* tfhe-rs rounds up a line that lies up to 0.6 above the curve at small dimensions. */
Test(security, uniform_bound_beside_published)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const uint32_t bound = torc_security_tuniform_log2(table[i].dim, 64);
        const double line = ceil(-0.025167785 * table[i].dim + 64 + 4.10067100000001);
        cr_expect_eq((double)table[i].tfhe_rs_bound, fmax(line, 3.0), "dimension %u", table[i].dim);
        cr_expect(bound == table[i].tfhe_rs_bound || bound + 1 == table[i].tfhe_rs_bound,
                  "dimension %u: bound %u, tfhe-rs %u", table[i].dim, bound,
                  table[i].tfhe_rs_bound);
    }
}

/* At every dimension: never below the curve, and the next smaller bound would be. */
Test(security, uniform_bound_is_minimal)
{
    for (uint32_t dim = TORC_MIN_SECURE_DIM; dim <= 8192; dim++) {
        const uint32_t bound = torc_security_tuniform_log2(dim, 64);
        const double minimum = exp2(2.0 * torc_security_log2_std(dim, 132, 64));
        cr_assert_geq(torc_tuniform_variance(bound, 64), minimum, "dimension %u", dim);
        cr_assert_lt(torc_tuniform_variance(bound - 1, 64), minimum, "dimension %u", dim);
    }
    cr_expect_eq(torc_security_tuniform_log2(449, 64), 0);
    cr_expect_eq(torc_security_tuniform_log2(24576, 64), 3);
}

/* The curve counts on the torus: 32 bits less of modulus are 32 less of bound, until the floor. */
Test(security, uniform_bound_on_32_bits)
{
    for (uint32_t dim = TORC_MIN_SECURE_DIM; dim <= 1300; dim++) {
        cr_assert_eq(torc_security_tuniform_log2(dim, 32),
                     torc_security_tuniform_log2(dim, 64) - 32, "dimension %u", dim);
    }
    cr_expect_eq(torc_security_tuniform_log2(2000, 32), 3);
}

static torc_params minimal_params(void)
{
    return (torc_params){.glwe_dim = 1,
                         .poly_size = 2048,
                         .glwe_noise_log2 = torc_security_tuniform_log2(2048, 64),
                         .lwe_dim = 860,
                         .lwe_noise_log2 = torc_security_tuniform_log2(860, 32),
                         .grouping = 1,
                         .bootstrap = {23, 1},
                         .keyswitch = {3, 5}};
}

static void expect_refusal(const torc_params *params, const char *field)
{
    torc_ctx *ctx = torc_ctx_create();

    cr_expect_eq(torc_security_check(ctx, params), TORC_E_SECURITY, "%s", field);
    cr_expect(strstr(torc_ctx_message(ctx), field) != NULL, "'%s' names no %s",
              torc_ctx_message(ctx), field);
    torc_ctx_free(ctx);
}

Test(security, check_refuses_what_is_weaker)
{
    torc_params params = minimal_params();
    cr_assert_eq(torc_security_check(NULL, &params), TORC_OK);
    params.glwe_noise_log2++;
    params.lwe_noise_log2++;
    cr_assert_eq(torc_security_check(NULL, &params), TORC_OK, "more noise is not weaker");

    params = minimal_params();
    params.glwe_noise_log2--;
    expect_refusal(&params, "big key");
    params = minimal_params();
    params.lwe_noise_log2--;
    expect_refusal(&params, "small key");
    params = minimal_params();
    params.lwe_dim = TORC_MIN_SECURE_DIM - 1;
    params.lwe_noise_log2 = 31;
    expect_refusal(&params, "dimension 449");
    params = minimal_params();
    params.poly_size = 256;
    params.glwe_noise_log2 = 62;
    expect_refusal(&params, "dimension 256");
}

/* Products that wrap in 32 bits: 2^16 * 2^16 is no dimension 0, and 65537 * 65536 none of 65536. */
Test(security, check_of_hostile_dimensions)
{
    torc_params params = minimal_params();
    params.glwe_dim = 65536;
    params.poly_size = 65536;
    params.glwe_noise_log2 = 2;
    expect_refusal(&params, "big key");
    params.glwe_noise_log2 = 3;
    cr_expect_eq(torc_security_check(NULL, &params), TORC_OK);
}

Test(security, check_without_lookups)
{
    torc_params params = {.glwe_dim = 2, .poly_size = 256};

    params.glwe_noise_log2 = torc_security_tuniform_log2(512, 64);
    cr_expect_eq(torc_security_check(NULL, &params), TORC_OK);
    params.glwe_noise_log2--;
    expect_refusal(&params, "big key");
}
