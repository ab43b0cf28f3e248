/* The simulator on circuits small enough to answer by hand. */
#include "runtime/torc_server.h"
#include "tests/common/program_builder.h"
#include "tests/common/sample_circuit.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static torc_tensor integers(size_t rank, size_t rows, size_t columns)
{
    torc_tensor t;
    const size_t shape[2] = {rows, columns};
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_I64, (uint32_t)rank, shape), TORC_OK);
    return t;
}

static void free_tensors(torc_tensor *tensor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        torc_tensor_free(&tensor[i]);
    }
}

/* All 512 inputs, more than the simulator holds at once, twice over; wrapped values included. */
Test(simulate, every_input_gives_the_answer_of_the_definition)
{
    enum { SAMPLES = 1024 };
    torc_ctx *ctx = torc_ctx_create();
    torc_circuit *circuit = sample_circuit();
    torc_tensor in[2] = {integers(2, SAMPLES, 2), integers(1, SAMPLES, 0)};
    torc_tensor out[2] = {0};
    int64_t expected[SAMPLES];
    uint64_t outside = 0;
    for (size_t s = 0; s < SAMPLES; s++) {
        in[0].i64[2 * s] = (int64_t)(s % 8);
        in[0].i64[2 * s + 1] = (int64_t)(s / 8 % 8);
        in[1].i64[s] = (int64_t)(s / 64 % 8) - 4;
        expected[s] =
            sample_circuit_answer(in[0].i64[2 * s], in[0].i64[2 * s + 1], in[1].i64[s], &outside);
    }
    torc_run_stats stats;
    uint64_t saturated = 7;
    cr_assert_eq(torc_simulate_circuit(ctx, out, &stats, &saturated, circuit, in, false, 0),
                 TORC_OK, "%s", torc_ctx_message(ctx));
    cr_expect_eq(out[0].rank, 1);
    cr_expect_eq(out[0].shape[0], SAMPLES);
    cr_expect_eq(memcmp(out[0].i64, expected, sizeof expected), 0);
    cr_expect_eq(memcmp(out[1].i64, in[1].i64, SAMPLES * sizeof(int64_t)), 0);
    cr_expect_eq(stats.overflows, outside, "%lu overflows, expected %lu",
                 (unsigned long)stats.overflows, (unsigned long)outside);
    cr_expect_eq(stats.samples, SAMPLES);
    cr_expect_eq(stats.lookups, 2 * SAMPLES);
    cr_expect_eq(saturated, 0);
    free_tensors(in, 2);
    free_tensors(out, 2);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}

/* At these parameters a lookup of 3 bits does not fail, and noise never shows in decoded outputs.
 */
Test(simulate, noise_within_the_margin_changes_no_answer)
{
    torc_circuit *circuit = sample_circuit();
    torc_tensor in[2] = {integers(2, 600, 2), integers(1, 600, 0)};
    torc_tensor exact[2] = {0};
    torc_tensor noisy[2] = {0};
    for (size_t s = 0; s < 600; s++) {
        in[0].i64[2 * s] = (int64_t)(s % 3);
    }
    cr_assert_eq(torc_simulate_circuit(NULL, exact, NULL, NULL, circuit, in, false, 0), TORC_OK);
    cr_assert_eq(torc_simulate_circuit(NULL, noisy, NULL, NULL, circuit, in, true, 5), TORC_OK);
    cr_expect_eq(memcmp(exact[0].i64, noisy[0].i64, 600 * sizeof(int64_t)), 0);
    free_tensors(in, 2);
    free_tensors(exact, 2);
    free_tensors(noisy, 2);
    torc_circuit_free(circuit);
}

/* A float input returned as it is: quantised to 4 bits of 0.5, decoded at a wide encoding with
 * noise far above its unit. */
static torc_circuit *float_circuit(void)
{
    torc_circuit *circuit = sample_open_circuit(50, false);
    sample_port_float(&circuit->spec.inputs[0], 0.5, -1.0);
    sample_port_float(&circuit->spec.outputs[0], 0.5, -1.0);
    build_input(&circuit->program, true, 0, 1);
    build_output(&circuit->program, true, 0, 1);
    return circuit;
}

