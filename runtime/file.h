/* Whole files: atomic writing, bounded reading, mapping. */
#ifndef TORC_FILE_H
#define TORC_FILE_H

#include "runtime/torc_base.h"

#include <sys/uio.h>

/* Writes the pieces to a temporary in the same folder, fsyncs, renames over path (or fails with
 * E_IO when path exists and exclusive is set). On failure nothing is left behind and what path
 * named before is untouched. mode is an upper bound: the umask, and the permissions of a file that
 * is replaced, can only take bits away. A path that names a folder, a device or a pipe is refused.
 */
TORC_MUST_CHECK torc_status torc_file_write(torc_ctx *ctx, const char *path, unsigned mode,
                                            bool exclusive, const struct iovec *pieces,
                                            size_t count);

/* Reads at most max_bytes; longer is E_FORMAT. The caller frees *out (one NUL is appended). Pipes
 * are fine. */
TORC_MUST_CHECK torc_status torc_file_read(torc_ctx *ctx, char **out, size_t *size,
                                           const char *path, size_t max_bytes);

/* Maps a regular file, read only and page aligned; an empty file gives *out NULL and size 0.
 * Whoever shortens the file meanwhile makes later reads fault: only for files that nobody edits in
 * place. */
TORC_MUST_CHECK torc_status torc_file_map(torc_ctx *ctx, const uint8_t **out, size_t *size,
                                          const char *path);
void torc_file_unmap(const uint8_t *data, size_t size);

#endif
