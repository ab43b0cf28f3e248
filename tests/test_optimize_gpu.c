/* The search for the GPU and the list of shapes that it may choose. The loops against trying
 * everything: test_optimize_search.c; the list against what the search gives: configurations.sh. */
#include "frontend/optimize_search.h"
#include "runtime/gpu_schedule.h"
#include "runtime/security.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* Cell `index` of p = 1 .. 8, both profiles, norms 1 .. 2^8, as torc_bench configurations has them.
 */
enum { CELLS = 2 * 8 * 9 };

static torc_noise_row cell_row(uint32_t index)
{
    return (torc_noise_row){.kind = TORC_ROW_LOOKUP_EXACT,
                            .bits = index / 9 % 8 + 1,
                            .norm_sq_lookup = exp2(2.0 * (index % 9)),
                            .count = 64};
}

static torc_search cell_search(const torc_noise_row *row, uint32_t index)
{
    const bool is_shared = index >= CELLS / 2;

    return (torc_search){.rows = row,
                         .row_count = 1,
                         .log2_p_circuit = is_shared ? 0 : -40,
                         .log2_p_lookup = is_shared ? -128 : 0,
                         .lookup_count = 64,
                         .target = TORC_SEARCH_GPU};
}

static torc_params cell_params(uint32_t index, const torc_configurations *shapes)
{
    const torc_noise_row row = cell_row(index);
    torc_search search = cell_search(&row, index);
    torc_ctx *ctx = torc_ctx_create();
    torc_params params;

    search.configurations = shapes;
    cr_assert_eq(torc_optimize(ctx, &params, &search), TORC_OK, "cell %u: %s", index,
                 torc_ctx_message(ctx));
    torc_ctx_free(ctx);
    return params;
}

Test(optimize_gpu, list_is_short_and_of_supported_shapes)
{
    const torc_configurations *shipped = &torc_configurations_shipped;

    cr_expect(shipped->count >= 1 && shipped->count <= TORC_CONFIGURATIONS_MAX);
    for (uint32_t i = 0; i < shipped->count; i++) {
        const torc_configuration *c = &shipped->list[i];
        const torc_configurations before = {shipped->list, i};
        cr_expect(!torc_configurations_hold(&before, c), "row %u twice", i);
        cr_expect(c->glwe_dim >= 1 && c->glwe_dim <= 6, "row %u: k", i);
        cr_expect(c->log2_poly_size >= 8 && c->log2_poly_size <= 12, "row %u: N", i);
        cr_expect(c->level_count >= 1 && c->level_count <= 3, "row %u: l", i);
        cr_expect(c->grouping >= 1 && c->grouping <= 3, "row %u: g", i);
        cr_expect(c->extended_log2 <= 5, "row %u: v", i);
    }
}

Test(optimize_gpu, shape_of_a_set)
{
    const torc_params params = {2, 1024, 17, 742, 16, 3, 2, {15, 2}, {2, 7}};
    const torc_configuration shape = torc_configuration_of(&params);
    const torc_configurations one = {&shape, 1};
    torc_configuration other = shape;

    cr_expect_eq(shape.glwe_dim, 2);
    cr_expect_eq(shape.log2_poly_size, 10);
    cr_expect_eq(shape.level_count, 2);
    cr_expect_eq(shape.grouping, 2);
    cr_expect_eq(shape.extended_log2, 3);
    cr_expect(torc_configurations_hold(&one, &other));
    for (size_t i = 0; i < sizeof other / sizeof(uint32_t); i++) {
        uint32_t field[sizeof other / sizeof(uint32_t)];
        memcpy(field, &shape, sizeof field);
        field[i]++;
        memcpy(&other, field, sizeof other);
        cr_expect(!torc_configurations_hold(&one, &other), "field %zu", i);
    }
}

/* Every width, profile and norm finds a set that kernels run, that is secure and holds its row. */
Test(optimize_gpu, every_cell_finds_a_shipped_set)
{
    for (uint32_t i = 0; i < CELLS; i++) {
        const torc_params p = cell_params(i, NULL);
        const torc_configuration shape = torc_configuration_of(&p);
        const torc_noise_row row = cell_row(i);
        const torc_search search = cell_search(&row, i);
        const torc_search_model model = torc_model_gpu(&torc_gpu_machine_default, NULL, p.grouping);
        torc_noise noise;

        cr_expect_eq(torc_params_check(NULL, &p), TORC_OK, "cell %u", i);
        cr_expect_eq(torc_security_check(NULL, &p), TORC_OK, "cell %u", i);
        cr_expect(torc_configurations_hold(&torc_configurations_shipped, &shape), "cell %u", i);
        cr_expect(p.bootstrap.base_log <= 23 &&
                      p.bootstrap.base_log * p.bootstrap.level_count <= 32,
                  "cell %u: digits", i);
        cr_expect(p.keyswitch.base_log <= 8, "cell %u: keyswitch digits", i);
        torc_model_noise(&noise, &model, &p);
        cr_expect(torc_rows_hold(&search, &noise), "cell %u: row", i);
    }
}

