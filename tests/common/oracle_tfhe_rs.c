/* Noise of zama-ai/tfhe-rs, core_crypto/commons/noise_formulas: keys of exactly half weight, its
 * own fit of the transform, plain modulus switch with the body's rounding, 2^g key rows a group. */
#include "tests/common/oracle_model.h"

#include <math.h>

#define Q_SQUARE 0x1p-128 /* q^-2 */

double tfhe_rs_tuniform_variance(uint32_t bound_log2)
{
    return exp2(4.44 - 128.0) + (ldexp(1.0, 2 * (int)bound_log2) + 0.5) / 3.0 * Q_SQUARE;
}

double tfhe_rs_least_variance(tfhe_rs_law law, uint32_t dim)
{
    if (law == TFHE_RS_GAUSSIAN) {
        return exp2(4.0 - 128.0) + exp2(5.31469187675068 - 0.0497829131652661 * dim);
    }
    const double bound = fmax(ceil(-0.025167785 * dim + 64 + 4.10067100000001), 0.0);
    return tfhe_rs_tuniform_variance((uint32_t)bound);
}

static double digit_square(torc_gadget gadget)
{
    return exp2(2.0 * gadget.base_log) / 12.0 + 1.0 / 6.0;
}

static double dropped(torc_gadget gadget)
{
    return exp2(-2.0 * gadget.base_log * gadget.level_count);
}

double tfhe_rs_fft(const torc_params *params)
{
    static const struct {
        double factor, level_power, glwe_power, poly_power;
    } fit[] = {{0, 0, 0, 0},
               {0.00705, 1.01827, 1.22003, 2.22003},
               {0.0022, 1.04148, 1.94548, 2.94548},
               {0.00492, 1.0111, 1.90722, 2.90722},
               {0.00855, 1.00715, 1.90759, 2.90759}};
    const uint32_t g = params->grouping;
    const double k = params->glwe_dim;

    return fit[g].factor * exp2(2.0 * params->bootstrap.base_log - 2.0 * 53) *
           pow(params->bootstrap.level_count * (k + 1.0), fit[g].level_power) *
           pow(k, fit[g].glwe_power) * pow(params->poly_size, fit[g].poly_power);
}

double tfhe_rs_external_product(const torc_params *params, double variance)
{
    const double k = params->glwe_dim;
    const double big_dim = k * params->poly_size;
    const double rows = params->bootstrap.level_count * params->poly_size * (k + 1.0);
    const double key = rows * variance * digit_square(params->bootstrap);
    const double rest = dropped(params->bootstrap);

    if (params->grouping == 1) {
        return key - Q_SQUARE / 24 + big_dim / 2 * (Q_SQUARE / 48 + rest / 24) + rest / 24 +
               tfhe_rs_fft(params);
    }
    return exp2(params->grouping) * key - Q_SQUARE / 12 + big_dim * (Q_SQUARE / 48 + rest / 24) +
           rest / 12 + tfhe_rs_fft(params);
}

double tfhe_rs_bootstrap(const torc_params *params, double variance)
{
    return (double)params->lwe_dim / params->grouping * tfhe_rs_external_product(params, variance);
}

double tfhe_rs_keyswitch(const torc_params *params, double variance)
{
    const double in_dim = torc_params_big_dim(params);

    return params->keyswitch.level_count * in_dim * variance * digit_square(params->keyswitch) +
           in_dim * (Q_SQUARE / 48 + dropped(params->keyswitch) / 24) - Q_SQUARE / 12 +
           Q_SQUARE / 12;
}

static double cell_square(const torc_params *params)
{
    return 1.0 / (4.0 * params->poly_size * params->poly_size);
}

double tfhe_rs_modulus_switch_plain(const torc_params *params)
{
    const double cell = cell_square(params);
    const double n = params->lwe_dim;
    const double g = params->grouping;

    if (params->grouping == 1) {
        return n * (Q_SQUARE / 48 + cell / 24) - Q_SQUARE / 12 + cell / 12;
    }
    return n / g * (1.0 - exp2(-g)) * (Q_SQUARE * exp2(-g - 2.0) + (cell - Q_SQUARE) / 12) -
           Q_SQUARE / 12 + cell / 12;
}

double tfhe_rs_modulus_switch_centred(const torc_params *params)
{
    return params->lwe_dim * (Q_SQUARE / 24 + cell_square(params) / 48);
}

static double no_fresh(const torc_params *params)
{
    (void)params;
    return 0.0; /* its rows count the worst case: all sums of bootstrap outputs */
}

static double bootstrap_gaussian(const torc_params *params)
{
    return tfhe_rs_bootstrap(params,
                             tfhe_rs_least_variance(TFHE_RS_GAUSSIAN, torc_params_big_dim(params)));
}

static double bootstrap_tuniform(const torc_params *params)
{
    return tfhe_rs_bootstrap(params,
                             tfhe_rs_least_variance(TFHE_RS_TUNIFORM, torc_params_big_dim(params)));
}

static double keyswitch_gaussian(const torc_params *params)
{
    return tfhe_rs_keyswitch(params, tfhe_rs_least_variance(TFHE_RS_GAUSSIAN, params->lwe_dim));
}

static double keyswitch_tuniform(const torc_params *params)
{
    return tfhe_rs_keyswitch(params, tfhe_rs_least_variance(TFHE_RS_TUNIFORM, params->lwe_dim));
}

/* A group adds 2^g - 1 key rows before its product. */
static double bootstrap_cost(const torc_search_model *model, const torc_params *params)
{
    const double g = params->grouping;
    const double polys = params->glwe_dim + 1.0;
    const double bundle = params->grouping == 1
                              ? 0.0
                              : 2.0 * (exp2(g) - 1.0) * params->bootstrap.level_count * polys *
                                    polys * params->poly_size;

    (void)model;
    return params->lwe_dim / g * (oracle_cost_cmux(params) + bundle);
}

static double whole_cost(const torc_search_model *model, const torc_params *params)
{
    return bootstrap_cost(model, params) + oracle_cost_keyswitch(torc_params_big_dim(params),
                                                                 params->lwe_dim,
                                                                 params->keyswitch.level_count);
}

torc_search_model tfhe_rs_model(tfhe_rs_law law, bool is_centred, uint32_t grouping)
{
    const bool gaussian = law == TFHE_RS_GAUSSIAN;

    return (torc_search_model){.glwe_dim_max = 6,
                               .log2_poly_min = 8,
                               .log2_poly_max = 16,
                               .lwe_dim_min = 450,
                               .lwe_dim_max = 1500,
                               .grouping = grouping,
                               .bootstrap_bits_max = 64,
                               .bootstrap_levels_max = 64,
                               .keyswitch_bits_max = 64,
                               .keyswitch_levels_max = 64,
                               .fresh = no_fresh,
                               .bootstrap = gaussian ? bootstrap_gaussian : bootstrap_tuniform,
                               .keyswitch = gaussian ? keyswitch_gaussian : keyswitch_tuniform,
                               .modulus_switch = is_centred ? tfhe_rs_modulus_switch_centred
                                                            : tfhe_rs_modulus_switch_plain,
                               .price_floor = bootstrap_cost,
                               .price = whole_cost};
}
