/* The virtual backend: exact phases against an independent evaluation, overflow counts, noise with
 * the right mean and variance that threads and blocks do not change, and refusals. */
#include "runtime/backend.h"
#include "runtime/executor.h"
#include "runtime/noise.h"
#include "runtime/server/backend_virtual.h"
#include "tests/common/example_programs.h"
#include "tests/common/program_builder.h"
#include "tests/common/program_oracle.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A plausible set for 128 bits; only the noise formulas see it. */
static const torc_params params = {.glwe_dim = 1,
                                   .poly_size = 2048,
                                   .glwe_noise_log2 = 17,
                                   .lwe_dim = 864,
                                   .lwe_noise_log2 = 13,
                                   .grouping = 1,
                                   .bootstrap = {23, 1},
                                   .keyswitch = {3, 5}};

static uint64_t xorshift(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static torc_target *open_virtual(const torc_program *program, size_t capacity, bool noisy,
                                 uint32_t threads)
{
    torc_target *target = NULL;
    const torc_target_options options = {
        .capacity = capacity, .threads = threads, .noisy = noisy, .noise_seed = 11};
    cr_assert_eq(torc_backend_virtual()->open(NULL, &target, program, &params, NULL, &options),
                 TORC_OK);
    return target;
}

/* Random torus words and clear values, lookups of random words: agreement to the last bit, and the
 * same overflow count, for every example and a number of samples that fills no block. */
Test(backend_virtual, agrees_with_the_oracle_to_the_last_bit)
{
    enum { SAMPLES = 150, MAX = 16 };
    const torc_backend *backend = torc_backend_virtual();
    uint64_t state = 88172645463325252u;
    for (size_t x = 0; x < example_program_count; x++) {
        torc_program p = {0};
        example_programs[x].build(&p);
        cr_assert_eq(torc_program_check(NULL, &p, TORC_INDEX_BITS), TORC_OK, "%s",
                     example_programs[x].name);
        torc_target *target = open_virtual(&p, SAMPLES + 7, false, 2);
        oracle_value expected[SAMPLES][MAX] = {0};
        int64_t clear[SAMPLES][MAX] = {0};
        uint64_t overflows = 0;
        for (uint32_t e = 0; e < p.element_count; e++) {
            uint64_t host[SAMPLES];
            for (size_t s = 0; s < SAMPLES; s++) {
                host[s] = xorshift(&state);
                expected[s][e] = oracle_signed(host[s]);
            }
            cr_assert_eq(backend->write(NULL, target, e, 1, SAMPLES, host), TORC_OK);
        }
        for (uint32_t e = 0; e < p.clear_count; e++) {
            int64_t host[SAMPLES];
            for (size_t s = 0; s < SAMPLES; s++) {
                host[s] = clear[s][e] = (int64_t)(xorshift(&state) % 17) - 8;
            }
            cr_assert_eq(backend->write_clear(NULL, target, e, 1, SAMPLES, host), TORC_OK);
        }
        for (size_t s = 0; s < SAMPLES; s++) {
            overflows += oracle_run(expected[s], clear[s], &p);
        }
        torc_run_stats stats;
        cr_assert_eq(torc_execute(NULL, target, &p, SAMPLES, &stats, NULL, NULL), TORC_OK);
        cr_expect_eq(stats.overflows, overflows, "%s: %lu overflows, expected %lu",
                     example_programs[x].name, (unsigned long)stats.overflows,
                     (unsigned long)overflows);
        for (uint32_t e = 0; e < p.element_count; e++) {
            uint64_t host[SAMPLES];
            size_t wrong = 0;
            cr_assert_eq(backend->read(NULL, target, host, e, 1, SAMPLES), TORC_OK);
            for (size_t s = 0; s < SAMPLES; s++) {
                wrong += host[s] != (uint64_t)expected[s][e];
            }
            cr_expect_eq(wrong, 0, "%s: element %u", example_programs[x].name, e);
        }
        backend->close(target);
        torc_program_free(&p);
    }
}

/* Values on a bin's very edge belong to the upper bin, and a wrapped value is an overflow even when
 * it lands inside the table again. */
Test(backend_virtual, edges_and_whole_turns_count_as_they_should)
{
    torc_program p = {0};
    build_input(&p, true, 0, 1);
    const uint32_t table = build_table(&p, 2);
    for (uint32_t u = 0; u < 4; u++) {
        p.tables[table].entry[u] = u + 1;
    }
    torc_linear *scale = build_linear(&p, 0, 1, 1, 1, 1);
    scale->gather[0] = 0;
    scale->weight[0] = 8;
    build_lookup(&p, 0, 2, 1, 1);
    build_output(&p, true, 2, 1);
    const struct {
        uint64_t word; /* times 8 */
        uint64_t out;
        uint64_t overflows;
    } cases[] = {
        {0, 1, 0},
        {((uint64_t)1 << 57) - 1, 1, 0}, /* 2^60 is half a bin of 2^61 */
        {(uint64_t)1 << 57, 2, 0},
        {(7 * ((uint64_t)1 << 57)) - 1, 4, 0},
        {7 * ((uint64_t)1 << 57), 0 - (uint64_t)1, 1},
        {0 - ((uint64_t)1 << 57), 1, 0},
        {0 - ((uint64_t)1 << 57) - 1, 0 - (uint64_t)4, 1},
        {(uint64_t)1 << 61, 1, 1},       /* one whole turn */
        {0 - ((uint64_t)1 << 61), 1, 1}, /* and back */
    };
    const torc_backend *backend = torc_backend_virtual();
    torc_target *target = open_virtual(&p, 1, false, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        torc_run_stats stats;
        uint64_t out = 0;
        cr_assert_eq(backend->write(NULL, target, 0, 1, 1, &cases[i].word), TORC_OK);
        cr_assert_eq(torc_execute(NULL, target, &p, 1, &stats, NULL, NULL), TORC_OK);
        cr_assert_eq(backend->read(NULL, target, &out, 2, 1, 1), TORC_OK);
        cr_expect_eq(out, cases[i].out, "case %zu", i);
        cr_expect_eq(stats.overflows, cases[i].overflows, "case %zu", i);
    }
    backend->close(target);
    torc_program_free(&p);
}

Test(backend_virtual, values_outside_the_decode_range_are_counted)
{
    torc_program p = {0};
    build_input(&p, true, 0, 1);
    torc_linear *scale = build_linear(&p, 0, 1, 1, 1, 1);
    scale->gather[0] = 0;
    scale->weight[0] = 8;
    build_output(&p, true, 1, 1);
    const torc_backend *backend = torc_backend_virtual();
    torc_target *target = open_virtual(&p, 4, false, 1);
    const uint64_t quarter = (uint64_t)1 << 59; /* an eighth of it */
    const uint64_t host[4] = {0 - quarter, 0 - quarter - 1, 3 * quarter - 1, 3 * quarter};
    cr_assert_eq(backend->write(NULL, target, 0, 1, 4, host), TORC_OK);
    cr_assert_eq(torc_execute(NULL, target, &p, 4, NULL, NULL, NULL), TORC_OK);
    torc_virtual_count_outside(target, 1, 4, -0.25);
    cr_expect_eq(target->overflow_count, 2);
    target->overflow_count = 0;
    torc_virtual_count_outside(target, 1, 3, -0.5);
    cr_expect_eq(target->overflow_count, 1); /* 3/4 - 8 units is beyond 1/2 */
    backend->close(target);
    torc_program_free(&p);
}

typedef struct moments {
    double mean, variance;
} moments;

static moments moments_of(const uint64_t *word, size_t count, uint64_t centre)
{
    double sum = 0;
    double square = 0;
    for (size_t i = 0; i < count; i++) {
        const double e = (double)(int64_t)(word[i] - centre) * 0x1p-64;
        sum += e;
        square += e * e;
    }
    const double mean = sum / (double)count;
    return (moments){mean, square / (double)count - mean * mean};
}

/* Within 5 standard errors (odds 6e-7 each): of the mean sigma/sqrt(n), of the variance sqrt(2/n).
 */
static void expect_noise(moments found, double variance, size_t count, const char *what)
{
    const double n = (double)count;
    cr_expect_lt(fabs(found.mean), 5 * sqrt(variance / n), "%s: mean %g of sigma %g", what,
                 found.mean, sqrt(variance));
    cr_expect_lt(fabs(found.variance / variance - 1), 5 * sqrt(2 / n),
                 "%s: variance %g, predicted %g", what, found.variance, variance);
}

Test(backend_virtual, noise_has_the_predicted_moments)
{
    enum { SAMPLES = 100000 };
    torc_noise noise;
    torc_noise_typical(&noise, &params);
    torc_program p = {0};
    build_input(&p, true, 0, 1);
    build_table(&p, 3); /* no failure ever at this noise */
    for (uint32_t u = 0; u < 8; u++) {
        p.tables[0].entry[u] = (uint64_t)(u * 3) << 57;
    }
    torc_linear *a = build_linear(&p, 0, 1, 1, 1, 1);
    a->gather[0] = 0;
    a->weight[0] = 3;
    build_lookup(&p, 0, 2, 1, 0);
    torc_linear *twice = build_linear(&p, 1, 3, 1, 1, 2); /* 2x + x is 9 times the variance */
    twice->gather[0] = twice->gather[1] = 2;
    twice->weight[0] = 2;
    twice->weight[1] = 1;
    build_output(&p, true, 3, 1);
    const torc_backend *backend = torc_backend_virtual();
    torc_target *target = open_virtual(&p, SAMPLES, true, 0);
    uint64_t *host = calloc(SAMPLES, sizeof *host);
    cr_assert_not_null(host);
    for (size_t s = 0; s < SAMPLES; s++) {
        host[s] = (uint64_t)5 << 60;
    }
    const uint64_t entry = (uint64_t)15 << 57;
    const struct {
        uint32_t element;
        uint64_t centre;
        double variance;
    } rows[] = {
        {0, (uint64_t)5 << 60, noise.fresh},
        {1, (uint64_t)15 << 60, 9 * noise.fresh},
        {2, entry, noise.bootstrap},
        {3, 3 * entry, 9 * noise.bootstrap},
    };
    cr_assert_eq(backend->write(NULL, target, 0, 1, SAMPLES, host), TORC_OK);
    cr_assert_eq(torc_execute(NULL, target, &p, SAMPLES, NULL, NULL, NULL), TORC_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char what[16];
        snprintf(what, sizeof what, "element %u", rows[i].element);
        cr_assert_eq(backend->read(NULL, target, host, rows[i].element, 1, SAMPLES), TORC_OK);
        expect_noise(moments_of(host, SAMPLES, rows[i].centre), rows[i].variance, SAMPLES, what);
    }
    free(host);
    backend->close(target);
    torc_program_free(&p);
}

/* An 8-bit lookup at a set too noisy for it: the share of lookups that read a neighbour is erfc of
 * half a bin, as for the keyswitch and modulus switch of a real one, and both neighbours come
 * alike. */
Test(backend_virtual, noisy_lookups_flip_as_often_as_predicted)
{
    enum { SAMPLES = 200000 };
    torc_noise noise;
    torc_noise_typical(&noise, &params);
    torc_program p = {0};
    build_input(&p, true, 0, 1);
    build_table(&p, 8);
    for (uint32_t u = 0; u < 256; u++) {
        p.tables[0].entry[u] = (uint64_t)u << 55;
    }
    build_lookup(&p, 0, 1, 1, 0);
    build_output(&p, true, 1, 1);
    torc_target *target = open_virtual(&p, SAMPLES, true, 0);
    uint64_t *host = calloc(SAMPLES, sizeof *host);
    cr_assert_not_null(host);
    for (size_t s = 0; s < SAMPLES; s++) {
        host[s] = (uint64_t)100 << 55;
    }
    cr_assert_eq(torc_backend_virtual()->write(NULL, target, 0, 1, SAMPLES, host), TORC_OK);
    cr_assert_eq(torc_execute(NULL, target, &p, SAMPLES, NULL, NULL, NULL), TORC_OK);
    cr_assert_eq(torc_backend_virtual()->read(NULL, target, host, 1, 1, SAMPLES), TORC_OK);
    size_t below = 0;
    size_t above = 0;
    for (size_t s = 0; s < SAMPLES; s++) {
        const uint64_t u = (host[s] + ((uint64_t)1 << 54)) >> 55;
        below += u < 100;
        above += u > 100;
    }
    const double sigma = sqrt(noise.fresh + noise.keyswitch + noise.modulus_switch);
    const double p_side = 0.5 * erfc(0x1p-10 / sigma / sqrt(2));
    const double expected = p_side * SAMPLES;
    cr_expect_gt(expected, 100, "the test needs flips to count: %g", expected);
    cr_expect_lt(fabs((double)below - expected), 5 * sqrt(expected), "%zu below, %g expected",
                 below, expected);
    cr_expect_lt(fabs((double)above - expected), 5 * sqrt(expected), "%zu above, %g expected",
                 above, expected);
    free(host);
    torc_backend_virtual()->close(target);
    torc_program_free(&p);
}

Test(backend_virtual, noise_does_not_depend_on_threads_or_capacity)
{
    enum { SAMPLES = 1000 };
    torc_program p = {0};
    build_small_program(&p);
    uint64_t found[3][SAMPLES];
    const uint64_t host[2 * SAMPLES] = {0};
    const int64_t clear[SAMPLES] = {0};
    for (uint32_t run = 0; run < 3; run++) {
        torc_target *target = open_virtual(&p, SAMPLES + 100 * run, true, 1 + run);
        cr_assert_eq(torc_backend_virtual()->write(NULL, target, 0, 2, SAMPLES, host), TORC_OK);
        cr_assert_eq(torc_backend_virtual()->write_clear(NULL, target, 0, 1, SAMPLES, clear),
                     TORC_OK);
        cr_assert_eq(torc_execute(NULL, target, &p, SAMPLES, NULL, NULL, NULL), TORC_OK);
        cr_assert_eq(torc_backend_virtual()->read(NULL, target, found[run], 0, 1, SAMPLES),
                     TORC_OK);
        torc_backend_virtual()->close(target);
    }
    cr_expect_eq(memcmp(found[0], found[1], sizeof found[0]), 0);
    cr_expect_eq(memcmp(found[0], found[2], sizeof found[0]), 0);
    cr_expect_neq(found[0][0], found[0][1]);
    torc_program_free(&p);
}

Test(backend_virtual, what_it_cannot_do_is_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_program p = {0};
    build_small_program(&p);
    torc_params none = {0};
    torc_params wild = params;
    wild.glwe_noise_log2 = 62;
    const struct {
        const torc_params *params;
        torc_target_options options;
        torc_status status;
        const char *message;
    } rows[] = {
        {&none,
         {.capacity = 1, .threads = 1, .noisy = true},
         TORC_E_UNSUPPORTED,
         "no cryptographic parameters"},
        {&wild,
         {.capacity = 1, .threads = 1, .noisy = true},
         TORC_E_PARAMETERS,
         "standard deviation"},
        {&params, {.capacity = 0, .threads = 1}, TORC_E_ARGUMENT, "capacity"},
        {&params, {.capacity = SIZE_MAX / 2, .threads = 1}, TORC_E_ARGUMENT, "too many"},
        {&params, {.capacity = SIZE_MAX / 64, .threads = 1}, TORC_E_MEMORY, "memory"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_target *target = NULL;
        const torc_status s =
            torc_backend_virtual()->open(ctx, &target, &p, rows[i].params, NULL, &rows[i].options);
        cr_expect_eq(s, rows[i].status, "row %zu: %s", i, torc_ctx_message(ctx));
        cr_expect(strstr(torc_ctx_message(ctx), rows[i].message) != NULL, "row %zu: %s", i,
                  torc_ctx_message(ctx));
        cr_expect_null(target);
    }
    torc_program_free(&p);
    torc_ctx_free(ctx);
}
