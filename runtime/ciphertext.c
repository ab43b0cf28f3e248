/* Ciphertexts as they travel: file and expansion of seeded elements. No secret passes here.
 *
 * File (kind "ciphertexts")
 *   is_result, big_dim, samples, part_count      decimal text
 *   circuit_id, key_id, seed                     hex
 *   part_I_name, part_I_form, part_I_count       text; form is seeded, full or clear
 *   part_I    u64 [samples][count]               seeded: bodies; rows follow each other from 0
 *             u64 [samples][count][big_dim + 1]  full
 *             i64 [samples][count]               clear */
#include "runtime/ciphertext.h"

#include "runtime/container.h"
#include "runtime/header_fields.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SAMPLES ((uint64_t)1 << 40)
#define MAX_BIG_DIM ((uint64_t)1 << 20)
#define MAX_PARTS   TORC_SPEC_MAX_PORTS

typedef struct form_word {
    const char *name;
    torc_raw_dtype dtype;
} form_word;

static const form_word forms[] = {
    [TORC_CT_SEEDED] = {"seeded", TORC_RAW_U64},
    [TORC_CT_FULL] = {"full", TORC_RAW_U64},
    [TORC_CT_CLEAR] = {"clear", TORC_RAW_I64},
};
enum { FORM_COUNT = sizeof forms / sizeof *forms };

void torc_ciphertexts_free(torc_ciphertexts *ct)
{
    if (ct == NULL) {
        return;
    }
    for (uint32_t i = 0; ct->parts != NULL && i < ct->part_count; i++) {
        free(ct->parts[i].name);
        free(ct->parts[i].word);
    }
    free(ct->parts);
    free(ct);
}

void torc_ct_expand(uint64_t *out, const torc_ciphertexts *ct, const torc_ct_part *part,
                    size_t sample, size_t element)
{
    const size_t index = sample * part->count + element;
    const size_t words = (size_t)ct->big_dim + 1;
    if (part->form == TORC_CT_FULL) {
        memcpy(out, part->word + index * words, words * sizeof *out);
        return;
    }
    torc_mask_expand_u64(out, ct->big_dim, ct->seed, TORC_MASK_CIPHERTEXT, part->row_begin + index);
    out[ct->big_dim] = part->word[index];
}

/* The shape of the tensor that holds a part; gives its rank. */
static uint32_t part_shape(size_t shape[3], const torc_ciphertexts *ct, const torc_ct_part *part)
{
    shape[0] = ct->samples;
    shape[1] = part->count;
    shape[2] = (size_t)ct->big_dim + 1;
    return part->form == TORC_CT_FULL ? 3 : 2;
}

/* Header keys and tensor names: "part_7" and, with a suffix, "part_7_name". */
typedef struct part_key {
    char text[40];
} part_key;

static part_key key_of(uint32_t index, const char *suffix)
{
    part_key key;
    (void)snprintf(key.text, sizeof key.text, "part_%u%s", index, suffix);
    return key;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static torc_status check_rows(torc_ctx *ctx, const torc_ciphertexts *ct)
{
    uint64_t next_row = 0;
    for (uint32_t i = 0; i < ct->part_count; i++) {
        const torc_ct_part *part = &ct->parts[i];
        if (part->form != TORC_CT_SEEDED) {
            continue;
        }
        if (part->row_begin != next_row) {
            return torc_fail(ctx, TORC_E_INTERNAL,
                             "ciphertexts: part %u begins at another mask row", i);
        }
        next_row += ct->samples * part->count;
    }
    return TORC_OK;
}

static torc_status write_part(torc_ctx *ctx, torc_writer *writer, const torc_ciphertexts *ct,
                              uint32_t index)
{
    const torc_ct_part *part = &ct->parts[index];
    size_t shape[3];
    const uint32_t rank = part_shape(shape, ct, part);
    TORC_TRY(torc_writer_text(ctx, writer, key_of(index, "_name").text, part->name));
    TORC_TRY(torc_writer_text(ctx, writer, key_of(index, "_form").text, forms[part->form].name));
    TORC_TRY(torc_header_put_u64(ctx, writer, key_of(index, "_count").text, part->count));
    return torc_writer_tensor(ctx, writer, key_of(index, "").text, forms[part->form].dtype, rank,
                              shape, part->word);
}

static torc_status write_header(torc_ctx *ctx, torc_writer *writer, const torc_ciphertexts *ct)
{
    TORC_TRY(torc_header_put_u64(ctx, writer, "is_result", ct->is_result));
    TORC_TRY(torc_header_put_u64(ctx, writer, "big_dim", ct->big_dim));
    TORC_TRY(torc_header_put_u64(ctx, writer, "samples", ct->samples));
    TORC_TRY(torc_header_put_u64(ctx, writer, "part_count", ct->part_count));
    TORC_TRY(torc_writer_hex(ctx, writer, "circuit_id", ct->circuit_id, TORC_ID_BYTES));
    TORC_TRY(torc_writer_hex(ctx, writer, "key_id", ct->key_id, TORC_KEY_ID_BYTES));
    return torc_writer_hex(ctx, writer, "seed", ct->seed, TORC_SEED_BYTES);
}

static torc_status write_all(torc_ctx *ctx, torc_writer *writer, const torc_ciphertexts *ct,
                             const char *path)
{
    TORC_TRY(check_rows(ctx, ct));
    TORC_TRY(write_header(ctx, writer, ct));
    for (uint32_t i = 0; i < ct->part_count; i++) {
        TORC_TRY(write_part(ctx, writer, ct, i));
    }
    return torc_writer_save(ctx, writer, path, 0644, false);
}

torc_status torc_ciphertexts_save(torc_ctx *ctx, const torc_ciphertexts *ct, const char *path)
{
    torc_writer *writer = NULL;
    TORC_TRY(torc_writer_create(ctx, &writer, TORC_FILE_CIPHERTEXT));
    const torc_status status = write_all(ctx, writer, ct, path);
    torc_writer_free(writer);
    return status;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static torc_status read_form(torc_ctx *ctx, torc_ct_form *out, const torc_reader *reader,
                             uint32_t index)
{
    const char *text = NULL;
    TORC_TRY(torc_reader_text(ctx, reader, key_of(index, "_form").text, &text));
    for (int i = 0; i < FORM_COUNT; i++) {
        if (strcmp(forms[i].name, text) == 0) {
            *out = (torc_ct_form)i;
            return TORC_OK;
        }
    }
    return torc_fail(ctx, TORC_E_FORMAT, "%s: part %u has an unknown form",
                     torc_reader_path(reader), index);
}

static torc_status read_name(torc_ctx *ctx, char **out, const torc_reader *reader, uint32_t index)
{
    const char *text = NULL;
    TORC_TRY(torc_reader_text(ctx, reader, key_of(index, "_name").text, &text));
    const size_t size = strlen(text) + 1;
    TORC_TRY(TORC_ALLOC(ctx, *out, size));
    memcpy(*out, text, size);
    return TORC_OK;
}

/* The container has checked that the tensor lies in the file, so the copy is no larger than it. */
static torc_status read_words(torc_ctx *ctx, torc_ct_part *part, const torc_ciphertexts *ct,
                              const torc_reader *reader, uint32_t index)
{
    size_t expected[3];
    size_t found[3] = {0};
    const void *data = NULL;
    const uint32_t rank = part_shape(expected, ct, part);
    TORC_TRY(torc_reader_tensor(ctx, reader, key_of(index, "").text, forms[part->form].dtype, rank,
                                found, &data));
    if (memcmp(found, expected, rank * sizeof *found) != 0) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: part %u ('%s') has another shape than its header",
                         torc_reader_path(reader), index, TORC_PRINTABLE(part->name));
    }
    const size_t count = torc_shape_count(rank, expected);
    TORC_TRY(TORC_ALLOC(ctx, part->word, count));
    memcpy(part->word, data, count * sizeof *part->word);
    return TORC_OK;
}

