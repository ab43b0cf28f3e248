/* The cost model: operation counts against loops that count, seconds against measured kernels,
 * predictions of a program against sums by hand. */
#include "runtime/cost.h"
#include "tests/common/program_builder.h"

#include <criterion/criterion.h>
#include <math.h>

static const torc_params example = {1, 2048, 17, 782, 16, 0, 1, {23, 1}, {2, 7}};

static void expect_ratio(double found, double expected, double tolerance, const char *what)
{
    cr_expect(fabs(found / expected - 1.0) <= tolerance, "%s: found %.10g, expected %.10g", what,
              found, expected);
}

/* --- one lookup ------------------------------------------------------------------------------- */

/* Butterflies of a radix-2 transform of `points` points, counted. */
static uint64_t count_butterflies(uint32_t points)
{
    uint64_t count = 0;
    for (uint32_t half = points / 2; half >= 1; half /= 2) {
        for (uint32_t block = 0; block < points; block += 2 * half) {
            count += half;
        }
    }
    return count;
}

/* A machine where one kind of work takes a second and the rest nothing. */
static double count_of(size_t constant, const torc_params *params, double batch)
{
    torc_machine machine = {.threads = 1};
    double *const cost[] = {&machine.fft_ns_per_butterfly, &machine.mul_ns_per_point,
                            &machine.point_ns, &machine.key_ns_per_byte,
                            &machine.bundle_ns_per_point};
    *cost[constant] = 1e9;

    return torc_cost_bootstrap(&machine, params, batch);
}

Test(cost, bootstrap_counts)
{
    for (uint32_t k = 1; k <= 3; k++) {
        for (uint32_t v = 0; v <= 2; v++) {
            torc_params params = example;
            params.glwe_dim = k;
            params.extended_log2 = v;
            params.bootstrap.level_count = 2;
            const double steps = params.lwe_dim;
            const double parts = 1u << v;
            const double transforms = (k + 1) * 2 + (k + 1);
            const double products = (k + 1) * (k + 1) * 2 * 1024.0;
            expect_ratio(count_of(0, &params, 8),
                         steps * parts * transforms * (double)count_butterflies(1024), 1e-12,
                         "fft");
            expect_ratio(count_of(1, &params, 8), steps * parts * products, 1e-12, "products");
            expect_ratio(count_of(2, &params, 8), steps * parts * (k + 1) * 2048 * 3, 1e-12,
                         "coefficients");
            expect_ratio(count_of(3, &params, 8), steps * products * 16 / 8, 1e-12, "key bytes");
        }
    }
}

/* Multiply-adds a point of the grouped forms with k = l = 1: g monomials and 2^g for each of 4
 * elements; extended, 5 a term at 3/2 the price, and for each part 4 a bundle and 2 digits times a
 * root at 5/4. */
Test(cost, grouped_counts)
{
    for (uint32_t g = 2; g <= 4; g++) {
        for (uint32_t v = 0; v <= 3; v++) {
            torc_params params = example;
            params.grouping = g;
            params.lwe_dim = 780;
            params.extended_log2 = v;
            const double terms = (1u << g) - 1;
            const double parts = 1u << v;
            const double bundles =
                v == 0 ? g + 4 * (1u << g) : 1.25 * parts * (4 * fmin(1u << g, parts) + 2);
            expect_ratio(count_of(4, &params, 8), 780.0 / g * bundles * 1024, 1e-12, "bundles");
            if (v > 0) {
                expect_ratio(count_of(1, &params, 8), 780.0 / g * 7.5 * terms * 1024, 1e-12,
                             "terms");
            }
        }
    }
}

Test(cost, keyswitch_counts)
{
    torc_machine machine = {.threads = 1, .keyswitch_ns_per_mac = 1e9};
    expect_ratio(torc_cost_keyswitch(&machine, &example, 32), 2048.0 * 7 * 783, 1e-12, "macs");
    machine = (torc_machine){.threads = 1, .key_ns_per_byte = 1e9};
    expect_ratio(torc_cost_keyswitch(&machine, &example, 32), 2048.0 * 7 * 783 * 4 / 32, 1e-12,
                 "key bytes");
}

/* Milliseconds on one 2.5 GHz core with AVX-512: bootstrap in batches of 8, keyswitch of 32. */
static const struct {
    torc_params params;
    double bootstrap_ms, keyswitch_ms;
} measured[] = {
    {{3, 512, 0, 661, 0, 0, 1, {17, 1}, {3, 4}}, 3.85, 0.225},
    {{4, 512, 0, 742, 0, 0, 1, {23, 1}, {4, 3}}, 6.05, 0.260},
    {{2, 1024, 0, 742, 0, 0, 1, {23, 1}, {2, 6}}, 6.33, 0.498},
    {{1, 2048, 0, 782, 0, 0, 1, {23, 1}, {2, 7}}, 8.45, 0.624},
    {{1, 2048, 0, 860, 0, 0, 1, {15, 2}, {3, 5}}, 15.0, 0.498},
    {{1, 4096, 0, 860, 0, 0, 1, {22, 1}, {3, 5}}, 20.4, 0.925},
    {{1, 2048, 0, 822, 0, 1, 1, {23, 1}, {2, 7}}, 17.5, 0.640},
    {{1, 2048, 0, 862, 0, 2, 1, {23, 1}, {2, 8}}, 38.1, 0.755},
};

