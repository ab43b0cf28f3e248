/* Evaluation key files: what is written comes back, and what does not fit together is refused.
 * Broken bytes are the container's own test; here every field is right for the container and wrong
 * for us. */
#include "runtime/header_fields.h"
#include "runtime/status.h"
#include "runtime/torc_client.h"
#include "tests/common/folder.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(keys_file, .fini = folder_remove);

static torc_evaluation_keys *make_keys(const torc_params *params)
{
    torc_spec spec = sample_spec();
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    spec.params = *params;
    cr_assert_eq(torc_keygen(NULL, &secret, &keys, &spec, 0), TORC_OK);
    torc_secret_key_free(secret);
    torc_spec_free(&spec);
    return keys;
}

Test(keys_file, what_is_saved_is_loaded)
{
    torc_params sets[] = {sample_params(500, 4, 512), sample_params_no_lookup(),
                          sample_params(500, 2, 512), sample_params(501, 2, 512)};
    sets[2].grouping = 2;
    sets[3].grouping = 3;
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const char *path = folder_path("me.evk");
        torc_evaluation_keys *keys = make_keys(&sets[i]);
        torc_evaluation_keys *back = NULL;
        cr_assert_eq(torc_evk_save(ctx, keys, path), TORC_OK, "%s", torc_ctx_message(ctx));
        cr_assert_eq(torc_evk_load(ctx, &back, path), TORC_OK, "%s", torc_ctx_message(ctx));
        cr_expect_arr_eq(back->key_id, keys->key_id, TORC_KEY_ID_BYTES);
        cr_expect_arr_eq(back->seed, keys->seed, TORC_SEED_BYTES);
        cr_expect_eq(memcmp(&back->params, &keys->params, sizeof keys->params), 0);
        cr_expect_eq(back->bootstrap_body == NULL, !torc_params_has_lookup(&sets[i]));
        if (torc_params_has_lookup(&sets[i])) {
            cr_expect_arr_eq(back->bootstrap_body, keys->bootstrap_body,
                             torc_evk_bootstrap_rows(&sets[i]) * sets[i].poly_size * 8);
            cr_expect_arr_eq(back->keyswitch_body, keys->keyswitch_body,
                             torc_evk_keyswitch_rows(&sets[i]) * 4);
            cr_expect_eq(torc_params_key_bytes_seeded(&sets[i]),
                         TORC_SEED_BYTES +
                             torc_evk_bootstrap_rows(&sets[i]) * sets[i].poly_size * 8 +
                             torc_evk_keyswitch_rows(&sets[i]) * 4);
        }
        torc_evk_free(back);
        torc_evk_free(keys);
    }
    torc_evk_free(NULL);
    torc_ctx_free(ctx);
}

/* What a forger of a key file may vary. */
typedef struct forgery {
    const char *label;
    torc_params params;
    const char *params_text; /* NULL: of params */
    size_t rows_less, words_less, keyswitch_less;
    int fingerprint_flip, id_flip;
    torc_status status;
    const char *words;
} forgery;

static torc_status put_params(torc_ctx *ctx, torc_writer *writer, const forgery *f)
{
    uint8_t fingerprint[TORC_FINGERPRINT_BYTES];
    if (f->params_text == NULL && !f->fingerprint_flip) {
        return torc_header_put_params(ctx, writer, &f->params);
    }
    torc_params_fingerprint(fingerprint, &f->params);
    fingerprint[0] ^= (uint8_t)f->fingerprint_flip;
    TORC_TRY(torc_writer_hex(ctx, writer, "fingerprint", fingerprint, sizeof fingerprint));
    return torc_writer_text(ctx, writer, "params", f->params_text);
}

/* Bodies of zeros; the key_id is right unless flipped. */
static torc_status forge(torc_ctx *ctx, const forgery *f, const char *path)
{
    const torc_params *p = &f->params;
    const size_t glwe[2] = {torc_evk_bootstrap_rows(p) - f->rows_less,
                            p->poly_size - f->words_less};
    const size_t lwe[1] = {torc_evk_keyswitch_rows(p) - f->keyswitch_less};
    uint64_t *bootstrap = calloc(torc_evk_bootstrap_rows(p) * p->poly_size, 8);
    uint32_t *keyswitch = calloc(torc_evk_keyswitch_rows(p), 4);
    torc_evaluation_keys keys = {
        .params = *p, .bootstrap_body = bootstrap, .keyswitch_body = keyswitch};
    torc_writer *writer = NULL;
    torc_evk_identify(&keys);
    keys.key_id[31] ^= (uint8_t)f->id_flip;
    TORC_TRY(torc_writer_create(ctx, &writer, TORC_FILE_EVALUATION));
    TORC_TRY(put_params(ctx, writer, f));
    TORC_TRY(torc_writer_hex(ctx, writer, "seed", keys.seed, TORC_SEED_BYTES));
    TORC_TRY(torc_writer_hex(ctx, writer, "key_id", keys.key_id, TORC_KEY_ID_BYTES));
    TORC_TRY(torc_writer_tensor(ctx, writer, "bootstrap", TORC_RAW_U64, 2, glwe, bootstrap));
    TORC_TRY(torc_writer_tensor(ctx, writer, "keyswitch", TORC_RAW_U32, 1, lwe, keyswitch));
    TORC_TRY(torc_writer_save(ctx, writer, path, 0644, false));
    torc_writer_free(writer);
    free(bootstrap);
    free(keyswitch);
    return TORC_OK;
}

