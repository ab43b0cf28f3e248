/* Secret keys in files. Mode 0600; written anew, never over an existing file unless forced.
 *
 * File (kind "secret key")
 *   params, fingerprint  as in evaluation keys
 *   key_id       hex
 *   protection   "none" or "argon2id-xchacha20poly1305"
 *   key          u8 [ceil((kN + n) / 8)]   unprotected: bits of big key, then small key, low bit
 * first sealed       u8 [that + 16]            protected: the same bytes, encrypted and
 * authenticated salt, nonce  hex; passes, memory_bytes decimal: of the passphrase hash, capped when
 * read Associated data of the box: domain, fingerprint, key_id, passes, memory_bytes, salt. The
 * nonce is bound by the box itself, so no field of a protected file can be changed unnoticed. */
#include "runtime/client/secret_key.h"
#include "runtime/container.h"
#include "runtime/header_fields.h"
#include "runtime/status.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROTECTED   "argon2id-xchacha20poly1305"
#define UNPROTECTED "none"
#define MAX_PASSES  10
#define MAX_MEMORY  ((uint64_t)1 << 30)

enum {
    SALT_BYTES = crypto_pwhash_SALTBYTES,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BOX_KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    DOMAIN_BYTES = 16,
    AD_BYTES = DOMAIN_BYTES + TORC_FINGERPRINT_BYTES + TORC_KEY_ID_BYTES + 8 + 8 + SALT_BYTES,
};

typedef struct protection {
    uint64_t passes;
    uint64_t memory_bytes;
    uint8_t salt[SALT_BYTES];
    uint8_t nonce[NONCE_BYTES];
} protection;

static size_t bit_count(const torc_params *params)
{
    return (size_t)torc_params_big_dim(params) + params->lwe_dim;
}

static size_t packed_bytes(const torc_params *params)
{
    return (bit_count(params) + 7) / 8;
}

/* The small key follows the big one in memory. */
static void pack(uint8_t *packed, const torc_secret_key *secret)
{
    memset(packed, 0, packed_bytes(&secret->params));
    for (size_t i = 0; i < bit_count(&secret->params); i++) {
        packed[i / 8] |= (uint8_t)(secret->big[i] << (i % 8));
    }
}

static void unpack(torc_secret_key *secret, const uint8_t *packed)
{
    for (size_t i = 0; i < bit_count(&secret->params); i++) {
        secret->big[i] = (packed[i / 8] >> (i % 8)) & 1;
    }
}

/* --- the box -----------------------------------------------------------------------------------
 */

static uint8_t *put_u64(uint8_t *out, uint64_t value)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
    return out + 8;
}

static void associated_data(uint8_t out[AD_BYTES], const torc_secret_key *secret,
                            const protection *p)
{
    static const char domain[DOMAIN_BYTES] = "torc secret 1";
    memcpy(out, domain, DOMAIN_BYTES);
    out += DOMAIN_BYTES;
    torc_params_fingerprint(out, &secret->params);
    out += TORC_FINGERPRINT_BYTES;
    memcpy(out, secret->key_id, TORC_KEY_ID_BYTES);
    out += TORC_KEY_ID_BYTES;
    out = put_u64(out, p->passes);
    out = put_u64(out, p->memory_bytes);
    memcpy(out, p->salt, SALT_BYTES);
}

static torc_status derive(torc_ctx *ctx, uint8_t box_key[BOX_KEY_BYTES], const protection *p,
                          const char *passphrase)
{
    if (crypto_pwhash(box_key, BOX_KEY_BYTES, passphrase, strlen(passphrase), p->salt, p->passes,
                      (size_t)p->memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return torc_fail(ctx, TORC_E_MEMORY,
                         "secret key: the passphrase hash needs %llu MiB of memory",
                         (unsigned long long)(p->memory_bytes >> 20));
    }
    return TORC_OK;
}

static torc_status seal(torc_ctx *ctx, uint8_t *sealed, const uint8_t *packed,
                        const torc_secret_key *secret, const protection *p, const char *passphrase)
{
    uint8_t box_key[BOX_KEY_BYTES];
    uint8_t data[AD_BYTES];
    associated_data(data, secret, p);
    TORC_TRY(derive(ctx, box_key, p, passphrase));
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, packed, packed_bytes(&secret->params),
                                               data, sizeof data, NULL, p->nonce, box_key);
    torc_wipe(box_key, sizeof box_key);
    return TORC_OK;
}

