/* Parameters as a JSON object: in specifications and in the headers of keys. */
#ifndef TORC_PARAMS_JSON_H
#define TORC_PARAMS_JSON_H

#include "runtime/params.h"

#include <cjson/cJSON.h>
#include <stdio.h>

/* Canonical: sorted members, no white space. */
void torc_params_print_json(FILE *stream, const torc_params *params);
/* Reads and runs torc_params_check. */
TORC_MUST_CHECK torc_status torc_params_parse_json(torc_ctx *ctx, torc_params *out,
                                                   const cJSON *object);

/* The same with text; the caller frees *out. */
TORC_MUST_CHECK torc_status torc_params_to_json(torc_ctx *ctx, char **out,
                                                const torc_params *params);
TORC_MUST_CHECK torc_status torc_params_from_json(torc_ctx *ctx, torc_params *out,
                                                  const char *text);

#endif
