/* torc_verify finds nothing in an honest run, and finds what is wrong in others. */
#include "frontend/verify.h"
#include "runtime/noise.h"
#include "tests/common/sample_circuit.h"

#include <criterion/criterion.h>
#include <math.h>

#define SAMPLES 6

static int64_t x[SAMPLES][2] = {{1, 2}, {0, 3}, {2, 2}, {3, 1}, {1, 0}, {2, 0}};
static int64_t c[SAMPLES] = {0, 1, -1, 0, 1, 1};

static torc_verify_report verify(torc_circuit *circuit)
{
    const torc_tensor inputs[] = {
        {.dtype = TORC_I64, .rank = 2, .shape = {SAMPLES, 2}, .i64 = &x[0][0]},
        {.dtype = TORC_I64, .rank = 1, .shape = {SAMPLES}, .i64 = c},
    };
    const torc_verify_options options = {0};
    torc_verify_report report;
    torc_ctx *ctx = torc_ctx_create();
    cr_assert_eq(torc_verify(ctx, &report, circuit, inputs, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_ctx_free(ctx);
    torc_circuit_free(circuit);
    return report;
}

static torc_circuit *rounded_circuit(void)
{
    torc_circuit *circuit = sample_circuit();
    circuit->spec.contract = TORC_ROUNDED;
    cr_assert_eq(torc_circuit_identify(NULL, circuit), TORC_OK);
    return circuit;
}

Test(verify, an_honest_exact_run_has_no_mismatch)
{
    const torc_verify_report r = verify(sample_circuit());
    cr_expect_eq(r.mismatches, 0, "%s", r.first);
    cr_expect_eq(r.labels_differ, 0);
    cr_expect_eq(r.samples, SAMPLES);
    cr_expect_eq(r.lookups, 2 * SAMPLES);
    cr_expect_eq(r.checks, 2 * SAMPLES); /* y and echo */
    cr_expect(r.seconds > 0);
}

Test(verify, an_honest_rounded_run_stays_within_the_predicted_noise)
{
    const torc_verify_report r = verify(rounded_circuit());
    cr_expect_eq(r.mismatches, 0, "%s", r.first);
    cr_expect_eq(r.checks, 5 * SAMPLES); /* in and out of two lookups, one encrypted output */
    /* erfc(z / sqrt 2) = 1e-6 over (3 * 2 + 2) * 6 comparisons */
    cr_expect_float_eq(erfc(r.z / sqrt(2)) * 8 * SAMPLES, 1e-6, 1e-9);
    cr_expect(r.worst_sigmas > 0.1 && r.worst_sigmas < r.z, "%g of %g", r.worst_sigmas, r.z);
}

/* Rows that promise a thousandth of the noise: real deviations exceed them. */
Test(verify, more_noise_than_predicted_is_found)
{
    torc_circuit *circuit = rounded_circuit();
    for (uint32_t i = 0; i < circuit->row_count; i++) {
        circuit->rows[i].norm_sq_fresh *= 1e-6;
        circuit->rows[i].norm_sq_lookup *= 1e-6;
    }
    const torc_verify_report r = verify(circuit);
    cr_expect(r.mismatches > 0);
    cr_expect(r.first[0] != '\0');
}