Test(cost, defaults_against_measured_kernels)
{
    torc_machine machine;
    torc_machine_default(&machine);
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++) {
        const torc_params *params = &measured[i].params;
        expect_ratio(1e3 * torc_cost_bootstrap(&machine, params, TORC_COST_BOOTSTRAP_BATCH),
                     measured[i].bootstrap_ms, 0.10, "bootstrap");
        expect_ratio(1e3 * torc_cost_keyswitch(&machine, params, TORC_COST_KEYSWITCH_BATCH),
                     measured[i].keyswitch_ms, 0.15, "keyswitch");
    }
}

/* --- a program -------------------------------------------------------------------------------- */

static void build_dense(torc_program *program, uint32_t level, uint32_t out, uint32_t out_count,
                        uint32_t in_count, uint32_t first_in)
{
    torc_linear *linear = build_linear(program, level, out, 1, out_count, in_count);
    for (uint32_t i = 0; i < in_count; i++) {
        linear->gather[i] = first_in + i;
    }
    for (uint32_t i = 0; i < in_count * out_count; i++) {
        linear->weight[i] = 3;
    }
}

/* 6 inputs, 5 x 6 dense, 5 lookups of 3 bits, 5 x 5 dense, 1 lookup; one output of 2 elements. */
static void build_layers(torc_program *program)
{
    build_input(program, true, 0, 6);
    (void)build_table(program, 3);
    build_dense(program, 0, 6, 5, 6, 0);
    (void)build_lookup(program, 0, 11, 5, 6);
    build_dense(program, 1, 16, 5, 5, 11);
    (void)build_lookup(program, 1, 21, 1, 16);
    build_output(program, true, 20, 2);
}

static double lookup_seconds(const torc_machine *machine, double share)
{
    return torc_cost_bootstrap(machine, &example, fmin(share, 8)) +
           torc_cost_keyswitch(machine, &example, fmin(share, 32));
}

Test(cost, predicted_seconds)
{
    torc_machine machine;
    torc_program program = {0};
    torc_prediction prediction;
    torc_machine_default(&machine);
    build_layers(&program);
    const double linear =
        1e-9 * (double)torc_program_linear_macs(&program) * 2049 * machine.linear_ns_per_mac;

    torc_predict(&prediction, &machine, &program, &example, 1);
    expect_ratio(prediction.seconds,
                 linear + 5 * lookup_seconds(&machine, 5) + lookup_seconds(&machine, 1), 1e-12,
                 "one sample, one thread");
    expect_ratio(prediction.seconds_batched, linear + 6 * lookup_seconds(&machine, 100), 1e-12,
                 "batched, one thread");

    machine.threads = 2; /* shares of 3 and 2, then of 1 and 0 */
    torc_predict(&prediction, &machine, &program, &example, 1);
    expect_ratio(prediction.seconds,
                 linear / 2 + 3 * lookup_seconds(&machine, 3) + lookup_seconds(&machine, 1), 1e-12,
                 "one sample, two threads");
    expect_ratio(prediction.seconds_batched, linear / 2 + 3 * lookup_seconds(&machine, 100), 1e-12,
                 "batched, two threads");
    torc_program_free(&program);
}

Test(cost, predicted_bytes)
{
    torc_machine machine;
    torc_program program = {0};
    torc_prediction one, ten;
    torc_machine_default(&machine);
    build_layers(&program);
    torc_predict(&one, &machine, &program, &example, 1);
    torc_predict(&ten, &machine, &program, &example, 10);

    cr_expect_eq(one.evaluation_key_bytes, torc_params_key_bytes_seeded(&example));
    cr_expect_eq(one.ciphertext_bytes_in, 6 * 8 + 32);
    cr_expect_eq(one.ciphertext_bytes_out, 2 * 2049 * 8);
    /* nine more samples: slots, the 6 of the input on their way in, inputs and results */
    const uint64_t travelling = one.ciphertext_bytes_in + one.ciphertext_bytes_out;
    cr_expect_eq(ten.memory_bytes - one.memory_bytes, 9 * ((22 + 6) * 2049 * 8 + travelling));
    const uint64_t held = torc_params_key_bytes_resident(&example) + one.evaluation_key_bytes +
                          (22 + 6) * 2049 * 8 + travelling;
    cr_expect_gt(one.memory_bytes, held);
    cr_expect_lt(one.memory_bytes, held + 2000000, "scratch and program are small");
    torc_program_free(&program);
}

Test(cost, no_lookup)
{
    const torc_params params = {.glwe_dim = 2, .poly_size = 256, .glwe_noise_log2 = 55};
    torc_machine machine;
    torc_program program = {0};
    torc_prediction prediction;
    torc_machine_default(&machine);
    build_input(&program, true, 0, 2);
    (void)build_linear(&program, 0, 2, 1, 1, 2);
    build_output(&program, true, 2, 1);
    torc_predict(&prediction, &machine, &program, &params, 1);

    cr_expect_eq(prediction.evaluation_key_bytes, 0);
    const uint64_t held = (3 + 2) * 513 * 8 + prediction.ciphertext_bytes_in + 513 * 8;
    cr_expect_gt(prediction.memory_bytes, held);
    cr_expect_lt(prediction.memory_bytes, held + 100);
    cr_expect_lt(prediction.seconds, 1e-3);
    torc_program_free(&program);
}
