/* The whole way at production security, files included: a circuit compiled for the GPU, keys of
 * several bits a step, one encrypted sample. The noise that decides is that of real keys. */
#include "frontend/torc_compile.h"
#include "runtime/torc_client.h"
#include "runtime/torc_server.h"
#include "tests/common/folder.h"
#include "tests/engine_test.h"

#include <stdio.h>
#include <string.h>

static const int64_t squares[16] = {0, 1, 4, 9, 0, 9, 4, 1, 0, 1, 4, 9, 0, 9, 4, 1};

/* y = T(x0 + x1), z = T(x0): 4-bit tables. */
static torc_circuit *compile(torc_ctx *ctx)
{
    const size_t two = 2;
    int64_t set[8][2] = {{0, 0}, {7, 8}, {7, 7}, {3, 4}, {1, 8}, {0, 8}, {7, 0}, {5, 6}};
    const torc_tensor inputs = {.dtype = TORC_I64, .rank = 2, .shape = {8, 2}, .i64 = &set[0][0]};
    const torc_options options = {.exact = true, .target = TORC_ENGINE_CUDA};
    const torc_slice first = {.start = 0, .drop = true};
    const torc_slice second = {.start = 1, .drop = true};
    torc_graph *g = NULL;
    torc_circuit *circuit = NULL;
    cr_assert_eq(torc_graph_create(ctx, &g), TORC_OK);
    const torc_value x = torc_input(g, "x", true, TORC_I64, 1, &two);
    const torc_value a = torc_index(g, x, &first, 1);
    const torc_value sum = torc_add(g, a, torc_index(g, x, &second, 1));
    torc_output(g, "y", torc_table_lookup(g, sum, squares, 16));
    torc_output(g, "z", torc_table_lookup(g, a, squares, 16));
    cr_assert_eq(torc_compile(ctx, &circuit, g, &inputs, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_graph_free(g);
    return circuit;
}

/* What each side holds, read back from its files. */
typedef struct files {
    torc_circuit *circuit;
    torc_evaluation_keys *keys;
    torc_ciphertexts *in;
} files;

static torc_secret_key *client(torc_ctx *ctx, const torc_circuit *circuit, files *f)
{
    int64_t sample[2] = {6, 5};
    const torc_tensor x = {.dtype = TORC_I64, .rank = 2, .shape = {1, 2}, .i64 = sample};
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    torc_ciphertexts *in = NULL;
    cr_assert_eq(torc_keygen(ctx, &secret, &keys, &circuit->spec, 0), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_assert_eq(torc_encrypt(ctx, &in, NULL, &circuit->spec, secret, &x, 0), TORC_OK);
    cr_assert_eq(torc_circuit_save(ctx, circuit, folder_path("m.torc")), TORC_OK);
    cr_assert_eq(torc_evk_save(ctx, keys, folder_path("me.evk")), TORC_OK);
    cr_assert_eq(torc_ciphertexts_save(ctx, in, folder_path("x.ct")), TORC_OK);
    torc_evk_free(keys);
    torc_ciphertexts_free(in);
    cr_assert_eq(torc_circuit_load(ctx, &f->circuit, folder_path("m.torc")), TORC_OK);
    cr_assert_eq(torc_evk_load(ctx, &f->keys, folder_path("me.evk")), TORC_OK);
    cr_assert_eq(torc_ciphertexts_load(ctx, &f->in, folder_path("x.ct")), TORC_OK);
    return secret;
}

Test(engine_production, a_circuit_for_the_gpu_runs_on_it, .fini = folder_remove)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_server *server = NULL;
    torc_ciphertexts *result = NULL;
    torc_tensor out[2];
    files f = {0};
    ENGINE_NEEDS_DEVICE();
    torc_circuit *circuit = compile(ctx);
    cr_expect_gt(circuit->spec.params.grouping, 1);
    torc_secret_key *secret = client(ctx, circuit, &f);
    cr_assert_eq(torc_server_open(ctx, &server, f.circuit, f.keys, torc_gpus_name(), 1, 0), TORC_OK,
                 "%s", torc_ctx_message(ctx));
    cr_assert_eq(torc_server_run(ctx, server, &result, NULL, f.in), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_expect_eq(torc_server_fallbacks(server), 0);
    cr_assert_eq(torc_decrypt(ctx, out, &circuit->spec, secret, result), TORC_OK);
    cr_expect_eq(out[0].i64[0], squares[11]);
    cr_expect_eq(out[1].i64[0], squares[6]);
    torc_tensor_free(&out[0]);
    torc_tensor_free(&out[1]);
    torc_server_close(server);
    torc_ciphertexts_free(result);
    torc_ciphertexts_free(f.in);
    torc_evk_free(f.keys);
    torc_circuit_free(f.circuit);
    torc_circuit_free(circuit);
    torc_secret_key_free(secret);
    torc_ctx_free(ctx);
}

/* And refused where its claim does not hold. */
Test(engine_production, the_cpu_says_for_whom_it_was_compiled)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_server *server = NULL;
    torc_evaluation_keys *keys = NULL;
    torc_secret_key *secret = NULL;
    torc_circuit *circuit = compile(ctx);
    cr_assert_eq(torc_keygen(ctx, &secret, &keys, &circuit->spec, 0), TORC_OK);
    const torc_status s = torc_server_open(ctx, &server, circuit, keys, "cpu", 1, 0);
    if (s != TORC_OK) { /* a CPU engine that takes several bits a step may keep the claim */
        cr_expect_eq(s, TORC_E_UNSUPPORTED);
        cr_expect(strstr(torc_ctx_message(ctx), "for the cpu") != NULL ||
                      strstr(torc_ctx_message(ctx), "--target cpu") != NULL,
                  "%s", torc_ctx_message(ctx));
    }
    torc_server_close(server);
    torc_evk_free(keys);
    torc_secret_key_free(secret);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}
