/* The search model of the GPU engine: the limits of its kernels, their noise, their price. Must not
 * know about: graphs, circuits.
 *
 * Limits: a digit is cut from 32 bits, base_log * l <= 32, and is exact in a product of doubles up
 * to base_log = 23; digits of the keyswitch are signed bytes. Shapes: only those that kernels are
 * compiled for. Prices as in optimize_cpu.c, seconds of a full device. */
#include "frontend/optimize_search.h"
#include "runtime/noise_terms.h"
#include "runtime/security.h"

#include <math.h>

enum { BITS_MAX = 32, BASE_MAX = 23 }; /* of a bootstrap gadget */

static double bootstrap_variance(const torc_params *params)
{
    const torc_noise_keys keys = torc_noise_keys_gpu(params);

    return torc_variance_bootstrap(params, &keys) + torc_variance_gpu_words(params, &keys);
}

/* --- prices by launches --- */

#define FULL_BATCH   1056
#define REFERENCE_N  840 /* a multiple of 1 .. 4: launches cost by their steps */
#define REFERENCE_KS 7

/* Of one ciphertext: the fastest form, when batches are whole waves. */
static double step_seconds(const torc_gpu_machine *machine, const torc_gpu_schedule *schedule,
                           const torc_params *params)
{
    const uint32_t wave = torc_cost_gpu_wave(machine, params);
    const uint32_t batch = wave != 0 ? wave * ((FULL_BATCH + wave - 1) / wave) : FULL_BATCH;
    const uint32_t cluster = torc_cost_gpu_cluster(machine, params);
    double best = HUGE_VAL;

    for (uint32_t form = 0; form < TORC_GPU_FORMS; form++) {
        best = fmin(best, schedule == NULL
                              ? torc_cost_gpu_rotation(machine, params, form, cluster, batch)
                              : torc_gpu_schedule_rotation(schedule, params, form, 0, batch, NULL));
    }
    return best / batch / torc_params_step_count(params);
}

void torc_gpu_prices_fill(torc_gpu_prices *out, const torc_gpu_machine *machine,
                          const torc_gpu_schedule *schedule, const torc_configurations *shapes)
{
    *out = (torc_gpu_prices){0};
    for (; out->count < shapes->count && out->count < TORC_CONFIGURATIONS_MAX; out->count++) {
        const torc_configuration *shape = &shapes->list[out->count];
        torc_params params = {.glwe_dim = shape->glwe_dim,
                              .poly_size = UINT32_C(1) << shape->log2_poly_size,
                              .lwe_dim = REFERENCE_N,
                              .extended_log2 = shape->extended_log2,
                              .grouping = shape->grouping,
                              .bootstrap = {BASE_MAX, shape->level_count},
                              .keyswitch = {1, REFERENCE_KS}};
        if (params.bootstrap.base_log * shape->level_count > BITS_MAX) {
            params.bootstrap.base_log = BITS_MAX / shape->level_count;
        }
        out->shape[out->count] = *shape;
        out->step_seconds[out->count][0] = step_seconds(machine, schedule, &params);
        params.bootstrap.base_log = 1;
        out->step_seconds[out->count][1] = step_seconds(machine, schedule, &params);
    }
}

/* Of the rotation; HUGE_VAL for a shape without a price. */
static double launch_seconds(const torc_search_model *model, const torc_params *params)
{
    const torc_gpu_prices *prices = model->launches;
    const torc_configuration wanted = torc_configuration_of(params);
    const bool is_narrow = torc_gpu_has_narrow_digits(model->gpu, params);

    for (uint32_t i = 0; i < prices->count; i++) {
        const torc_configurations one = {&prices->shape[i], 1};
        if (torc_configurations_hold(&one, &wanted)) {
            return torc_params_step_count(params) * prices->step_seconds[i][is_narrow ? 1 : 0];
        }
    }
    return HUGE_VAL;
}

/* Levels may still be open: of these and all above them. */
static double launch_floor(const torc_search_model *model, torc_params params)
{
    double floor = HUGE_VAL;

    for (; params.bootstrap.level_count <= model->bootstrap_levels_max;
         params.bootstrap.level_count++) {
        floor = fmin(floor, launch_seconds(model, &params));
    }
    return floor;
}

/* --- prices --- */

static double price_floor(const torc_search_model *model, const torc_params *params)
{
    return model->launches != NULL ? launch_floor(model, *params)
                                   : torc_cost_gpu_bootstrap(model->gpu, params);
}

static double price(const torc_search_model *model, const torc_params *params)
{
    const double seconds =
        model->launches != NULL
            ? launch_seconds(model, params) +
                  torc_cost_gpu_keyswitch_batch(model->gpu, params, FULL_BATCH) / FULL_BATCH
            : torc_cost_gpu_bootstrap(model->gpu, params) +
                  torc_cost_gpu_keyswitch(model->gpu, params);

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
                               .bootstrap_bits_max = BITS_MAX,
                               .bootstrap_levels_max = 3,
                               .bootstrap_base_max = BASE_MAX,
                               .keyswitch_bits_max = 31,
                               .keyswitch_levels_max = 31,
                               .keyswitch_base_max = 8,
                               .configurations = configurations,
                               .choose_noise = torc_search_noise,
                               .fresh = torc_variance_fresh,
                               .bootstrap = bootstrap_variance,
                               .keyswitch = torc_search_keyswitch,
                               .modulus_switch = torc_variance_modulus_switch,
                               .price_floor = price_floor,
                               .price = price,
                               .gpu = machine};
}
