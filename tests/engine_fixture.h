/* The small circuit of tests/common/sample_circuit.h under toy keys, with a batch of encrypted
 * samples and what they must decrypt to. */
#ifndef TESTS_ENGINE_FIXTURE_H
#define TESTS_ENGINE_FIXTURE_H

#include "runtime/torc_client.h"
#include "runtime/torc_server.h"
#include "tests/common/sample_circuit.h"
#include "tests/common/toy_params.h"
#include "tests/engine_test.h"

#include <stdio.h>

enum { FIXTURE_SAMPLES = 5 };

typedef struct fixture {
    torc_ctx *ctx;
    torc_circuit *circuit;
    torc_secret_key *secret;
    torc_evaluation_keys *keys;
    torc_ciphertexts *in;
} fixture;

static inline torc_tensor fixture_tensor(uint32_t rank, size_t rows, size_t columns)
{
    torc_tensor t;
    const size_t shape[2] = {rows, columns};
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_I64, rank, shape), TORC_OK);
    return t;
}

static inline int64_t fixture_x(size_t sample, int which)
{
    return (int64_t)((which == 0 ? sample + 11 : (sample + 11) / 8) % 8);
}

static inline int64_t fixture_c(size_t sample)
{
    return (int64_t)(sample % 5) - 3;
}

static inline fixture fixture_make(torc_params params)
{
    fixture f = {.ctx = torc_ctx_create(), .circuit = sample_circuit()};
    torc_tensor in[2] = {fixture_tensor(2, FIXTURE_SAMPLES, 2),
                         fixture_tensor(1, FIXTURE_SAMPLES, 0)};
    f.circuit->spec.params = params;
    cr_assert_eq(torc_circuit_identify(f.ctx, f.circuit), TORC_OK);
    cr_assert_eq(torc_keygen(f.ctx, &f.secret, &f.keys, &f.circuit->spec, 0), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    for (size_t s = 0; s < FIXTURE_SAMPLES; s++) {
        in[0].i64[2 * s] = fixture_x(s, 0);
        in[0].i64[2 * s + 1] = fixture_x(s, 1);
        in[1].i64[s] = fixture_c(s);
    }
    cr_assert_eq(torc_encrypt(f.ctx, &f.in, NULL, &f.circuit->spec, f.secret, in, 0), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    torc_tensor_free(&in[0]);
    torc_tensor_free(&in[1]);
    return f;
}

static inline void fixture_free(fixture *f)
{
    torc_ciphertexts_free(f->in);
    torc_secret_key_free(f->secret);
    torc_evk_free(f->keys);
    torc_circuit_free(f->circuit);
    torc_ctx_free(f->ctx);
}

/* "cuda:0", "emu:0,1". */
typedef struct device_name {
    char text[32];
} device_name;

static inline device_name fixture_device(const char *numbers)
{
    device_name name;
    (void)snprintf(name.text, sizeof name.text, "%s%s", torc_gpus_name(), numbers);
    return name;
}

/* Every answer is that of the definition. */
static inline void fixture_expect(const fixture *f, const torc_ciphertexts *result)
{
    torc_tensor out[2];
    cr_assert_eq(torc_decrypt(f->ctx, out, &f->circuit->spec, f->secret, result), TORC_OK, "%s",
                 torc_ctx_message(f->ctx));
    for (size_t s = 0; s < FIXTURE_SAMPLES; s++) {
        uint64_t outside = 0;
        const int64_t y =
            sample_circuit_answer(fixture_x(s, 0), fixture_x(s, 1), fixture_c(s), &outside);
        cr_expect_eq(out[0].i64[s], y, "sample %zu: %ld, not %ld", s, out[0].i64[s], y);
        cr_expect_eq(out[1].i64[s], fixture_c(s));
    }
    torc_tensor_free(&out[0]);
    torc_tensor_free(&out[1]);
}

/* Opens, runs, checks, closes. */
static inline void fixture_run(const fixture *f, const char *device, size_t capacity)
{
    torc_server *server = NULL;
    torc_ciphertexts *result = NULL;
    cr_assert_eq(torc_server_open(f->ctx, &server, f->circuit, f->keys, device, capacity, 0),
                 TORC_OK, "%s", torc_ctx_message(f->ctx));
    cr_assert_eq(torc_server_run(f->ctx, server, &result, NULL, f->in), TORC_OK, "%s",
                 torc_ctx_message(f->ctx));
    fixture_expect(f, result);
    torc_ciphertexts_free(result);
    torc_server_close(server);
}

#endif
