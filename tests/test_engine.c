/* What each engine adds to the noise, what is claimed for both, and circuits that another engine
 * than their target would break. */
#include "frontend/optimize.h"
#include "frontend/torc_compile.h"
#include "kernels/kernels_cuda.h"
#include "runtime/noise_terms.h"
#include "runtime/security.h"
#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void expect_ratio(double found, double expected, double tolerance, const char *what)
{
    cr_expect(fabs(found / expected - 1.0) < tolerance, "%s: found %.10g, expected %.10g", what,
              found, expected);
}

/* Worked out from kernels/README.md: k = l = 1, N = 2048, g = 2, B = 2^21, n = 782, keys four
 * standard deviations heavy, the constant of kernels_cuda.h for this size, the factor 1.03 of
 * bundles and 10 % on top. */
Test(engine, grouped_noise_of_the_gpu_by_hand)
{
    const torc_params p = {1, 2048, 17, 782, 16, 0, 2, {21, 1}, {2, 7}};
    const double weight = 1024 + 2 * sqrt(2048);
    const double vb = 1.682903271e-29;
    const double key = 391 * 2 * 3 * 2.0 * 2048 * vb * (pow(2, 42) + 2) / 12;
    const double rounding = 391 * (1 + weight) * pow(2, -42) / 12;
    const double fft =
        391 * 1.03 * 6 * 1.1 * 0.0125 * pow(2, -106 + 42) * 2 * 2048 * 11 * (1 + weight);
    torc_noise noise;

    torc_noise_production_on(&noise, &p, TORC_ENGINE_CUDA);
    expect_ratio(noise.bootstrap, key + rounding + fft, 1e-6, "bootstrap");
}

/* The classic step: 32-bit words, n (1 + H) 2^-64 / 12 more than the CPU at the same constant. */
Test(engine, classic_noise_of_the_gpu_has_words)
{
    const torc_params p = {1, 2048, 17, 782, 16, 0, 1, {16, 2}, {2, 7}};
    const double words = 782 * (1 + 1024 + 2 * sqrt(2048)) * pow(2, -64) / 12;
    torc_noise cpu;
    torc_noise cuda;

    torc_noise_production_on(&cpu, &p, TORC_ENGINE_CPU);
    torc_noise_production_on(&cuda, &p, TORC_ENGINE_CUDA);
    expect_ratio(cuda.bootstrap - cpu.bootstrap, words, 1e-6, "words");
    cr_expect(cuda.bootstrap > 1.03 * cpu.bootstrap);
    cr_expect(cuda.fresh == cpu.fresh && cuda.keyswitch == cpu.keyswitch &&
              cuda.modulus_switch == cpu.modulus_switch);
}

/* Typical noise: production without heavy keys and margins; on the CPU what torc_noise_of says. */
Test(engine, typical_noise_of_both)
{
    const torc_params p = {1, 2048, 17, 782, 16, 0, 3, {22, 1}, {2, 7}};
    const torc_noise_keys half = {
        1024, 391, torc_gpu_fft_constant(&(torc_shape){.poly_size = 2048, .grouping = 3})};
    torc_noise found;
    torc_noise expected;

    torc_noise_typical_on(&found, &p, TORC_ENGINE_CUDA);
    expect_ratio(found.bootstrap, torc_variance_bootstrap(&p, &half), 1e-9, "cuda");
    torc_noise_of(&expected, &p, 1024, 391);
    cr_expect(found.bootstrap > expected.bootstrap && found.keyswitch == expected.keyswitch);
    torc_noise_typical_on(&found, &p, TORC_ENGINE_CPU);
    cr_expect_eq(memcmp(&found, &expected, sizeof found), 0);
}

/* Constants c of V_FFT that tests/slowgpu_rotate_noise.c measured on the kernels, the largest of
 * each size and g: production must have a tenth more. */
Test(engine, production_covers_what_the_kernels_measured)
{
    static const struct {
        uint32_t poly_size, grouping, extended_log2;
        double measured;
    } rows[] = {{256, 1, 0, 0.0110},  {4096, 1, 0, 0.0110}, {256, 2, 5, 0.0123},
                {4096, 2, 5, 0.0123}, {256, 3, 5, 0.0150},  {512, 3, 5, 0.0138},
                {1024, 3, 5, 0.0134}, {2048, 3, 5, 0.0129}, {4096, 3, 5, 0.0125},
                {2048, 3, 4, 0.0135}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const torc_params p = {.glwe_dim = 1,
                               .poly_size = rows[i].poly_size,
                               .lwe_dim = 600,
                               .extended_log2 = rows[i].extended_log2,
                               .grouping = rows[i].grouping,
                               .bootstrap = {16, 2}};
        const torc_noise_keys keys = torc_noise_keys_gpu(&p);
        cr_expect(keys.fft_constant >= 1.09 * rows[i].measured, "row %zu: %g", i,
                  keys.fft_constant);
    }
}

