/* The search of this engine: which model for which target, all groupings, and the entry. Must not
 * know about: graphs, circuits. */
#include "frontend/optimize.h"

#include "frontend/optimize_search.h"
#include "runtime/noise_terms.h"
#include "runtime/security.h"
#include "runtime/status.h"

#define KEY_PRICE_PER_BYTE (0.02 / 100e6)

enum { GROUPING_MAX = 4, CPU_GROUPING_MAX = 3 /* of its kernels */ };

double torc_price_of_key(const torc_params *params)
{
    return 1.0 + KEY_PRICE_PER_BYTE * (double)torc_params_key_bytes_resident(params);
}

void torc_search_noise(torc_params *params)
{
    params->glwe_noise_log2 = torc_security_tuniform_log2(torc_params_big_dim(params), 64);
    params->lwe_noise_log2 = torc_security_tuniform_log2(params->lwe_dim, 32);
}

double torc_search_keyswitch(const torc_params *params)
{
    const torc_noise_keys keys = torc_noise_keys_production(params);

    return torc_variance_keyswitch(params, &keys);
}

/* What models point at. */
typedef struct search_prices {
    torc_machine cpu;
    torc_gpu_prices launches;
} search_prices;

static const torc_gpu_machine *gpu_of(const torc_search *search)
{
    return search->gpu != NULL ? search->gpu : &torc_gpu_machine_default;
}

static const torc_configurations *shapes_of(const torc_search *search)
{
    return search->configurations != NULL ? search->configurations : &torc_configurations_shipped;
}

static void prices_fill(search_prices *out, const torc_search *search)
{
    torc_machine_default(&out->cpu);
    if (search->price_launches) {
        torc_gpu_prices_fill(&out->launches, gpu_of(search), search->schedule, shapes_of(search));
    }
}

static torc_search_model target_model(const torc_search *search, const search_prices *prices,
                                      uint32_t grouping)
{
    if (search->target == TORC_SEARCH_GPU) {
        torc_search_model model = torc_model_gpu(gpu_of(search), shapes_of(search), grouping);
        model.launches = search->price_launches ? &prices->launches : NULL;
        return model;
    }
    return torc_model_cpu(search->machine != NULL ? search->machine : &prices->cpu, grouping);
}

static torc_search_model model_of(const torc_search *search, const search_prices *prices,
                                  uint32_t grouping)
{
    torc_search_model model = target_model(search, prices, grouping);

    model.level_lookups = search->level_lookups;
    if (search->max_key_bytes != 0) {
        model.key_bytes_max[0] = search->max_key_bytes;
        model.key_bytes_max[1] = search->max_key_bytes;
    }
    return model;
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

static uint32_t last_grouping(const torc_search *search)
{
    if (search->lookup_count == 0) {
        return 1;
    }
    if (search->max_grouping != 0) {
        return search->max_grouping;
    }
    return search->target == TORC_SEARCH_GPU ? GROUPING_MAX : CPU_GROUPING_MAX;
}

double torc_search_price(const torc_search *search, const torc_params *params)
{
    search_prices prices;
    prices_fill(&prices, search);
    const torc_search_model model = model_of(search, &prices, params->grouping);

    return model.price(&model, params);
}

static torc_status cheapest_grouping(torc_ctx *ctx, torc_params *out, bool *found,
                                     const torc_search *search)
{
    const uint32_t last = last_grouping(search);
    double best_price = 0.0;
    search_prices prices;

    *found = false;
    prices_fill(&prices, search);
    for (uint32_t g = 1; g <= last; g++) {
        const torc_search_model model = model_of(search, &prices, g);
        torc_params params;
        bool fits = false;
        TORC_TRY(torc_search_run(ctx, &params, &fits, &model, search));
        if (!fits) {
            continue;
        }
        const double found_price = search->lookup_count == 0 ? 0.0 : model.price(&model, &params);
        if (!*found || found_price < best_price) {
            *found = true;
            *out = params;
            best_price = found_price;
        }
    }
    return TORC_OK;
}

/* A target's own limit on keys yields to circuits that would not fit otherwise. */
torc_status torc_search_groupings(torc_ctx *ctx, torc_params *out, bool *found,
                                  const torc_search *search)
{
    torc_search unlimited = *search;

    TORC_TRY(cheapest_grouping(ctx, out, found, search));
    if (*found || search->max_key_bytes != 0) {
        return TORC_OK;
    }
    unlimited.max_key_bytes = UINT64_MAX;
    return cheapest_grouping(ctx, out, found, &unlimited);
}

torc_status torc_optimize_found(torc_ctx *ctx, torc_params *out, bool *found,
                                const torc_search *search)
{
    TORC_TRY(check_search(ctx, search));
    return torc_search_groupings(ctx, out, found, search);
}

torc_status torc_optimize(torc_ctx *ctx, torc_params *out, const torc_search *search)
{
    torc_params params;
    bool found = false;

    TORC_TRY(torc_optimize_found(ctx, &params, &found, search));
    if (!found) {
        return torc_search_explain(ctx, search);
    }
    *out = params;
    return TORC_OK;
}
