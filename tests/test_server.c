/* The server on real ciphertexts: right answers, batches larger than what it holds, and every file
 * that does not belong refused. */
#include "runtime/torc_client.h"
#include "runtime/torc_server.h"
#include "tests/common/folder.h"
#include "tests/common/program_builder.h"
#include "tests/common/sample_circuit.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    torc_ctx *ctx;
    torc_circuit *circuit;
    torc_secret_key *secret;
    torc_evaluation_keys *keys;
} fixture;

static fixture make_fixture(torc_circuit *circuit)
{
    fixture f = {.ctx = torc_ctx_create(), .circuit = circuit};
    cr_assert_eq(torc_keygen(f.ctx, &f.secret, &f.keys, &f.circuit->spec, 0), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    return f;
}

static void free_fixture(fixture *f)
{
    torc_secret_key_free(f->secret);
    torc_evk_free(f->keys);
    torc_circuit_free(f->circuit);
    torc_ctx_free(f->ctx);
}

static torc_tensor integers(uint32_t rank, size_t rows, size_t columns)
{
    torc_tensor t;
    const size_t shape[2] = {rows, columns};
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_I64, rank, shape), TORC_OK);
    return t;
}

static torc_ciphertexts *encrypt_sample(const fixture *f, size_t samples, uint32_t first)
{
    torc_tensor in[2] = {integers(2, samples, 2), integers(1, samples, 0)};
    torc_ciphertexts *ct = NULL;
    for (size_t s = 0; s < samples; s++) {
        in[0].i64[2 * s] = (int64_t)((first + s) % 8);
        in[0].i64[2 * s + 1] = (int64_t)((first + s) / 8 % 8);
        in[1].i64[s] = (int64_t)((first + s) % 5) - 3;
    }
    cr_assert_eq(torc_encrypt(f->ctx, &ct, NULL, &f->circuit->spec, f->secret, in, 0), TORC_OK,
                 "%s", torc_ctx_message(f->ctx));
    torc_tensor_free(&in[0]);
    torc_tensor_free(&in[1]);
    return ct;
}

/* Five samples in batches of two. */
static void expect_answers(const fixture *f, const torc_evaluation_keys *keys)
{
    enum { SAMPLES = 5 };
    torc_ciphertexts *in = encrypt_sample(f, SAMPLES, 11);
    torc_ciphertexts *result = NULL;
    torc_server *server = NULL;
    torc_run_stats stats;
    torc_tensor out[2];
    cr_assert_eq(torc_server_open(f->ctx, &server, f->circuit, keys, "auto", 2, 0), TORC_OK, "%s",
                 torc_ctx_message(f->ctx));
    cr_expect_str_eq(torc_server_device(server), "cpu");
    cr_expect_gt(torc_server_memory_bytes(server),
                 torc_params_key_bytes_resident(&f->circuit->spec.params));
    cr_assert_eq(torc_server_run(f->ctx, server, &result, &stats, in), TORC_OK, "%s",
                 torc_ctx_message(f->ctx));
    cr_expect_eq(stats.lookups, 2 * SAMPLES);
    cr_expect_eq(stats.samples, SAMPLES);
    cr_assert_eq(torc_decrypt(f->ctx, out, &f->circuit->spec, f->secret, result), TORC_OK, "%s",
                 torc_ctx_message(f->ctx));
    for (int64_t s = 0; s < SAMPLES; s++) {
        uint64_t outside = 0;
        const int64_t c = (11 + s) % 5 - 3;
        cr_expect_eq(out[0].i64[s], sample_circuit_answer((11 + s) % 8, (11 + s) / 8, c, &outside));
        cr_expect_eq(out[1].i64[s], c);
    }
    torc_tensor_free(&out[0]);
    torc_tensor_free(&out[1]);
    torc_ciphertexts_free(result);
    torc_ciphertexts_free(in);
    torc_server_close(server);
}

Test(server, a_batch_in_parts_gives_the_answers_of_the_definition)
{
    fixture f = make_fixture(sample_circuit());
    expect_answers(&f, f.keys);
    free_fixture(&f);
}

/* Grouped keys are made, saved and loaded as others are, and run up to 3 bits a step; more is
 * refused when the circuit is opened. */
