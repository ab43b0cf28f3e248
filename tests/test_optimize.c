/* The production search: what it returns is secure, holds every row and has no cheaper neighbour.
 * The search against published sets of other projects: test_optimize_published.c. */
#include "frontend/optimize.h"
#include "runtime/security.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What it returned on 2026-11-21, for orientation, not asserted: v, k, N, n, bootstrap and
 * keyswitch gadgets, modelled ms of a lookup on one core, resident key.
 *
 *   64 lookups, norm_sq 1, circuit 2^-40            a lookup, norm_sq 25, 2^-128
 * 1 0 3  512  661 (17,1) (3,4)    4.2  60 MB    0 4  512  702 (23,1) (3,4)    6.1  95 MB
 * 2 0 3  512  702 (17,1) (3,4)    4.5  63 MB    0 4  512  742 (23,1) (2,7)    6.8 119 MB
 * 3 0 2 1024  742 (23,1) (2,6)    7.0  91 MB    0 2 1024  822 (23,1) (3,5)    7.7  94 MB
 * 4 0 1 2048  782 (23,1) (2,7)    9.4  96 MB    0 1 2048  862 (23,1) (2,8)   10.4 113 MB
 * 5 1 1 2048  822 (23,1) (2,7)   18.3 101 MB    1 1 2048  902 (23,1) (2,9)   20.3 126 MB
 * 6 2 1 2048  862 (23,1) (2,8)   37.1 113 MB    2 1 2048  943 (15,2) (2,9)   63.6 193 MB
 * 7 3 1 2048  902 (23,1) (2,9)   76.2 126 MB    3 1 2048  983 (15,2) (2,10) 130.0 209 MB
 * 8 4 1 2048  943 (23,1) (2,9)  157.5 131 MB    4 1 2048 1023 (15,2) (1,20) 268.9 302 MB */

static torc_noise_row lookup_row(uint32_t bits, double norm_sq, uint64_t count)
{
    return (torc_noise_row){TORC_ROW_LOOKUP_EXACT, bits, 0.0, norm_sq, 0.0, count};
}

static torc_search search_of(const torc_noise_row *rows, uint32_t count, double log2_p_circuit)
{
    return (torc_search){
        .rows = rows, .row_count = count, .log2_p_circuit = log2_p_circuit, .lookup_count = 1};
}

static bool holds(const torc_params *params, const torc_search *search)
{
    torc_noise noise;
    torc_noise_production(&noise, params);
    for (uint32_t i = 0; i < search->row_count; i++) {
        const torc_noise_row *row = &search->rows[i];
        if (row->kind == TORC_ROW_OUTPUT_ROUNDED &&
            sqrt(torc_row_variance(row, &noise)) > row->max_std) {
            return false;
        }
    }
    const double circuit = torc_rows_log2_failure(search->rows, search->row_count, &noise);
    const double worst = torc_rows_log2_worst(search->rows, search->row_count, &noise);

    return (search->log2_p_circuit == 0.0 || circuit <= search->log2_p_circuit) &&
           (search->log2_p_lookup == 0.0 || worst <= search->log2_p_lookup);
}

static void renew_noise(torc_params *params)
{
    params->glwe_noise_log2 = torc_security_tuniform_log2(torc_params_big_dim(params), 64);
    params->lwe_noise_log2 = torc_security_tuniform_log2(params->lwe_dim, 32);
}

/* Gadgets of one level less hold no row set with any base. */
static void expect_levels_needed(const torc_params *found, const torc_search *search)
{
    for (uint32_t base_log = 1; base_log <= 31; base_log++) {
        torc_params fewer = *found;
        fewer.keyswitch = (torc_gadget){base_log, found->keyswitch.level_count - 1};
        cr_expect(fewer.keyswitch.level_count == 0 || !holds(&fewer, search),
                  "a keyswitch level too many");
        fewer = *found;
        fewer.bootstrap = (torc_gadget){base_log, found->bootstrap.level_count - 1};
        cr_expect(fewer.bootstrap.level_count == 0 || !holds(&fewer, search),
                  "a bootstrap level too many");
    }
}

