/* Writing a container: texts and tensors are collected, the header is made last, all goes out at
 * once. The same content gives the same bytes. */
#include "runtime/container_layout.h"
#include "runtime/file.h"
#include "runtime/rng.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct torc_writer {
    torc_file_kind kind;
    cJSON *metadata; /* key -> text, without digests */
    size_t count, capacity;
    torc_entry *entries;
    const void **data; /* borrowed */
};

static torc_status fail_memory(torc_ctx *ctx)
{
    return torc_fail(ctx, TORC_E_MEMORY, "out of memory: header of a file to be written");
}

torc_status torc_writer_create(torc_ctx *ctx, torc_writer **out, torc_file_kind kind)
{
    *out = NULL;
    torc_writer *writer = NULL;
    TORC_TRY(TORC_ALLOC(ctx, writer, 1));
    writer->kind = kind;
    writer->metadata = cJSON_CreateObject();
    if (!writer->metadata) {
        torc_writer_free(writer);
        return fail_memory(ctx);
    }
    *out = writer;
    return TORC_OK;
}

void torc_writer_free(torc_writer *writer)
{
    if (writer) {
        cJSON_Delete(writer->metadata);
        free(writer->entries);
        free(writer->data);
        free(writer);
    }
}

static bool is_utf8(const char *text)
{
    size_t length = strlen(text);
    for (size_t at = 0, size = 0; at < length; at += size) {
        size = torc_utf8_next(NULL, text + at, length - at);
        if (size == 0) {
            return false;
        }
    }
    return true;
}

torc_status torc_writer_text(torc_ctx *ctx, torc_writer *writer, const char *key, const char *value)
{
    if (!torc_container_key_is_good(key) ||
        cJSON_GetObjectItemCaseSensitive(writer->metadata, key)) {
        return torc_fail(ctx, TORC_E_INTERNAL, "container: key '%s' is malformed or set twice",
                         TORC_PRINTABLE(key));
    }
    if (!is_utf8(value)) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "container: the text '%s' of '%s' is not UTF-8",
                         TORC_PRINTABLE(value), key);
    }
    return cJSON_AddStringToObject(writer->metadata, key, value) ? TORC_OK : fail_memory(ctx);
}

torc_status torc_writer_hex(torc_ctx *ctx, torc_writer *writer, const char *key,
                            const uint8_t *bytes, size_t size)
{
    char *text = NULL;
    TORC_TRY(torc_alloc(ctx, (void **)&text, 2 * size + 1, 1));
    torc_hex_encode(text, bytes, size);
    torc_status status = torc_writer_text(ctx, writer, key, text);
    free(text);
    return status;
}

static torc_status grow(torc_ctx *ctx, torc_writer *writer)
{
    if (writer->count < writer->capacity) {
        return TORC_OK;
    }
    size_t capacity = writer->capacity == 0 ? 16 : 2 * writer->capacity;
    torc_entry *entries = realloc(writer->entries, capacity * sizeof *entries);
    writer->entries = entries ? entries : writer->entries;
    const void **data = realloc(writer->data, capacity * sizeof *data);
    writer->data = data ? data : writer->data;
    if (!entries || !data) {
        return fail_memory(ctx);
    }
    writer->capacity = capacity;
    return TORC_OK;
}

torc_status torc_writer_tensor(torc_ctx *ctx, torc_writer *writer, const char *name,
                               torc_raw_dtype dtype, uint32_t rank, const size_t *shape,
                               const void *data)
{
    torc_entry entry = {.dtype = dtype, .rank = rank};
    bool taken = false;
    for (size_t i = 0; i < writer->count; i++) {
        taken |= strcmp(writer->entries[i].name, name) == 0;
    }
    size_t bytes = 0;
    if (taken || !torc_container_name_is_good(name) || rank > TORC_MAX_RANK ||
        writer->count == TORC_CONTAINER_TENSORS ||
        !torc_container_bytes(&bytes, dtype, rank, shape)) {
        return torc_fail(ctx, TORC_E_INTERNAL,
                         "container: tensor '%s' of rank %u has a bad name, a bad shape, or is one "
                         "too many",
                         TORC_PRINTABLE(name), rank);
    }
    size_t end = writer->count > 0 ? writer->entries[writer->count - 1].end : 0;
    memcpy(entry.name, name, strlen(name) + 1);
    if (rank > 0) {
        memcpy(entry.shape, shape, rank * sizeof *shape);
    }
    entry.begin = torc_container_align(end);
    entry.end = entry.begin + bytes;
    if (entry.end > SIZE_MAX / 2) {
        return torc_fail(ctx, TORC_E_INTERNAL, "container: more data than a file can hold");
    }
    TORC_TRY(grow(ctx, writer));
    writer->data[writer->count] = data;
    writer->entries[writer->count++] = entry;
    return TORC_OK;
}

/* --- the header ----------------------------------------------------------------------------------
 */

/* Numbers go as raw text: cJSON prints doubles, with an exponent from 10^15 on. */
static bool add_sizes(cJSON *object, const char *name, const size_t *sizes, size_t count)
{
    cJSON *array = cJSON_AddArrayToObject(object, name);
    bool good = array != NULL;
    for (size_t i = 0; i < count && good; i++) {
        char text[24];
        (void)snprintf(text, sizeof text, "%zu", sizes[i]);
        cJSON *item = cJSON_CreateRaw(text);
        good = item && cJSON_AddItemToArray(array, item);
    }
    return good;
}