static uint32_t draw(uint64_t *state, uint32_t least, uint32_t most)
{
    return least + (uint32_t)(next_random(state) % (most - least + 1));
}

/* Random sets: the claim for the GPU is worse than its noise with ordinary keys and no margin, and
 * never better than the CPU's. */
Test(engine, claims_cover_typical_keys_of_random_sets)
{
    uint64_t state = 5;

    for (int i = 0; i < 3000; i++) {
        torc_params p = {.glwe_dim = draw(&state, 1, 4),
                         .poly_size = 256u << draw(&state, 0, 4),
                         .extended_log2 = draw(&state, 0, 5),
                         .grouping = draw(&state, 1, 3)};
        p.lwe_dim = draw(&state, 500, 1000) / p.grouping * p.grouping;
        p.bootstrap.level_count = draw(&state, 1, 3);
        p.bootstrap.base_log =
            draw(&state, 4, p.bootstrap.level_count == 1 ? 23 : 32 / p.bootstrap.level_count);
        p.keyswitch = (torc_gadget){draw(&state, 1, 4), draw(&state, 2, 8)};
        p.glwe_noise_log2 = torc_security_tuniform_log2(1024, 64);
        p.lwe_noise_log2 = torc_security_tuniform_log2(p.lwe_dim, 32);
        cr_assert(torc_engine_takes(TORC_ENGINE_CUDA, &p));

        torc_noise_keys keys = torc_noise_keys_gpu(&p);
        keys.big_weight = torc_params_big_dim(&p) / 2.0;
        keys.small_weight = p.lwe_dim / 2.0;
        keys.fft_constant /= 1.1;
        torc_noise typical;
        torc_noise_production(&typical, &p);
        typical.bootstrap = torc_variance_bootstrap(&p, &keys) + torc_variance_gpu_words(&p, &keys);
        typical.keyswitch = torc_variance_keyswitch(&p, &keys);

        const torc_noise_row row = {
            TORC_ROW_LOOKUP_EXACT, draw(&state, 1, 8), 0, draw(&state, 1, 64), 0, 100};
        const double odds = torc_rows_log2_failure(&row, 1, &typical);
        const torc_claim cuda = torc_claim_on(&row, 1, &p, TORC_ENGINE_CUDA);
        const torc_claim cpu = torc_claim_on(&row, 1, &p, TORC_ENGINE_CPU);
        cr_expect(cuda.log2_p_circuit >= odds, "set %d: %g, %g", i, cuda.log2_p_circuit, odds);
        cr_expect(cuda.log2_p_circuit >= cpu.log2_p_circuit, "set %d", i);
        cr_expect(cuda.log2_p_lookup >= cpu.log2_p_lookup, "set %d", i);
    }
}

Test(engine, limits_of_the_gpu)
{
    torc_params p = {1, 2048, 17, 782, 16, 0, 1, {16, 2}, {2, 7}};

    cr_expect(torc_engine_takes(TORC_ENGINE_CUDA, &p));
    p.bootstrap = (torc_gadget){17, 2};
    cr_expect(!torc_engine_takes(TORC_ENGINE_CUDA, &p) && torc_engine_takes(TORC_ENGINE_CPU, &p));
    p.bootstrap = (torc_gadget){8, 4};
    cr_expect(!torc_engine_takes(TORC_ENGINE_CUDA, &p));
    p.bootstrap = (torc_gadget){32, 1};
    cr_expect(!torc_engine_takes(TORC_ENGINE_CUDA, &p));
    p.lwe_dim = 0;
    cr_expect(torc_engine_takes(TORC_ENGINE_CUDA, &p), "no lookup, no gadget");
}

/* --- circuits --- */

