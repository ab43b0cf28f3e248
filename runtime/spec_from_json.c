/* A specification from JSON text, which is hostile until checked: every number is bounded where it
 * is read, spec_check.c sees the whole, and the text must be the canonical one of what was read, so
 * that unknown or repeated members, other orders and other spellings of numbers are refused. */
#include "runtime/json.h"
#include "runtime/params_json.h"
#include "runtime/spec.h"
#include "runtime/spec_names.h"
#include "runtime/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LIST ((size_t)1 << 20)

static torc_status parse_u32(torc_ctx *ctx, uint32_t *out, const cJSON *object, const char *name)
{
    int64_t value = 0;
    TORC_TRY(torc_json_int(ctx, &value, object, name, 0, UINT32_MAX));
    *out = (uint32_t)value;
    return TORC_OK;
}

static torc_status copy_string(torc_ctx *ctx, char **out, const cJSON *object, const char *name)
{
    const char *text = NULL;
    TORC_TRY(torc_json_string(ctx, &text, object, name));
    const size_t size = strlen(text) + 1;
    TORC_TRY(TORC_ALLOC(ctx, *out, size));
    memcpy(*out, text, size);
    return TORC_OK;
}

/* Spellings other than the canonical one ("+1", "01") are caught by the comparison at the end. */
static torc_status parse_decimal(torc_ctx *ctx, int64_t *out, const char *text, const char *name)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "specification: member '%s' is not a 64-bit decimal integer", name);
    }
    *out = value;
    return TORC_OK;
}

static torc_status parse_int64(torc_ctx *ctx, int64_t *out, const cJSON *object, const char *name)
{
    const char *text = NULL;
    TORC_TRY(torc_json_string(ctx, &text, object, name));
    return parse_decimal(ctx, out, text, name);
}

/* The index of the word in a table of count names. */
static torc_status parse_word(torc_ctx *ctx, int *out, const cJSON *object, const char *name,
                              const char *const *table, int count)
{
    const char *text = NULL;
    TORC_TRY(torc_json_string(ctx, &text, object, name));
    for (int i = 0; i < count; i++) {
        if (strcmp(table[i], text) == 0) {
            *out = i;
            return TORC_OK;
        }
    }
    return torc_fail(ctx, TORC_E_FORMAT, "specification: member '%s' has an unknown value", name);
}

static torc_status parse_shape(torc_ctx *ctx, uint32_t *rank, size_t *shape, const cJSON *object)
{
    const cJSON *list = NULL;
    const cJSON *item = NULL;
    size_t count = 0;
    TORC_TRY(torc_json_array(ctx, &list, &count, object, "shape", TORC_MAX_RANK - 1));
    *rank = 0;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= 1) ||
            item->valuedouble > (double)TORC_SPEC_MAX_ELEMENTS) {
            return torc_fail(ctx, TORC_E_FORMAT,
                             "specification: axis %u of a shape is not an integer from 1 to 2^28",
                             *rank);
        }
        shape[(*rank)++] = (size_t)item->valuedouble;
    }
    return TORC_OK;
}

static torc_status parse_doubles(torc_ctx *ctx, double **out, uint32_t *out_count,
                                 const cJSON *object, const char *name)
{
    const cJSON *list = NULL;
    const cJSON *item = NULL;
    size_t count = 0;
    size_t i = 0;
    TORC_TRY(torc_json_array(ctx, &list, &count, object, name, MAX_LIST));
    TORC_TRY(TORC_ALLOC(ctx, *out, count));
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsNumber(item)) {
            return torc_fail(ctx, TORC_E_FORMAT,
                             "specification: '%s' holds something else than "
                             "numbers",
                             name);
        }
        (*out)[i++] = item->valuedouble;
    }
    *out_count = (uint32_t)count;
    return TORC_OK;
}

static torc_status parse_scales(torc_ctx *ctx, torc_port *out, const cJSON *object)
{
    uint32_t offset_count = 0;
    TORC_TRY(parse_doubles(ctx, &out->real_offset, &offset_count, object, "real_offset"));
    TORC_TRY(parse_doubles(ctx, &out->real_scale, &out->scale_count, object, "real_scale"));
    if (offset_count != out->scale_count) {
        return torc_fail(ctx, TORC_E_FORMAT, "specification: %u scales but %u offsets",
                         out->scale_count, offset_count);
    }
    return TORC_OK;
}

static torc_status parse_encoding(torc_ctx *ctx, torc_port *out, const cJSON *object)
{
    TORC_TRY(parse_u32(ctx, &out->encoding_bits, object, "encoding_bits"));
    TORC_TRY(torc_json_bool(ctx, &out->encrypted, object, "encrypted"));
    TORC_TRY(torc_json_bool(ctx, &out->is_float, object, "is_float"));
    TORC_TRY(torc_json_bool(ctx, &out->is_signed, object, "is_signed"));
    return parse_u32(ctx, &out->width, object, "width");
}