Test(simulate, floats_are_scaled_and_saturation_is_counted)
{
    torc_circuit *circuit = float_circuit();
    const size_t shape[1] = {3};
    torc_tensor in[1];
    torc_tensor out[1] = {0};
    uint64_t saturated = 0;
    cr_assert_eq(torc_tensor_create(NULL, in, TORC_F64, 1, shape), TORC_OK);
    in[0].f64[0] = -1.4; /* below the range [-1, 6.5] */
    in[0].f64[1] = 1.6;
    in[0].f64[2] = 9;
    cr_assert_eq(torc_simulate_circuit(NULL, out, NULL, &saturated, circuit, in, false, 0),
                 TORC_OK);
    cr_expect_eq(out[0].dtype, TORC_F64);
    cr_expect_eq(out[0].f64[0], -1.0);
    cr_expect_eq(out[0].f64[1], 1.5);
    cr_expect_eq(out[0].f64[2], 6.5);
    cr_expect_eq(saturated, 2);
    free_tensors(in, 1);
    free_tensors(out, 1);
    torc_circuit_free(circuit);
}

Test(simulate, one_seed_gives_one_result)
{
    enum { SAMPLES = 700 };
    torc_circuit *circuit = float_circuit();
    const size_t shape[1] = {SAMPLES};
    torc_tensor in[1];
    torc_tensor out[3] = {0};
    const uint64_t seeds[3] = {1, 1, 2};
    cr_assert_eq(torc_tensor_create(NULL, in, TORC_F64, 1, shape), TORC_OK);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(torc_simulate_circuit(NULL, &out[i], NULL, NULL, circuit, in, true, seeds[i]),
                     TORC_OK);
    }
    cr_expect_eq(memcmp(out[0].f64, out[1].f64, SAMPLES * sizeof(double)), 0);
    cr_expect_neq(memcmp(out[0].f64, out[2].f64, SAMPLES * sizeof(double)), 0);
    cr_expect_neq(memcmp(out[0].f64, out[0].f64 + 512, 100 * sizeof(double)), 0,
                  "the parts of a batch have their own noise");
    free_tensors(in, 1);
    free_tensors(out, 3);
    torc_circuit_free(circuit);
}

Test(simulate, what_it_cannot_run_is_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_circuit *circuit = sample_virtual_circuit();
    torc_tensor in[2] = {integers(2, 3, 2), integers(1, 4, 0)};
    torc_tensor one[2] = {integers(1, 2, 0), integers(0, 0, 0)};
    torc_tensor out[2] = {0};
    cr_expect_eq(torc_simulate_circuit(ctx, out, NULL, NULL, circuit, in, false, 0), TORC_E_INPUT);
    cr_expect(strstr(torc_ctx_message(ctx), "input 'c': 4 samples, but 'x' has 3") != NULL, "%s",
              torc_ctx_message(ctx));
    in[0].i64[5] = 8;
    in[1].shape[0] = 3;
    cr_expect_eq(torc_simulate_circuit(ctx, out, NULL, NULL, circuit, in, false, 0), TORC_E_INPUT);
    cr_expect_eq(torc_simulate_circuit(ctx, out, NULL, NULL, circuit, one, true, 0),
                 TORC_E_UNSUPPORTED);
    cr_expect(strstr(torc_ctx_message(ctx), "--virtual") != NULL, "%s", torc_ctx_message(ctx));
    cr_expect_eq(torc_simulate_circuit(ctx, out, NULL, NULL, circuit, one, false, 0), TORC_OK);
    cr_expect_eq(out[0].rank, 1, "one sample without batch axis is a batch of one");
    cr_expect_eq(out[0].i64[0], -1); /* t(0) - t(1) */
    free_tensors(in, 2);
    free_tensors(one, 2);
    free_tensors(out, 2);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}
