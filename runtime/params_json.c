/* One table of names and fields serves both directions. */
#include "runtime/params_json.h"

#include "runtime/json.h"
#include "runtime/memstream.h"
#include "runtime/status.h"

#include <stddef.h>
#include <string.h>

typedef struct field {
    const char *name;
    size_t offset; /* of a uint32_t in torc_params */
} field;

static const field fields[] = {
    /* sorted by name */
    {"base_log", offsetof(torc_params, bootstrap.base_log)},
    {"extended_log2", offsetof(torc_params, extended_log2)},
    {"glwe_dim", offsetof(torc_params, glwe_dim)},
    {"glwe_noise_log2", offsetof(torc_params, glwe_noise_log2)},
    {"grouping", offsetof(torc_params, grouping)},
    {"ks_base_log", offsetof(torc_params, keyswitch.base_log)},
    {"ks_level_count", offsetof(torc_params, keyswitch.level_count)},
    {"level_count", offsetof(torc_params, bootstrap.level_count)},
    {"lwe_dim", offsetof(torc_params, lwe_dim)},
    {"lwe_noise_log2", offsetof(torc_params, lwe_noise_log2)},
    {"poly_size", offsetof(torc_params, poly_size)},
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

void torc_params_print_json(FILE *stream, const torc_params *params)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        uint32_t value = 0;
        memcpy(&value, (const char *)params + fields[i].offset, sizeof value);
        torc_print(stream, "%c\"%s\":%u", i == 0 ? '{' : ',', fields[i].name, value);
    }
    torc_print(stream, "}");
}

torc_status torc_params_parse_json(torc_ctx *ctx, torc_params *out, const cJSON *object)
{
    torc_params params = {0};
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        int64_t value = 0;
        TORC_TRY(torc_json_int(ctx, &value, object, fields[i].name, 0, UINT32_MAX));
        const uint32_t small = (uint32_t)value;
        memcpy((char *)&params + fields[i].offset, &small, sizeof small);
    }
    TORC_TRY(torc_params_check(ctx, &params));
    *out = params;
    return TORC_OK;
}

torc_status torc_params_to_json(torc_ctx *ctx, char **out, const torc_params *params)
{
    torc_memstream stream;
    *out = NULL;
    TORC_TRY(torc_memstream_open(ctx, &stream));
    torc_params_print_json(stream.file, params);
    return torc_memstream_close(ctx, &stream, out);
}

torc_status torc_params_from_json(torc_ctx *ctx, torc_params *out, const char *text)
{
    cJSON *object = NULL;
    TORC_TRY(torc_json_parse(ctx, &object, text, strlen(text)));
    const torc_status status = torc_params_parse_json(ctx, out, object);
    cJSON_Delete(object);
    return status;
}
