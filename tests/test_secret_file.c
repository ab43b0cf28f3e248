/* Secret key files: mode, passphrase, never overwritten, and nothing altered goes unnoticed. */
#include "runtime/client/secret_key.h"
#include "runtime/container.h"
#include "runtime/header_fields.h"
#include "runtime/status.h"
#include "tests/common/folder.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(secret_file, .fini = folder_remove);

static torc_secret_key *make_key(const torc_params *params)
{
    torc_spec spec = sample_spec();
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    spec.params = *params;
    cr_assert_eq(torc_keygen(NULL, &secret, &keys, &spec, 0), TORC_OK);
    torc_evk_free(keys);
    torc_spec_free(&spec);
    return secret;
}

static void expect_same(const torc_secret_key *a, const torc_secret_key *b)
{
    cr_expect_eq(memcmp(&a->params, &b->params, sizeof a->params), 0);
    cr_expect_arr_eq(a->key_id, b->key_id, TORC_KEY_ID_BYTES);
    cr_expect_arr_eq(a->big, b->big, torc_params_big_dim(&a->params) * sizeof *a->big);
    cr_expect_eq(a->small == NULL, b->small == NULL);
    if (a->small != NULL) {
        cr_expect_arr_eq(a->small, b->small, a->params.lwe_dim * sizeof *a->small);
    }
}

static void expect_load(const char *path, const char *passphrase, torc_status status,
                        const char *words)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_secret_key *secret = NULL;
    cr_expect_eq(torc_secret_key_load(ctx, &secret, path, passphrase), status, "%s: %s", words,
                 torc_ctx_message(ctx));
    cr_expect_neq(strstr(torc_ctx_message(ctx), words), NULL, "%s", torc_ctx_message(ctx));
    cr_expect_eq(secret == NULL, status != TORC_OK);
    torc_secret_key_free(secret);
    torc_ctx_free(ctx);
}

Test(secret_file, without_a_passphrase_the_bits_come_back_and_only_the_owner_reads_them)
{
    const torc_params sets[] = {sample_params(501, 1, 2048), sample_params_no_lookup()};
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < 2; i++) {
        char name[16];
        snprintf(name, sizeof name, "me%zu.secret", i);
        const char *path = folder_path(name);
        torc_secret_key *secret = make_key(&sets[i]);
        torc_secret_key *back = NULL;
        struct stat about;
        cr_assert_eq(torc_secret_key_save(ctx, secret, path, NULL, false), TORC_OK, "%s",
                     torc_ctx_message(ctx));
        cr_assert_eq(stat(path, &about), 0);
        cr_expect_eq(about.st_mode & 07777, 0600);
        cr_assert_eq(torc_secret_key_load(ctx, &back, path, NULL), TORC_OK, "%s",
                     torc_ctx_message(ctx));
        expect_same(back, secret);
        expect_load(path, "word", TORC_E_MISMATCH, "not protected by a passphrase");
        torc_secret_key_free(back);
        torc_secret_key_free(secret);
    }
    torc_secret_key_free(NULL);
    torc_ctx_free(ctx);
}

static char *read_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(1 << 20);
    cr_assert(file != NULL && bytes != NULL);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

/* Does the file hold these bytes anywhere? */
static bool holds(const char *path, const uint8_t *bytes, size_t count)
{
    size_t size = 0;
    char *text = read_bytes(path, &size);
    const bool found = memmem(text, size, bytes, count) != NULL;
    free(text);
    return found;
}

