/* Opening a container: the file is mapped and every bit of it checked before anything is handed
 * out. Nothing is allocated but the header, whose size is bounded. container_header.c reads the
 * JSON. */
#include "runtime/container_header.h"
#include "runtime/file.h"
#include "runtime/rng.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <stdlib.h>
#include <string.h>

struct torc_reader {
    char *path;
    const uint8_t *file;
    size_t file_bytes;
    const uint8_t *data;
    torc_header header;
};

static torc_status fail_damaged(torc_ctx *ctx, const char *path, const char *what)
{
    return torc_fail(ctx, TORC_E_FORMAT, "%s: %s; the file is damaged: copy it or make it again",
                     TORC_PRINTABLE(path), what);
}

/* --- before the JSON -----------------------------------------------------------------------------
 */

static bool looks_like_ours(const uint8_t *file, size_t bytes)
{
    return bytes >= TORC_CONTAINER_DIGEST_AT + TORC_DIGEST_DIGITS &&
           memcmp(file + 8, TORC_CONTAINER_PREFIX, sizeof TORC_CONTAINER_PREFIX - 1) == 0;
}

/* *bytes: length and header together, digest verified. */
static torc_status check_start(torc_ctx *ctx, size_t *bytes, const char *path, const uint8_t *file,
                               size_t file_bytes)
{
    if (!looks_like_ours(file, file_bytes)) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: not a torc file, or damaged at its start",
                         TORC_PRINTABLE(path));
    }
    uint64_t length = 0;
    for (size_t i = 0; i < 8; i++) {
        length |= (uint64_t)file[i] << (8 * i);
    }
    if (length > TORC_CONTAINER_START - 8 || (8 + length) % TORC_CONTAINER_PAGE != 0) {
        return fail_damaged(ctx, path, "the length of its header is impossible");
    }
    if (8 + length > file_bytes) {
        return fail_damaged(ctx, path, "cut off inside its header");
    }
    uint8_t stored[TORC_DIGEST_BYTES];
    uint8_t found[TORC_DIGEST_BYTES];
    const char *digits = (const char *)file + TORC_CONTAINER_DIGEST_AT;
    torc_container_header_digest(found, file, 8 + length);
    if (!torc_hex_decode(stored, sizeof stored, digits, TORC_DIGEST_DIGITS) ||
        memcmp(stored, found, sizeof stored) != 0) {
        return fail_damaged(ctx, path, "its header does not have the digest that it states");
    }
    *bytes = 8 + length;
    return TORC_OK;
}

static torc_status read_start(torc_ctx *ctx, torc_header *header, size_t *start_bytes,
                              const char *path, const uint8_t *file, size_t file_bytes)
{
    TORC_TRY(check_start(ctx, start_bytes, path, file, file_bytes));
    torc_status status = torc_header_parse(ctx, header, (const char *)file + 8, *start_bytes - 8);
    return status == TORC_OK ? status : torc_fail_prefix(ctx, status, "%s", TORC_PRINTABLE(path));
}

/* --- the data ------------------------------------------------------------------------------------
 */

static torc_status check_padding(torc_ctx *ctx, const torc_reader *reader, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        if (reader->data[i] != 0) {
            return fail_damaged(ctx, reader->path, "bytes between its tensors are not zero");
        }
    }
    return TORC_OK;
}

static torc_status check_tensor(torc_ctx *ctx, const torc_reader *reader, const torc_entry *entry)
{
    uint8_t stored[TORC_DIGEST_BYTES];
    uint8_t found[TORC_DIGEST_BYTES];
    torc_status status = torc_header_digest(ctx, stored, &reader->header, entry->name);
    if (status != TORC_OK) {
        return torc_fail_prefix(ctx, status, "%s", TORC_PRINTABLE(reader->path));
    }
    torc_hash(found, reader->data + entry->begin, entry->end - entry->begin);
    if (memcmp(stored, found, sizeof stored) != 0) {
        return torc_fail(
            ctx, TORC_E_FORMAT,
            "%s: tensor '%s' does not have the digest that its header states; the file "
            "is damaged: copy it or make it again",
            TORC_PRINTABLE(reader->path), entry->name);
    }
    return TORC_OK;
}

/* The header has checked that entries follow each other; here they meet the file. */
static torc_status check_data(torc_ctx *ctx, const torc_reader *reader, size_t data_bytes)
{
    const torc_header *header = &reader->header;
    size_t stated = header->count > 0 ? header->entries[header->count - 1].end : 0;
    if (stated != data_bytes) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "%s: %s: its header states %zu bytes of data, it has %zu; copy it or make "
                         "it again",
                         TORC_PRINTABLE(reader->path),
                         data_bytes < stated ? "cut off" : "bytes were appended", stated,
                         data_bytes);
    }
    size_t end = 0;
    for (size_t i = 0; i < header->count; i++) {
        TORC_TRY(check_padding(ctx, reader, end, header->entries[i].begin));
        TORC_TRY(check_tensor(ctx, reader, &header->entries[i]));
        end = header->entries[i].end;
    }
    return TORC_OK;
}

