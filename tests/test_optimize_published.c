/* The search of production, given the choices, noise and cost of another project, returns the sets
 * that this project publishes: to the last digit of every field. */
#include "tests/common/published_sets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* One lookup on a sum of lookup outputs, each with the odds 2^log2_p. */
static torc_params find(const torc_search_model *model, uint32_t message_bits, double norm,
                        double log2_p)
{
    const torc_noise_row row = {TORC_ROW_LOOKUP_EXACT, message_bits, 0.0, norm * norm, 0.0, 1};
    const torc_search search = {
        .rows = &row, .row_count = 1, .log2_p_lookup = log2_p, .lookup_count = 1};
    torc_params params = {0};
    bool found = false;

    cr_assert_eq(torc_search_run(NULL, &params, &found, model, &search), TORC_OK);
    cr_assert(found);
    return params;
}

static void expect_set(const torc_params *found, const published_set *set, const char *name)
{
    cr_expect(published_equals(set, found),
              "%s: found n %u k %u N %u (%u,%u) (%u,%u), published n %u k %u N %u (%u,%u) (%u,%u)",
              name, found->lwe_dim, found->glwe_dim, found->poly_size, found->bootstrap.base_log,
              found->bootstrap.level_count, found->keyswitch.base_log, found->keyswitch.level_count,
              set->lwe_dim, set->glwe_dim, set->poly_size, set->bootstrap.base_log,
              set->bootstrap.level_count, set->keyswitch.base_log, set->keyswitch.level_count);
}

/* Carry-free sets of 1 .. 8 bits and the sets with carries, three bounds, two noise laws. */
Test(optimize_published, tfhe_rs)
{
    for (size_t i = 0; i < tfhe_rs_published_count; i++) {
        const tfhe_rs_published *row = &tfhe_rs_published_sets[i];
        const torc_search_model model = tfhe_rs_model(row->law, row->is_centred, 1);
        const torc_params found = find(&model, row->message_bits, row->norm, row->log2_p_bound);
        expect_set(&found, &row->set, row->name);
        cr_expect_float_eq(model.price(&model, &found) / 1e6, row->cost_mops, 0.5 + 1e-9,
                           "%s: cost %g, published %g", row->name,
                           model.price(&model, &found) / 1e6, row->cost_mops);
    }
}

/* "p_error 6.3e-5" is four standard deviations. */
static double concrete_log2_p(void)
{
    return log2(erfc(4.0 / sqrt(2.0)));
}

static double concrete_failure(const torc_search_model *model, const torc_params *params,
                               uint32_t message_bits, double norm)
{
    const torc_noise_row row = {TORC_ROW_LOOKUP_EXACT, message_bits, 0.0, norm * norm, 0.0, 1};
    torc_noise noise;
    torc_model_noise(&noise, model, params);

    return exp2(torc_row_log2_failure(&row, &noise));
}

Test(optimize_published, concrete)
{
    for (size_t i = 0; i < concrete_published_count; i++) {
        const concrete_published *row = &concrete_published_sets[i];
        const torc_search_model model = concrete_model(row->security_bits);
        const double norm = exp2(row->log2_norm);
        const torc_params found = find(&model, row->message_bits, norm, concrete_log2_p());
        char name[64];
        (void)snprintf(name, sizeof name, "%u bits, norm 2^%g, security %u", row->message_bits,
                       row->log2_norm, row->security_bits);
        expect_set(&found, &row->set, name);
        const double cost = floor(ldexp(model.price(&model, &found), -20)); /* its mega is 2^20 */
        cr_expect_eq(cost, row->cost_mops, "%s: cost %g, published %g", name, cost, row->cost_mops);
        const double p = concrete_failure(&model, &found, row->message_bits, norm);
        cr_expect_float_eq(p, row->p_error, 0.051e-5, "%s: %g", name, p);
    }
}

/* --- all sets of the shared data ----------------------------------------------------------------
 */

static uint32_t member(const cJSON *row, const char *name)
{
    return (uint32_t)published_number(row, name);
}

Test(optimize_published, concrete_all_norms)
{
    cJSON *data = published_data(TORC_SOURCE_DIR, "concrete_v0_parameters.json");
    if (data == NULL) {
        cr_skip_test("no shared data");
    }
    const cJSON *row;
    size_t count = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(data, "rows"))
    {
        const uint32_t bits = member(row, "message_bits");
        const torc_search_model model = concrete_model(member(row, "security"));
        const published_set set = {member(row, "n"),
                                   member(row, "k"),
                                   UINT32_C(1) << member(row, "log2_N"),
                                   {member(row, "br_base_log"), member(row, "br_level")},
                                   {member(row, "ks_base_log"), member(row, "ks_level")}};
        const torc_params found =
            find(&model, bits, exp2(published_number(row, "log2_norm")), concrete_log2_p());
        expect_set(&found, &set, "concrete");
        count++;
    }
    cr_expect_geq(count, 470, "only %zu rows", count);
    cJSON_Delete(data);
}

/* Bound that a set was searched for: "..._2M64" or "..._2M128" ends its name. */
static double bound_of(const char *name)
{
    const char *last = strrchr(name, '_');
    unsigned bits = 0;

    cr_assert_eq(sscanf(last, "_2M%u", &bits), 1, "%s", name);
    return -(double)bits;
}

/* Left out: sets for GPUs (a narrower choice of shapes), for compact public keys (kN must be a
 * power of two) and for sums after the keyswitch (another order of operations). */
Test(optimize_published, tfhe_rs_all_sets_for_processors)
{
    cJSON *data = published_data(TORC_SOURCE_DIR, "tfhe_rs_parameter_sets.json");
    if (data == NULL) {
        cr_skip_test("no shared data");
    }
    const cJSON *row;
    size_t count = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(data, "sets"))
    {
        const char *name = published_string(row, "name");
        if (strstr(name, "GPU") != NULL || strstr(name, "COMPACT") != NULL ||
            strcmp(published_string(row, "order"), "keyswitch_bootstrap") != 0) {
            continue;
        }
        const tfhe_rs_law law =
            strstr(name, "TUNIFORM") != NULL ? TFHE_RS_TUNIFORM : TFHE_RS_GAUSSIAN;
        const bool is_centred = strcmp(published_string(row, "modulus_switch"), "centered") == 0;
        const torc_search_model model =
            tfhe_rs_model(law, is_centred, member(row, "grouping_factor"));
        const published_set set = {member(row, "n"),
                                   member(row, "k"),
                                   member(row, "N"),
                                   {member(row, "pbs_base_log"), member(row, "pbs_level")},
                                   {member(row, "ks_base_log"), member(row, "ks_level")}};
        const torc_params found = find(&model, member(row, "message_bits"),
                                       published_number(row, "norm"), bound_of(name));
        expect_set(&found, &set, name);
        count++;
    }
    cr_expect_geq(count, 224, "only %zu sets", count);
    cJSON_Delete(data);
}
