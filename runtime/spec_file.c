/* Specifications in files. Client specification (kind "client specification"):
 *   spec  u8 [bytes]  canonical JSON of spec_to_json.c
 * A circuit file holds the same tensor: what a client needs can be read from either. */
#include "runtime/circuit.h"
#include "runtime/container.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

static torc_status write_spec(torc_ctx *ctx, torc_writer *writer, const char *text,
                              const char *path)
{
    const size_t shape[1] = {strlen(text)};
    TORC_TRY(torc_writer_tensor(ctx, writer, "spec", TORC_RAW_U8, 1, shape, text));
    return torc_writer_save(ctx, writer, path, 0644, false);
}

torc_status torc_spec_save(torc_ctx *ctx, const torc_spec *spec, const char *path)
{
    char *text = NULL;
    torc_writer *writer = NULL;
    TORC_TRY(torc_spec_to_json(ctx, &text, spec));
    torc_status status = torc_writer_create(ctx, &writer, TORC_FILE_CLIENT);
    if (status == TORC_OK) {
        status = write_spec(ctx, writer, text, path);
    }
    torc_writer_free(writer);
    free(text);
    return status;
}

static torc_status read_spec(torc_ctx *ctx, torc_spec *out, const torc_reader *reader)
{
    size_t shape[1] = {0};
    const void *text = NULL;
    TORC_TRY(torc_reader_tensor(ctx, reader, "spec", TORC_RAW_U8, 1, shape, &text));
    const torc_status status = torc_spec_from_json(ctx, out, text, shape[0]);
    if (status != TORC_OK) {
        return torc_fail_prefix(ctx, status, "%s", torc_reader_path(reader));
    }
    return TORC_OK;
}

torc_status torc_spec_load(torc_ctx *ctx, torc_spec *out, const char *path)
{
    torc_file_kind kind = TORC_FILE_CLIENT;
    torc_reader *reader = NULL;
    memset(out, 0, sizeof *out);
    TORC_TRY(torc_reader_kind(ctx, &kind, path));
    /* Any other kind is refused by the reader, which names what it found. */
    kind = kind == TORC_FILE_CIRCUIT ? TORC_FILE_CIRCUIT : TORC_FILE_CLIENT;
    TORC_TRY(torc_reader_open(ctx, &reader, path, kind));
    const torc_status status = read_spec(ctx, out, reader);
    torc_reader_close(reader);
    return status;
}
