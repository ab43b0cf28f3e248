/* Ciphertext files: what is written comes back, and headers that lie are refused. */
#include "runtime/header_fields.h"
#include "runtime/status.h"
#include "tests/common/folder.h"
#include "tests/common/identity_spec.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(encrypt_file, .fini = folder_remove);

/* Two samples of the identity circuit, encrypted. */
static torc_ciphertexts *sample(torc_ctx *ctx)
{
    torc_spec spec = identity_spec();
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    torc_ciphertexts *ct = NULL;
    torc_tensor inputs[3];
    identity_inputs(inputs, 2, 3);
    cr_assert_eq(torc_keygen(ctx, &secret, &keys, &spec, 0), TORC_OK);
    cr_assert_eq(torc_encrypt(ctx, &ct, NULL, &spec, secret, inputs, 0), TORC_OK);
    identity_free(inputs);
    torc_secret_key_free(secret);
    torc_evk_free(keys);
    torc_spec_free(&spec);
    return ct;
}

static void expect_same(const torc_ciphertexts *a, const torc_ciphertexts *b)
{
    cr_expect_eq(a->is_result, b->is_result);
    cr_expect_eq(a->big_dim, b->big_dim);
    cr_expect_eq(a->samples, b->samples);
    cr_expect_arr_eq(a->circuit_id, b->circuit_id, TORC_ID_BYTES);
    cr_expect_arr_eq(a->key_id, b->key_id, TORC_KEY_ID_BYTES);
    cr_expect_arr_eq(a->seed, b->seed, TORC_SEED_BYTES);
    cr_assert_eq(a->part_count, b->part_count);
    for (uint32_t i = 0; i < a->part_count; i++) {
        const torc_ct_part *x = &a->parts[i];
        const torc_ct_part *y = &b->parts[i];
        const size_t words = x->form == TORC_CT_FULL ? (size_t)a->big_dim + 1 : 1;
        cr_expect_str_eq(x->name, y->name);
        cr_expect_eq(x->form, y->form);
        cr_expect_eq(x->count, y->count);
        cr_expect_eq(x->row_begin, y->row_begin);
        cr_expect_arr_eq(x->word, y->word, a->samples * x->count * words * sizeof *x->word);
    }
}

Test(encrypt_file, what_is_saved_is_loaded)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("x.ct");
    torc_ciphertexts *in = sample(ctx);
    torc_ciphertexts *result = identity_run(in);
    torc_ciphertexts *const both[2] = {in, result};
    for (int i = 0; i < 2; i++) {
        torc_ciphertexts *back = NULL;
        cr_assert_eq(torc_ciphertexts_save(ctx, both[i], path), TORC_OK, "%s",
                     torc_ctx_message(ctx));
        cr_assert_eq(torc_ciphertexts_load(ctx, &back, path), TORC_OK, "%s", torc_ctx_message(ctx));
        expect_same(back, both[i]);
        torc_ciphertexts_free(back);
    }
    torc_ciphertexts_free(result);
    torc_ciphertexts_free(in);
    torc_ciphertexts_free(NULL);
    torc_ctx_free(ctx);
}

Test(encrypt_file, mask_rows_that_do_not_follow_each_other_are_not_written)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_ciphertexts *ct = sample(ctx);
    ct->parts[1].row_begin = 0; /* the rows of part 0 once more */
    cr_expect_eq(torc_ciphertexts_save(ctx, ct, folder_path("x.ct")), TORC_E_INTERNAL);
    cr_expect_eq(folder_count(), 0);
    torc_ciphertexts_free(ct);
    torc_ctx_free(ctx);
}

/* A header with one field replaced; a field set to NULL is left out. */
typedef struct forgery {
    const char *key;
    const char *value;
    const char *words;
} forgery;

static torc_status put(torc_ctx *ctx, torc_writer *writer, const forgery *f, const char *key,
                       const char *value)
{
    if (strcmp(f->key, key) == 0) {
        value = f->value;
    }
    return value == NULL ? TORC_OK : torc_writer_text(ctx, writer, key, value);
}

static torc_status forge(torc_ctx *ctx, const forgery *f, const char *path)
{
    static const uint64_t word[4];
    static const uint8_t id[32];
    static const char *const fields[][2] = {
        {"is_result", "0"},   {"big_dim", "1024"},       {"samples", "2"},      {"part_count", "1"},
        {"part_0_name", "x"}, {"part_0_form", "seeded"}, {"part_0_count", "2"},
    };
    torc_writer *writer = NULL;
    TORC_TRY(torc_writer_create(ctx, &writer, TORC_FILE_CIPHERTEXT));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        TORC_TRY(put(ctx, writer, f, fields[i][0], fields[i][1]));
    }
    TORC_TRY(torc_writer_hex(ctx, writer, "circuit_id", id, sizeof id));
    TORC_TRY(torc_writer_hex(ctx, writer, "key_id", id, sizeof id));
    TORC_TRY(torc_writer_hex(ctx, writer, "seed", id, strcmp(f->key, "seed") == 0 ? 31 : 32));
    TORC_TRY(torc_writer_tensor(ctx, writer, "part_0", TORC_RAW_U64, 2, (size_t[]){2, 2}, word));
    TORC_TRY(torc_writer_save(ctx, writer, path, 0644, false));
    torc_writer_free(writer);
    return TORC_OK;
}

Test(encrypt_file, headers_that_lie_are_refused)
{
    static const forgery rows[] = {
        {"", NULL, NULL}, /* nothing wrong */
        {"is_result", "2", "'is_result' is not an integer from 0 to 1"},
        {"is_result", "", "'is_result'"},
        {"big_dim", "99999999999999999999999", "'big_dim'"},
        {"big_dim", "-1", "'big_dim'"},
        {"big_dim", "01024", "'big_dim'"},
        {"big_dim", " 1024", "'big_dim'"},
        {"samples", "0", "no samples"},
        {"samples", "3", "another shape"},
        {"samples", "1099511627777", "'samples'"},
        {"samples", NULL, "samples"},
        {"part_count", "0", "no parts"},
        {"part_count", "2", "part_1_name"},
        {"part_count", "1025", "'part_count'"},
        {"part_0_count", "4", "another shape"},
        {"part_0_count", "18446744073709551615", "'part_0_count'"},
        {"part_0_form", "full", "part_0"},
        {"part_0_form", "clear", "part_0"},
        {"part_0_form", "half", "unknown form"},
        {"part_0_form", NULL, "part_0_form"},
        {"part_0_name", NULL, "part_0_name"},
        {"seed", NULL, "seed"},
    };
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("x.ct");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_ciphertexts *ct = NULL;
        const torc_status wanted = rows[i].words == NULL ? TORC_OK : TORC_E_FORMAT;
        cr_assert_eq(forge(ctx, &rows[i], path), TORC_OK, "row %zu: %s", i, torc_ctx_message(ctx));
        cr_expect_eq(torc_ciphertexts_load(ctx, &ct, path), wanted, "row %zu: %s", i,
                     torc_ctx_message(ctx));
        if (wanted != TORC_OK) {
            cr_expect_eq(ct, NULL);
            cr_expect_neq(strstr(torc_ctx_message(ctx), rows[i].words), NULL, "row %zu: %s", i,
                          torc_ctx_message(ctx));
            cr_expect_neq(strstr(torc_ctx_message(ctx), "x.ct"), NULL, "row %zu: %s", i,
                          torc_ctx_message(ctx));
        }
        torc_ciphertexts_free(ct);
    }
    torc_ctx_free(ctx);
}
