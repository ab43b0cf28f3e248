/* One container for the five file kinds: safetensors layout (8-byte little-endian header length,
 * JSON header padded so that data start at a multiple of 4096, aligned raw tensors), strict
 * profile: see container_layout.h. Header and every tensor carry BLAKE2b-256 digests: any flipped
 * bit is found. */
#ifndef TORC_CONTAINER_H
#define TORC_CONTAINER_H

#include "runtime/torc_base.h"

typedef enum torc_file_kind {
    TORC_FILE_CIRCUIT,
    TORC_FILE_CLIENT,
    TORC_FILE_SECRET,
    TORC_FILE_EVALUATION,
    TORC_FILE_CIPHERTEXT,
} torc_file_kind;
const char *torc_file_kind_name(torc_file_kind kind); /* "circuit", "client specification", ... */

typedef enum torc_raw_dtype {
    TORC_RAW_U8,
    TORC_RAW_U32,
    TORC_RAW_U64,
    TORC_RAW_I64,
    TORC_RAW_F64
} torc_raw_dtype;

/* --- writing: collect, then write at once, atomically (temporary, fsync, rename) ----------------
 */
typedef struct torc_writer torc_writer;
TORC_MUST_CHECK torc_status torc_writer_create(torc_ctx *ctx, torc_writer **out,
                                               torc_file_kind kind);
void torc_writer_free(torc_writer *writer);
/* Values are UTF-8 text; binary ids go as hex. Keys [a-z0-9_]+; setting a key twice is E_INTERNAL.
 */
TORC_MUST_CHECK torc_status torc_writer_text(torc_ctx *ctx, torc_writer *writer, const char *key,
                                             const char *value);
TORC_MUST_CHECK torc_status torc_writer_hex(torc_ctx *ctx, torc_writer *writer, const char *key,
                                            const uint8_t *bytes, size_t size);
/* data is borrowed until torc_writer_save. Names [a-z0-9_./-]{1,128}. */
TORC_MUST_CHECK torc_status torc_writer_tensor(torc_ctx *ctx, torc_writer *writer, const char *name,
                                               torc_raw_dtype dtype, uint32_t rank,
                                               const size_t *shape, const void *data);
/* exclusive: fail (E_IO) when path exists. mode: permission bits, e.g. 0600 or 0644. */
TORC_MUST_CHECK torc_status torc_writer_save(torc_ctx *ctx, torc_writer *writer, const char *path,
                                             unsigned mode, bool exclusive);

/* --- reading: the whole file is mapped, checked (structure, all digests), then borrowed ---------
 */
typedef struct torc_reader torc_reader;
TORC_MUST_CHECK torc_status torc_reader_open(torc_ctx *ctx, torc_reader **out, const char *path,
                                             torc_file_kind kind);
/* Reads the kind of a file without checking its tensors; E_FORMAT when it is none of ours,
 * E_UNSUPPORTED when a newer major version wrote it (torc_reader_open says so, too). */
TORC_MUST_CHECK torc_status torc_reader_kind(torc_ctx *ctx, torc_file_kind *out, const char *path);
void torc_reader_close(torc_reader *reader);
const char *torc_reader_path(const torc_reader *reader);
/* E_FORMAT naming file and key when absent. */
TORC_MUST_CHECK torc_status torc_reader_text(torc_ctx *ctx, const torc_reader *reader,
                                             const char *key, const char **out);
TORC_MUST_CHECK torc_status torc_reader_hex(torc_ctx *ctx, const torc_reader *reader,
                                            const char *key, uint8_t *out, size_t size);
bool torc_reader_has(const torc_reader *reader, const char *tensor_name);
/* E_FORMAT unless the tensor exists with this dtype and rank; shape (may be NULL) receives it. *out
 * points into the mapping, 64-byte aligned, until the reader closes. */
TORC_MUST_CHECK torc_status torc_reader_tensor(torc_ctx *ctx, const torc_reader *reader,
                                               const char *name, torc_raw_dtype dtype,
                                               uint32_t rank, size_t *shape, const void **out);

#endif