/* Prices by launches: what is found holds its row, runs, and is never dearer than what the formulas
 * find; where key reads bind (extended accumulators) it is much cheaper. */
Test(optimize_gpu, prices_by_launches)
{
    double most = 1;

    for (uint32_t i = 0; i < CELLS; i++) {
        const torc_noise_row row = cell_row(i);
        torc_search search = cell_search(&row, i);
        torc_ctx *ctx = torc_ctx_create();
        const torc_params by_formula = cell_params(i, NULL);
        torc_params p;
        torc_noise noise;

        search.price_launches = true;
        cr_assert_eq(torc_optimize(ctx, &p, &search), TORC_OK, "cell %u: %s", i,
                     torc_ctx_message(ctx));
        torc_ctx_free(ctx);
        const torc_configuration shape = torc_configuration_of(&p);
        const torc_search_model model = torc_model_gpu(&torc_gpu_machine_default, NULL, p.grouping);
        torc_model_noise(&noise, &model, &p);
        cr_expect(torc_rows_hold(&search, &noise), "cell %u: row", i);
        cr_expect(torc_configurations_hold(&torc_configurations_shipped, &shape), "cell %u", i);
        const double ratio =
            torc_search_price(&search, &by_formula) / torc_search_price(&search, &p);
        cr_expect(ratio >= 1 && ratio < 4, "cell %u: %g", i, ratio);
        most = fmax(most, ratio);
    }
    cr_expect(most > 1.2, "%g", most);
}

/* A price is that of full waves by the schedule, and the factor of the key. */
Test(optimize_gpu, launch_prices_are_those_of_the_schedule)
{
    torc_gpu_schedule schedule;
    torc_gpu_schedule_default(&schedule, &torc_gpu_identity_h200);

    for (uint32_t i = 0; i < CELLS; i++) {
        const torc_noise_row row = cell_row(i);
        torc_search search = cell_search(&row, i);
        const torc_params p = cell_params(i, NULL);
        search.price_launches = true;
        const double found = torc_search_price(&search, &p) / torc_price_of_key(&p);
        const uint32_t wave = torc_cost_gpu_wave(&torc_gpu_machine_default, &p);
        const uint32_t batch = wave == 0 ? 1056 : wave * ((1055 + wave) / wave);
        const double expected = torc_gpu_schedule_lookups(&schedule, &p, batch) / batch;
        /* launches of another n turn and end a little otherwise */
        cr_expect(fabs(found / expected - 1) < 0.08, "cell %u: %g, %g", i, found, expected);
    }
}

/* What a device was measured to take replaces what was counted. */
Test(optimize_gpu, measured_schedules_change_prices)
{
    const torc_noise_row row = cell_row(0);
    const torc_params p = cell_params(0, NULL);
    torc_search search = cell_search(&row, 0);
    torc_gpu_row slow[TORC_GPU_FORMS];
    torc_gpu_schedule counted;
    torc_gpu_schedule_default(&counted, &torc_gpu_identity_h200);
    for (uint32_t form = 0; form < TORC_GPU_FORMS; form++) {
        const uint32_t cluster =
            form == 2 ? torc_cost_gpu_cluster(&torc_gpu_machine_default, &p) : 0;
        const double seconds = torc_gpu_schedule_rotation(&counted, &p, form, cluster, 1056, NULL);
        slow[form] = (torc_gpu_row){p, form, cluster, 1056, isfinite(seconds) ? 10 * seconds : 1};
    }
    const torc_gpu_schedule measured = {
        .device = torc_gpu_identity_h200, .row_count = TORC_GPU_FORMS, .rows = slow};
    search.price_launches = true;
    const double before = torc_search_price(&search, &p);
    search.schedule = &counted;
    cr_expect_float_eq(torc_search_price(&search, &p), before, 1e-3 * before);
    search.schedule = &measured;
    const double after = torc_search_price(&search, &p);
    cr_expect(after > 5 * before && after < 11 * before, "%g, %g", before, after);
}

