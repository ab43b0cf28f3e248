/* The noisy simulator against real ciphertexts: standard deviation of every instruction's slots and
 * the rate of flipped lookups, on the digits perceptron and on a graph with correlated sources.
 * Intervals: variance ratio within 25 % (about 5 sigma of 1,500 slots that share sources), flips
 * within 5 sigma of their own count. */
#include "frontend/torc_compile.h"
#include "tests/common/random_graph.h"
#include "tests/common/slot_stats.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DIGITS    TORC_SOURCE_DIR "/models/digits_mlp/"
#define REAL      24  /* encrypted samples */
#define SIMULATED 480 /* simulated samples */
#define VARIANCE  0.25

static torc_ctx *ctx;

static torc_tensor first_samples(const torc_tensor *all, size_t samples)
{
    torc_tensor view = *all;
    view.shape[0] = samples;
    return view;
}

static void compare(const torc_circuit *circuit, const slot_stats *real, const slot_stats *sim,
                    const char *name)
{
    for (uint32_t i = 0; i < real->instr_count; i++) {
        const bool lookup = circuit->program.instrs[i].kind == TORC_INSTR_LOOKUP;
        const double ratio = slot_variance(real, i) / slot_variance(sim, i);
        const double expected = sim->flips[i] / sim->count[i] * real->count[i];
        printf("%s instruction %u (%s): std real 2^%.2f simulated 2^%.2f, flips real %.0f of %.0f, "
               "simulated rate gives %.1f\n",
               name, i, lookup ? "lookup" : "linear", log2(slot_variance(real, i)) / 2,
               log2(slot_variance(sim, i)) / 2, real->flips[i], real->count[i], expected);
        cr_expect_float_eq(ratio, 1, VARIANCE, "%s instruction %u: variance ratio %.3f", name, i,
                           ratio);
        cr_expect_float_eq(real->flips[i], expected, 5 * sqrt(expected) + 3,
                           "%s instruction %u: %.0f flips, expected %.1f", name, i, real->flips[i],
                           expected);
    }
}

static void measure(const torc_circuit *circuit, const torc_tensor *inputs, const char *name)
{
    slot_stats real;
    slot_stats sim;
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    const torc_tensor few = first_samples(inputs, REAL);
    const torc_tensor many = first_samples(inputs, SIMULATED);
    cr_assert_eq(slot_stats_create(ctx, &real, circuit), TORC_OK);
    cr_assert_eq(slot_stats_create(ctx, &sim, circuit), TORC_OK);
    cr_assert_eq(torc_keygen(ctx, &secret, &keys, &circuit->spec, 0), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_assert_eq(slot_stats_run(ctx, &real, circuit, &few, secret, keys, 0), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_assert_eq(slot_stats_run(ctx, &sim, circuit, &many, NULL, NULL, 7), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    compare(circuit, &real, &sim, name);
    torc_evk_free(keys);
    torc_secret_key_free(secret);
    slot_stats_free(&real);
    slot_stats_free(&sim);
}

Test(simulator, noise_on_digits_is_that_of_ciphertexts, .timeout = 900)
{
    torc_graph *g = NULL;
    torc_circuit *circuit = NULL;
    torc_tensor set = {0};
    torc_tensor inputs = {0};
    ctx = torc_ctx_create();
    cr_assert_eq(torc_import_onnx(ctx, &g, DIGITS "digits_mlp.onnx", NULL), TORC_OK);
    cr_assert_eq(torc_npy_load(ctx, &set, DIGITS "inputset.npy"), TORC_OK);
    cr_assert_eq(torc_npy_load(ctx, &inputs, DIGITS "test_inputs.npy"), TORC_OK);
    cr_assert_eq(torc_compile(ctx, &circuit, g, &set, NULL), TORC_OK, "%s", torc_ctx_message(ctx));
    measure(circuit, &inputs, "digits");
    torc_circuit_free(circuit);
    torc_graph_free(g);
    torc_tensor_free(&set);
    torc_tensor_free(&inputs);
    torc_ctx_free(ctx);
}

/* y = T(x); z = 3 y + y[shifted] - y: every output element meets the same sources several times. */
static torc_graph *correlated_graph(size_t count)
{
    torc_graph *g = NULL;
    const int64_t table[16] = {0, 1, 1, 2, 3, 0, 2, 1, 0, 3, 1, 2, 2, 0, 1, 3};
    const int64_t copy[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                              16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    cr_assert_eq(torc_graph_create(ctx, &g), TORC_OK);
    const torc_value x = torc_input(g, "x", true, TORC_I64, 1, &count);
    const torc_value y = torc_table_lookup(g, x, table, 16);
    const torc_slice head = {.start = 0, .stop = 1, .step = 1};
    const torc_slice tail = {.start = 1, .stop = INT64_MAX, .step = 1};
    const torc_value parts[2] = {torc_index(g, y, &tail, 1), torc_index(g, y, &head, 1)};
    const torc_value turned = torc_concat(g, parts, 2, 0);
    const torc_value thrice = torc_mul(g, y, torc_scalar_i64(g, 3));
    const torc_value sum = torc_sub(g, torc_add(g, torc_add(g, thrice, turned), turned), y);
    torc_output(g, "z", torc_table_lookup(g, sum, copy, 16));
    return g;
}

Test(simulator, noise_of_correlated_sources_is_that_of_ciphertexts, .timeout = 600)
{
    enum { COUNT = 64 };
    uint64_t state = 11;
    torc_tensor inputs = {0};
    torc_circuit *circuit = NULL;
    ctx = torc_ctx_create();
    torc_graph *g = correlated_graph(COUNT);
    cr_assert_eq(torc_tensor_create(ctx, &inputs, TORC_I64, 2, (size_t[]){SIMULATED, COUNT}),
                 TORC_OK);
    for (size_t i = 0; i < SIMULATED * COUNT; i++) {
        inputs.i64[i] = (int64_t)(random_next(&state) % 16);
    }
    const torc_options options = {.exact = true};
    cr_assert_eq(torc_compile(ctx, &circuit, g, &inputs, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    measure(circuit, &inputs, "correlated");
    torc_circuit_free(circuit);
    torc_graph_free(g);
    torc_tensor_free(&inputs);
    torc_ctx_free(ctx);
}