/* (x0 + x1)^2 modulo 16, a lookup of `bits` + 1 bits. */
static torc_circuit *compile(torc_engine target, uint32_t bits, torc_profile profile)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_graph *g = new_graph();
    const torc_value x = input_i64(g, "x", SHAPE(2));
    const torc_value sum = torc_sum(g, x, NULL, 0, false);
    int64_t table[512];
    for (int64_t i = 0; i < 512; i++) {
        table[i] = i * i % 16;
    }
    torc_output(g, "y", torc_table_lookup(g, sum, table, (size_t)2 << bits));
    const int64_t most = (INT64_C(1) << bits) - 1;
    torc_tensor set = tensor_i64(SHAPE(2, 2), (int64_t[]){0, 0, most, most});
    const torc_options options = {.target = target, .profile = profile, .exact = true};
    torc_circuit *circuit = NULL;
    cr_assert_eq(torc_compile(ctx, &circuit, g, &set, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_tensor_free(&set);
    torc_graph_free(g);
    torc_ctx_free(ctx);
    return circuit;
}

/* Parameters for the GPU group key bits; the claim is at least what each engine that keeps the
 * bound does, and the bound is kept. */
Test(engine, compiled_claims)
{
    for (uint32_t i = 0; i < 24; i++) {
        const torc_engine target = i % 2 == 0 ? TORC_ENGINE_CPU : TORC_ENGINE_CUDA;
        const torc_profile profile = i / 2 % 2 == 0 ? TORC_PRIVATE : TORC_SHARED;
        torc_circuit *circuit = compile(target, 1 + i / 4, profile);
        const torc_spec *spec = &circuit->spec;
        const torc_claim own =
            torc_claim_on(circuit->rows, circuit->row_count, &spec->params, target);

        cr_expect_eq(torc_circuit_target(circuit), target, "circuit %u", i);
        cr_expect_eq(torc_circuit_check_engine(NULL, circuit, target), TORC_OK, "circuit %u", i);
        cr_expect(spec->log2_p_error_circuit >= own.log2_p_circuit, "circuit %u", i);
        cr_expect(spec->log2_p_error_lookup >= own.log2_p_lookup, "circuit %u", i);
        cr_expect(profile == TORC_PRIVATE ? spec->log2_p_error_circuit <= -40
                                          : spec->log2_p_error_lookup <= -128,
                  "circuit %u", i);
        cr_expect(target == TORC_ENGINE_CPU || spec->params.grouping >= 2 || i < 8,
                  "circuit %u: %u", i, spec->params.grouping);
        /* Narrow ones have room for both engines. */
        cr_expect(torc_circuit_check_engine(NULL, circuit, TORC_ENGINE_CPU) == TORC_OK,
                  "circuit %u", i);
        torc_circuit_free(circuit);
    }
}

/* A claim without the GPU's words is broken by them, and the message says by how much. */
Test(engine, an_engine_that_breaks_the_claim_is_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_circuit *circuit = compile(TORC_ENGINE_CPU, 2, TORC_PRIVATE);
    torc_spec *spec = &circuit->spec;
    spec->params = (torc_params){1, 2048, 17, 782, 16, 0, 1, {16, 2}, {2, 7}};
    for (uint32_t i = 0; i < circuit->row_count; i++) {
        circuit->rows[i].norm_sq_lookup = exp2(24); /* bootstrap noise alone counts */
        circuit->rows[i].norm_sq_fresh = 0;
    }
    const torc_claim cpu =
        torc_claim_on(circuit->rows, circuit->row_count, &spec->params, TORC_ENGINE_CPU);
    cr_assert(cpu.log2_p_circuit > -1000 && cpu.log2_p_circuit < -10, "%g", cpu.log2_p_circuit);
    spec->log2_p_error_circuit = cpu.log2_p_circuit;
    spec->log2_p_error_lookup = cpu.log2_p_lookup;

    cr_expect_eq(torc_circuit_check_engine(ctx, circuit, TORC_ENGINE_CPU), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_expect_eq(torc_circuit_check_engine(ctx, circuit, TORC_ENGINE_CUDA), TORC_E_UNSUPPORTED);
    cr_expect(strstr(torc_ctx_message(ctx), "compiled for the cpu") != NULL, "%s",
              torc_ctx_message(ctx));
    cr_expect(strstr(torc_ctx_message(ctx), "--target cuda") != NULL, "%s", torc_ctx_message(ctx));
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}

Test(engine, a_circuit_that_names_no_target_is_of_the_cpu)
{
    torc_circuit *circuit = compile(TORC_ENGINE_CUDA, 2, TORC_PRIVATE);
    char *report = circuit->report_json;
    static char *const others[] = {NULL, "{}", "{\"target\":7}", "{\"target\":\"abacus\"}", "{"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        circuit->report_json = others[i];
        cr_expect_eq(torc_circuit_target(circuit), TORC_ENGINE_CPU, "report %zu", i);
    }
    circuit->report_json = report;
    cr_expect_eq(torc_circuit_target(circuit), TORC_ENGINE_CUDA);
    torc_circuit_free(circuit);
}
