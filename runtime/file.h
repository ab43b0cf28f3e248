/* Whole files: atomic writing and bounded reading. */
#ifndef TORC_FILE_H
#define TORC_FILE_H

#include "runtime/torc_base.h"

#include <sys/uio.h>

/* Writes the pieces to a temporary in the same folder, fsyncs, renames over path (or links, failing
 * with E_IO when path exists and exclusive is set). On failure nothing is left behind. */
TORC_MUST_CHECK torc_status torc_file_write(torc_ctx *ctx, const char *path, unsigned mode, bool exclusive,
                                            const struct iovec *pieces, size_t count);

/* Reads at most max_bytes; longer is E_FORMAT. The caller frees *out (one NUL is appended). */
TORC_MUST_CHECK torc_status torc_file_read(torc_ctx *ctx, char **out, size_t *size, const char *path,
                                           size_t max_bytes);

#endif
