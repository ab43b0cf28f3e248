/* Calibration: constants that predict a shape which it did not measure. */
#include "kernels/kernels.h"
#include "runtime/torc_server.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 8 };

static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *block(size_t bytes)
{
    void *out = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    cr_assert_not_null(out);
    memset(out, 0, (bytes + 63) & ~(size_t)63);
    return out;
}

/* Seconds of a bootstrap in a batch, the least of three. */
static double measure(const torc_params *params)
{
    const torc_cpu_kernels *kernels = torc_cpu_kernels_get();
    const torc_shape shape = {.glwe_dim = params->glwe_dim,
                              .poly_size = params->poly_size,
                              .lwe_dim = params->lwe_dim,
                              .base_log = params->bootstrap.base_log,
                              .level_count = params->bootstrap.level_count,
                              .ks_base_log = params->keyswitch.base_log,
                              .ks_level_count = params->keyswitch.level_count,
                              .grouping = params->grouping};
    const size_t words = torc_params_big_words(params);
    void *key = block(kernels->bootstrap_key_bytes(&shape));
    void *scratch = block(kernels->bootstrap_scratch_bytes(&shape, BATCH));
    uint64_t *results = block(BATCH * words * sizeof *results);
    uint32_t *small = block(BATCH * (shape.lwe_dim + 1) * sizeof *small);
    uint64_t table[8] = {0};
    uint64_t *out[BATCH];
    const uint64_t *entry[BATCH];
    uint32_t bits[BATCH];
    double least = HUGE_VAL;
    for (size_t i = 0; i < BATCH * (shape.lwe_dim + 1); i++) {
        small[i] = (uint32_t)(i * 2246822519u);
    }
    for (size_t i = 0; i < BATCH; i++) {
        out[i] = results + i * words;
        entry[i] = table;
        bits[i] = 3;
    }
    for (int round = 0; round < 3; round++) {
        const double start = thread_seconds();
        kernels->bootstrap(out, small, entry, bits, BATCH, key, &shape, scratch);
        least = fmin(least, (thread_seconds() - start) / BATCH);
    }
    free(key);
    free(scratch);
    free(results);
    free(small);
    return least;
}

Test(calibrate, predicts_bootstraps_of_other_shapes)
{
    torc_params sets[] = {sample_params(500, 2, 1024), sample_params(500, 1, 4096),
                          sample_params(500, 2, 1024), sample_params(501, 1, 4096)};
    torc_machine machine;
    sets[2].grouping = 2;
    sets[3].grouping = 3;
    cr_assert_eq(torc_machine_calibrate(NULL, &machine, 1), TORC_OK);
    cr_expect_eq(machine.threads, 1);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const double measured = measure(&sets[i]);
        const double predicted = torc_cost_bootstrap(&machine, &sets[i], BATCH);
        cr_expect(predicted < 1.6 * measured && measured < 1.6 * predicted,
                  "set %zu: %g s predicted, %g s measured", i, predicted, measured);
    }
}

Test(calibrate, every_constant_is_measured)
{
    torc_machine machine;
    torc_machine defaults;
    torc_machine_default(&defaults);
    cr_assert_eq(torc_machine_calibrate(NULL, &machine, 0), TORC_OK);
    cr_expect_geq(machine.threads, 1);
    const double measured[] = {
        machine.fft_ns_per_butterfly, machine.mul_ns_per_point,  machine.point_ns,
        machine.keyswitch_ns_per_mac, machine.linear_ns_per_mac, machine.bundle_ns_per_point};
    const double shipped[] = {
        defaults.fft_ns_per_butterfly, defaults.mul_ns_per_point,  defaults.point_ns,
        defaults.keyswitch_ns_per_mac, defaults.linear_ns_per_mac, defaults.bundle_ns_per_point};
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++) {
        cr_expect(measured[i] > 0 && measured[i] != shipped[i], "constant %zu: %g", i, measured[i]);
    }
    cr_expect_geq(machine.key_ns_per_byte, 0);
}
