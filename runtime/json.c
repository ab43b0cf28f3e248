/* Parsing through the pre-scan, the check for duplicate names, and typed members. */
#include "runtime/json.h"

#include "runtime/json_scan.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTEGER_MAX 9007199254740991LL /* 2^53 - 1: beyond it integers travel as strings */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of one object, compared after their escapes are resolved. */
static torc_status check_unique(torc_ctx *ctx, const cJSON *object)
{
    size_t count = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, object)
    {
        count++;
    }
    const char **names = NULL;
    TORC_TRY(TORC_ALLOC(ctx, names, count));
    count = 0;
    cJSON_ArrayForEach(item, object)
    {
        names[count++] = item->string;
    }
    qsort(names, count, sizeof *names, compare_names);
    torc_status status = TORC_OK;
    for (size_t i = 1; i < count && status == TORC_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            status = torc_fail(ctx, TORC_E_FORMAT, "JSON: member '%s' appears twice in one object",
                               TORC_PRINTABLE(names[i]));
        }
    }
    free(names);
    return status;
}

/* Depth is bounded by the pre-scan. */
static torc_status check_tree(torc_ctx *ctx, const cJSON *value)
{
    if (cJSON_IsObject(value)) {
        TORC_TRY(check_unique(ctx, value));
    }
    if (cJSON_IsNumber(value) && !isfinite(value->valuedouble)) {
        return torc_fail(ctx, TORC_E_FORMAT, "JSON: number too large for a double");
    }
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, value)
    {
        TORC_TRY(check_tree(ctx, item));
    }
    return TORC_OK;
}

torc_status torc_json_parse(torc_ctx *ctx, cJSON **out, const char *text, size_t length)
{
    *out = NULL;
    TORC_TRY(torc_json_scan(ctx, text, length));
    cJSON *root = cJSON_ParseWithLength(text, length);
    if (!root) {
        return torc_fail(ctx, TORC_E_MEMORY, "out of memory: JSON of %zu bytes", length);
    }
    torc_status status = check_tree(ctx, root);
    if (status != TORC_OK) {
        cJSON_Delete(root);
        return status;
    }
    *out = root;
    return TORC_OK;
}

static torc_status find_member(torc_ctx *ctx, const cJSON **out, const cJSON *object,
                               const char *name)
{
    *out = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!*out) {
        return torc_fail(ctx, TORC_E_FORMAT, "member '%s' is missing", TORC_PRINTABLE(name));
    }
    return TORC_OK;
}

static torc_status fail_type(torc_ctx *ctx, const char *name, const char *type)
{
    return torc_fail(ctx, TORC_E_FORMAT, "member '%s' is not %s", TORC_PRINTABLE(name), type);
}

/* An integer has one form only: a number up to 2^53 - 1, its shortest decimal string beyond. */
static bool read_integer(int64_t *out, const cJSON *item)
{
    if (cJSON_IsNumber(item)) {
        double value = item->valuedouble;
        if (value != floor(value) || fabs(value) > (double)INTEGER_MAX) {
            return false;
        }
        *out = (int64_t)value;
        return true;
    }
    if (!cJSON_IsString(item)) {
        return false;
    }
    errno = 0;
    int64_t value = strtoll(item->valuestring, NULL, 10);
    char canonical[24];
    (void)snprintf(canonical, sizeof canonical, "%" PRId64, value);
    bool is_large = value > INTEGER_MAX || value < -INTEGER_MAX;
    *out = value;
    return errno == 0 && is_large && strcmp(canonical, item->valuestring) == 0;
}

torc_status torc_json_int(torc_ctx *ctx, int64_t *out, const cJSON *object, const char *name,
                          int64_t min, int64_t max)
{
    const cJSON *item = NULL;
    int64_t value = 0;
    TORC_TRY(find_member(ctx, &item, object, name));
    if (!read_integer(&value, item)) {
        return fail_type(ctx, name, "an integer");
    }
    if (value < min || value > max) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "member '%s' is %" PRId64 ", it must be from %" PRId64 " to %" PRId64,
                         TORC_PRINTABLE(name), value, min, max);
    }
    *out = value;
    return TORC_OK;
}

torc_status torc_json_double(torc_ctx *ctx, double *out, const cJSON *object, const char *name)
{
    const cJSON *item = NULL;
    TORC_TRY(find_member(ctx, &item, object, name));
    if (!cJSON_IsNumber(item)) {
        return fail_type(ctx, name, "a number");
    }
    *out = item->valuedouble;
    return TORC_OK;
}

torc_status torc_json_bool(torc_ctx *ctx, bool *out, const cJSON *object, const char *name)
{
    const cJSON *item = NULL;
    TORC_TRY(find_member(ctx, &item, object, name));
    if (!cJSON_IsBool(item)) {
        return fail_type(ctx, name, "true or false");
    }
    *out = cJSON_IsTrue(item);
    return TORC_OK;
}

torc_status torc_json_string(torc_ctx *ctx, const char **out, const cJSON *object, const char *name)
{
    const cJSON *item = NULL;
    TORC_TRY(find_member(ctx, &item, object, name));
    if (!cJSON_IsString(item)) {
        return fail_type(ctx, name, "a string");
    }
    *out = item->valuestring;
    return TORC_OK;
}

torc_status torc_json_array(torc_ctx *ctx, const cJSON **out, size_t *count, const cJSON *object,
                            const char *name, size_t max_count)
{
    const cJSON *item = NULL;
    TORC_TRY(find_member(ctx, &item, object, name));
    if (!cJSON_IsArray(item)) {
        return fail_type(ctx, name, "an array");
    }
    size_t found = 0;
    const cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, item)
    {
        found++;
    }
    if (found > max_count) {
        return torc_fail(ctx, TORC_E_FORMAT, "member '%s' has %zu entries, at most %zu are allowed",
                         TORC_PRINTABLE(name), found, max_count);
    }
    *out = item;
    *count = found;
    return TORC_OK;
}