static torc_status parse_port(torc_ctx *ctx, torc_port *out, const cJSON *object)
{
    TORC_TRY(parse_encoding(ctx, out, object));
    TORC_TRY(parse_int64(ctx, &out->max, object, "max"));
    TORC_TRY(parse_int64(ctx, &out->min, object, "min"));
    TORC_TRY(copy_string(ctx, &out->name, object, "name"));
    TORC_TRY(parse_scales(ctx, out, object));
    return parse_shape(ctx, &out->rank, out->shape, object);
}

static torc_status parse_ports(torc_ctx *ctx, torc_port **out, uint32_t *out_count,
                               const cJSON *object, const char *name)
{
    const cJSON *list = NULL;
    const cJSON *item = NULL;
    size_t count = 0;
    size_t i = 0;
    TORC_TRY(torc_json_array(ctx, &list, &count, object, name, TORC_SPEC_MAX_PORTS));
    TORC_TRY(TORC_ALLOC(ctx, *out, count));
    *out_count = (uint32_t)count;
    cJSON_ArrayForEach(item, list)
    {
        const torc_status status = parse_port(ctx, &(*out)[i], item);
        if (status != TORC_OK) {
            return torc_fail_prefix(ctx, status, "%s[%zu]", name, i);
        }
        i++;
    }
    return TORC_OK;
}

static torc_status parse_labels(torc_ctx *ctx, torc_post *out, const cJSON *object)
{
    const cJSON *list = NULL;
    const cJSON *item = NULL;
    size_t i = 0;
    TORC_TRY(torc_json_array(ctx, &list, &out->label_count, object, "labels", MAX_LIST));
    TORC_TRY(TORC_ALLOC(ctx, out->labels, out->label_count));
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item)) {
            return torc_fail(ctx, TORC_E_FORMAT, "specification: labels are not decimal strings");
        }
        TORC_TRY(parse_decimal(ctx, &out->labels[i++], item->valuestring, "labels"));
    }
    return TORC_OK;
}

static torc_status parse_axis(torc_ctx *ctx, torc_post *out, const cJSON *object)
{
    int64_t axis = 0;
    TORC_TRY(torc_json_int(ctx, &axis, object, "axis", 0, TORC_MAX_RANK - 1));
    out->axis = (int32_t)axis;
    return TORC_OK;
}

static torc_status parse_factors(torc_ctx *ctx, torc_post *out, const cJSON *object)
{
    TORC_TRY(torc_json_double(ctx, &out->alpha, object, "alpha"));
    return torc_json_double(ctx, &out->beta, object, "beta");
}

static torc_status parse_keep_dims(torc_ctx *ctx, torc_post *out, const cJSON *object)
{
    return torc_json_bool(ctx, &out->keep_dims, object, "keep_dims");
}

static torc_status parse_name(torc_ctx *ctx, torc_post *out, const cJSON *object)
{
    return copy_string(ctx, &out->name, object, "name");
}

static torc_status parse_new_shape(torc_ctx *ctx, torc_post *out, const cJSON *object)
{
    return parse_shape(ctx, &out->rank, out->shape, object);
}

static const struct {
    uint32_t member;
    torc_status (*parse)(torc_ctx *ctx, torc_post *out, const cJSON *object);
} post_members[] = {
    {TORC_MEMBER_ALPHA_BETA, parse_factors},  {TORC_MEMBER_AXIS, parse_axis},
    {TORC_MEMBER_KEEP_DIMS, parse_keep_dims}, {TORC_MEMBER_LABELS, parse_labels},
    {TORC_MEMBER_NAME, parse_name},           {TORC_MEMBER_SHAPE, parse_new_shape},
};

static torc_status parse_kind(torc_ctx *ctx, torc_post *out, const cJSON *object)
{
    const char *names[TORC_POST_COUNT];
    int kind = 0;
    for (int i = 0; i < TORC_POST_COUNT; i++) {
        names[i] = torc_post_names[i].name;
    }
    TORC_TRY(parse_word(ctx, &kind, object, "kind", names, TORC_POST_COUNT));
    out->kind = (torc_post_kind)kind;
    return TORC_OK;
}

static torc_status parse_post(torc_ctx *ctx, torc_post *out, const cJSON *object)
{
    torc_status status = parse_kind(ctx, out, object);
    for (size_t i = 0; status == TORC_OK && i < sizeof post_members / sizeof *post_members; i++) {
        if ((torc_post_names[out->kind].members & post_members[i].member) != 0) {
            status = post_members[i].parse(ctx, out, object);
        }
    }
    return status;
}

