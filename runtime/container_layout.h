/* What the writer and the reader of containers share; nobody else includes this.
 *
 *   8 bytes       header length H, little endian; 8 + H is a multiple of 4096 and at most 1 MiB
 *   H bytes       JSON, then spaces
 *   data          tensors in the order of the header, each at a multiple of 64 bytes from the start
 * of the data, zero bytes between them; the file ends with the last tensor
 *
 *   {"__metadata__": {"header_digest": HEX, "format": "torc-KIND/MAJOR", "writer": "torc VERSION",
 *                     KEY: TEXT, ..., "digest:NAME": HEX, ...},
 *    NAME: {"dtype": "U64", "shape": [2, 3], "data_offsets": [begin, end]}, ...}
 *
 * header_digest comes first, so its 64 digits are always at the same place; it is the BLAKE2b-256
 * of the length and the whole header with these digits replaced by '0'. A digest:NAME covers the
 * bytes of one tensor. With the zero padding checked, no bit of a file is outside a check. The
 * digests find accidents, not attackers: they have no key. A later major version keeps this prefix
 * and digest, so that old readers can say "newer version" instead of "damaged". */
#ifndef TORC_CONTAINER_LAYOUT_H
#define TORC_CONTAINER_LAYOUT_H

#include "runtime/container.h"
#include "runtime/rng.h"

#define TORC_CONTAINER_MAJOR     1
#define TORC_CONTAINER_START     ((size_t)1 << 20) /* most bytes before the data */
#define TORC_CONTAINER_PAGE      ((size_t)4096)
#define TORC_CONTAINER_ALIGN     ((size_t)64)
#define TORC_CONTAINER_TENSORS   65536
#define TORC_CONTAINER_NAME_MAX  128
#define TORC_CONTAINER_PREFIX    "{\"__metadata__\":{\"header_digest\":\""
#define TORC_CONTAINER_DIGEST_AT (8 + sizeof TORC_CONTAINER_PREFIX - 1)
#define TORC_DIGEST_DIGITS       64
#define TORC_FILE_KIND_COUNT     5

typedef struct torc_entry {
    char name[TORC_CONTAINER_NAME_MAX + 1];
    torc_raw_dtype dtype;
    uint32_t rank;
    size_t shape[TORC_MAX_RANK];
    size_t begin, end; /* bytes from the start of the data */
} torc_entry;

/* Short name of a kind ("circuit", "evaluation"), as "torc-KIND/1" has it. */
const char *torc_container_kind_word(torc_file_kind kind);

const char *torc_raw_dtype_name(torc_raw_dtype dtype); /* "U64" */
size_t torc_raw_dtype_bytes(torc_raw_dtype dtype);

bool torc_container_key_is_good(const char *key);   /* [a-z0-9_]{1,64}, not one of our own */
bool torc_container_name_is_good(const char *name); /* [a-z0-9_./-]{1,128} */

/* Bytes of a tensor; false when they overflow. */
bool torc_container_bytes(size_t *out, torc_raw_dtype dtype, uint32_t rank, const size_t *shape);

/* The next multiple of 64; at most SIZE_MAX / 2 is given. */
size_t torc_container_align(size_t offset);

/* start[bytes]: the length and the header, as in the file. */
void torc_container_header_digest(uint8_t out[TORC_DIGEST_BYTES], const void *start, size_t bytes);

#endif
