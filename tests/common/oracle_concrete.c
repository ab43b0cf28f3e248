/* Noise of zama-ai/concrete, concrete-optimizer and its noise-model: Gaussian at the curve, plain
 * modulus switch, a fit of the transform without the factor of the masks. */
#include "runtime/security.h"
#include "tests/common/oracle_model.h"

#include <math.h>

#define Q_SQUARE  0x1p-128 /* q^-2 */
#define SUM_TERMS 4096.0   /* additions before a lookup, part of its cost */

static double least_variance(uint32_t security_bits, uint32_t dim)
{
    return exp2(2.0 * torc_security_log2_std(dim, security_bits, 64));
}

static double digit_square(torc_gadget gadget)
{
    return (exp2(2.0 * gadget.base_log) + 2.0) / 12.0;
}

static double dropped(torc_gadget gadget)
{
    return exp2(-2.0 * gadget.base_log * gadget.level_count) - Q_SQUARE;
}

static double transform(const torc_params *params)
{
    const double size = params->poly_size;

    return exp2(-2.57722494 + 2.0 * (params->bootstrap.base_log - 53.0)) *
           params->bootstrap.level_count * size * size * (params->glwe_dim + 1.0);
}

double concrete_external_product(const torc_params *params, double variance)
{
    const double big_dim = torc_params_big_dim(params);
    const double rows =
        params->bootstrap.level_count * (params->glwe_dim + 1.0) * params->poly_size;
    return rows * digit_square(params->bootstrap) * variance +
           dropped(params->bootstrap) / 24 * (1.0 + big_dim / 2) + big_dim / 32 * Q_SQUARE +
           (1.0 - big_dim) * (1.0 - big_dim) / 64 * Q_SQUARE + transform(params);
}

double concrete_keyswitch(const torc_params *params, double variance)
{
    const double one = dropped(params->keyswitch) / 24 + Q_SQUARE / 16 +
                       params->keyswitch.level_count * variance * digit_square(params->keyswitch);

    return torc_params_big_dim(params) * one;
}

static double no_fresh(const torc_params *params)
{
    (void)params;
    return 0.0;
}

static double bootstrap(const torc_params *params, uint32_t security_bits)
{
    const double variance = least_variance(security_bits, torc_params_big_dim(params));

    return params->lwe_dim * concrete_external_product(params, variance);
}

static double bootstrap_128(const torc_params *params)
{
    return bootstrap(params, 128);
}

static double bootstrap_132(const torc_params *params)
{
    return bootstrap(params, 132);
}

static double keyswitch_128(const torc_params *params)
{
    return concrete_keyswitch(params, least_variance(128, params->lwe_dim));
}

static double keyswitch_132(const torc_params *params)
{
    return concrete_keyswitch(params, least_variance(132, params->lwe_dim));
}

static double bootstrap_cost(const torc_search_model *model, const torc_params *params)
{
    (void)model;
    return params->lwe_dim * oracle_cost_cmux(params) + SUM_TERMS * torc_params_big_dim(params);
}

static double whole_cost(const torc_search_model *model, const torc_params *params)
{
    return bootstrap_cost(model, params) + oracle_cost_keyswitch(torc_params_big_dim(params),
                                                                 params->lwe_dim,
                                                                 params->keyswitch.level_count);
}

torc_search_model concrete_model(uint32_t security_bits)
{
    return (torc_search_model){.glwe_dim_max = 6,
                               .log2_poly_min = 8,
                               .log2_poly_max = 17,
                               .lwe_dim_min = 512,
                               .lwe_dim_max = 2047,
                               .grouping = 1,
                               .bootstrap_bits_max = 64,
                               .bootstrap_levels_max = 64,
                               .keyswitch_bits_max = 64,
                               .keyswitch_levels_max = 64,
                               .fresh = no_fresh,
                               .bootstrap = security_bits == 128 ? bootstrap_128 : bootstrap_132,
                               .keyswitch = security_bits == 128 ? keyswitch_128 : keyswitch_132,
                               .modulus_switch = tfhe_rs_modulus_switch_plain,
                               .price_floor = bootstrap_cost,
                               .price = whole_cost};
}
