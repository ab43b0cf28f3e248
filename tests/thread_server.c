/* A batch through the CPU backend: any number of threads gives the same ciphertexts, bit for bit,
 * and two servers side by side share circuit and keys. For the thread sanitizer: plain main. */
#include "runtime/torc_client.h"
#include "runtime/torc_server.h"
#include "tests/common/check.h"
#include "tests/common/sample_circuit.h"

#include <omp.h>
#include <pthread.h>
#include <string.h>

enum { SAMPLES = 17, MAX_THREADS = 3 }; /* enough for every parallel loop to be one */

typedef struct run {
    const torc_circuit *circuit;
    const torc_evaluation_keys *keys;
    const torc_ciphertexts *in;
    uint32_t threads;
    torc_ciphertexts *out;
} run;

static void *server_run(void *user)
{
    run *r = user;
    torc_ctx *ctx = torc_ctx_create();
    torc_server *server = NULL;
    omp_set_num_threads((int)r->threads);
    CHECK(ctx,
          torc_server_open(ctx, &server, r->circuit, r->keys, "cpu", 0, r->threads) == TORC_OK);
    CHECK(ctx, torc_server_run(ctx, server, &r->out, NULL, r->in) == TORC_OK);
    torc_server_close(server);
    torc_ctx_free(ctx);
    return NULL;
}

static bool is_same(const torc_ciphertexts *a, const torc_ciphertexts *b)
{
    const size_t bytes =
        a->samples * a->parts[0].count * ((size_t)a->big_dim + 1) * sizeof(uint64_t);
    return a->parts[0].form == TORC_CT_FULL && b->parts[0].form == TORC_CT_FULL &&
           memcmp(a->parts[0].word, b->parts[0].word, bytes) == 0;
}

static void check_answers(torc_ctx *ctx, const torc_circuit *circuit, const torc_secret_key *secret,
                          const torc_ciphertexts *out, const torc_tensor *inputs)
{
    torc_tensor outputs[2];
    uint64_t outside = 0;
    CHECK(ctx, torc_decrypt(ctx, outputs, &circuit->spec, secret, out) == TORC_OK);
    for (size_t s = 0; s < SAMPLES; s++) {
        const int64_t *x = inputs[0].i64 + 2 * s;
        CHECK(ctx,
              outputs[0].i64[s] == sample_circuit_answer(x[0], x[1], inputs[1].i64[s], &outside));
    }
    torc_tensor_free(&outputs[0]);
    torc_tensor_free(&outputs[1]);
}

static void fill_inputs(torc_ctx *ctx, torc_tensor inputs[2])
{
    CHECK(ctx, torc_tensor_create(ctx, &inputs[0], TORC_I64, 2, (size_t[]){SAMPLES, 2}) == TORC_OK);
    CHECK(ctx, torc_tensor_create(ctx, &inputs[1], TORC_I64, 1, (size_t[]){SAMPLES}) == TORC_OK);
    for (size_t s = 0; s < SAMPLES; s++) {
        inputs[0].i64[2 * s] = (int64_t)s % 4;
        inputs[0].i64[2 * s + 1] = (int64_t)s / 4 % 3;
        inputs[1].i64[s] = (int64_t)s % 2;
    }
}

int main(void)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_circuit *circuit = sample_circuit();
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    torc_ciphertexts *in = NULL;
    torc_tensor inputs[2];
    run runs[MAX_THREADS];
    fill_inputs(ctx, inputs);
    CHECK(ctx, torc_keygen(ctx, &secret, &keys, &circuit->spec, 0) == TORC_OK);
    CHECK(ctx, torc_encrypt(ctx, &in, NULL, &circuit->spec, secret, inputs, 0) == TORC_OK);
    for (uint32_t i = 0; i < MAX_THREADS; i++) {
        runs[i] = (run){circuit, keys, in, i + 1, NULL};
    }
    pthread_t beside;
    CHECK(ctx, pthread_create(&beside, NULL, server_run, &runs[0]) == 0);
    server_run(&runs[1]);
    pthread_join(beside, NULL);
    server_run(&runs[2]);
    check_answers(ctx, circuit, secret, runs[0].out, inputs);
    CHECK(ctx, is_same(runs[0].out, runs[1].out) && is_same(runs[0].out, runs[2].out));

    for (uint32_t i = 0; i < MAX_THREADS; i++) {
        torc_ciphertexts_free(runs[i].out);
    }
    torc_tensor_free(&inputs[0]);
    torc_tensor_free(&inputs[1]);
    torc_ciphertexts_free(in);
    torc_evk_free(keys);
    torc_secret_key_free(secret);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
    return 0;
}
