/* The loops of the search against trying everything: no stop and no shortcut may lose the cheapest
 * set. */
#include "tests/common/oracle_model.h"

#include <criterion/criterion.h>
#include <math.h>

/* Small enough to try all of it, with every base and not only the best. */
static torc_search_model small_model(uint32_t grouping)
{
    torc_search_model model = tfhe_rs_model(TFHE_RS_TUNIFORM, true, grouping);

    model.glwe_dim_max = 3;
    model.log2_poly_min = 9;
    model.log2_poly_max = 11;
    model.extended_max = 0; /* its prices do not know extended accumulators */
    model.lwe_dim_min = 740;
    model.lwe_dim_max = 790;
    model.bootstrap_bits_max = 32;
    model.bootstrap_levels_max = 3;
    model.keyswitch_bits_max = 24;
    model.keyswitch_levels_max = 8;
    return model;
}

static bool holds(const torc_search_model *model, const torc_params *params,
                  const torc_search *search)
{
    torc_noise noise;
    torc_model_noise(&noise, model, params);

    return torc_rows_log2_failure(search->rows, search->row_count, &noise) <=
           search->log2_p_circuit;
}

static bool base_allowed(uint32_t base_log, uint32_t base_max)
{
    return base_max == 0 || base_log <= base_max;
}

static double cheapest_keyswitch(const torc_search_model *model, torc_params params,
                                 const torc_search *search, double best)
{
    for (uint32_t levels = 1; levels <= model->keyswitch_levels_max; levels++) {
        for (uint32_t base = 1; base * levels <= model->keyswitch_bits_max; base++) {
            params.keyswitch = (torc_gadget){base, levels};
            const double price = model->price(model, &params);
            if (price < best && base_allowed(base, model->keyswitch_base_max) &&
                holds(model, &params, search)) {
                best = price;
            }
        }
    }
    return best;
}

static double cheapest_gadgets(const torc_search_model *model, torc_params params,
                               const torc_search *search, double best)
{
    for (uint32_t levels = 1; levels <= model->bootstrap_levels_max; levels++) {
        for (uint32_t base = 1; base * levels <= model->bootstrap_bits_max; base++) {
            params.bootstrap = (torc_gadget){base, levels};
            const torc_configuration shape = torc_configuration_of(&params);
            if (base_allowed(base, model->bootstrap_base_max) &&
                (model->configurations == NULL ||
                 torc_configurations_hold(model->configurations, &shape))) {
                best = cheapest_keyswitch(model, params, search, best);
            }
        }
    }
    return best;
}

static double cheapest_accumulator(const torc_search_model *model, torc_params params,
                                   const torc_search *search, double best)
{
    for (uint32_t log2_poly = model->log2_poly_min; log2_poly <= model->log2_poly_max;
         log2_poly++) {
        for (uint32_t v = 0; v <= model->extended_max; v++) {
            params.poly_size = UINT32_C(1) << log2_poly;
            params.extended_log2 = v;
            if (model->choose_noise != NULL) {
                model->choose_noise(&params);
            }
            best = cheapest_gadgets(model, params, search, best);
        }
    }
    return best;
}

static double cheapest(const torc_search_model *model, const torc_search *search)
{
    double best = HUGE_VAL;

    for (uint32_t n = model->lwe_dim_min; n <= model->lwe_dim_max; n++) {
        for (uint32_t k = 1; n % model->grouping == 0 && k <= model->glwe_dim_max; k++) {
            const torc_params params = {.glwe_dim = k, .lwe_dim = n, .grouping = model->grouping};
            best = cheapest_accumulator(model, params, search, best);
        }
    }
    return best;
}

static void expect_cheapest(const torc_search_model *model, uint32_t bits, double log2_p)
{
    const uint32_t grouping = model->grouping;
    const torc_noise_row rows[] = {{TORC_ROW_LOOKUP_EXACT, bits, 0.0, 9.0, 0.0, 10},
                                   {TORC_ROW_LOOKUP_ROUNDED, bits, 0.0, 30.0, 0.0, 100}};
    const torc_search search = {
        .rows = rows, .row_count = 2, .log2_p_circuit = log2_p, .lookup_count = 110};
    torc_params params;
    bool found = false;

    cr_assert_eq(torc_search_run(NULL, &params, &found, model, &search), TORC_OK);
    const double best = cheapest(model, &search);
    cr_expect_eq(found, best < HUGE_VAL, "%u bits, grouping %u", bits, grouping);
    if (found) {
        cr_expect(holds(model, &params, &search));
        cr_expect_eq(model->price(model, &params), best, "%u bits, grouping %u: %.10g, best %.10g",
                     bits, grouping, model->price(model, &params), best);
    }
}

Test(optimize_search, finds_the_cheapest)
{
    const torc_search_model model = small_model(1);
    for (uint32_t bits = 1; bits <= 4; bits++) {
        expect_cheapest(&model, bits, -30.0);
    }
}

Test(optimize_search, finds_the_cheapest_grouped)
{
    const torc_search_model two = small_model(2);
    const torc_search_model three = small_model(3);
    expect_cheapest(&two, 2, -30.0);
    expect_cheapest(&three, 3, -45.0);
}

/* The GPU's model: prices that depend on the base, shapes that are not compiled. */
Test(optimize_search, finds_the_cheapest_gpu)
{
    for (uint32_t g = 1; g <= 3; g++) {
        const torc_configuration shapes[] = {{1, 10, 2, g, 1}, {2, 10, 1, g, 0}, {2, 10, 2, g, 0},
                                             {2, 10, 1, g, 1}, {1, 11, 1, g, 0}, {1, 11, 2, g, 0},
                                             {1, 11, 1, 4, 1}, {1, 11, 2, g, 1}};
        const torc_configurations all = {shapes, sizeof shapes / sizeof *shapes};
        torc_search_model model = torc_model_gpu(&torc_gpu_machine_default, &all, g);
        model.glwe_dim_max = 2;
        model.log2_poly_min = 10;
        model.log2_poly_max = 11;
        model.extended_max = 1;
        model.lwe_dim_min = 700;
        model.lwe_dim_max = 745;
        model.bootstrap_levels_max = 2;
        model.keyswitch_bits_max = 16;
        for (uint32_t bits = 1; bits <= 4; bits++) {
            expect_cheapest(&model, bits, -40.0);
        }
    }
}

static double none(const torc_params *params)
{
    (void)params;
    return 0.0;
}

/* Without any noise the table still needs its cells: 2N 2^v is at least 2^(P+2). */
Test(optimize_search, table_needs_two_cells_an_entry)
{
    torc_search_model model = small_model(1);
    model.extended_max = 1;
    model.bootstrap = none;
    model.keyswitch = none;
    model.modulus_switch = none;
    for (uint32_t bits = 6; bits <= 13; bits++) {
        const torc_noise_row row = {TORC_ROW_LOOKUP_EXACT, bits, 0.0, 1.0, 0.0, 1};
        const torc_search search = {
            .rows = &row, .row_count = 1, .log2_p_circuit = -40.0, .lookup_count = 1};
        torc_params params;
        bool found = false;
        cr_assert_eq(torc_search_run(NULL, &params, &found, &model, &search), TORC_OK);
        cr_expect_eq(found, bits <= 11, "%u bits", bits);
        if (found) {
            const uint32_t cells = params.poly_size << (1 + params.extended_log2);
            cr_expect_geq(cells, UINT32_C(1) << (bits + 2), "%u bits", bits);
            cr_expect(cells == UINT32_C(1) << (bits + 2) || bits < 8, "%u bits", bits);
        }
    }
}
