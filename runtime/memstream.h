/* Text of unknown length, written with stdio calls. */
#ifndef TORC_MEMSTREAM_H
#define TORC_MEMSTREAM_H

#include "runtime/torc_base.h"

#include <stdio.h>

typedef struct torc_memstream {
    FILE *file; /* write here */
    char *text;
    size_t size;
} torc_memstream;

/* fprintf without a result to check: what is lost is found by torc_memstream_close. */
void torc_print(FILE *file, const char *format, ...) TORC_PRINTF(2, 3);

TORC_MUST_CHECK torc_status torc_memstream_open(torc_ctx *ctx, torc_memstream *stream);
/* Ends the text and hands it over (the caller frees it); E_MEMORY when some of it was lost. */
TORC_MUST_CHECK torc_status torc_memstream_close(torc_ctx *ctx, torc_memstream *stream, char **out);
/* Ends the text and makes it a file, as torc_file_write does. */
TORC_MUST_CHECK torc_status torc_memstream_save(torc_ctx *ctx, torc_memstream *stream,
                                                const char *path, unsigned mode);

#endif