Test(server, grouped_keys_load_and_run, .fini = folder_remove)
{
    for (uint32_t g = 2; g <= 4; g++) {
        torc_circuit *circuit = sample_circuit();
        torc_params *params = &circuit->spec.params;
        params->grouping = g;
        params->lwe_dim += g - params->lwe_dim % g; /* larger: no less secure */
        cr_assert_eq(torc_circuit_identify(NULL, circuit), TORC_OK);
        fixture f = make_fixture(circuit);
        const char *path = folder_path("grouped.evk");
        torc_evaluation_keys *loaded = NULL;
        torc_server *server = NULL;

        cr_assert_eq(torc_evk_save(f.ctx, f.keys, path), TORC_OK, "%s", torc_ctx_message(f.ctx));
        cr_assert_eq(torc_evk_load(f.ctx, &loaded, path), TORC_OK, "%s", torc_ctx_message(f.ctx));
        cr_expect_arr_eq(loaded->key_id, f.keys->key_id, TORC_KEY_ID_BYTES);
        cr_expect_eq(torc_evk_bootstrap_rows(&loaded->params),
                     params->lwe_dim / g * ((1u << g) - 1) * (params->glwe_dim + 1) *
                         params->bootstrap.level_count);
        if (g <= 3) {
            expect_answers(&f, loaded);
        } else {
            cr_expect_eq(torc_server_open(f.ctx, &server, f.circuit, loaded, "cpu", 1, 1),
                         TORC_E_UNSUPPORTED);
            cr_expect_null(server);
            cr_expect_neq(strstr(torc_ctx_message(f.ctx), "groups 4 key bits"), NULL, "%s",
                          torc_ctx_message(f.ctx));
        }
        torc_evk_free(loaded);
        free_fixture(&f);
    }
}

