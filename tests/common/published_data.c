/* Reading published sets from the shared data folder, and comparing with them. */
#include "runtime/file.h"
#include "tests/common/published_sets.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

torc_params published_params(const published_set *set, uint32_t grouping)
{
    return (torc_params){.glwe_dim = set->glwe_dim,
                         .poly_size = set->poly_size,
                         .lwe_dim = set->lwe_dim,
                         .grouping = grouping,
                         .bootstrap = set->bootstrap,
                         .keyswitch = set->keyswitch};
}

static bool same_gadget(torc_gadget a, torc_gadget b)
{
    return a.base_log == b.base_log && a.level_count == b.level_count;
}

bool published_equals(const published_set *set, const torc_params *params)
{
    return set->lwe_dim == params->lwe_dim && set->glwe_dim == params->glwe_dim &&
           set->poly_size == params->poly_size && same_gadget(set->bootstrap, params->bootstrap) &&
           same_gadget(set->keyswitch, params->keyswitch);
}

cJSON *published_data(const char *source_dir, const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/../shared/data/%s", source_dir, name);
    if (access(path, F_OK) != 0) {
        (void)fprintf(stderr, "SKIPPED: %s is not there, its sets were not checked\n", path);
        return NULL;
    }
    torc_ctx *ctx = torc_ctx_create();
    char *text = NULL;
    size_t size = 0;
    cJSON *json = NULL;
    cr_assert_eq(torc_file_read(ctx, &text, &size, path, 1 << 24), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_assert_eq(torc_json_parse(ctx, &json, text, size), TORC_OK, "%s", torc_ctx_message(ctx));
    free(text);
    torc_ctx_free(ctx);
    return json;
}

double published_number(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    cr_assert(cJSON_IsNumber(member), "%s", name);
    return member->valuedouble;
}

const char *published_string(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    cr_assert(cJSON_IsString(member) || cJSON_IsNull(member), "%s", name);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}
