/* The header of a container, hostile until checked here: exactly the members that the layout names,
 * tensors one after the other. The digest of the header was verified before, which keeps out
 * accidents and nobody else. */
#include "runtime/container_header.h"

#include "runtime/json.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- metadata ------------------------------------------------------------------------------------
 */

static bool is_digest_key(const char *key)
{
    return strncmp(key, "digest:", 7) == 0 && torc_container_name_is_good(key + 7);
}

static torc_status check_metadata(torc_ctx *ctx, const cJSON *metadata)
{
    if (!cJSON_IsObject(metadata)) {
        return torc_fail(ctx, TORC_E_FORMAT, "'__metadata__' is missing");
    }
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, metadata)
    {
        bool own = strcmp(item->string, "header_digest") == 0 ||
                   strcmp(item->string, "format") == 0 || strcmp(item->string, "writer") == 0;
        if (!cJSON_IsString(item) ||
            !(own || is_digest_key(item->string) || torc_container_key_is_good(item->string))) {
            return torc_fail(ctx, TORC_E_FORMAT, "'%s' in its header is malformed",
                             TORC_PRINTABLE(item->string));
        }
    }
    return TORC_OK;
}

/* "torc-KIND/MAJOR". */
static torc_status read_kind(torc_ctx *ctx, torc_file_kind *out, const cJSON *metadata)
{
    const char *format = NULL;
    TORC_TRY(torc_json_string(ctx, &format, metadata, "format"));
    for (int kind = 0; kind < TORC_FILE_KIND_COUNT; kind++) {
        char expected[32];
        int length = snprintf(expected, sizeof expected, "torc-%s/",
                              torc_container_kind_word((torc_file_kind)kind));
        if (length < 0 || strncmp(format, expected, (size_t)length) != 0) {
            continue;
        }
        char *end = NULL;
        long major = strtol(format + length, &end, 10);
        if (format[length] < '1' || format[length] > '9' || *end != '\0') {
            break;
        }
        if (major > TORC_CONTAINER_MAJOR) {
            return torc_fail(ctx, TORC_E_UNSUPPORTED,
                             "written in format version %ld by a newer torc, this one reads up to "
                             "%d; update torc",
                             major, TORC_CONTAINER_MAJOR);
        }
        *out = (torc_file_kind)kind;
        return TORC_OK;
    }
    return torc_fail(ctx, TORC_E_FORMAT, "unknown format '%s'; update torc",
                     TORC_PRINTABLE(format));
}

/* --- tensors -------------------------------------------------------------------------------------
 */

static torc_status read_sizes(torc_ctx *ctx, size_t *out, uint32_t *count, const cJSON *object,
                              const char *name, size_t max_count)
{
    const cJSON *array = NULL;
    const cJSON *item = NULL;
    size_t found = 0;
    TORC_TRY(torc_json_array(ctx, &array, &found, object, name, max_count));
    size_t i = 0;
    cJSON_ArrayForEach(item, array)
    {
        /* the scan has refused what a double cannot hold exactly */
        double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (value < 0 || value > 9007199254740991.0 || value != (double)(size_t)value) {
            return torc_fail(ctx, TORC_E_FORMAT, "'%s' holds something that is not a size", name);
        }
        out[i++] = (size_t)value;
    }
    *count = (uint32_t)found;
    return TORC_OK;
}

static torc_status read_dtype(torc_ctx *ctx, torc_raw_dtype *out, const cJSON *object)
{
    const char *name = NULL;
    TORC_TRY(torc_json_string(ctx, &name, object, "dtype"));
    for (torc_raw_dtype dtype = TORC_RAW_U8; dtype <= TORC_RAW_F64; dtype++) {
        if (strcmp(name, torc_raw_dtype_name(dtype)) == 0) {
            *out = dtype;
            return TORC_OK;
        }
    }
    return torc_fail(ctx, TORC_E_FORMAT, "unknown element type '%s'", TORC_PRINTABLE(name));
}