static void expect_minimal(const torc_params *found, const torc_search *search)
{
    torc_params smaller = *found;
    smaller.lwe_dim -= found->grouping;
    renew_noise(&smaller);
    cr_expect(smaller.lwe_dim < TORC_MIN_SECURE_DIM || !holds(&smaller, search), "n too large");

    smaller = *found;
    smaller.extended_log2--;
    cr_expect(found->extended_log2 == 0 || !holds(&smaller, search), "v too large");

    smaller = *found;
    smaller.glwe_dim--;
    renew_noise(&smaller);
    cr_expect(torc_params_big_dim(&smaller) < TORC_MIN_SECURE_DIM || !holds(&smaller, search),
              "k too large");
    expect_levels_needed(found, search);
}

static void expect_good(const torc_search *search, const char *what)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_params params;

    cr_assert_eq(torc_optimize(ctx, &params, search), TORC_OK, "%s: %s", what,
                 torc_ctx_message(ctx));
    cr_expect_eq(torc_params_check(ctx, &params), TORC_OK, "%s: %s", what, torc_ctx_message(ctx));
    cr_expect_eq(torc_security_check(ctx, &params), TORC_OK, "%s: %s", what, torc_ctx_message(ctx));
    torc_params renewed = params;
    renew_noise(&renewed);
    cr_expect(renewed.glwe_noise_log2 == params.glwe_noise_log2 &&
                  renewed.lwe_noise_log2 == params.lwe_noise_log2,
              "%s: more noise than needed", what);
    cr_expect(holds(&params, search), "%s: a row does not hold", what);
    expect_minimal(&params, search);
    torc_ctx_free(ctx);
}

Test(optimize, secure_and_minimal_private)
{
    for (uint32_t bits = 1; bits <= 8; bits++) {
        for (int log2_norm = 0; log2_norm <= 8; log2_norm++) {
            const torc_noise_row row = lookup_row(bits, exp2(2 * log2_norm), 64);
            const torc_search search = search_of(&row, 1, -40.0);
            expect_good(&search, "private");
        }
    }
}

Test(optimize, secure_and_minimal_shared)
{
    for (uint32_t bits = 1; bits <= 8; bits++) {
        for (int log2_norm = 0; log2_norm <= 8; log2_norm++) {
            const torc_noise_row row = lookup_row(bits, exp2(2 * log2_norm), 64);
            torc_search search = search_of(&row, 1, 0.0);
            search.log2_p_lookup = -128.0;
            expect_good(&search, "shared");
        }
    }
}

/* A whole small network: lookups exact and rounded, outputs of both kinds. */
static const torc_noise_row network[] = {
    {TORC_ROW_LOOKUP_EXACT, 4, 900.0, 0.0, 0.0, 64},
    {TORC_ROW_LOOKUP_ROUNDED, 5, 0.0, 2500.0, 0.0, 32},
    {TORC_ROW_LOOKUP_EXACT, 3, 0.0, 1.0, 0.0, 1000},
    {TORC_ROW_OUTPUT_ROUNDED, 8, 0.0, 3000.0, 0x1p-9, 10},
    {TORC_ROW_OUTPUT_EXACT, 6, 1.0, 100.0, 0.0, 3},
};

Test(optimize, several_rows)
{
    for (double log2_p = -20.0; log2_p >= -160.0; log2_p -= 10.0) {
        torc_search search = search_of(network, 5, log2_p);
        expect_good(&search, "network");
        search.log2_p_lookup = log2_p - 5.0;
        expect_good(&search, "network, both bounds");
    }
}

Test(optimize, deterministic)
{
    torc_noise_row reversed[5];
    torc_params first, second, third;
    for (size_t i = 0; i < 5; i++) {
        reversed[i] = network[4 - i];
    }
    const torc_search search = search_of(network, 5, -40.0);
    const torc_search other_order = search_of(reversed, 5, -40.0);
    cr_assert_eq(torc_optimize(NULL, &first, &search), TORC_OK);
    cr_assert_eq(torc_optimize(NULL, &second, &search), TORC_OK);
    cr_assert_eq(torc_optimize(NULL, &third, &other_order), TORC_OK);
    cr_expect_eq(memcmp(&first, &second, sizeof first), 0);
    cr_expect_eq(memcmp(&first, &third, sizeof first), 0);
}