static bool add_entry(cJSON *root, cJSON *metadata, const torc_entry *entry, const void *data)
{
    uint8_t digest[TORC_DIGEST_BYTES];
    char digits[TORC_DIGEST_DIGITS + 1];
    char key[TORC_CONTAINER_NAME_MAX + 8];
    torc_hash(digest, data, entry->end - entry->begin);
    torc_hex_encode(digits, digest, sizeof digest);
    (void)snprintf(key, sizeof key, "digest:%s", entry->name);
    cJSON *object = cJSON_AddObjectToObject(root, entry->name);
    const size_t offsets[2] = {entry->begin, entry->end};
    return object && cJSON_AddStringToObject(metadata, key, digits) &&
           cJSON_AddStringToObject(object, "dtype", torc_raw_dtype_name(entry->dtype)) &&
           add_sizes(object, "shape", entry->shape, entry->rank) &&
           add_sizes(object, "data_offsets", offsets, 2);
}

static bool add_metadata(cJSON *metadata, const torc_writer *writer)
{
    char format[32];
    (void)snprintf(format, sizeof format, "torc-%s/%d", torc_container_kind_word(writer->kind),
                   TORC_CONTAINER_MAJOR);
    char zeros[TORC_DIGEST_DIGITS + 1];
    memset(zeros, '0', TORC_DIGEST_DIGITS);
    zeros[TORC_DIGEST_DIGITS] = '\0';
    bool good = cJSON_AddStringToObject(metadata, "header_digest", zeros) &&
                cJSON_AddStringToObject(metadata, "format", format) &&
                cJSON_AddStringToObject(metadata, "writer", "torc " TORC_VERSION);
    const cJSON *text = NULL;
    cJSON_ArrayForEach(text, writer->metadata)
    {
        good = good && cJSON_AddStringToObject(metadata, text->string, text->valuestring);
    }
    return good;
}

/* The JSON text with the digest still zero; NULL when out of memory. */
static char *print_header(const torc_writer *writer)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *metadata = root ? cJSON_AddObjectToObject(root, "__metadata__") : NULL;
    bool good = metadata && add_metadata(metadata, writer);
    for (size_t i = 0; i < writer->count && good; i++) {
        good = add_entry(root, metadata, &writer->entries[i], writer->data[i]);
    }
    char *text = good ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    return text;
}

/* Everything before the data: length, text, spaces, and the digest over it all. */
static torc_status make_start(torc_ctx *ctx, uint8_t **out, size_t *bytes,
                              const torc_writer *writer)
{
    char *text = print_header(writer);
    if (!text) {
        return fail_memory(ctx);
    }
    size_t length = strlen(text);
    size_t total =
        (8 + length + TORC_CONTAINER_PAGE - 1) / TORC_CONTAINER_PAGE * TORC_CONTAINER_PAGE;
    uint8_t *start = NULL;
    torc_status status = TORC_OK;
    if (total > TORC_CONTAINER_START) {
        status =
            torc_fail(ctx, TORC_E_ARGUMENT,
                      "container: header of %zu bytes, at most %zu fit; shorten names and texts",
                      length, TORC_CONTAINER_START - 8);
    } else {
        status = TORC_ALLOC(ctx, start, total);
    }
    if (status == TORC_OK) {
        uint8_t digest[TORC_DIGEST_BYTES];
        char digits[TORC_DIGEST_DIGITS + 1];
        memset(start, ' ', total);
        for (size_t i = 0; i < 8; i++) {
            start[i] = (uint8_t)((uint64_t)(total - 8) >> (8 * i));
        }
        memcpy(start + 8, text, length); /* NOLINT(bugprone-not-null-terminated-result) */
        torc_container_header_digest(digest, start, total);
        torc_hex_encode(digits, digest, sizeof digest);
        memcpy(start + TORC_CONTAINER_DIGEST_AT, digits, TORC_DIGEST_DIGITS);
        *out = start;
        *bytes = total;
    }
    cJSON_free(text);
    return status;
}

torc_status torc_writer_save(torc_ctx *ctx, torc_writer *writer, const char *path, unsigned mode,
                             bool exclusive)
{
    static const uint8_t zeros[TORC_CONTAINER_ALIGN] = {0};
    uint8_t *start = NULL;
    size_t start_bytes = 0;
    struct iovec *pieces = NULL;
    TORC_TRY(TORC_ALLOC(ctx, pieces, 1 + 2 * writer->count));
    torc_status status = make_start(ctx, &start, &start_bytes, writer);
    if (status == TORC_OK) {
        size_t end = 0;
        pieces[0] = (struct iovec){start, start_bytes};
        for (size_t i = 0; i < writer->count; i++) {
            const torc_entry *entry = &writer->entries[i];
            pieces[1 + 2 * i] = (struct iovec){(void *)zeros, entry->begin - end};
            pieces[2 + 2 * i] = (struct iovec){(void *)writer->data[i], entry->end - entry->begin};
            end = entry->end;
        }
        status = torc_file_write(ctx, path, mode, exclusive, pieces, 1 + 2 * writer->count);
    }
    free(start);
    free(pieces);
    return status;
}