Test(keys_file, fields_that_do_not_fit_together_are_refused)
{
    const torc_params good = sample_params(500, 4, 512);
    torc_params weak = good;
    weak.lwe_noise_log2--;
    torc_params grouped = good;
    grouped.grouping = 2;
    const size_t half_as_many = torc_evk_bootstrap_rows(&grouped) / 3; /* 3/2 rows of grouping 1 */
    const forgery rows[] = {
        {.label = "nothing wrong", .params = good, .status = TORC_OK, .words = ""},
        {.label = "grouped", .params = grouped, .status = TORC_OK, .words = ""},
        {.label = "grouped, rows of grouping 1",
         .params = grouped,
         .rows_less = half_as_many,
         .status = TORC_E_FORMAT,
         .words = "its parameters ask for"},
        {.label = "weak", .params = weak, .status = TORC_E_SECURITY, .words = "small key"},
        {.label = "fingerprint",
         .params = good,
         .fingerprint_flip = 1,
         .params_text =
             "{\"base_log\":23,\"extended_log2\":0,\"glwe_dim\":4,\"glwe_noise_log2\":17,"
             "\"grouping\":1,\"ks_base_log\":3,\"ks_level_count\":5,\"level_count\":1,"
             "\"lwe_dim\":500,\"lwe_noise_log2\":24,\"poly_size\":512}",
         .status = TORC_E_FORMAT,
         .words = "fingerprint"},
        {.label = "params",
         .params = good,
         .params_text = "{\"base_log\":23}",
         .status = TORC_E_FORMAT,
         .words = "extended_log2"},
        {.label = "not json",
         .params = good,
         .params_text = "{",
         .status = TORC_E_FORMAT,
         .words = "me.evk"},
        {.label = "key_id",
         .params = good,
         .id_flip = 1,
         .status = TORC_E_FORMAT,
         .words = "key_id is not that of its content"},
        {.label = "rows",
         .params = good,
         .rows_less = 1,
         .status = TORC_E_FORMAT,
         .words = "bodies of"},
        {.label = "words",
         .params = good,
         .words_less = 1,
         .status = TORC_E_FORMAT,
         .words = "bodies of"},
        {.label = "keyswitch",
         .params = good,
         .keyswitch_less = 1,
         .status = TORC_E_FORMAT,
         .words = "bodies of"},
    };
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *path = folder_path("me.evk");
        torc_evaluation_keys *keys = NULL;
        cr_assert_eq(forge(ctx, &rows[i], path), TORC_OK, "%s: %s", rows[i].label,
                     torc_ctx_message(ctx));
        cr_expect_eq(torc_evk_load(ctx, &keys, path), rows[i].status, "%s: %s", rows[i].label,
                     torc_ctx_message(ctx));
        cr_expect_neq(strstr(torc_ctx_message(ctx), rows[i].words), NULL, "%s: %s", rows[i].label,
                      torc_ctx_message(ctx));
        cr_expect_eq(keys == NULL, rows[i].status != TORC_OK);
        torc_evk_free(keys);
    }
    torc_ctx_free(ctx);
}

Test(keys_file, another_kind_of_file_is_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_spec spec = sample_spec();
    torc_evaluation_keys *keys = NULL;
    const char *path = folder_path("sample.client");
    cr_assert_eq(torc_spec_save(ctx, &spec, path), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_expect_eq(torc_evk_load(ctx, &keys, path), TORC_E_FORMAT);
    cr_expect_neq(strstr(torc_ctx_message(ctx), "client specification"), NULL, "%s",
                  torc_ctx_message(ctx));
    cr_expect_neq(torc_evk_load(ctx, &keys, folder_path("missing.evk")), TORC_OK);
    torc_spec_free(&spec);
    torc_ctx_free(ctx);
}