static torc_status unseal(torc_ctx *ctx, uint8_t *packed, const uint8_t *sealed,
                          const torc_secret_key *secret, const protection *p,
                          const char *passphrase)
{
    uint8_t box_key[BOX_KEY_BYTES];
    uint8_t data[AD_BYTES];
    associated_data(data, secret, p);
    TORC_TRY(derive(ctx, box_key, p, passphrase));
    const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        packed, NULL, NULL, sealed, packed_bytes(&secret->params) + TAG_BYTES, data, sizeof data,
        p->nonce, box_key);
    torc_wipe(box_key, sizeof box_key);
    if (failed != 0) {
        return torc_fail(ctx, TORC_E_SECURITY, "the passphrase is wrong, or the file was altered");
    }
    return TORC_OK;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static torc_status put_protection(torc_ctx *ctx, torc_writer *writer, const protection *p)
{
    TORC_TRY(torc_writer_text(ctx, writer, "protection", PROTECTED));
    TORC_TRY(torc_header_put_u64(ctx, writer, "passes", p->passes));
    TORC_TRY(torc_header_put_u64(ctx, writer, "memory_bytes", p->memory_bytes));
    TORC_TRY(torc_writer_hex(ctx, writer, "salt", p->salt, SALT_BYTES));
    return torc_writer_hex(ctx, writer, "nonce", p->nonce, NONCE_BYTES);
}

/* bytes: room for the packed bits and the tag, in guarded memory; sealing happens in place. */
static torc_status put_bits(torc_ctx *ctx, torc_writer *writer, uint8_t *bytes,
                            const torc_secret_key *secret, const char *passphrase)
{
    const size_t plain[1] = {packed_bytes(&secret->params)};
    const size_t sealed[1] = {plain[0] + TAG_BYTES};
    protection p = {.passes = crypto_pwhash_OPSLIMIT_MODERATE,
                    .memory_bytes = crypto_pwhash_MEMLIMIT_MODERATE};
    pack(bytes, secret);
    if (passphrase == NULL) {
        TORC_TRY(torc_writer_text(ctx, writer, "protection", UNPROTECTED));
        return torc_writer_tensor(ctx, writer, "key", TORC_RAW_U8, 1, plain, bytes);
    }
    randombytes_buf(p.salt, sizeof p.salt);
    randombytes_buf(p.nonce, sizeof p.nonce);
    TORC_TRY(seal(ctx, bytes, bytes, secret, &p, passphrase));
    TORC_TRY(put_protection(ctx, writer, &p));
    return torc_writer_tensor(ctx, writer, "sealed", TORC_RAW_U8, 1, sealed, bytes);
}

static torc_status write_secret(torc_ctx *ctx, torc_writer *writer, uint8_t *bytes,
                                const torc_secret_key *secret, const char *path,
                                const char *passphrase, bool force)
{
    TORC_TRY(torc_header_put_params(ctx, writer, &secret->params));
    TORC_TRY(torc_writer_hex(ctx, writer, "key_id", secret->key_id, TORC_KEY_ID_BYTES));
    TORC_TRY(put_bits(ctx, writer, bytes, secret, passphrase));
    return torc_writer_save(ctx, writer, path, 0600, !force);
}

/* Before the slow hash; the exclusive write catches what appears in between. */
static torc_status check_saving(torc_ctx *ctx, const char *path, const char *passphrase, bool force)
{
    if (passphrase != NULL && passphrase[0] == '\0') {
        return torc_fail(ctx, TORC_E_ARGUMENT, "secret key: the passphrase is empty");
    }
    if (!force && access(path, F_OK) == 0) {
        return torc_fail(
            ctx, TORC_E_IO,
            "%s: exists already, and a secret key that is overwritten is lost with all "
            "its data; choose another name, or force it",
            path);
    }
    return TORC_OK;
}