static torc_status open_mapped(torc_ctx *ctx, torc_reader *reader, torc_file_kind kind)
{
    size_t start_bytes = 0;
    TORC_TRY(read_start(ctx, &reader->header, &start_bytes, reader->path, reader->file,
                        reader->file_bytes));
    if (reader->header.kind != kind) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: this is a file of kind '%s', '%s' is needed here",
                         TORC_PRINTABLE(reader->path), torc_file_kind_name(reader->header.kind),
                         torc_file_kind_name(kind));
    }
    reader->data = reader->file + start_bytes;
    return check_data(ctx, reader, reader->file_bytes - start_bytes);
}

torc_status torc_reader_open(torc_ctx *ctx, torc_reader **out, const char *path,
                             torc_file_kind kind)
{
    *out = NULL;
    torc_reader *reader = NULL;
    TORC_TRY(TORC_ALLOC(ctx, reader, 1));
    torc_status status = TORC_ALLOC(ctx, reader->path, strlen(path) + 1);
    if (status == TORC_OK) {
        memcpy(reader->path, path, strlen(path) + 1);
        status = torc_file_map(ctx, &reader->file, &reader->file_bytes, path);
    }
    if (status == TORC_OK) {
        status = open_mapped(ctx, reader, kind);
    }
    if (status != TORC_OK) {
        torc_reader_close(reader);
        return status;
    }
    *out = reader;
    return TORC_OK;
}

torc_status torc_reader_kind(torc_ctx *ctx, torc_file_kind *out, const char *path)
{
    const uint8_t *file = NULL;
    size_t file_bytes = 0;
    size_t start_bytes = 0;
    torc_header header = {0};
    TORC_TRY(torc_file_map(ctx, &file, &file_bytes, path));
    torc_status status = read_start(ctx, &header, &start_bytes, path, file, file_bytes);
    if (status == TORC_OK) {
        *out = header.kind;
    }
    torc_header_free(&header);
    torc_file_unmap(file, file_bytes);
    return status;
}

void torc_reader_close(torc_reader *reader)
{
    if (reader) {
        torc_header_free(&reader->header);
        torc_file_unmap(reader->file, reader->file_bytes);
        free(reader->path);
        free(reader);
    }
}

/* --- borrowed content ----------------------------------------------------------------------------
 */

const char *torc_reader_path(const torc_reader *reader)
{
    return reader->path;
}

torc_status torc_reader_text(torc_ctx *ctx, const torc_reader *reader, const char *key,
                             const char **out)
{
    const char *text = torc_header_text(&reader->header, key);
    if (!text) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "%s: its header has no '%s'; make the file again with this version",
                         TORC_PRINTABLE(reader->path), key);
    }
    *out = text;
    return TORC_OK;
}

torc_status torc_reader_hex(torc_ctx *ctx, const torc_reader *reader, const char *key, uint8_t *out,
                            size_t size)
{
    const char *text = NULL;
    TORC_TRY(torc_reader_text(ctx, reader, key, &text));
    if (!torc_hex_decode(out, size, text, strlen(text))) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: '%s' is not %zu bytes in hexadecimal: '%s'",
                         TORC_PRINTABLE(reader->path), key, size, TORC_PRINTABLE(text));
    }
    return TORC_OK;
}

static const torc_entry *find_entry(const torc_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->header.count; i++) {
        if (strcmp(reader->header.entries[i].name, name) == 0) {
            return &reader->header.entries[i];
        }
    }
    return NULL;
}

bool torc_reader_has(const torc_reader *reader, const char *tensor_name)
{
    return find_entry(reader, tensor_name) != NULL;
}

torc_status torc_reader_tensor(torc_ctx *ctx, const torc_reader *reader, const char *name,
                               torc_raw_dtype dtype, uint32_t rank, size_t *shape, const void **out)
{
    const torc_entry *entry = find_entry(reader, name);
    if (!entry) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "%s: tensor '%s' is missing; make the file again with this version",
                         TORC_PRINTABLE(reader->path), name);
    }
    if (entry->dtype != dtype || entry->rank != rank) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "%s: tensor '%s' is %s of rank %u, %s of rank %u is needed; make the file "
                         "again with this version",
                         TORC_PRINTABLE(reader->path), name, torc_raw_dtype_name(entry->dtype),
                         entry->rank, torc_raw_dtype_name(dtype), rank);
    }
    if (shape && rank > 0) {
        memcpy(shape, entry->shape, rank * sizeof *shape);
    }
    *out = reader->data + entry->begin;
    return TORC_OK;
}
