/* Strict check of a JSON text before a lenient parser sees it; used by json.c alone. */
#ifndef TORC_JSON_SCAN_H
#define TORC_JSON_SCAN_H

#include "runtime/torc_base.h"

/* E_FORMAT with the byte offset. */
TORC_MUST_CHECK torc_status torc_json_scan(torc_ctx *ctx, const char *text, size_t length);

#endif