static torc_status read_part(torc_ctx *ctx, torc_ct_part *part, uint64_t *next_row,
                             const torc_ciphertexts *ct, const torc_reader *reader, uint32_t index)
{
    uint64_t count = 0;
    TORC_TRY(read_name(ctx, &part->name, reader, index));
    TORC_TRY(read_form(ctx, &part->form, reader, index));
    TORC_TRY(torc_header_get_u64(ctx, &count, reader, key_of(index, "_count").text,
                                 TORC_SPEC_MAX_ELEMENTS));
    part->count = count;
    TORC_TRY(read_words(ctx, part, ct, reader, index));
    if (part->form == TORC_CT_SEEDED) {
        part->row_begin = *next_row;
        *next_row += ct->samples * part->count;
    }
    return TORC_OK;
}

static torc_status read_header(torc_ctx *ctx, torc_ciphertexts *ct, const torc_reader *reader)
{
    uint64_t is_result = 0;
    uint64_t big_dim = 0;
    uint64_t samples = 0;
    uint64_t part_count = 0;
    TORC_TRY(torc_header_get_u64(ctx, &is_result, reader, "is_result", 1));
    TORC_TRY(torc_header_get_u64(ctx, &big_dim, reader, "big_dim", MAX_BIG_DIM));
    TORC_TRY(torc_header_get_u64(ctx, &samples, reader, "samples", MAX_SAMPLES));
    TORC_TRY(torc_header_get_u64(ctx, &part_count, reader, "part_count", MAX_PARTS));
    if (samples == 0 || part_count == 0) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: no samples or no parts",
                         torc_reader_path(reader));
    }
    ct->is_result = is_result == 1;
    ct->big_dim = (uint32_t)big_dim;
    ct->samples = samples;
    ct->part_count = (uint32_t)part_count;
    TORC_TRY(torc_reader_hex(ctx, reader, "circuit_id", ct->circuit_id, TORC_ID_BYTES));
    TORC_TRY(torc_reader_hex(ctx, reader, "key_id", ct->key_id, TORC_KEY_ID_BYTES));
    return torc_reader_hex(ctx, reader, "seed", ct->seed, TORC_SEED_BYTES);
}

static torc_status read_all(torc_ctx *ctx, torc_ciphertexts *ct, const torc_reader *reader)
{
    uint64_t next_row = 0;
    TORC_TRY(read_header(ctx, ct, reader));
    TORC_TRY(TORC_ALLOC(ctx, ct->parts, ct->part_count));
    for (uint32_t i = 0; i < ct->part_count; i++) {
        TORC_TRY(read_part(ctx, &ct->parts[i], &next_row, ct, reader, i));
    }
    return TORC_OK;
}

torc_status torc_ciphertexts_load(torc_ctx *ctx, torc_ciphertexts **out, const char *path)
{
    torc_reader *reader = NULL;
    torc_ciphertexts *ct = NULL;
    *out = NULL;
    TORC_TRY(torc_reader_open(ctx, &reader, path, TORC_FILE_CIPHERTEXT));
    torc_status status = TORC_ALLOC(ctx, ct, 1);
    if (status == TORC_OK) {
        status = read_all(ctx, ct, reader);
    }
    torc_reader_close(reader);
    if (status != TORC_OK) {
        torc_ciphertexts_free(ct);
        return status;
    }
    *out = ct;
    return TORC_OK;
}
