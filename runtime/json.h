/* A strict front to cJSON: UTF-8, depth, duplicate keys, numbers and trailing bytes are checked by
 * a pre-scan before cJSON sees the text. */
#ifndef TORC_JSON_H
#define TORC_JSON_H

#include "runtime/torc_base.h"

#include <cjson/cJSON.h>

/* E_FORMAT with the byte offset. The caller frees *out with cJSON_Delete. Numbers are finite;
 * integers beyond 2^53-1 are refused (they travel as decimal strings). */
TORC_MUST_CHECK torc_status torc_json_parse(torc_ctx *ctx, cJSON **out, const char *text,
                                            size_t length);

/* Typed members of an object; E_FORMAT "where: member 'x' is missing | is not a ...". */
TORC_MUST_CHECK torc_status torc_json_int(torc_ctx *ctx, int64_t *out, const cJSON *object,
                                          const char *name, int64_t min, int64_t max);
TORC_MUST_CHECK torc_status torc_json_double(torc_ctx *ctx, double *out, const cJSON *object,
                                             const char *name);
TORC_MUST_CHECK torc_status torc_json_bool(torc_ctx *ctx, bool *out, const cJSON *object,
                                           const char *name);
TORC_MUST_CHECK torc_status torc_json_string(torc_ctx *ctx, const char **out, const cJSON *object,
                                             const char *name);
TORC_MUST_CHECK torc_status torc_json_array(torc_ctx *ctx, const cJSON **out, size_t *count,
                                            const cJSON *object, const char *name,
                                            size_t max_count);

#endif
