/* open_memstream with the checks that make a lost byte an error. */
#include "runtime/memstream.h"

#include "runtime/file.h"
#include "runtime/status.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void torc_print(FILE *file, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vfprintf(file, format, args); /* NOLINT(clang-analyzer-valist.Uninitialized): clang 14 */
    va_end(args);
}

torc_status torc_memstream_open(torc_ctx *ctx, torc_memstream *stream)
{
    memset(stream, 0, sizeof *stream);
    stream->file = open_memstream(&stream->text, &stream->size);
    if (stream->file == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "text: out of memory");
    }
    return TORC_OK;
}

torc_status torc_memstream_close(torc_ctx *ctx, torc_memstream *stream, char **out)
{
    const bool is_broken = ferror(stream->file) != 0;
    *out = NULL;
    if (fclose(stream->file) != 0 || is_broken) {
        free(stream->text);
        return torc_fail(ctx, TORC_E_MEMORY, "text: out of memory after %zu bytes", stream->size);
    }
    *out = stream->text;
    return TORC_OK;
}

torc_status torc_memstream_save(torc_ctx *ctx, torc_memstream *stream, const char *path,
                                unsigned mode)
{
    char *text = NULL;
    TORC_TRY(torc_memstream_close(ctx, stream, &text));
    const struct iovec piece = {text, strlen(text)};
    const torc_status status = torc_file_write(ctx, path, mode, false, &piece, 1);
    free(text);
    return status;
}
