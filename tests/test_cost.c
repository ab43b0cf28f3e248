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

/* Different residues modulo `parts` among the sums of all subsets of g residues, on average over
 * all residues. */
static double mean_bundles(uint32_t g, uint32_t parts)
{
    uint32_t tuples = 1;
    uint64_t total = 0;
    for (uint32_t b = 0; b < g; b++) {
        tuples *= parts;
    }
    for (uint32_t tuple = 0; tuple < tuples; tuple++) {
        bool seen[16] = {false};
        for (uint32_t set = 0; set < 1u << g; set++) {
            uint32_t sum = 0;
            for (uint32_t b = 0, digits = tuple; b < g; b++, digits /= parts) {
                sum += (set >> b & 1) != 0 ? digits % parts : 0;
            }
            total += seen[sum % parts] ? 0 : 1;
            seen[sum % parts] = true;
        }
    }
    return (double)total / tuples;
}

/* Multiply-adds a point of the grouped forms with k = l = 1: g monomials and 2^g for each of 4
 * elements; extended, 5 a term, and for each part at 1.1 times the price 4 a bundle and 2 digits
 * times a root. */
Test(cost, grouped_counts)
{
    for (uint32_t g = 2; g <= 3; g++) {
        for (uint32_t v = 0; v <= 4; v++) {
            torc_params params = example;
            params.grouping = g;
            params.lwe_dim = 780;
            params.extended_log2 = v;
            const double parts = 1u << v;
            const double terms = (1u << g) - 1;
            const double each = v == 0
                                    ? g + 4 * (1u << g)
                                    : 5 * terms + 1.1 * parts * (4 * mean_bundles(g, 1u << v) + 2);
            expect_ratio(count_of(4, &params, 8), 780.0 / g * each * 1024, 0.05, "bundles");
            expect_ratio(count_of(3, &params, 8), 780.0 / g * terms * 4 * 1024 * 16 / 8, 1e-12,
                         "key bytes");
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

/* One core of an AMD EPYC (Zen 3), AVX2: microseconds of a step of one ciphertext in batches as the
 * kernels take, nanoseconds of a multiply-add of the keyswitch in batches of 64. */
static const struct {
    torc_params params;
    double step_us, keyswitch_ns;
} measured[] = {
    {{3, 512, 0, 662, 0, 0, 2, {16, 1}, {3, 4}}, 7.1, 0.037},
    {{2, 1024, 0, 742, 0, 0, 1, {23, 1}, {2, 6}}, 7.4, 0.037},
    {{2, 1024, 0, 742, 0, 0, 2, {23, 1}, {2, 6}}, 10.3, 0.037},
    {{1, 2048, 0, 782, 0, 0, 1, {23, 1}, {2, 7}}, 10.5, 0.036},
    {{1, 2048, 0, 783, 0, 0, 3, {22, 1}, {2, 7}}, 16.5, 0.036},
    {{1, 2048, 0, 783, 0, 0, 3, {15, 2}, {2, 7}}, 28.5, 0.036},
    {{1, 2048, 0, 822, 0, 1, 3, {22, 1}, {2, 7}}, 32.5, 0.036},
    {{1, 2048, 0, 864, 0, 2, 3, {22, 1}, {2, 8}}, 58.6, 0.036},
    {{1, 2048, 0, 945, 0, 2, 3, {15, 2}, {2, 9}}, 115.0, 0.036},
    {{1, 2048, 0, 945, 0, 3, 3, {22, 1}, {3, 6}}, 118.0, 0.036},
    {{1, 2048, 0, 984, 0, 4, 3, {22, 1}, {3, 6}}, 241.0, 0.036},
    {{1, 2048, 0, 984, 0, 3, 3, {15, 2}, {2, 10}}, 232.0, 0.040},
    {{1, 2048, 0, 1065, 0, 4, 3, {15, 2}, {2, 10}}, 495.0, 0.040},
};

Test(cost, defaults_against_measured_kernels)
{
    torc_machine machine;
    torc_machine_default(&machine);
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++) {
        const torc_params *params = &measured[i].params;
        const double steps = params->lwe_dim / (double)params->grouping;
        const double macs = (double)torc_params_big_dim(params) * params->keyswitch.level_count *
                            (params->lwe_dim + 1.0);
        expect_ratio(
            1e6 * torc_cost_bootstrap(&machine, params, torc_cost_bootstrap_batch(params)) / steps,
            measured[i].step_us, 0.10, "bootstrap");
        expect_ratio(1e9 * torc_cost_keyswitch(&machine, params, TORC_COST_KEYSWITCH_BATCH) / macs,
                     measured[i].keyswitch_ns, 0.10, "keyswitch");
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

/* Classic, k = 1, N = 2048: 16 accumulators of 32 kB in half a megabyte. */
static double bootstrap_seconds(const torc_machine *machine, double share)
{
    return torc_cost_bootstrap(machine, &example, fmin(share, 16));
}

static double keyswitch_seconds(const torc_machine *machine, double count)
{
    return torc_cost_keyswitch(machine, &example, fmin(count, 64));
}

/* Half of the time and what sharing takes: 390 steps of g = 2. Not with as many lookups as threads,
 * not classic; four threads have two children each only from N = 2048 on. */
Test(cost, few_lookups_have_teams)
{
    torc_machine machine;
    torc_params params = example;
    torc_machine_default(&machine);
    machine.keyswitch_ns_per_mac = 0;
    params.grouping = 2;
    params.lwe_dim = 780;
    const double keyswitch = torc_cost_keyswitch(&machine, &params, 1);
    const double alone = torc_cost_bootstrap(&machine, &params, 1);
    const double meetings = 390 * 1e-9 * machine.team_ns_per_step;

    machine.threads = 2;
    expect_ratio(torc_cost_lookups(&machine, &params, 1), keyswitch / 2 + alone / 2 + meetings,
                 1e-12, "two threads");
    expect_ratio(torc_cost_lookups(&machine, &params, 2), keyswitch / 2 + alone, 1e-12,
                 "as many lookups as threads");
    machine.threads = 4;
    expect_ratio(torc_cost_lookups(&machine, &params, 1), keyswitch / 4 + alone / 4 + meetings,
                 1e-12, "four threads");
    expect_ratio(torc_cost_lookups(&machine, &example, 1),
                 torc_cost_keyswitch(&machine, &example, 1) / 4 +
                     torc_cost_bootstrap(&machine, &example, 1),
                 1e-12, "classic");
    params.poly_size = 1024;
    params.glwe_dim = 2;
    expect_ratio(torc_cost_lookups(&machine, &params, 1),
                 torc_cost_keyswitch(&machine, &params, 1) / 4 +
                     torc_cost_bootstrap(&machine, &params, 1) / 2 + meetings,
                 1e-12, "N = 1024");
    cr_expect_eq(torc_cost_lookups(&machine, &params, 0), 0);
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
                 linear + 5 * (bootstrap_seconds(&machine, 5) + keyswitch_seconds(&machine, 5)) +
                     bootstrap_seconds(&machine, 1) + keyswitch_seconds(&machine, 1),
                 1e-12, "one sample, one thread");
    const double batched = bootstrap_seconds(&machine, 100) + keyswitch_seconds(&machine, 100);
    expect_ratio(prediction.seconds_batched, linear + 6 * batched, 1e-12, "batched, one thread");

    machine.threads =
        2; /* bootstraps in shares of 3 and 2, then of 1 and 0; keyswitches in halves */
    torc_predict(&prediction, &machine, &program, &example, 1);
    expect_ratio(prediction.seconds,
                 linear / 2 + 3 * bootstrap_seconds(&machine, 3) +
                     2.5 * keyswitch_seconds(&machine, 5) + bootstrap_seconds(&machine, 1) +
                     0.5 * keyswitch_seconds(&machine, 1),
                 1e-12, "one sample, two threads");
    expect_ratio(prediction.seconds_batched, linear / 2 + 3 * batched, 1e-12,
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