/* previous_end: where the data of the tensor before ends. */
static torc_status read_entry(torc_ctx *ctx, torc_entry *entry, const cJSON *object,
                              size_t previous_end)
{
    size_t offsets[2] = {0};
    uint32_t offset_count = 0;
    size_t bytes = 0;
    if (!torc_container_name_is_good(object->string)) {
        return torc_fail(ctx, TORC_E_FORMAT, "malformed name");
    }
    memcpy(entry->name, object->string, strlen(object->string) + 1);
    if (!cJSON_IsObject(object) || cJSON_GetArraySize(object) != 3) {
        return torc_fail(ctx, TORC_E_FORMAT, "not an object of dtype, shape and data_offsets");
    }
    TORC_TRY(read_dtype(ctx, &entry->dtype, object));
    TORC_TRY(read_sizes(ctx, entry->shape, &entry->rank, object, "shape", TORC_MAX_RANK));
    TORC_TRY(read_sizes(ctx, offsets, &offset_count, object, "data_offsets", 2));
    if (offset_count != 2 || offsets[0] != torc_container_align(previous_end)) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "its data do not start at byte %zu, after the tensor before",
                         torc_container_align(previous_end));
    }
    if (offsets[1] < offsets[0] ||
        !torc_container_bytes(&bytes, entry->dtype, entry->rank, entry->shape) ||
        bytes != offsets[1] - offsets[0]) {
        return torc_fail(ctx, TORC_E_FORMAT, "its shape does not fit its offsets");
    }
    entry->begin = offsets[0];
    entry->end = offsets[1];
    return TORC_OK;
}

static torc_status read_entries(torc_ctx *ctx, torc_header *header)
{
    size_t count = (size_t)cJSON_GetArraySize(header->root) - 1; /* without __metadata__ */
    if (count > TORC_CONTAINER_TENSORS) {
        return torc_fail(ctx, TORC_E_FORMAT, "%zu tensors, at most %d are allowed", count,
                         TORC_CONTAINER_TENSORS);
    }
    TORC_TRY(TORC_ALLOC(ctx, header->entries, count));
    size_t end = 0;
    for (const cJSON *object = header->root->child->next; object; object = object->next) {
        torc_entry *entry = &header->entries[header->count];
        torc_status status = read_entry(ctx, entry, object, end);
        if (status != TORC_OK) {
            return torc_fail_prefix(ctx, status, "tensor '%s'", TORC_PRINTABLE(object->string));
        }
        header->count++;
        end = entry->end;
    }
    return TORC_OK;
}

static torc_status count_digests(torc_ctx *ctx, const torc_header *header)
{
    size_t digests = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, header->metadata)
    {
        digests += is_digest_key(item->string);
    }
    if (digests != header->count) {
        return torc_fail(ctx, TORC_E_FORMAT, "%zu digests for %zu tensors", digests, header->count);
    }
    return TORC_OK;
}

static torc_status parse(torc_ctx *ctx, torc_header *header, const char *text, size_t length)
{
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    if (length == 0 || text[length - 1] != '}') {
        return torc_fail(ctx, TORC_E_FORMAT, "its header does not end with '}' and spaces");
    }
    TORC_TRY(torc_json_parse(ctx, &header->root, text, length));
    header->metadata = cJSON_GetObjectItemCaseSensitive(header->root, "__metadata__");
    /* the version first: a newer one may have members that this one calls malformed */
    TORC_TRY(read_kind(ctx, &header->kind, header->metadata));
    TORC_TRY(check_metadata(ctx, header->metadata));
    TORC_TRY(read_entries(ctx, header));
    return count_digests(ctx, header);
}

torc_status torc_header_parse(torc_ctx *ctx, torc_header *out, const char *text, size_t length)
{
    *out = (torc_header){0};
    torc_header header = {0};
    torc_status status = parse(ctx, &header, text, length);
    if (status != TORC_OK) {
        torc_header_free(&header);
        return status;
    }
    *out = header;
    return TORC_OK;
}

void torc_header_free(torc_header *header)
{
    cJSON_Delete(header->root);
    free(header->entries);
    *header = (torc_header){0};
}

const char *torc_header_text(const torc_header *header, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(header->metadata, key));
}

torc_status torc_header_digest(torc_ctx *ctx, uint8_t out[TORC_DIGEST_BYTES],
                               const torc_header *header, const char *tensor_name)
{
    char key[TORC_CONTAINER_NAME_MAX + 8];
    (void)snprintf(key, sizeof key, "digest:%s", tensor_name);
    const char *text = torc_header_text(header, key);
    if (!text || !torc_hex_decode(out, TORC_DIGEST_BYTES, text, strlen(text))) {
        return torc_fail(ctx, TORC_E_FORMAT, "tensor '%s' has no digest in the header",
                         tensor_name);
    }
    return TORC_OK;
}