/* The bound is one of the circuit: a row of 64 is 64 rows of one; more lookups cost more. */
Test(optimize, counts_enter_the_bound)
{
    torc_noise_row ones[64];
    for (size_t i = 0; i < 64; i++) {
        ones[i] = lookup_row(5, 100.0, 1);
    }
    const torc_noise_row together = lookup_row(5, 100.0, 64);
    const torc_noise_row many = lookup_row(5, 100.0, UINT64_C(1) << 40);
    torc_params a, b, c;
    torc_search search = search_of(ones, 64, -40.0);
    cr_assert_eq(torc_optimize(NULL, &a, &search), TORC_OK);
    search = search_of(&together, 1, -40.0);
    cr_assert_eq(torc_optimize(NULL, &b, &search), TORC_OK);
    cr_expect_eq(memcmp(&a, &b, sizeof a), 0);

    search = search_of(&many, 1, -40.0);
    cr_assert_eq(torc_optimize(NULL, &c, &search), TORC_OK);
    cr_expect(holds(&c, &search));
    cr_expect(!holds(&b, &search), "a set for 64 lookups cannot do for 2^40");
}

/* Two equal rows are one row of both counts, at any bound: only the sum of all odds decides. */
Test(optimize, split_rows_change_nothing)
{
    for (double log2_p = -20.0; log2_p > -60.0; log2_p -= 0.37) {
        const torc_noise_row halves[] = {lookup_row(4, 300.0, 500), lookup_row(4, 300.0, 500)};
        const torc_noise_row whole = lookup_row(4, 300.0, 1000);
        const torc_search split = search_of(halves, 2, log2_p);
        const torc_search together = search_of(&whole, 1, log2_p);
        torc_params a, b;
        cr_assert_eq(torc_optimize(NULL, &a, &split), TORC_OK);
        cr_assert_eq(torc_optimize(NULL, &b, &together), TORC_OK);
        cr_expect_eq(memcmp(&a, &b, sizeof a), 0, "bound 2^%.2f", log2_p);
        cr_expect(holds(&a, &split), "bound 2^%.2f", log2_p);
    }
}

/* 64 lookups at 2^-40, norm 1, or 2^-128 each at norm 5. */
static torc_search width_search(torc_noise_row *row, uint32_t bits, bool shared)
{
    *row = lookup_row(bits, shared ? 25.0 : 1.0, 64);
    torc_search search = search_of(row, 1, shared ? 0.0 : -40.0);
    search.log2_p_lookup = shared ? -128.0 : 0.0;
    return search;
}

/* Prepared keys of at most 200 MB with one level, 420 MB with two; on the wire at most 80 MB up to
 * 5 bits, 170 MB up to 8. */
Test(optimize, key_size)
{
    for (uint32_t i = 0; i < 16; i++) {
        const uint32_t bits = i / 2 + 1;
        torc_noise_row row;
        torc_params params;
        const torc_search search = width_search(&row, bits, i % 2 == 1);
        cr_assert_eq(torc_optimize(NULL, &params, &search), TORC_OK);
        const double most = params.bootstrap.level_count == 1 ? 200e6 : 420e6;
        cr_expect_leq(torc_params_key_bytes_resident(&params), most, "%u bits, %u", bits, i % 2);
        cr_expect_leq(torc_params_key_bytes_seeded(&params), bits <= 5 ? 80e6 : 170e6,
                      "%u bits, %u", bits, i % 2);
    }
}

/* Every limit is kept, by a good set, at a price that grows as the limit falls. */
Test(optimize, key_limit)
{
    static const uint32_t megabytes[] = {400, 250, 150, 100};
    for (uint32_t bits = 4; bits <= 8; bits += 2) {
        double last_price = 0.0;
        for (size_t i = 0; i < sizeof megabytes / sizeof *megabytes; i++) {
            torc_noise_row row;
            torc_params params;
            bool found = false;
            torc_search search = width_search(&row, bits, false);
            search.max_key_bytes = megabytes[i] * UINT64_C(1000000);
            cr_assert_eq(torc_optimize_found(NULL, &params, &found, &search), TORC_OK);
            cr_assert(found, "%u bits, %u MB", bits, megabytes[i]);
            cr_expect_leq(torc_params_key_bytes_resident(&params), search.max_key_bytes);
            const double price = torc_search_price(&search, &params);
            cr_expect_geq(price, last_price, "%u bits: cheaper with %u MB", bits, megabytes[i]);
            last_price = price;
            expect_good(&search, "limited");
        }
    }
}

