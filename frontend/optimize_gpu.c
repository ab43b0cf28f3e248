/* The search model of the GPU engine: the limits of its kernels, their noise, their price. Must not
 * know about: graphs, circuits.
 *
 * Limits: a digit is cut from 32 bits, base_log * l <= 32, and is exact in a product of doubles up
 * to base_log = 23; digits of the keyswitch are signed bytes. Shapes: only those that kernels are
 * compiled for. Prices as in optimize_cpu.c, seconds of a full device. */
#include "frontend/optimize_search.h"
#include "runtime/noise_terms.h"
#include "runtime/security.h"

static double bootstrap_variance(const torc_params *params)
{
    const torc_noise_keys keys = torc_noise_keys_gpu(params);

    return torc_variance_bootstrap(params, &keys) + torc_variance_gpu_words(params, &keys);
}

static double keyswitch_variance(const torc_params *params)
{
    const torc_noise_keys keys = torc_noise_keys_gpu(params);

    return torc_variance_keyswitch(params, &keys);
}

static double price_floor(const torc_search_model *model, const torc_params *params)
{
    return torc_cost_gpu_bootstrap(model->gpu, params);
}

static double price(const torc_search_model *model, const torc_params *params)
{
    const double seconds =
        torc_cost_gpu_bootstrap(model->gpu, params) + torc_cost_gpu_keyswitch(model->gpu, params);

    return seconds * torc_price_of_key(params);
}

torc_search_model torc_model_gpu(const torc_gpu_machine *machine,
                                 const torc_configurations *configurations, uint32_t grouping)
{
    return (torc_search_model){.glwe_dim_max = 6,
                               .log2_poly_min = 8,
                               .log2_poly_max = 12,
                               .extended_max = 5,
                               .lwe_dim_min = TORC_MIN_SECURE_DIM,
                               .lwe_dim_max = TORC_SEARCH_LWE_DIM_MAX,
                               .grouping = grouping,
                               .bootstrap_bits_max = 32,
                               .bootstrap_levels_max = 3,
                               .bootstrap_base_max = 23,
                               .keyswitch_bits_max = 31,
                               .keyswitch_levels_max = 31,
                               .keyswitch_base_max = 8,
                               .configurations = configurations,
                               .choose_noise = torc_search_noise,
                               .fresh = torc_variance_fresh,
                               .bootstrap = bootstrap_variance,
                               .keyswitch = keyswitch_variance,
                               .modulus_switch = torc_variance_modulus_switch,
                               .price_floor = price_floor,
                               .price = price,
                               .gpu = machine};
}
