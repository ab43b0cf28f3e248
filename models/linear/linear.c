/* The smallest circuit: linear_model(x) = w @ x + b on an encrypted x, with the public API only. */
#include "frontend/torc_compile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static torc_value linear_model(torc_graph *g, torc_value x)
{
    const int64_t w[] = {2};
    const int64_t b = 2;
    const size_t shape[] = {1};
    const torc_value weights = torc_constant_i64(g, w, 1, shape);
    return torc_add(g, torc_matmul(g, weights, x), torc_scalar_i64(g, b));
}

static torc_status trace(torc_ctx *ctx, torc_graph **graph)
{
    const size_t shape[] = {1};
    const torc_status s = torc_graph_create(ctx, graph);
    if (s != TORC_OK) {
        return s;
    }
    torc_value x = torc_input(*graph, "x", true, TORC_I64, 1, shape);
    torc_output(*graph, "y", linear_model(*graph, x));
    return torc_graph_status(ctx, *graph);
}

static torc_status compile(torc_ctx *ctx, torc_circuit **circuit, const torc_graph *graph)
{
    int64_t samples[] = {0, 1, 2, 3}; /* arange(0, 4).reshape(-1, 1) */
    const torc_tensor inputset = {.dtype = TORC_I64, .rank = 2, .shape = {4, 1}, .i64 = samples};
    const torc_options options = {.name = "linear_model"};
    return torc_compile(ctx, circuit, graph, &inputset, &options);
}

static torc_status simulate(torc_ctx *ctx, const torc_circuit *circuit, const torc_tensor *x)
{
    torc_tensor y = {0};
    const torc_status s = torc_simulate(ctx, &y, circuit, x);
    if (s == TORC_OK) {
        printf("simulated: %" PRId64 "\n", y.i64[0]);
        torc_tensor_free(&y);
    }
    return s;
}

static torc_status run_encrypted(torc_ctx *ctx, const torc_circuit *circuit, const torc_tensor *x)
{
    torc_session *session = NULL;
    torc_tensor y = {0};
    torc_status s = torc_session_create(ctx, &session, circuit);
    if (s == TORC_OK) {
        s = torc_encrypt_run_decrypt(ctx, &y, session, x);
    }
    if (s == TORC_OK) {
        printf("encrypted: %" PRId64 "\n", y.i64[0]);
    }
    torc_tensor_free(&y);
    torc_session_free(session);
    return s;
}

int main(void)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_graph *graph = NULL;
    torc_circuit *circuit = NULL;
    int64_t three[] = {3};
    const torc_tensor x = {.dtype = TORC_I64, .rank = 1, .shape = {1}, .i64 = three};
    torc_status s = trace(ctx, &graph);
    if (s == TORC_OK) {
        s = compile(ctx, &circuit, graph);
    }
    if (s == TORC_OK) {
        printf("%s", circuit->graph_text);
        printf("Max bit_width =  %" PRIu32 "\n", torc_maximum_integer_bit_width(circuit));
        s = simulate(ctx, circuit, &x);
    }
    if (s == TORC_OK) {
        s = run_encrypted(ctx, circuit, &x);
    }
    if (s != TORC_OK) {
        (void)fprintf(stderr, "linear: %s\n", torc_ctx_message(ctx));
    }
    torc_circuit_free(circuit);
    torc_graph_free(graph);
    torc_ctx_free(ctx);
    return torc_status_exit_code(s);
}