/* Squared norm 2^34 of 8 bits needs more memory than the default allows, which gives way; a limit
 * that was asked for does not. */
Test(optimize, default_key_limit_gives_way)
{
    const torc_noise_row row = lookup_row(8, 0x1p34, 64);
    torc_search search = search_of(&row, 1, -40.0);
    torc_params params;
    bool found = true;
    cr_assert_eq(torc_optimize(NULL, &params, &search), TORC_OK);
    cr_expect_gt(torc_params_key_bytes_resident(&params), 420000000);
    search.max_key_bytes = 420000000;
    cr_assert_eq(torc_optimize_found(NULL, &params, &found, &search), TORC_OK);
    cr_expect(!found);
}

/* --- grouping --------------------------------------------------------------------------------- */

/* Unless told otherwise the CPU's search takes what its kernels run: never dearer than the classic
 * set, and half a wide lookup cheaper. */
Test(optimize, the_cpu_groups_up_to_three_bits)
{
    for (uint32_t bits = 1; bits <= 8; bits++) {
        const torc_noise_row row = lookup_row(bits, 25.0, 64);
        torc_search search = search_of(&row, 1, -40.0);
        torc_params unasked, three, classic;
        cr_assert_eq(torc_optimize(NULL, &unasked, &search), TORC_OK);
        search.max_grouping = 3;
        cr_assert_eq(torc_optimize(NULL, &three, &search), TORC_OK);
        cr_expect_eq(memcmp(&unasked, &three, sizeof unasked), 0, "%u bits", bits);
        search.max_grouping = 1;
        cr_assert_eq(torc_optimize(NULL, &classic, &search), TORC_OK);
        cr_expect_eq(classic.grouping, 1, "%u bits", bits);
        cr_expect_leq(torc_search_price(&search, &three), torc_search_price(&search, &classic));
        printf("%u bits: g %u, %.2f of the classic price\n", bits, three.grouping,
               torc_search_price(&search, &three) / torc_search_price(&search, &classic));
    }
}

/* A machine whose transforms cost everything and one whose products do. With the first, grouping
 * saves most of the steps; with the second, a bundle costs more than the steps it saves. */
Test(optimize, grouping_is_taken_where_it_pays)
{
    const torc_machine transforms = {
        .threads = 1, .fft_ns_per_butterfly = 1.0, .keyswitch_ns_per_mac = 0.001};
    const torc_machine products = {.threads = 1,
                                   .mul_ns_per_point = 1.0,
                                   .bundle_ns_per_point = 1.0,
                                   .keyswitch_ns_per_mac = 0.001};
    for (uint32_t bits = 2; bits <= 6; bits++) {
        const torc_noise_row row = lookup_row(bits, 25.0, 64);
        torc_search search = search_of(&row, 1, -40.0);
        double seconds[4] = {0};
        torc_params params;
        search.machine = &transforms;
        for (uint32_t g = 1; g <= 3; g++) {
            search.max_grouping = g;
            cr_assert_eq(torc_optimize(NULL, &params, &search), TORC_OK);
            cr_expect_leq(params.grouping, g);
            cr_expect_eq(torc_params_check(NULL, &params), TORC_OK);
            cr_expect_eq(torc_security_check(NULL, &params), TORC_OK);
            cr_expect(holds(&params, &search));
            seconds[g] = torc_cost_bootstrap(&transforms, &params, 8);
            printf("%u bits, g up to %u: g %u v %u k %u N %u n %u base 2^%u l %u\n", bits, g,
                   params.grouping, params.extended_log2, params.glwe_dim, params.poly_size,
                   params.lwe_dim, params.bootstrap.base_log, params.bootstrap.level_count);
        }
        cr_expect(seconds[2] < 0.75 * seconds[1], "%u bits: %g, %g", bits, seconds[1], seconds[2]);
        cr_expect(seconds[3] <= seconds[2], "%u bits: %g, %g", bits, seconds[2], seconds[3]);
        search.machine = &products;
        cr_assert_eq(torc_optimize(NULL, &params, &search), TORC_OK);
        cr_expect_eq(params.grouping, 1, "%u bits", bits);
    }
}