/* The list costs at most 5 % anywhere: against a search that may choose any shape. */
Test(optimize_gpu, list_costs_little)
{
    enum { SHAPES = 6 * 5 * 3 * 3 * 6 };
    torc_configuration any[SHAPES];
    const torc_configurations all = {any, SHAPES};
    double worst = 1;

    for (uint32_t i = 0; i < SHAPES; i++) {
        any[i] =
            (torc_configuration){i % 6 + 1, i / 6 % 5 + 8, i / 30 % 3 + 1, i / 90 % 3 + 1, i / 270};
    }
    for (uint32_t i = 0; i < CELLS; i++) {
        const torc_noise_row row = cell_row(i);
        const torc_search search = cell_search(&row, i);
        const torc_params best = cell_params(i, &all);
        const torc_params shipped = cell_params(i, NULL);
        const double ratio =
            torc_search_price(&search, &shipped) / torc_search_price(&search, &best);
        cr_expect_geq(ratio, 1, "cell %u: the smaller list is cheaper", i);
        worst = fmax(worst, ratio);
    }
    cr_expect_leq(worst, 1.05, "worst cell %.3f", worst);
}

Test(optimize_gpu, only_shapes_of_the_list)
{
    static const torc_configuration list[] = {{2, 10, 2, 3, 0}, {1, 11, 1, 1, 1}};
    static const torc_configurations both = {list, 2};
    static const torc_configurations second = {list + 1, 1};
    const torc_params one = cell_params(0, &both);
    const torc_params other = cell_params(0, &second);

    cr_expect_eq(one.poly_size, 1024);
    cr_expect_eq(one.grouping, 3);
    cr_expect_eq(one.lwe_dim % 3, 0);
    cr_expect_eq(one.bootstrap.level_count, 2);
    cr_expect_eq(other.poly_size, 2048);
    cr_expect_eq(other.extended_log2, 1);
}

/* The backend's limit on g holds beside the list. */
Test(optimize_gpu, grouping_is_bounded)
{
    const torc_noise_row row = cell_row(3 * 9);
    torc_search search = cell_search(&row, 0);
    torc_params params;

    for (search.max_grouping = 1; search.max_grouping <= 3; search.max_grouping++) {
        bool found = false;
        cr_assert_eq(torc_optimize_found(NULL, &params, &found, &search), TORC_OK);
        cr_expect(!found || params.grouping <= search.max_grouping);
        cr_expect(found || search.max_grouping == 1);
    }
}

Test(optimize_gpu, refusal_names_the_row)
{
    const torc_noise_row row = {TORC_ROW_LOOKUP_EXACT, 8, 0.0, 0x1p40, 0.0, 7};
    const torc_search search = cell_search(&row, 0);
    torc_ctx *ctx = torc_ctx_create();
    torc_params params;

    cr_expect_eq(torc_optimize(ctx, &params, &search), TORC_E_PARAMETERS);
    cr_expect(strstr(torc_ctx_message(ctx), "lookup of 8 bits") != NULL, "%s",
              torc_ctx_message(ctx));
    cr_expect(strstr(torc_ctx_message(ctx), "would fit") != NULL, "%s", torc_ctx_message(ctx));
    torc_ctx_free(ctx);
}

/* A device that reads keys slowly asks for a smaller key. */
Test(optimize_gpu, prices_follow_the_device)
{
    const torc_noise_row row = cell_row(3 * 9);
    torc_gpu_machine device = torc_gpu_machine_default;
    torc_search search = cell_search(&row, 0);
    torc_params slow, fast;

    search.gpu = &device;
    device.l2_bytes = 1;
    cr_assert_eq(torc_optimize(NULL, &slow, &search), TORC_OK);
    device.l2_bytes = 100;
    cr_assert_eq(torc_optimize(NULL, &fast, &search), TORC_OK);
    cr_expect_lt(torc_params_key_bytes_resident(&slow), torc_params_key_bytes_resident(&fast));
    cr_expect_gt(fast.grouping, slow.grouping);
}

Test(optimize_gpu, without_lookups)
{
    const torc_noise_row row = {TORC_ROW_OUTPUT_EXACT, 20, 1.0, 0.0, 0.0, 1};
    torc_search search = cell_search(&row, 0);
    torc_params params;

    search.lookup_count = 0;
    cr_assert_eq(torc_optimize(NULL, &params, &search), TORC_OK);
    cr_expect_eq(params.lwe_dim, 0);
}
