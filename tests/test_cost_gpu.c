/* The GPU's prices: instructions against the compiled kernel's and against loops that count,
 * seconds against the bounds of bench/results/README.md. */
#include "runtime/configurations.h"
#include "runtime/cost_gpu.h"

#include <criterion/criterion.h>
#include <math.h>

static void expect_ratio(double found, double expected, double tolerance, const char *what)
{
    cr_expect(fabs(found / expected - 1.0) <= tolerance, "%s: found %.10g, expected %.10g", what,
              found, expected);
}

static torc_gpu_step step_of(const torc_params *params)
{
    torc_gpu_step step;
    torc_gpu_step_count(&step, &torc_gpu_machine_default, params);
    return step;
}

/* FP64 instructions of a lane (64 lanes a ciphertext) in a step, PTX of a first compiled kernel.
 * Narrow digits at base 2^21: at 2^22 an accumulator leaves their range in one rotation of 2^52. */
Test(cost_gpu, instructions_of_the_compiled_kernel)
{
    static const struct {
        uint32_t grouping, base_log;
        double transforms, digits, product, all;
    } rows[] = {{1, 23, 1984, 320, 16 * 16, 2560},
                {2, 23, 1984, 320, 16 * 79, 3568},
                {2, 21, 1984, 128, 16 * 79, 3376},
                {3, 23, 1984, 320, 16 * 163, 4912}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const torc_params params = {.glwe_dim = 1,
                                    .poly_size = 2048,
                                    .grouping = rows[i].grouping,
                                    .bootstrap = {rows[i].base_log, 1}};
        const torc_gpu_step step = step_of(&params);
        expect_ratio(step.transforms / 64, rows[i].transforms, 1e-12, "transforms");
        expect_ratio(step.digits / 64, rows[i].digits, 1e-12, "digits");
        expect_ratio(step.product / 64, rows[i].product, 1e-12, "product");
        expect_ratio((step.transforms + step.digits + step.product) / 64, rows[i].all, 1e-12,
                     "all");
    }
}

/* --- transforms: butterflies one by one --- */

/* One cyclic pass of the inverse over `points` points and the twist behind it, whose row 0 is 1:
 * a butterfly is 4 instructions where its root is 1 or -i, 6 elsewhere. */
static uint64_t count_pass(uint32_t points)
{
    uint64_t count = 0;
    for (uint32_t half = 1; half < points; half *= 2) {
        for (uint32_t block = 0; block < points; block += 2 * half) {
            for (uint32_t j = 0; j < half; j++) {
                count += j == 0 || 2 * j == half ? 4 : 6;
            }
        }
    }
    return count + 4 * (uint64_t)(points - 1);
}

Test(cost_gpu, transforms_by_counting)
{
    /* Points of the passes of M = 128 .. 2048; any split of the levels counts the same. */
    static const uint32_t passes[][3] = {
        {32, 4, 1}, {16, 16, 1}, {32, 16, 1}, {32, 32, 1}, {32, 32, 2}};

    for (uint32_t i = 0; i < 5; i++) {
        const uint32_t points = 128u << i;
        uint64_t forward = 0;
        uint64_t inverse = 0;
        for (uint32_t half = 1; half < points; half *= 2) {
            forward += 6 * points / 2;
        }
        for (uint32_t p = 0; p < 3 && passes[i][p] > 1; p++) {
            inverse += points / passes[i][p] * count_pass(passes[i][p]);
        }
        for (uint32_t k = 1; k <= 6; k++) {
            for (uint32_t levels = 1; levels <= 3; levels++) {
                const torc_params params = {.glwe_dim = k,
                                            .poly_size = 2 * points,
                                            .grouping = 2,
                                            .extended_log2 = k - 1,
                                            .bootstrap = {10, levels}};
                const double polys = (k + 1.0) * (1u << (k - 1));
                expect_ratio(step_of(&params).transforms,
                             polys * (double)(levels * forward + inverse), 1e-12, "transforms");
            }
        }
    }
}

/* --- the product: multiply-adds one by one --- */

/* Real fused instructions at one point, all parts; a complex multiply-add is 4, an addition 2. */
static uint64_t count_product(const torc_params *params)
{
    const uint64_t parts = UINT64_C(1) << params->extended_log2;
    const uint64_t subsets = UINT64_C(1) << params->grouping;
    const uint64_t products = (params->glwe_dim + UINT64_C(1)) * (params->glwe_dim + UINT64_C(1)) *
                              params->bootstrap.level_count;
    uint64_t count = 0;
    for (uint64_t t = 1; t < subsets && params->grouping > 1; t++) {
        count += 4;                             /* its monomial */
        count += parts == 1 ? 1 : 2 * products; /* minus one, or its key off the empty set's */
        for (uint64_t i = 0; i < products; i++) {
            count += 4; /* into the bundle */
        }
    }
    for (uint64_t part = 0; part < parts; part++) {
        const bool has_bundles = params->grouping > 1 && parts > 1;
        for (uint64_t residue = 0; residue < (has_bundles ? subsets : 1) && residue < parts;
             residue++) {
            count += 4 * products;
        }
        if (has_bundles) {
            count += 4 * (params->glwe_dim + UINT64_C(1)); /* those that passed the end, times Y */
        }
    }
    return count;
}

Test(cost_gpu, products_by_counting)
{
    for (uint32_t g = 1; g <= 4; g++) {
        for (uint32_t v = 0; v <= 5; v++) {
            for (uint32_t k = 1; k <= 6; k++) {
                const torc_params params = {.glwe_dim = k,
                                            .poly_size = 1024,
                                            .grouping = g,
                                            .extended_log2 = v,
                                            .bootstrap = {10, 1 + v % 3}};
                expect_ratio(step_of(&params).product, 512.0 * (double)count_product(&params),
                             1e-12, "product");
            }
        }
    }
}