/* A lookup alone waits for its key; in full batches it does not. */
Test(optimize, few_lookups_have_small_keys)
{
    for (uint32_t bits = 3; bits <= 5; bits++) {
        const torc_noise_row row = lookup_row(bits, 25.0, 1);
        torc_search search = search_of(&row, 1, -40.0);
        torc_params many;
        torc_params one;
        torc_machine machine;
        torc_machine_default(&machine);
        cr_assert_eq(torc_optimize(NULL, &many, &search), TORC_OK);
        search.level_lookups = 1;
        cr_assert_eq(torc_optimize(NULL, &one, &search), TORC_OK);
        cr_expect(holds(&one, &search));
        cr_expect(torc_params_key_bytes_resident(&one) <
                      0.9 * (double)torc_params_key_bytes_resident(&many),
                  "%u bits", bits);
        cr_expect(torc_cost_lookups(&machine, &one, 1) < torc_cost_lookups(&machine, &many, 1),
                  "%u bits", bits);
        cr_expect(torc_cost_lookups(&machine, &one, 64) > torc_cost_lookups(&machine, &many, 64),
                  "%u bits", bits);
    }
}

/* --- circuits without lookups ----------------------------------------------------------------- */

static torc_search linear_search(const torc_noise_row *row)
{
    return (torc_search){.rows = row, .row_count = row == NULL ? 0 : 1, .log2_p_circuit = -40.0};
}

Test(optimize, linear_is_the_shortest)
{
    for (uint32_t bits = 1; bits <= 40; bits++) {
        const torc_noise_row row = {TORC_ROW_OUTPUT_EXACT, bits, 1000.0, 0.0, 0.0, 10};
        const torc_search search = linear_search(&row);
        torc_params params;
        cr_assert_eq(torc_optimize(NULL, &params, &search), TORC_OK, "%u bits", bits);
        cr_expect_eq(torc_params_check(NULL, &params), TORC_OK);
        cr_expect_eq(torc_security_check(NULL, &params), TORC_OK);
        cr_expect(holds(&params, &search));
        for (uint32_t dim = 512; dim < torc_params_big_dim(&params); dim += 256) {
            torc_params shorter = {.glwe_dim = dim / 256, .poly_size = 256};
            const bool reachable = dim / 256 <= 6 || dim % 512 == 0;
            shorter.glwe_noise_log2 = torc_security_tuniform_log2(dim, 64);
            cr_expect(!reachable || !holds(&shorter, &search), "%u bits: dimension %u would do",
                      bits, dim);
        }
    }
}

Test(optimize, no_row_at_all)
{
    const torc_search search = linear_search(NULL);
    torc_params params;

    cr_assert_eq(torc_optimize(NULL, &params, &search), TORC_OK);
    cr_expect_eq(torc_params_big_dim(&params), 512);
    cr_expect_eq(params.lwe_dim, 0);
    cr_expect_eq(params.lwe_noise_log2, 0);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void expect_message(const torc_search *search, torc_status status, const char *const *parts)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_params params;
    memset(&params, 0x5a, sizeof params);
    const torc_params before = params;

    cr_expect_eq(torc_optimize(ctx, &params, search), status);
    for (; *parts != NULL; parts++) {
        cr_expect(strstr(torc_ctx_message(ctx), *parts) != NULL, "'%s' lacks '%s'",
                  torc_ctx_message(ctx), *parts);
    }
    cr_expect_eq(memcmp(&params, &before, sizeof params), 0, "result written on failure");
    torc_ctx_free(ctx);
}