static torc_status parse_posts(torc_ctx *ctx, torc_spec *out, const cJSON *object)
{
    const cJSON *list = NULL;
    const cJSON *item = NULL;
    size_t count = 0;
    size_t i = 0;
    TORC_TRY(torc_json_array(ctx, &list, &count, object, "posts", TORC_SPEC_MAX_POSTS));
    TORC_TRY(TORC_ALLOC(ctx, out->posts, count));
    out->post_count = (uint32_t)count;
    cJSON_ArrayForEach(item, list)
    {
        const torc_status status = parse_post(ctx, &out->posts[i], item);
        if (status != TORC_OK) {
            return torc_fail_prefix(ctx, status, "posts[%zu]", i);
        }
        i++;
    }
    return TORC_OK;
}

static torc_status parse_hex(torc_ctx *ctx, uint8_t *out, const cJSON *object, const char *name)
{
    const char *text = NULL;
    TORC_TRY(torc_json_string(ctx, &text, object, name));
    bool is_hex = strlen(text) == (size_t)2 * TORC_ID_BYTES &&
                  strspn(text, "0123456789abcdef") == (size_t)2 * TORC_ID_BYTES;
    for (size_t i = 0; is_hex && i < TORC_ID_BYTES; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    if (!is_hex) {
        return torc_fail(ctx, TORC_E_FORMAT, "specification: member '%s' is not %d hex digits",
                         name, 2 * TORC_ID_BYTES);
    }
    return TORC_OK;
}

static torc_status parse_claims(torc_ctx *ctx, torc_spec *out, const cJSON *object)
{
    int contract = 0;
    int profile = 0;
    TORC_TRY(
        parse_word(ctx, &contract, object, "contract", torc_contract_names, TORC_CONTRACT_COUNT));
    TORC_TRY(parse_word(ctx, &profile, object, "profile", torc_profile_names, TORC_PROFILE_COUNT));
    out->contract = (torc_contract)contract;
    out->profile = (torc_profile)profile;
    TORC_TRY(torc_json_bool(ctx, &out->is_virtual, object, "is_virtual"));
    TORC_TRY(torc_json_double(ctx, &out->log2_p_error_bound, object, "log2_p_error_bound"));
    TORC_TRY(torc_json_double(ctx, &out->log2_p_error_circuit, object, "log2_p_error_circuit"));
    return torc_json_double(ctx, &out->log2_p_error_lookup, object, "log2_p_error_lookup");
}

static torc_status parse_format(torc_ctx *ctx, const cJSON *object)
{
    const char *format = NULL;
    TORC_TRY(torc_json_string(ctx, &format, object, "format"));
    if (strcmp(format, TORC_SPEC_FORMAT) != 0) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "specification: its format is not %s, which this version reads; use the "
                         "version of torc that made it",
                         TORC_SPEC_FORMAT);
    }
    return TORC_OK;
}

static torc_status parse_head(torc_ctx *ctx, torc_spec *out, const cJSON *object)
{
    TORC_TRY(parse_format(ctx, object));
    TORC_TRY(parse_hex(ctx, out->circuit_id, object, "circuit_id"));
    TORC_TRY(copy_string(ctx, &out->circuit_name, object, "circuit_name"));
    TORC_TRY(parse_claims(ctx, out, object));
    if (out->is_virtual) { /* "params":null */
        return TORC_OK;
    }
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(object, "params");
    return torc_params_parse_json(ctx, &out->params, params);
}

static torc_status parse_spec(torc_ctx *ctx, torc_spec *out, const cJSON *object)
{
    TORC_TRY(parse_head(ctx, out, object));
    TORC_TRY(parse_ports(ctx, &out->inputs, &out->input_count, object, "inputs"));
    TORC_TRY(parse_ports(ctx, &out->outputs, &out->output_count, object, "outputs"));
    TORC_TRY(parse_posts(ctx, out, object));
    return torc_spec_check(ctx, out);
}

static torc_status check_canonical(torc_ctx *ctx, const torc_spec *spec, const char *text,
                                   size_t length)
{
    char *canonical = NULL;
    TORC_TRY(torc_spec_to_json(ctx, &canonical, spec));
    const bool is_same = strlen(canonical) == length && memcmp(canonical, text, length) == 0;
    free(canonical);
    if (!is_same) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "specification: not the text that torc writes for these values (unknown "
                         "members, another order or another version)");
    }
    return TORC_OK;
}

torc_status torc_spec_from_json(torc_ctx *ctx, torc_spec *out, const char *text, size_t length)
{
    cJSON *root = NULL;
    torc_spec spec = {0};
    memset(out, 0, sizeof *out);
    TORC_TRY(torc_json_parse(ctx, &root, text, length));
    torc_status status = parse_spec(ctx, &spec, root);
    cJSON_Delete(root);
    if (status == TORC_OK) {
        status = check_canonical(ctx, &spec, text, length);
    }
    if (status != TORC_OK) {
        torc_spec_free(&spec);
        return status;
    }
    *out = spec;
    return TORC_OK;
}
