/* The search model of the CPU engine. Must not know about: graphs, circuits.
 *
 * Prices are seconds on the default machine (a search that followed the machine at hand would
 * compile one model to different circuits), in batches as large as a level of one sample has
 * lookups: few lookups wait for their key, so a small one is the fastest. Plus 4 % for every 100 MB
 * of resident key: of two sets of equal speed the one of smaller key is taken. Keys of one level
 * take at most 200 MB, others 420 MB, unless --max-key-mb says otherwise: the last per cent of
 * speed is not worth more of a server's memory. */
#include "frontend/optimize_search.h"
#include "runtime/noise_terms.h"
#include "runtime/security.h"

#include <math.h>

#define KEY_PRICE_PER_BYTE  (0.04 / 100e6)
#define KEY_BYTES_ONE_LEVEL 200000000
#define KEY_BYTES_LEVELS    420000000

static double bootstrap_variance(const torc_params *params)
{
    const torc_noise_keys keys = torc_noise_keys_production(params);

    return torc_variance_bootstrap(params, &keys);
}

static double price_of_key(const torc_params *params)
{
    return 1.0 + KEY_PRICE_PER_BYTE * (double)torc_params_key_bytes_resident(params);
}

static double walk(const torc_search_model *model, double full)
{
    return model->level_lookups > 0.0 ? fmin(model->level_lookups, full) : full;
}

static double price_floor(const torc_search_model *model, const torc_params *params)
{
    return torc_cost_bootstrap(model->machine, params,
                               walk(model, torc_cost_bootstrap_batch(params)));
}

static double price(const torc_search_model *model, const torc_params *params)
{
    const double seconds =
        price_floor(model, params) +
        torc_cost_keyswitch(model->machine, params, walk(model, TORC_COST_KEYSWITCH_BATCH));

    return seconds * price_of_key(params);
}

torc_search_model torc_model_cpu(const torc_machine *machine, uint32_t grouping)
{
    return (torc_search_model){.glwe_dim_max = 6,
                               .log2_poly_min = 8,
                               .log2_poly_max = 12,
                               .extended_max = 5,
                               .lwe_dim_min = TORC_MIN_SECURE_DIM,
                               .lwe_dim_max = TORC_SEARCH_LWE_DIM_MAX,
                               .grouping = grouping,
                               .bootstrap_bits_max = 50, /* limits of the kernels */
                               .bootstrap_levels_max = 8,
                               .keyswitch_bits_max = 31,
                               .keyswitch_levels_max = 31,
                               .key_bytes_max = {KEY_BYTES_ONE_LEVEL, KEY_BYTES_LEVELS},
                               .choose_noise = torc_search_noise,
                               .fresh = torc_variance_fresh,
                               .bootstrap = bootstrap_variance,
                               .keyswitch = torc_search_keyswitch,
                               .modulus_switch = torc_variance_modulus_switch,
                               .price_floor = price_floor,
                               .price = price,
                               .machine = machine};
}