/* 3 - 2 x, no lookup: no bootstrap key exists, and the server needs none. */
Test(server, a_circuit_without_lookups_runs_without_keys)
{
    torc_circuit *circuit = calloc(1, sizeof *circuit);
    cr_assert_not_null(circuit);
    torc_spec *spec = &circuit->spec;
    *spec = (torc_spec){.circuit_name = sample_text("line"),
                        .log2_p_error_lookup = -100,
                        .log2_p_error_circuit = -100,
                        .log2_p_error_bound = -40,
                        .params = sample_params_no_lookup(),
                        .input_count = 1,
                        .output_count = 1};
    spec->inputs = calloc(1, sizeof *spec->inputs);
    spec->outputs = calloc(1, sizeof *spec->outputs);
    spec->inputs[0] = sample_port("x", 3, true, 0, NULL);
    spec->outputs[0] = sample_port("y", 5, true, 0, NULL);
    spec->inputs[0].encoding_bits = 5;
    build_input(&circuit->program, true, 0, 1);
    torc_linear *a = build_linear(&circuit->program, 0, 1, 1, 1, 1);
    a->gather[0] = 0;
    a->weight[0] = -2;
    a->constant[0] = torc_encode(3, 5);
    build_output(&circuit->program, true, 1, 1);
    cr_assert_eq(torc_circuit_identify(NULL, circuit), TORC_OK);

    fixture f = make_fixture(circuit);
    torc_tensor in[1] = {integers(1, 8, 0)};
    torc_tensor out[1];
    torc_ciphertexts *ct = NULL;
    torc_ciphertexts *result = NULL;
    torc_server *server = NULL;
    for (int64_t s = 0; s < 8; s++) {
        in[0].i64[s] = s - 4;
    }
    cr_assert_eq(torc_encrypt(f.ctx, &ct, NULL, spec, f.secret, in, 0), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    cr_assert_eq(torc_server_open(f.ctx, &server, circuit, NULL, "cpu", 0, 1), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    cr_assert_eq(torc_server_run(f.ctx, server, &result, NULL, ct), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    cr_assert_eq(torc_decrypt(f.ctx, out, spec, f.secret, result), TORC_OK);
    for (int64_t s = 0; s < 8; s++) {
        cr_expect_eq(out[0].i64[s], 3 - 2 * (s - 4));
    }
    torc_tensor_free(&in[0]);
    torc_tensor_free(&out[0]);
    torc_ciphertexts_free(ct);
    torc_ciphertexts_free(result);
    torc_server_close(server);
    free_fixture(&f);
}

static void expect_open_fails(const fixture *f, const torc_circuit *circuit,
                              const torc_evaluation_keys *keys, const char *device,
                              torc_status status, const char *message)
{
    torc_server *server = NULL;
    cr_expect_eq(torc_server_open(f->ctx, &server, circuit, keys, device, 1, 1), status, "%s",
                 torc_ctx_message(f->ctx));
    cr_expect(strstr(torc_ctx_message(f->ctx), message) != NULL, "%s", torc_ctx_message(f->ctx));
    cr_expect_null(server);
}

Test(server, what_cannot_be_opened_is_refused)
{
    fixture f = make_fixture(sample_circuit());
    torc_circuit *other = sample_circuit();
    torc_circuit *clear = sample_virtual_circuit();
    other->spec.params.lwe_dim += 2;
    expect_open_fails(&f, other, f.keys, "cpu", TORC_E_MISMATCH,
                      "circuit 'sample': the evaluation keys belong to other parameters");
    expect_open_fails(&f, clear, f.keys, "cpu", TORC_E_SECURITY, "--virtual");
    expect_open_fails(&f, f.circuit, NULL, "cpu", TORC_E_ARGUMENT, "evaluation keys");
    expect_open_fails(&f, f.circuit, f.keys, "cuda", TORC_E_DEVICE, "--device cpu");
    expect_open_fails(&f, f.circuit, f.keys, "\033[0m", TORC_E_ARGUMENT, "'\\x1b[0m' is unknown");
    torc_circuit_free(other);
    torc_circuit_free(clear);
    free_fixture(&f);
}

static void is_result(torc_ciphertexts *ct)
{
    ct->is_result = true;
}
static void foreign_circuit(torc_ciphertexts *ct)
{
    ct->circuit_id[0] ^= 1;
}
static void foreign_key(torc_ciphertexts *ct)
{
    ct->key_id[31] ^= 1;
}
static void other_dimension(torc_ciphertexts *ct)
{
    ct->big_dim = 1024;
}
static void fewer_parts(torc_ciphertexts *ct)
{
    ct->part_count = 1;
}
static void no_samples(torc_ciphertexts *ct)
{
    ct->samples = 0;
}
static void other_name(torc_ciphertexts *ct)
{
    ct->parts[0].name[0] = '\033';
}
static void other_count(torc_ciphertexts *ct)
{
    ct->parts[0].count = 3;
}
static void clear_part(torc_ciphertexts *ct)
{
    ct->parts[0].form = TORC_CT_CLEAR;
}
static void encrypted_part(torc_ciphertexts *ct)
{
    ct->parts[1].form = TORC_CT_SEEDED;
}

Test(server, ciphertexts_that_do_not_belong_are_refused)
{
    static const struct {
        void (*plant)(torc_ciphertexts *ct);
        const char *message;
    } rows[] = {
        {is_result, "results of a run"},
        {foreign_circuit, "ciphertexts of circuit"},
        {foreign_key, "ciphertexts under key"},
        {other_dimension, "dimension 1024, the circuit has 2048"},
        {fewer_parts, "1 inputs"},
        {no_samples, "0 samples"},
        {other_name, "'\\x1b', 2 encrypted elements; the circuit takes 'x'"},
        {other_count, "3 encrypted elements"},
        {clear_part, "2 clear elements"},
        {encrypted_part, "part 1 is 'c', 1 encrypted elements"},
    };
    fixture f = make_fixture(sample_circuit());
    torc_server *server = NULL;
    cr_assert_eq(torc_server_open(f.ctx, &server, f.circuit, f.keys, "cpu", 1, 1), TORC_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_ciphertexts *ct = encrypt_sample(&f, 1, 0);
        torc_ciphertexts *result = NULL;
        const uint32_t part_count = ct->part_count;
        rows[i].plant(ct);
        cr_expect_eq(torc_server_run(f.ctx, server, &result, NULL, ct), TORC_E_MISMATCH, "row %zu",
                     i);
        cr_expect(strstr(torc_ctx_message(f.ctx), rows[i].message) != NULL, "row %zu: %s", i,
                  torc_ctx_message(f.ctx));
        cr_expect_null(result);
        ct->part_count = part_count;
        torc_ciphertexts_free(ct);
    }
    torc_server_close(server);
    free_fixture(&f);
}