Test(secret_file, with_a_passphrase_only_the_right_one_opens_it)
{
    const torc_params params = sample_params(501, 1, 2048);
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("me.secret");
    const char *plain = folder_path("plain.secret");
    torc_secret_key *secret = make_key(&params);
    torc_secret_key *back = NULL;
    struct stat about;
    uint8_t packed[32] = {0};
    for (size_t i = 0; i < 256; i++) {
        packed[i / 8] |= (uint8_t)(secret->big[i] << i % 8);
    }
    cr_assert_eq(torc_secret_key_save(ctx, secret, path, "correct horse", false), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_assert_eq(torc_secret_key_save(ctx, secret, plain, NULL, false), TORC_OK);
    cr_expect(holds(plain, packed, sizeof packed));
    cr_expect_not(holds(path, packed, sizeof packed));
    cr_assert_eq(stat(path, &about), 0);
    cr_expect_eq(about.st_mode & 07777, 0600);
    cr_assert_eq(torc_secret_key_load(ctx, &back, path, "correct horse"), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    expect_same(back, secret);
    expect_load(path, "correct hors", TORC_E_SECURITY, "passphrase is wrong");
    expect_load(path, NULL, TORC_E_ARGUMENT, "protected by a passphrase; give it");
    torc_secret_key_free(back);
    torc_secret_key_free(secret);
    torc_ctx_free(ctx);
}

Test(secret_file, an_existing_file_is_replaced_only_by_force)
{
    const torc_params params = sample_params_no_lookup();
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("me.secret");
    torc_secret_key *first = make_key(&params);
    torc_secret_key *second = make_key(&params);
    torc_secret_key *back = NULL;
    cr_assert_eq(torc_secret_key_save(ctx, first, path, NULL, false), TORC_OK);
    cr_expect_eq(torc_secret_key_save(ctx, second, path, NULL, false), TORC_E_IO);
    cr_expect_neq(strstr(torc_ctx_message(ctx), "exists already"), NULL);
    cr_assert_eq(torc_secret_key_load(ctx, &back, path, NULL), TORC_OK);
    expect_same(back, first);
    torc_secret_key_free(back);
    cr_expect_eq(torc_secret_key_save(ctx, second, path, "", true), TORC_E_ARGUMENT);
    cr_assert_eq(torc_secret_key_save(ctx, second, path, NULL, true), TORC_OK);
    cr_assert_eq(torc_secret_key_load(ctx, &back, path, NULL), TORC_OK);
    expect_same(back, second);
    cr_expect_eq(folder_count(), 1);
    torc_secret_key_free(back);
    torc_secret_key_free(first);
    torc_secret_key_free(second);
    torc_ctx_free(ctx);
}

/* A protected file under a cheap hash (2 passes of 64 KiB), sealed here from the description at the
 * top of secret_file.c: it must open; with any one field changed it must not. */
typedef struct forgery {
    const char *label;
    const char *protection;
    const char *passes;
    const char *memory_bytes;
    int key_id_flip, salt_flip, nonce_flip, sealed_flip;
    size_t bytes_less;
    torc_status status;
    const char *words;
} forgery;

enum { BITS = 1024, PACKED = BITS / 8 };

static void seal(uint8_t *sealed, const torc_params *params, const uint8_t *packed,
                 const uint8_t *salt, const uint8_t *nonce)
{
    static const uint8_t limits[16] = {2, 0, 0, 0, 0, 0,
                                       0, 0, 0, 0, 1}; /* 2 and 65536, low first */
    uint8_t data[16 + 32 + 32 + 16 + 16] = "torc secret 1";
    uint8_t key[32];
    torc_params_fingerprint(data + 16, params);
    memcpy(data + 80, limits, 16);
    memcpy(data + 96, salt, 16);
    cr_assert_eq(crypto_pwhash(key, 32, "pw", 2, salt, 2, 65536, crypto_pwhash_ALG_ARGON2ID13), 0);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, packed, PACKED, data, sizeof data,
                                               NULL, nonce, key);
}

static torc_status forge(torc_ctx *ctx, const forgery *f, const char *path)
{
    const torc_params params = sample_params_no_lookup();
    uint8_t packed[PACKED] = {0x81, 0xff};
    uint8_t sealed[PACKED + 16];
    uint8_t id[32] = {0};
    uint8_t salt[16] = {1};
    uint8_t nonce[24] = {2};
    const size_t shape[1] = {sizeof sealed - f->bytes_less};
    torc_writer *writer = NULL;
    seal(sealed, &params, packed, salt, nonce);
    id[5] ^= (uint8_t)f->key_id_flip;
    salt[5] ^= (uint8_t)f->salt_flip;
    nonce[5] ^= (uint8_t)f->nonce_flip;
    sealed[5] ^= (uint8_t)f->sealed_flip;
    TORC_TRY(torc_writer_create(ctx, &writer, TORC_FILE_SECRET));
    TORC_TRY(torc_header_put_params(ctx, writer, &params));
    TORC_TRY(torc_writer_hex(ctx, writer, "key_id", id, sizeof id));
    TORC_TRY(torc_writer_text(ctx, writer, "protection",
                              f->protection ? f->protection : "argon2id-xchacha20poly1305"));
    TORC_TRY(torc_writer_text(ctx, writer, "passes", f->passes ? f->passes : "2"));
    TORC_TRY(
        torc_writer_text(ctx, writer, "memory_bytes", f->memory_bytes ? f->memory_bytes : "65536"));
    TORC_TRY(torc_writer_hex(ctx, writer, "salt", salt, sizeof salt));
    TORC_TRY(torc_writer_hex(ctx, writer, "nonce", nonce, sizeof nonce));
    TORC_TRY(torc_writer_tensor(ctx, writer, "sealed", TORC_RAW_U8, 1, shape, sealed));
    TORC_TRY(torc_writer_save(ctx, writer, path, 0600, false));
    torc_writer_free(writer);
    return TORC_OK;
}

Test(secret_file, no_field_of_a_protected_file_can_be_changed)
{
    static const forgery rows[] = {
        {.label = "nothing wrong", .status = TORC_OK, .words = ""},
        {.label = "key_id", .key_id_flip = 1, .status = TORC_E_SECURITY, .words = "altered"},
        {.label = "salt", .salt_flip = 1, .status = TORC_E_SECURITY, .words = "altered"},
        {.label = "nonce", .nonce_flip = 1, .status = TORC_E_SECURITY, .words = "altered"},
        {.label = "sealed", .sealed_flip = 1, .status = TORC_E_SECURITY, .words = "altered"},
        {.label = "passes", .passes = "3", .status = TORC_E_SECURITY, .words = "altered"},
        {.label = "memory", .memory_bytes = "65537", .status = TORC_E_SECURITY, .words = "altered"},
        {.label = "11 passes", .passes = "11", .status = TORC_E_FORMAT, .words = "from 0 to 10"},
        {.label = "no pass", .passes = "0", .status = TORC_E_FORMAT, .words = "too small"},
        {.label = "2 GiB",
         .memory_bytes = "2147483648",
         .status = TORC_E_FORMAT,
         .words = "from 0 to 1073741824"},
        {.label = "no memory", .memory_bytes = "1", .status = TORC_E_FORMAT, .words = "too small"},
        {.label = "short", .bytes_less = 1, .status = TORC_E_FORMAT, .words = "143 bytes"},
        {.label = "rot13",
         .protection = "rot13",
         .status = TORC_E_FORMAT,
         .words = "unknown protection"},
        {.label = "downgrade",
         .protection = "none",
         .status = TORC_E_MISMATCH,
         .words = "not protected"},
    };
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("me.secret");
    cr_assert_geq(sodium_init(), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(forge(ctx, &rows[i], path), TORC_OK, "%s: %s", rows[i].label,
                     torc_ctx_message(ctx));
        expect_load(path, "pw", rows[i].status, rows[i].words);
    }
    torc_ctx_free(ctx);
}

Test(secret_file, the_bits_of_a_protected_file_are_packed_low_first)
{
    static const forgery nothing = {0};
    torc_secret_key *secret = NULL;
    const char *path = folder_path("me.secret");
    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(forge(NULL, &nothing, path), TORC_OK);
    cr_assert_eq(torc_secret_key_load(NULL, &secret, path, "pw"), TORC_OK);
    for (size_t i = 0; i < BITS; i++) {
        cr_expect_eq(secret->big[i], i == 0 || (i >= 7 && i < 16), "bit %zu", i);
    }
    torc_secret_key_free(secret);
}

Test(secret_file, weak_parameters_in_a_file_are_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("me.secret");
    torc_params weak = sample_params_no_lookup();
    torc_secret_key *secret = make_key(&weak);
    secret->params.glwe_noise_log2--;
    cr_assert_eq(torc_secret_key_save(ctx, secret, path, NULL, false), TORC_OK);
    expect_load(path, NULL, TORC_E_SECURITY, "big key");
    torc_secret_key_free(secret);
    torc_ctx_free(ctx);
}
