/* Evaluation keys: identity, file, expansion of rows. Public material only; how bodies are made is
 * runtime/client/keygen.c.
 *
 * File (kind "evaluation keys")
 *   params       text  JSON object, params_json.c
 *   fingerprint  hex   of params
 *   seed         hex   256 bits, of every mask
 *   key_id       hex   BLAKE2b(fingerprint, seed, BLAKE2b(bootstrap), BLAKE2b(keyswitch))
 *   bootstrap    u64   [bootstrap rows][poly_size]   absent in a key set without lookups
 *   keyswitch    u32   [keyswitch rows]              absent in a key set without lookups */
#include "runtime/evaluation_keys.h"

#include "runtime/container.h"
#include "runtime/header_fields.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

/* Terms of one blind-rotation step: one for each nonempty set of its g bits. */
static size_t step_terms(const torc_params *p)
{
    return ((size_t)1 << p->grouping) - 1;
}

size_t torc_evk_bootstrap_rows(const torc_params *params)
{
    if (!torc_params_has_lookup(params)) {
        return 0;
    }
    return torc_params_step_count(params) * step_terms(params) * (params->glwe_dim + 1) *
           params->bootstrap.level_count;
}

size_t torc_evk_keyswitch_rows(const torc_params *params)
{
    return (size_t)torc_params_big_dim(params) * params->keyswitch.level_count;
}

void torc_evk_digest_bootstrap(uint8_t digest[TORC_DIGEST_BYTES], const torc_evaluation_keys *keys)
{
    const size_t words = torc_evk_bootstrap_rows(&keys->params) * keys->params.poly_size;
    torc_hash(digest, keys->bootstrap_body, words * sizeof *keys->bootstrap_body);
}

void torc_evk_identify_from(torc_evaluation_keys *keys,
                            const uint8_t bootstrap_digest[TORC_DIGEST_BYTES])
{
    const torc_params *p = &keys->params;
    uint8_t parts[3 * TORC_DIGEST_BYTES + TORC_SEED_BYTES];
    uint8_t *bodies = parts + TORC_DIGEST_BYTES + TORC_SEED_BYTES;
    torc_params_fingerprint(parts, p);
    memcpy(parts + TORC_DIGEST_BYTES, keys->seed, TORC_SEED_BYTES);
    memcpy(bodies, bootstrap_digest, TORC_DIGEST_BYTES);
    torc_hash(bodies + TORC_DIGEST_BYTES, keys->keyswitch_body,
              torc_evk_keyswitch_rows(p) * sizeof(uint32_t));
    torc_hash(keys->key_id, parts, sizeof parts);
}

torc_status torc_evk_fits(torc_ctx *ctx, const torc_evaluation_keys *keys,
                          const torc_params *params, const char *where)
{
    uint8_t wanted[TORC_FINGERPRINT_BYTES];
    uint8_t found[TORC_FINGERPRINT_BYTES];
    if (keys == NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "%s: the circuit has lookups and no evaluation keys were given; pass the "
                         "client's .evk file",
                         where);
    }
    torc_params_fingerprint(wanted, params);
    torc_params_fingerprint(found, &keys->params);
    if (memcmp(wanted, found, sizeof wanted) != 0) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "%s: the evaluation keys belong to other parameters (lwe_dim %u, "
                         "poly_size %u) than the circuit (lwe_dim %u, poly_size %u); make keys "
                         "from this circuit's client specification",
                         where, keys->params.lwe_dim, keys->params.poly_size, params->lwe_dim,
                         params->poly_size);
    }
    return TORC_OK;
}

void torc_evk_identify(torc_evaluation_keys *keys)
{
    uint8_t digest[TORC_DIGEST_BYTES];
    torc_evk_digest_bootstrap(digest, keys);
    torc_evk_identify_from(keys, digest);
}

void torc_evk_free(torc_evaluation_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    if (keys->owner != NULL) {
        torc_reader_close(keys->owner);
    } else {
        free((void *)keys->bootstrap_body);
        free((void *)keys->keyswitch_body);
    }
    free(keys);
}

void torc_evk_expand_glwe(uint64_t *glwe, const torc_evaluation_keys *keys, size_t row)
{
    const size_t mask_words = torc_params_big_dim(&keys->params);
    const size_t poly_size = keys->params.poly_size;
    torc_mask_expand_u64(glwe, mask_words, keys->seed, TORC_MASK_BOOTSTRAP, row);
    memcpy(glwe + mask_words, keys->bootstrap_body + row * poly_size, poly_size * sizeof *glwe);
}

void torc_evk_expand_lwe(uint32_t *lwe, const torc_evaluation_keys *keys, size_t row)
{
    torc_mask_expand_u32(lwe, keys->params.lwe_dim, keys->seed, TORC_MASK_KEYSWITCH, row);
    lwe[keys->params.lwe_dim] = keys->keyswitch_body[row];
}

/* --- file --------------------------------------------------------------------------------------
 */