torc_status torc_secret_key_save(torc_ctx *ctx, const torc_secret_key *secret, const char *path,
                                 const char *passphrase, bool force)
{
    torc_writer *writer = NULL;
    TORC_TRY(check_saving(ctx, path, passphrase, force));
    TORC_TRY(torc_random_init(ctx));
    TORC_TRY(torc_writer_create(ctx, &writer, TORC_FILE_SECRET));
    uint8_t *bytes = sodium_malloc(packed_bytes(&secret->params) + TAG_BYTES);
    torc_status status = TORC_OK;
    if (bytes == NULL) {
        status = torc_fail(ctx, TORC_E_MEMORY, "secret key: no guarded memory");
    } else {
        status = write_secret(ctx, writer, bytes, secret, path, passphrase, force);
    }
    torc_writer_free(writer);
    sodium_free(bytes);
    return status;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static torc_status get_protection(torc_ctx *ctx, protection *p, const torc_reader *reader)
{
    TORC_TRY(torc_header_get_u64(ctx, &p->passes, reader, "passes", MAX_PASSES));
    TORC_TRY(torc_header_get_u64(ctx, &p->memory_bytes, reader, "memory_bytes", MAX_MEMORY));
    if (p->passes < crypto_pwhash_OPSLIMIT_MIN || p->memory_bytes < crypto_pwhash_MEMLIMIT_MIN) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: passes or memory_bytes is too small",
                         torc_reader_path(reader));
    }
    TORC_TRY(torc_reader_hex(ctx, reader, "salt", p->salt, SALT_BYTES));
    return torc_reader_hex(ctx, reader, "nonce", p->nonce, NONCE_BYTES);
}

/* A tensor of exactly this many bytes. */
static torc_status get_bytes(torc_ctx *ctx, const uint8_t **out, const torc_reader *reader,
                             const char *name, size_t size)
{
    size_t shape[1] = {0};
    const void *data = NULL;
    TORC_TRY(torc_reader_tensor(ctx, reader, name, TORC_RAW_U8, 1, shape, &data));
    if (shape[0] != size) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: '%s' has %zu bytes, its parameters ask for %zu",
                         torc_reader_path(reader), name, shape[0], size);
    }
    *out = data;
    return TORC_OK;
}

static torc_status get_plain_bits(torc_ctx *ctx, torc_secret_key *secret, const torc_reader *reader,
                                  const char *passphrase)
{
    const uint8_t *packed = NULL;
    if (passphrase != NULL) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "%s: not protected by a passphrase; load it without one",
                         torc_reader_path(reader));
    }
    TORC_TRY(get_bytes(ctx, &packed, reader, "key", packed_bytes(&secret->params)));
    unpack(secret, packed);
    return TORC_OK;
}

static torc_status get_sealed_bits(torc_ctx *ctx, torc_secret_key *secret,
                                   const torc_reader *reader, const char *passphrase)
{
    const size_t size = packed_bytes(&secret->params);
    const uint8_t *sealed = NULL;
    protection p;
    if (passphrase == NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "%s: protected by a passphrase; give it",
                         torc_reader_path(reader));
    }
    TORC_TRY(get_protection(ctx, &p, reader));
    TORC_TRY(get_bytes(ctx, &sealed, reader, "sealed", size + TAG_BYTES));
    uint8_t *packed = sodium_malloc(size);
    if (packed == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "secret key: no guarded memory");
    }
    torc_status status = unseal(ctx, packed, sealed, secret, &p, passphrase);
    if (status == TORC_OK) {
        unpack(secret, packed);
    } else {
        status = torc_fail_prefix(ctx, status, "%s", torc_reader_path(reader));
    }
    sodium_free(packed);
    return status;
}

static torc_status read_secret(torc_ctx *ctx, torc_secret_key **out, const torc_reader *reader,
                               const char *passphrase)
{
    torc_params params;
    const char *word = NULL;
    TORC_TRY(torc_header_get_params(ctx, &params, reader));
    TORC_TRY(torc_reader_text(ctx, reader, "protection", &word));
    TORC_TRY(torc_secret_key_create(ctx, out, &params));
    TORC_TRY(torc_reader_hex(ctx, reader, "key_id", (*out)->key_id, TORC_KEY_ID_BYTES));
    if (strcmp(word, UNPROTECTED) == 0) {
        return get_plain_bits(ctx, *out, reader, passphrase);
    }
    if (strcmp(word, PROTECTED) == 0) {
        return get_sealed_bits(ctx, *out, reader, passphrase);
    }
    return torc_fail(ctx, TORC_E_FORMAT, "%s: unknown protection; use the version that made it",
                     torc_reader_path(reader));
}

torc_status torc_secret_key_load(torc_ctx *ctx, torc_secret_key **out, const char *path,
                                 const char *passphrase)
{
    torc_reader *reader = NULL;
    torc_secret_key *secret = NULL;
    *out = NULL;
    TORC_TRY(torc_reader_open(ctx, &reader, path, TORC_FILE_SECRET));
    const torc_status status = read_secret(ctx, &secret, reader, passphrase);
    torc_reader_close(reader);
    if (status != TORC_OK) {
        torc_secret_key_free(secret);
        return status;
    }
    torc_secret_key_seal(secret);
    *out = secret;
    return TORC_OK;
}
