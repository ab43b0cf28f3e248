/* Whole compiled circuits on the CUDA backend under toy keys: the digits network level by level
 * within its predicted noise, random integer graphs with the simulator's answers. */
#include "frontend/graph.h"
#include "frontend/torc_compile.h"
#include "frontend/verify.h"
#include "tests/common/random_graph.h"
#include "tests/common/toy_params.h"
#include "tests/common/weak_security.h"
#include "tests/engine_test.h"

#define DIGITS TORC_SOURCE_DIR "/models/digits_mlp/"

enum { DIGITS_SAMPLES = 2, GRAPHS = 6, GRAPH_SAMPLES = 3 };

static void take_params(torc_circuit *circuit, torc_params params)
{
    if (torc_params_has_lookup(&circuit->spec.params)) {
        circuit->spec.params = params;
        cr_assert_eq(torc_circuit_identify(NULL, circuit), TORC_OK);
    }
}

static torc_verify_report verify(torc_ctx *ctx, const torc_circuit *circuit,
                                 const torc_tensor *inputs)
{
    const torc_verify_options options = {.device = torc_gpus_name()};
    torc_verify_report report;
    cr_assert_eq(torc_verify(ctx, &report, circuit, inputs, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_expect_eq(report.mismatches, 0, "%s", report.first);
    return report;
}

Test(engine_models, the_digits_network_stays_within_its_predicted_noise)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_graph *g = NULL;
    torc_circuit *circuit = NULL;
    torc_tensor set;
    torc_tensor test;
    const torc_options options = {0};
    ENGINE_NEEDS_DEVICE();
    cr_assert_eq(torc_import_onnx(ctx, &g, DIGITS "digits_mlp.onnx", NULL), TORC_OK);
    cr_assert_eq(torc_npy_load(ctx, &set, DIGITS "inputset.npy"), TORC_OK);
    cr_assert_eq(torc_npy_load(ctx, &test, DIGITS "test_inputs.npy"), TORC_OK);
    cr_assert_eq(torc_compile(ctx, &circuit, g, &set, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    take_params(circuit, toy_params(1, 1024, 8, 2, 0));
    test.shape[0] = DIGITS_SAMPLES;
    const torc_verify_report r = verify(ctx, circuit, &test);
    cr_expect_gt(r.lookups, 100);
    cr_expect_gt(r.worst_sigmas, 0.5);
    torc_tensor_free(&set);
    torc_tensor_free(&test);
    torc_circuit_free(circuit);
    torc_graph_free(g);
    torc_ctx_free(ctx);
}

static void run_graph(torc_ctx *ctx, uint64_t seed)
{
    random_graph g;
    torc_circuit *circuit = NULL;
    torc_tensor inputs[3] = {0};
    torc_tensor simulated[8] = {0};
    const torc_options options = {.exact = true};
    cr_assert_eq(random_graph_create(ctx, &g, seed, 12, 4), TORC_OK);
    cr_assert_eq(torc_compile(ctx, &circuit, g.graph, g.inputset, &options), TORC_OK,
                 "seed %lu: %s", seed, torc_ctx_message(ctx));
    take_params(circuit, toy_params(1, 1024, 6, 3, 0));
    cr_assert_eq(random_graph_inputs(ctx, inputs, &g, GRAPH_SAMPLES, seed * 77), TORC_OK);
    if (torc_simulate(ctx, simulated, circuit, inputs) == TORC_OK) {
        (void)verify(ctx, circuit, inputs);
    }
    for (uint32_t i = 0; i < 8; i++) {
        torc_tensor_free(&simulated[i]);
    }
    for (uint32_t i = 0; i < g.input_count; i++) {
        torc_tensor_free(&inputs[i]);
    }
    torc_circuit_free(circuit);
    random_graph_free(&g);
}

Test(engine_models, random_graphs_give_the_answers_of_the_simulator)
{
    torc_ctx *ctx = torc_ctx_create();
    ENGINE_NEEDS_DEVICE();
    for (uint64_t seed = 2001; seed < 2001 + GRAPHS; seed++) {
        run_graph(ctx, seed);
    }
    torc_ctx_free(ctx);
}
