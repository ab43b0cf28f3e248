/* Random op-graphs in the clear: the graph's own evaluation equals the compiled program's
 * simulation whenever the simulator counts no overflow. Inputs go outside the inputset (within
 * their widths). */
#include "frontend/graph.h"
#include "runtime/torc_server.h"
#include "tests/common/random_graph.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define GRAPHS  300
#define SAMPLES 16

typedef struct tally {
    int compared, overflowed, refused;
} tally;

/* Outputs of sample s by direct evaluation equal the simulated ones. */
static void compare_sample(torc_ctx *ctx, const random_graph *g, const torc_tensor *inputs,
                           const torc_tensor *outputs, size_t s, uint64_t seed)
{
    torc_tensor sample[3] = {0};
    torc_tensor *values = NULL;
    for (uint32_t i = 0; i < g->input_count; i++) {
        cr_assert_eq(torc_tensor_create(ctx, &sample[i], TORC_I64, 1, (size_t[]){4}), TORC_OK);
        for (size_t e = 0; e < 4; e++) {
            sample[i].i64[e] = inputs[i].i64[s * 4 + e];
        }
    }
    cr_assert_eq(torc_graph_eval(ctx, &values, g->graph, sample), TORC_OK, "seed %lu: %s", seed,
                 torc_ctx_message(ctx));
    for (uint32_t o = 0; o < g->graph->output_count; o++) {
        const torc_tensor *expected = &values[g->graph->outputs[o].node];
        const size_t count = torc_tensor_count(expected);
        for (size_t e = 0; e < count; e++) {
            cr_expect_eq(outputs[o].i64[s * count + e], expected->i64[e],
                         "seed %lu output %u element %zu: simulated %ld, clear %ld", seed, o, e,
                         outputs[o].i64[s * count + e], expected->i64[e]);
        }
    }
    for (uint32_t id = 0; id < g->graph->node_count; id++) {
        torc_tensor_free(&values[id]);
    }
    free(values);
    for (uint32_t i = 0; i < g->input_count; i++) {
        torc_tensor_free(&sample[i]);
    }
}

static void simulate_one_by_one(torc_ctx *ctx, const random_graph *g, const torc_circuit *circuit,
                                uint64_t seed, tally *t)
{
    for (size_t s = 0; s < SAMPLES; s++) {
        torc_tensor inputs[3] = {0};
        torc_tensor outputs[8] = {0};
        torc_run_stats stats;
        cr_assert_eq(random_graph_inputs(ctx, inputs, g, 1, seed * 1000 + s), TORC_OK);
        const torc_status status =
            torc_simulate_circuit(ctx, outputs, &stats, NULL, circuit, inputs, false, 0);
        /* an input wider than the inputset showed is refused: that sample has nothing to compare */
        t->refused += status != TORC_OK;
        t->overflowed += status == TORC_OK && stats.overflows != 0;
        if (status == TORC_OK && stats.overflows == 0) {
            compare_sample(ctx, g, inputs, outputs, 0, seed);
            t->compared++;
        }
        for (uint32_t i = 0; i < 8; i++) {
            torc_tensor_free(&outputs[i]);
        }
        for (uint32_t i = 0; i < g->input_count; i++) {
            torc_tensor_free(&inputs[i]);
        }
    }
}

Test(random_graphs, simulation_equals_clear_evaluation)
{
    torc_ctx *ctx = torc_ctx_create();
    tally t = {0};
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        random_graph g;
        torc_circuit *circuit = NULL;
        const torc_options options = {.exact = true, .is_virtual = true};
        cr_assert_eq(random_graph_create(ctx, &g, seed, 14, 6), TORC_OK, "seed %lu: %s", seed,
                     torc_ctx_message(ctx));
        cr_assert_eq(torc_compile(ctx, &circuit, g.graph, g.inputset, &options), TORC_OK,
                     "seed %lu: %s", seed, torc_ctx_message(ctx));
        simulate_one_by_one(ctx, &g, circuit, seed, &t);
        torc_circuit_free(circuit);
        random_graph_free(&g);
    }
    cr_log_info("compared %d, overflowed %d, refused %d", t.compared, t.overflowed, t.refused);
    cr_expect_geq(t.compared, GRAPHS * SAMPLES / 2, "too few samples compared: %d", t.compared);
    torc_ctx_free(ctx);
}