/* The message names the limit, and what it says of the smallest keys is true. */
Test(optimize, names_the_key_limit)
{
    const torc_noise_row row = lookup_row(8, 25.0, 64);
    torc_search search = search_of(&row, 1, -40.0);
    torc_ctx *ctx = torc_ctx_create();
    torc_params params;
    uint32_t smallest = 0;
    uint32_t fastest = 0;
    search.max_key_bytes = 50000000;
    cr_assert_eq(torc_optimize(ctx, &params, &search), TORC_E_PARAMETERS);
    const char *advice = strstr(torc_ctx_message(ctx), "at most 50 MB; ");
    cr_assert(advice != NULL, "%s", torc_ctx_message(ctx));
    cr_assert_eq(sscanf(advice,
                        "at most 50 MB; the smallest take %u MB, those of the fastest set %u",
                        &smallest, &fastest),
                 2, "%s", advice);
    cr_expect_gt(fastest, smallest);
    search.max_key_bytes = smallest * UINT64_C(1000000);
    cr_expect_eq(torc_optimize(ctx, &params, &search), TORC_OK, "%s", torc_ctx_message(ctx));
    search.max_key_bytes -= 2000000;
    cr_expect_eq(torc_optimize(ctx, &params, &search), TORC_E_PARAMETERS);
    torc_ctx_free(ctx);
}

/* The message names the one impossible row of three, and its advice is true. */
Test(optimize, names_the_row)
{
    torc_noise_row rows[] = {lookup_row(3, 4.0, 10), lookup_row(8, 0x1p46, 7),
                             lookup_row(5, 4.0, 10)};
    torc_search search = search_of(rows, 3, -40.0);
    expect_message(&search, TORC_E_PARAMETERS,
                   (const char *[]){"lookup of 8 bits", "norm_sq 2^46.0", "7 of them", "2^-40",
                                    "bits would fit", "--p-error", NULL});

    uint32_t bits = 0;
    uint32_t halvings = 0;
    torc_ctx *ctx = torc_ctx_create();
    torc_params params;
    cr_assert_eq(torc_optimize(ctx, &params, &search), TORC_E_PARAMETERS);
    const char *advice = strchr(torc_ctx_message(ctx), ';');
    cr_assert_eq(sscanf(advice, "; %u bits would fit, or a norm_sq 2^%u", &bits, &halvings), 2,
                 "%s", advice);
    search = search_of(&rows[1], 1, -40.0);
    for (int worse = 0; worse <= 1; worse++) {
        rows[1] = lookup_row(bits + (uint32_t)worse, 0x1p46, 7);
        cr_expect_eq(torc_optimize(NULL, &params, &search), worse ? TORC_E_PARAMETERS : TORC_OK);
        rows[1] = lookup_row(8, ldexp(0x1p46, worse - (int)halvings), 7);
        cr_expect_eq(torc_optimize(NULL, &params, &search), worse ? TORC_E_PARAMETERS : TORC_OK);
    }
    torc_ctx_free(ctx);
}

Test(optimize, names_an_output)
{
    const torc_noise_row exact = {TORC_ROW_OUTPUT_EXACT, 61, 1.0, 0.0, 0.0, 1};
    const torc_search linear = linear_search(&exact);
    expect_message(&linear, TORC_E_PARAMETERS, (const char *[]){"output of 61 bits", NULL});

    const torc_noise_row rounded = {TORC_ROW_OUTPUT_ROUNDED, 8, 0.0, 1.0, 0x1p-50, 1};
    const torc_search search = search_of(&rounded, 1, -40.0);
    expect_message(&search, TORC_E_PARAMETERS, (const char *[]){"standard error", "2^-50.0", NULL});
}

Test(optimize, wide_lookup_is_refused)
{
    const torc_noise_row row = lookup_row(40, 1.0, 1);
    const torc_search search = search_of(&row, 1, -40.0);
    expect_message(&search, TORC_E_PARAMETERS, (const char *[]){"lookup of 40 bits", NULL});
}

Test(optimize, needs_a_bound_and_a_grouping_that_exists)
{
    const torc_noise_row row = lookup_row(3, 1.0, 1);
    torc_search search = search_of(&row, 1, 0.0);
    expect_message(&search, TORC_E_ARGUMENT, (const char *[]){"failure bound", NULL});
    search.log2_p_circuit = 3.0;
    expect_message(&search, TORC_E_ARGUMENT, (const char *[]){"failure bound", NULL});
    search.log2_p_circuit = -40.0;
    search.max_grouping = 5;
    expect_message(&search, TORC_E_ARGUMENT, (const char *[]){"5 key bits", NULL});
}
