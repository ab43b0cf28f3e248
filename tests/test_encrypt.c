/* Encryption and decryption: the exact noise of every ciphertext, masks that never repeat, the
 * round trip through a circuit that returns its inputs, and what is refused. */
#include "runtime/client/secret_key.h"
#include "tests/common/identity_spec.h"
#include "tests/common/sample_spec.h"
#include "tests/common/seeded_random.h"
#include "tests/common/tuniform_stats.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    torc_ctx *ctx;
    torc_spec spec;
    torc_secret_key *secret;
    torc_evaluation_keys *keys;
    torc_tensor inputs[3];
} fixture;

static fixture begin(size_t samples)
{
    fixture f = {.ctx = torc_ctx_create(), .spec = identity_spec()};
    cr_assert_eq(torc_keygen(f.ctx, &f.secret, &f.keys, &f.spec, 0), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    identity_inputs(f.inputs, samples, 7);
    return f;
}

static void end(fixture *f)
{
    identity_free(f->inputs);
    torc_secret_key_free(f->secret);
    torc_evk_free(f->keys);
    torc_spec_free(&f->spec);
    torc_ctx_free(f->ctx);
}

static torc_ciphertexts *encrypt(const fixture *f)
{
    torc_ciphertexts *ct = NULL;
    uint64_t saturated = 99;
    cr_assert_eq(torc_encrypt(f->ctx, &ct, &saturated, &f->spec, f->secret, f->inputs, 0), TORC_OK,
                 "%s", torc_ctx_message(f->ctx));
    cr_expect_eq(saturated, 0);
    return ct;
}

/* Phases by the public function minus the encoded integer. */
static void add_noise(tuniform_stats *stats, const fixture *f, const torc_ciphertexts *ct,
                      uint32_t index)
{
    const torc_ct_part *part = &ct->parts[index];
    const torc_port *port = &f->spec.inputs[index];
    const size_t total = ct->samples * part->count;
    int64_t *m = malloc(total * sizeof *m);
    uint64_t *lwe = malloc(((size_t)ct->big_dim + 1) * sizeof *lwe);
    cr_assert_eq(torc_port_quantize(NULL, m, NULL, port, &f->inputs[index]), TORC_OK);
    for (size_t e = 0; e < total; e++) {
        uint64_t phase = 0;
        torc_ct_expand(lwe, ct, part, e / part->count, e % part->count);
        torc_secret_phase(&phase, f->secret, lwe, 1);
        const uint64_t word = (uint64_t)m[e] * ((uint64_t)1 << (63 - port->encoding_bits));
        tuniform_add(stats, (int64_t)(phase - word));
    }
    free(lwe);
    free(m);
}

Test(encrypt, ciphertexts_hold_exactly_their_noise)
{
    seeded_random_start(51);
    for (int lookups = 0; lookups < 2; lookups++) {
        tuniform_stats stats = {0};
        for (int k = 0; k < 3; k++) {
            fixture f = begin(1000);
            if (lookups) {
                torc_secret_key_free(f.secret);
                torc_evk_free(f.keys);
                f.spec.params = sample_params(500, 1, 2048);
                cr_assert_eq(torc_keygen(f.ctx, &f.secret, &f.keys, &f.spec, 0), TORC_OK);
            }
            stats.bound_log2 = f.spec.params.glwe_noise_log2;
            torc_ciphertexts *ct = encrypt(&f);
            add_noise(&stats, &f, ct, 0);
            add_noise(&stats, &f, ct, 1);
            torc_ciphertexts_free(ct);
            end(&f);
        }
        cr_expect_eq(stats.count, 3 * 4000);
        tuniform_expect(&stats, lookups ? "kN = 2048" : "kN = 1024");
    }
}

Test(encrypt, phases_agree_with_a_plain_inner_product)
{
    fixture f = begin(2);
    torc_ciphertexts *ct = encrypt(&f);
    uint64_t lwe[1025];
    uint64_t phase = 0;
    torc_ct_expand(lwe, ct, &ct->parts[1], 1, 0);
    torc_secret_phase(&phase, f.secret, lwe, 1);
    uint64_t expected = lwe[1024];
    for (size_t i = 0; i < 1024; i++) {
        expected -= lwe[i] * f.secret->big[i];
    }
    cr_expect_eq(phase, expected);
    torc_ciphertexts_free(ct);
    end(&f);
}

Test(encrypt, what_is_sent_comes_back)
{
    fixture f = begin(5);
    torc_ciphertexts *ct = encrypt(&f);
    torc_ciphertexts *result = identity_run(ct);
    torc_tensor out[3];
    cr_assert_eq(torc_decrypt(f.ctx, out, &f.spec, f.secret, result), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(out[i].dtype, f.inputs[i].dtype);
        cr_expect_eq(out[i].rank, f.inputs[i].rank);
        cr_expect_eq(torc_tensor_count(&out[i]), torc_tensor_count(&f.inputs[i]));
        cr_expect_eq(memcmp(out[i].data, f.inputs[i].data, torc_tensor_count(&out[i]) * 8), 0);
        torc_tensor_free(&out[i]);
    }
    torc_ciphertexts_free(result);
    torc_ciphertexts_free(ct);
    end(&f);
}

Test(encrypt, clear_inputs_travel_as_they_are)
{
    fixture f = begin(4);
    torc_ciphertexts *ct = encrypt(&f);
    cr_expect_eq(ct->parts[2].form, TORC_CT_CLEAR);
    cr_expect_arr_eq(ct->parts[2].value, f.inputs[2].i64, 8 * sizeof(int64_t));
    cr_expect_eq(ct->parts[0].form, TORC_CT_SEEDED);
    cr_expect_eq(ct->parts[0].row_begin, 0);
    cr_expect_eq(ct->parts[1].row_begin, 12);
    cr_expect_eq(ct->is_result, false);
    cr_expect_arr_eq(ct->key_id, f.keys->key_id, TORC_KEY_ID_BYTES);
    cr_expect_arr_eq(ct->circuit_id, f.spec.circuit_id, TORC_ID_BYTES);
    torc_ciphertexts_free(ct);
    end(&f);
}

static int compare_words(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void expect_distinct(uint64_t *word, size_t count, const char *what)
{
    qsort(word, count, sizeof *word, compare_words);
    for (size_t i = 1; i < count; i++) {
        cr_assert_neq(word[i], word[i - 1], "%s repeats", what);
    }
}

/* The same input 200 times over: no seed, no mask row, no body twice. */
Test(encrypt, nothing_repeats)
{
    enum { CALLS = 200, ROWS = 8 };
    fixture f = begin(2);
    uint64_t seed[CALLS];
    uint64_t mask[CALLS * ROWS];
    uint64_t body[CALLS * ROWS];
    uint64_t lwe[1025];
    size_t rows = 0;
    for (size_t c = 0; c < CALLS; c++) {
        torc_ciphertexts *ct = encrypt(&f);
        memcpy(&seed[c], ct->seed, sizeof *seed);
        for (size_t e = 0; e < 2 * (3 + 1); e++) {
            const torc_ct_part *part = &ct->parts[e < 6 ? 0 : 1];
            torc_ct_expand(lwe, ct, part, e < 6 ? e / 3 : e - 6, e < 6 ? e % 3 : 0);
            mask[rows] = lwe[0];
            body[rows++] = lwe[1024];
        }
        torc_ciphertexts_free(ct);
    }
    expect_distinct(seed, CALLS, "seed");
    expect_distinct(mask, rows, "mask row");
    expect_distinct(body, rows, "body");
    end(&f);
}

Test(encrypt, one_sample_needs_no_batch_axis)
{
    fixture f = begin(1);
    f.inputs[0].rank = 1;
    f.inputs[0].shape[0] = 3;
    f.inputs[1].rank = 0;
    torc_ciphertexts *ct = encrypt(&f);
    cr_expect_eq(ct->samples, 1);
    torc_ciphertexts_free(ct);
    end(&f);
}

Test(encrypt, clipped_floats_are_counted)
{
    fixture f = begin(2);
    torc_ciphertexts *ct = NULL;
    uint64_t saturated = 0;
    f.inputs[0].f64[0] = 1e9;
    f.inputs[0].f64[4] = -3;
    cr_assert_eq(torc_encrypt(f.ctx, &ct, &saturated, &f.spec, f.secret, f.inputs, 0), TORC_OK);
    cr_expect_eq(saturated, 2);
    torc_ciphertexts_free(ct);
    cr_assert_eq(torc_encrypt(f.ctx, &ct, NULL, &f.spec, f.secret, f.inputs, 0), TORC_OK);
    torc_ciphertexts_free(ct);
    end(&f);
}

static void expect_no_encryption(const fixture *f, torc_status status, const char *words)
{
    torc_ciphertexts *ct = (torc_ciphertexts *)1;
    cr_expect_eq(torc_encrypt(f->ctx, &ct, NULL, &f->spec, f->secret, f->inputs, 0), status, "%s",
                 words);
    cr_expect_neq(strstr(torc_ctx_message(f->ctx), words), NULL, "%s", torc_ctx_message(f->ctx));
    cr_expect_eq(ct, NULL);
}

Test(encrypt, bad_inputs_are_refused_by_name)
{
    fixture f = begin(3);
    f.inputs[0].f64[5] = NAN;
    expect_no_encryption(&f, TORC_E_INPUT, "'x': element 5 is NaN");
    f.inputs[0].f64[5] = 0;
    f.inputs[1].i64[2] = 128;
    expect_no_encryption(&f, TORC_E_INPUT, "'k': element 2 is 128");
    f.inputs[1].i64[2] = 0;
    f.inputs[2].i64[0] = 512;
    expect_no_encryption(&f, TORC_E_INPUT, "'c': element 0 is 512");
    f.inputs[2].i64[0] = 0;
    f.inputs[1].shape[0] = 2;
    expect_no_encryption(&f, TORC_E_INPUT, "'k': 2 samples, but 'x' has 3");
    f.inputs[1].shape[0] = 3;
    f.inputs[0].shape[1] = 2;
    expect_no_encryption(&f, TORC_E_INPUT, "'x': shape (3, 2)");
    f.inputs[0].shape[1] = 3;
    f.inputs[1].dtype = TORC_F64;
    expect_no_encryption(&f, TORC_E_INPUT, "'k': float64");
    end(&f);
}

Test(encrypt, weak_or_foreign_specifications_are_refused)
{
    fixture f = begin(1);
    f.spec.params.glwe_noise_log2--;
    expect_no_encryption(&f, TORC_E_SECURITY, "big key");
    f.spec.params.glwe_noise_log2 += 2; /* fine, but not the key's */
    expect_no_encryption(&f, TORC_E_MISMATCH, "made for other parameters");
    f.spec.params.glwe_noise_log2--;
    f.spec.log2_p_error_circuit = -30;
    expect_no_encryption(&f, TORC_E_SECURITY, "log2_p_error_circuit is -30");
    f.spec.profile = TORC_CUSTOM;
    expect_no_encryption(&f, TORC_E_SECURITY, "--allow-p-error");
    torc_ciphertexts *ct = NULL;
    cr_expect_eq(torc_encrypt(f.ctx, &ct, NULL, &f.spec, f.secret, f.inputs, -30), TORC_OK);
    torc_ciphertexts *result = identity_run(ct);
    torc_tensor out[3];
    cr_expect_eq(torc_decrypt(f.ctx, out, &f.spec, f.secret, result), TORC_OK);
    identity_free(out);
    torc_ciphertexts_free(result);
    torc_ciphertexts_free(ct);
    f.spec.is_virtual = true;
    expect_no_encryption(&f, TORC_E_SECURITY, "protects nothing");
    end(&f);
}

static void expect_no_decryption(const fixture *f, const torc_ciphertexts *ct, torc_status status,
                                 const char *words)
{
    torc_tensor out[3] = {0};
    cr_expect_eq(torc_decrypt(f->ctx, out, &f->spec, f->secret, ct), status, "%s", words);
    cr_expect_neq(strstr(torc_ctx_message(f->ctx), words), NULL, "%s", torc_ctx_message(f->ctx));
    cr_expect_eq(out[0].data, NULL);
}

Test(encrypt, results_of_another_key_circuit_or_shape_are_refused)
{
    fixture f = begin(2);
    torc_ciphertexts *ct = encrypt(&f);
    torc_ciphertexts *result = identity_run(ct);
    expect_no_decryption(&f, ct, TORC_E_MISMATCH, "inputs of a run, not results");
    result->key_id[0] ^= 1;
    expect_no_decryption(&f, result, TORC_E_MISMATCH, "another key");
    result->key_id[0] ^= 1;
    result->circuit_id[31] ^= 1;
    expect_no_decryption(&f, result, TORC_E_MISMATCH, "another circuit than 'identity'");
    result->circuit_id[31] ^= 1;
    result->big_dim--;
    expect_no_decryption(&f, result, TORC_E_MISMATCH, "dimension 1023, the key has 1024");
    result->big_dim++;
    result->part_count = 2;
    expect_no_decryption(&f, result, TORC_E_MISMATCH, "2 results of 2 samples");
    result->part_count = 3;
    result->parts[0].name[0] = '\n';
    expect_no_decryption(&f, result, TORC_E_MISMATCH, "part '\\x0a_out' where");
    result->parts[0].name[0] = 'x';
    result->parts[1].count = 2;
    expect_no_decryption(&f, result, TORC_E_MISMATCH, "'k_out' has 2 elements, not 1");
    result->parts[1].count = 1;
    result->parts[1].form = TORC_CT_CLEAR;
    expect_no_decryption(&f, result, TORC_E_MISMATCH,
                         "'k_out' is clear, the circuit says encrypted");
    result->parts[1].form = TORC_CT_FULL;
    result->parts[2].form = TORC_CT_SEEDED;
    expect_no_decryption(&f, result, TORC_E_MISMATCH,
                         "'c_out' is encrypted, the circuit says clear");
    result->parts[2].form = TORC_CT_CLEAR;
    f.spec.params.glwe_noise_log2++;
    expect_no_decryption(&f, result, TORC_E_MISMATCH, "made for other parameters");
    torc_ciphertexts_free(result);
    torc_ciphertexts_free(ct);
    end(&f);
}

/* With another key the same words decrypt to noise: nothing but the key gives the values back. */
Test(encrypt, another_key_reads_nothing)
{
    fixture f = begin(64);
    fixture other = begin(64);
    torc_ciphertexts *ct = encrypt(&f);
    torc_ciphertexts *result = identity_run(ct);
    torc_tensor out[3];
    size_t equal = 0;
    memcpy(result->key_id, other.keys->key_id, TORC_KEY_ID_BYTES);
    cr_assert_eq(torc_decrypt(f.ctx, out, &other.spec, other.secret, result), TORC_OK);
    for (size_t i = 0; i < 64; i++) {
        equal += out[1].i64[i] == f.inputs[1].i64[i];
    }
    cr_expect_lt(equal, 10); /* 1 in 512 by chance */
    identity_free(out);
    torc_ciphertexts_free(result);
    torc_ciphertexts_free(ct);
    end(&other);
    end(&f);
}