/* --- key reads --- */

/* Bytes of a step: the resident bootstrap key by its steps. */
Test(cost_gpu, key_bytes_are_those_of_the_key)
{
    for (uint32_t g = 1; g <= 4; g++) {
        torc_params params = {
            .glwe_dim = 2, .poly_size = 512, .lwe_dim = 720, .grouping = g, .bootstrap = {10, 2}};
        params.keyswitch = (torc_gadget){1, 1};
        const size_t keyswitch_bytes = (size_t)torc_params_big_dim(&params) * 721 * 4;
        const size_t bytes = torc_params_key_bytes_resident(&params) - keyswitch_bytes;
        expect_ratio(step_of(&params).key_bytes * (720.0 / g), (double)bytes, 1e-12, "key");
    }
}

/* 8192 points a block: 4 ciphertexts at N = 2048, k = l = 1; a second level or part halves that; no
 * ciphertext reads a key word twice. */
Test(cost_gpu, sharing)
{
    torc_params params = {.glwe_dim = 1, .poly_size = 2048, .grouping = 2, .bootstrap = {15, 1}};
    expect_ratio(step_of(&params).sharing, 4, 1e-12, "four");
    params.bootstrap.level_count = 2;
    expect_ratio(step_of(&params).sharing, 2, 1e-12, "two levels");
    params.extended_log2 = 1;
    expect_ratio(step_of(&params).sharing, 1, 1e-12, "two parts");
    params.extended_log2 = 5;
    expect_ratio(step_of(&params).sharing, 1, 1e-12, "many parts");
    params = (torc_params){.glwe_dim = 4, .poly_size = 256, .grouping = 2, .bootstrap = {15, 1}};
    expect_ratio(step_of(&params).sharing, 8192 / 640.0, 1e-12, "small polynomials");
}

/* --- seconds --- */

/* Lookups a second of the bound by phases at n = 918, keys at 24 and 48 bytes a clock, 1,980 MHz:
 * bench/results/README.md, which counts shared memory too (4 % at most). */
Test(cost_gpu, bounds_of_a_step)
{
    static const struct {
        uint32_t grouping;
        double rate, per_second;
    } rows[] = {{1, 24, 91e3}, {2, 24, 131e3}, {2, 48, 159e3}, {3, 24, 121e3}, {3, 48, 174e3}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_gpu_machine machine = torc_gpu_machine_default;
        machine.l2_bytes = rows[i].rate;
        machine.clock_hz = 1.98e9;
        machine.rotation_share = 1;
        const torc_params params = {.glwe_dim = 1,
                                    .poly_size = 2048,
                                    .lwe_dim = 918,
                                    .grouping = rows[i].grouping,
                                    .bootstrap = {23, 1}};
        expect_ratio(1 / torc_cost_gpu_bootstrap(&machine, &params), rows[i].per_second, 0.05,
                     "a second");
    }
}

/* A device where one kind of work takes a clock and the rest nothing. */
Test(cost_gpu, seconds_by_kind)
{
    const torc_params params = {1, 2048, 17, 918, 13, 0, 2, {22, 1}, {2, 7}};
    const torc_gpu_step step = step_of(&params);
    torc_gpu_machine machine = {.multiprocessors = 2,
                                .clock_hz = 1,
                                .fp64_lanes = 1,
                                .l2_bytes = HUGE_VAL,
                                .int8_macs = 1,
                                .rotation_share = 0.5,
                                .keyswitch_share = 0.25,
                                .block_points = 8192,
                                .narrow_bits = 51};

    expect_ratio(torc_cost_gpu_bootstrap(&machine, &params),
                 459 * (step.transforms + step.digits + step.product), 1e-12, "FP64");
    machine.fp64_lanes = HUGE_VAL;
    machine.l2_bytes = 1;
    expect_ratio(torc_cost_gpu_bootstrap(&machine, &params), 459 * step.key_bytes / 4, 1e-12,
                 "key");
    expect_ratio(torc_cost_gpu_keyswitch(&machine, &params), 4 * 2048.0 * 7 * 919 / 2 * 4, 1e-12,
                 "keyswitch");
}

/* Narrow digits ask for 14.5 standard deviations below 2^51; measured here on random words. */
Test(cost_gpu, narrow_digits_stay_in_range)
{
    const torc_params wide = {
        .glwe_dim = 1, .poly_size = 2048, .grouping = 2, .bootstrap = {22, 1}};
    torc_params narrow = wide;
    narrow.bootstrap.base_log = 21;
    cr_expect_gt(step_of(&wide).digits, step_of(&narrow).digits);

    double square = 0;
    uint64_t state = 1;
    enum { ROTATIONS = 400, TERMS = 3, PRODUCTS = 2 * 2048 };
    for (uint32_t i = 0; i < ROTATIONS; i++) {
        double sum = 0;
        for (uint32_t j = 0; j < PRODUCTS; j++) {
            double word[2 * TERMS + 1]; /* two coefficients of each term, one digit: [-1/2, 1/2) */
            for (uint32_t t = 0; t < 2 * TERMS + 1; t++) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                word[t] = (double)(state >> 11) * 0x1p-53 - 0.5;
            }
            double bundle = 0;
            for (uint32_t t = 0; t < TERMS; t++) {
                bundle += word[2 * t] - word[2 * t + 1];
            }
            sum += bundle * word[2 * TERMS];
        }
        square += sum * sum / ROTATIONS;
    }
    /* acc B for digits up to B / 2 */
    const double bits = log2(14.5 * sqrt(square)) + 2 * 21;
    cr_expect(bits < 51 && bits + 2 > 51, "2^%.2f", bits);
}
