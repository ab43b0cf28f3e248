/* Random op-graphs encrypted at production security: decrypted results equal the simulator's,
 * always, overflows included (exact contract). */
#include "frontend/graph.h"
#include "runtime/torc_server.h"
#include "tests/common/random_graph.h"

#include <criterion/criterion.h>

#define GRAPHS  16
#define SAMPLES 4

static void expect_equal(const torc_tensor *a, const torc_tensor *b, uint64_t seed, uint32_t output)
{
    cr_assert_eq(torc_tensor_count(a), torc_tensor_count(b));
    for (size_t e = 0; e < torc_tensor_count(a); e++) {
        cr_expect_eq(a->i64[e], b->i64[e], "seed %lu output %u element %zu: %ld and %ld", seed,
                     output, e, a->i64[e], b->i64[e]);
    }
}

static void run_encrypted(torc_ctx *ctx, const torc_circuit *circuit, const random_graph *g,
                          uint64_t seed)
{
    torc_session *session = NULL;
    torc_tensor inputs[3] = {0};
    torc_tensor simulated[8] = {0};
    torc_tensor decrypted[8] = {0};
    cr_assert_eq(random_graph_inputs(ctx, inputs, g, SAMPLES, seed * 77), TORC_OK);
    if (torc_simulate(ctx, simulated, circuit, inputs) == TORC_OK) {
        cr_assert_eq(torc_session_create(ctx, &session, circuit), TORC_OK, "seed %lu: %s", seed,
                     torc_ctx_message(ctx));
        cr_assert_eq(torc_encrypt_run_decrypt(ctx, decrypted, session, inputs), TORC_OK,
                     "seed %lu: %s", seed, torc_ctx_message(ctx));
        for (uint32_t o = 0; o < g->graph->output_count; o++) {
            expect_equal(&decrypted[o], &simulated[o], seed, o);
        }
    }
    for (uint32_t i = 0; i < 8; i++) {
        torc_tensor_free(&simulated[i]);
        torc_tensor_free(&decrypted[i]);
    }
    for (uint32_t i = 0; i < g->input_count; i++) {
        torc_tensor_free(&inputs[i]);
    }
    torc_session_free(session);
}

Test(random_graphs, encrypted_equals_simulated)
{
    torc_ctx *ctx = torc_ctx_create();
    for (uint64_t seed = 1001; seed < 1001 + GRAPHS; seed++) {
        random_graph g;
        torc_circuit *circuit = NULL;
        const torc_options options = {.exact = true};
        cr_assert_eq(random_graph_create(ctx, &g, seed, 12, 4), TORC_OK);
        cr_assert_eq(torc_compile(ctx, &circuit, g.graph, g.inputset, &options), TORC_OK,
                     "seed %lu: %s", seed, torc_ctx_message(ctx));
        run_encrypted(ctx, circuit, &g, seed);
        torc_circuit_free(circuit);
        random_graph_free(&g);
    }
    torc_ctx_free(ctx);
}
