/* The engine's own model for the search, and the entry. Must not know about: graphs, circuits.
 *
 * Prices are seconds on the default machine in full batches (a search that followed the machine at
 * hand would compile one model to different circuits), plus 2 % for every 100 MB of resident key:
 * of two sets of equal speed the one of smaller key is taken. */
#include "frontend/optimize.h"

#include "frontend/optimize_search.h"
#include "runtime/noise_terms.h"
#include "runtime/security.h"
#include "runtime/status.h"

#define KEY_PRICE_PER_BYTE (0.02 / 100e6)

enum { GROUPING_MAX = 4 };

static double bootstrap_variance(const torc_params *params)
{
    const torc_noise_keys keys = torc_noise_keys_production(params);

    return torc_variance_bootstrap(params, &keys);
}

static double keyswitch_variance(const torc_params *params)
{
    const torc_noise_keys keys = torc_noise_keys_production(params);

    return torc_variance_keyswitch(params, &keys);
}

static void choose_noise(torc_params *params)
{
    params->glwe_noise_log2 = torc_security_tuniform_log2(torc_params_big_dim(params), 64);
    params->lwe_noise_log2 = torc_security_tuniform_log2(params->lwe_dim, 32);
}

static double price_floor(const torc_search_model *model, const torc_params *params)
{
    return torc_cost_bootstrap(model->machine, params, TORC_COST_BOOTSTRAP_BATCH);
}

static double price(const torc_search_model *model, const torc_params *params)
{
    const double seconds = torc_cost_bootstrap(model->machine, params, TORC_COST_BOOTSTRAP_BATCH) +
                           torc_cost_keyswitch(model->machine, params, TORC_COST_KEYSWITCH_BATCH);

    return seconds * (1.0 + KEY_PRICE_PER_BYTE * (double)torc_params_key_bytes_resident(params));
}

static torc_search_model production_model(const torc_machine *machine, uint32_t grouping)
{
    return (torc_search_model){.glwe_dim_max = 6,
                               .log2_poly_min = 8,
                               .log2_poly_max = 12,
                               .extended_max = 5,
                               .lwe_dim_min = TORC_MIN_SECURE_DIM,
                               .lwe_dim_max = 1300,
                               .grouping = grouping,
                               .bootstrap_bits_max = 50, /* limits of the kernels */
                               .bootstrap_levels_max = 8,
                               .keyswitch_bits_max = 31,
                               .keyswitch_levels_max = 31,
                               .choose_noise = choose_noise,
                               .fresh = torc_variance_fresh,
                               .bootstrap = bootstrap_variance,
                               .keyswitch = keyswitch_variance,
                               .modulus_switch = torc_variance_modulus_switch,
                               .price_floor = price_floor,
                               .price = price,
                               .machine = machine};
}

static torc_status check_search(torc_ctx *ctx, const torc_search *search)
{
    if (search->log2_p_circuit > 0.0 || search->log2_p_lookup > 0.0 ||
        (search->log2_p_circuit == 0.0 && search->log2_p_lookup == 0.0)) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "parameter search: log2 of the failure bound is %g (circuit) and %g "
                         "(lookup); one must be negative, none positive",
                         search->log2_p_circuit, search->log2_p_lookup);
    }
    if (search->max_grouping > GROUPING_MAX) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "parameter search: %u key bits a step, at most %d are supported",
                         search->max_grouping, GROUPING_MAX);
    }
    return TORC_OK;
}

/* The cheapest set of all groupings allowed, of equal price the smallest grouping. */
static torc_status search_groupings(torc_ctx *ctx, torc_params *out, bool *found,
                                    const torc_machine *machine, const torc_search *search)
{
    const uint32_t last =
        search->max_grouping == 0 || search->lookup_count == 0 ? 1 : search->max_grouping;
    double best_price = 0.0;

    *found = false;
    for (uint32_t g = 1; g <= last; g++) {
        const torc_search_model model = production_model(machine, g);
        torc_params params;
        bool fits = false;
        TORC_TRY(torc_search_run(ctx, &params, &fits, &model, search));
        if (fits && (!*found || price(&model, &params) < best_price)) {
            *found = true;
            *out = params;
            best_price = price(&model, &params);
        }
    }
    return TORC_OK;
}

torc_status torc_optimize(torc_ctx *ctx, torc_params *out, const torc_search *search)
{
    torc_machine machine;
    torc_machine_default(&machine);
    const torc_machine *used = search->machine != NULL ? search->machine : &machine;
    torc_params params;
    bool found = false;

    TORC_TRY(check_search(ctx, search));
    TORC_TRY(search_groupings(ctx, &params, &found, used, search));
    if (!found) {
        const torc_search_model model = production_model(used, 1);
        return torc_search_explain(ctx, &model, search);
    }
    *out = params;
    return TORC_OK;
}