static torc_status write_bodies(torc_ctx *ctx, torc_writer *writer,
                                const torc_evaluation_keys *keys)
{
    const torc_params *p = &keys->params;
    const size_t bootstrap_shape[2] = {torc_evk_bootstrap_rows(p), p->poly_size};
    const size_t keyswitch_shape[1] = {torc_evk_keyswitch_rows(p)};
    if (!torc_params_has_lookup(p)) {
        return TORC_OK;
    }
    TORC_TRY(torc_writer_tensor(ctx, writer, "bootstrap", TORC_RAW_U64, 2, bootstrap_shape,
                                keys->bootstrap_body));
    return torc_writer_tensor(ctx, writer, "keyswitch", TORC_RAW_U32, 1, keyswitch_shape,
                              keys->keyswitch_body);
}

static torc_status write_keys(torc_ctx *ctx, torc_writer *writer, const torc_evaluation_keys *keys,
                              const char *path)
{
    TORC_TRY(torc_header_put_params(ctx, writer, &keys->params));
    TORC_TRY(torc_writer_hex(ctx, writer, "seed", keys->seed, TORC_SEED_BYTES));
    TORC_TRY(torc_writer_hex(ctx, writer, "key_id", keys->key_id, TORC_KEY_ID_BYTES));
    TORC_TRY(write_bodies(ctx, writer, keys));
    return torc_writer_save(ctx, writer, path, 0644, false);
}

torc_status torc_evk_save(torc_ctx *ctx, const torc_evaluation_keys *keys, const char *path)
{
    torc_writer *writer = NULL;
    TORC_TRY(torc_writer_create(ctx, &writer, TORC_FILE_EVALUATION));
    const torc_status status = write_keys(ctx, writer, keys, path);
    torc_writer_free(writer);
    return status;
}

static torc_status read_bodies(torc_ctx *ctx, torc_evaluation_keys *keys, const torc_reader *reader)
{
    const torc_params *p = &keys->params;
    size_t bootstrap[2] = {0};
    size_t keyswitch[1] = {0};
    const void *bootstrap_body = NULL;
    const void *keyswitch_body = NULL;
    if (!torc_params_has_lookup(p)) {
        return TORC_OK;
    }
    TORC_TRY(
        torc_reader_tensor(ctx, reader, "bootstrap", TORC_RAW_U64, 2, bootstrap, &bootstrap_body));
    TORC_TRY(
        torc_reader_tensor(ctx, reader, "keyswitch", TORC_RAW_U32, 1, keyswitch, &keyswitch_body));
    if (bootstrap[0] != torc_evk_bootstrap_rows(p) || bootstrap[1] != p->poly_size ||
        keyswitch[0] != torc_evk_keyswitch_rows(p)) {
        return torc_fail(
            ctx, TORC_E_FORMAT,
            "%s: bodies of [%zu][%zu] and [%zu] words, its parameters ask for [%zu][%u] "
            "and [%zu]",
            torc_reader_path(reader), bootstrap[0], bootstrap[1], keyswitch[0],
            torc_evk_bootstrap_rows(p), p->poly_size, torc_evk_keyswitch_rows(p));
    }
    keys->bootstrap_body = bootstrap_body;
    keys->keyswitch_body = keyswitch_body;
    return TORC_OK;
}

/* The digest of a tensor, which the reader has checked, is that of the bodies: no second pass. */
static torc_status identify_read(torc_ctx *ctx, torc_evaluation_keys *keys,
                                 const torc_reader *reader)
{
    uint8_t digest[TORC_DIGEST_BYTES];
    if (!torc_params_has_lookup(&keys->params)) {
        torc_evk_identify(keys);
        return TORC_OK;
    }
    TORC_TRY(torc_reader_hex(ctx, reader, "digest:bootstrap", digest, sizeof digest));
    torc_evk_identify_from(keys, digest);
    return TORC_OK;
}

static torc_status read_keys(torc_ctx *ctx, torc_evaluation_keys *keys, const torc_reader *reader)
{
    uint8_t stored_id[TORC_KEY_ID_BYTES];
    TORC_TRY(torc_header_get_params(ctx, &keys->params, reader));
    TORC_TRY(torc_reader_hex(ctx, reader, "seed", keys->seed, TORC_SEED_BYTES));
    TORC_TRY(torc_reader_hex(ctx, reader, "key_id", stored_id, TORC_KEY_ID_BYTES));
    TORC_TRY(read_bodies(ctx, keys, reader));
    TORC_TRY(identify_read(ctx, keys, reader));
    if (memcmp(stored_id, keys->key_id, sizeof stored_id) != 0) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "%s: key_id is not that of its content; make the keys "
                         "again",
                         torc_reader_path(reader));
    }
    return TORC_OK;
}

torc_status torc_evk_load(torc_ctx *ctx, torc_evaluation_keys **out, const char *path)
{
    torc_evaluation_keys *keys = NULL;
    torc_reader *reader = NULL;
    *out = NULL;
    TORC_TRY(torc_reader_open(ctx, &reader, path, TORC_FILE_EVALUATION));
    torc_status status = TORC_ALLOC(ctx, keys, 1);
    if (status != TORC_OK) {
        torc_reader_close(reader);
        return status;
    }
    keys->owner = reader;
    status = read_keys(ctx, keys, reader);
    if (status != TORC_OK) {
        torc_evk_free(keys);
        return status;
    }
    *out = keys;
    return TORC_OK;
}
