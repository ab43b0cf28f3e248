/* Parameters and integers in container headers, checked on the way in. */
#include "runtime/header_fields.h"

#include "runtime/params_json.h"
#include "runtime/security.h"
#include "runtime/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

torc_status torc_header_put_params(torc_ctx *ctx, torc_writer *writer, const torc_params *params)
{
    uint8_t fingerprint[TORC_FINGERPRINT_BYTES];
    char *text = NULL;
    torc_params_fingerprint(fingerprint, params);
    TORC_TRY(torc_params_to_json(ctx, &text, params));
    torc_status status = torc_writer_text(ctx, writer, "params", text);
    free(text);
    if (status == TORC_OK) {
        status = torc_writer_hex(ctx, writer, "fingerprint", fingerprint, sizeof fingerprint);
    }
    return status;
}

static torc_status check_fingerprint(torc_ctx *ctx, const torc_params *params,
                                     const torc_reader *reader)
{
    uint8_t stored[TORC_FINGERPRINT_BYTES];
    uint8_t computed[TORC_FINGERPRINT_BYTES];
    TORC_TRY(torc_reader_hex(ctx, reader, "fingerprint", stored, sizeof stored));
    torc_params_fingerprint(computed, params);
    if (memcmp(stored, computed, sizeof stored) != 0) {
        return torc_fail(ctx, TORC_E_FORMAT, "fingerprint is not that of its parameters");
    }
    return TORC_OK;
}

static torc_status get_params(torc_ctx *ctx, torc_params *out, const torc_reader *reader)
{
    const char *text = NULL;
    torc_params params;
    TORC_TRY(torc_reader_text(ctx, reader, "params", &text));
    TORC_TRY(torc_params_from_json(ctx, &params, text));
    TORC_TRY(check_fingerprint(ctx, &params, reader));
    TORC_TRY(torc_security_check(ctx, &params));
    *out = params;
    return TORC_OK;
}

torc_status torc_header_get_params(torc_ctx *ctx, torc_params *out, const torc_reader *reader)
{
    const torc_status status = get_params(ctx, out, reader);
    if (status != TORC_OK) {
        return torc_fail_prefix(ctx, status, "%s", torc_reader_path(reader));
    }
    return TORC_OK;
}

torc_status torc_header_put_u64(torc_ctx *ctx, torc_writer *writer, const char *key, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    return torc_writer_text(ctx, writer, key, text);
}

torc_status torc_header_get_u64(torc_ctx *ctx, uint64_t *out, const torc_reader *reader,
                                const char *key, uint64_t max)
{
    const char *text = NULL;
    char canonical[24];
    TORC_TRY(torc_reader_text(ctx, reader, key, &text));
    errno = 0;
    const uint64_t value = strtoull(text, NULL, 10);
    (void)snprintf(canonical, sizeof canonical, "%" PRIu64, value);
    if (errno != 0 || strcmp(text, canonical) != 0 || value > max) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: '%s' is not an integer from 0 to %" PRIu64,
                         torc_reader_path(reader), key, max);
    }
    *out = value;
    return TORC_OK;
}
