/* The JSON header of a container, read and checked; used by container_read.c alone. */
#ifndef TORC_CONTAINER_HEADER_H
#define TORC_CONTAINER_HEADER_H

#include "runtime/container_layout.h"

#include <cjson/cJSON.h>

typedef struct torc_header {
    torc_file_kind kind;
    cJSON *root;
    const cJSON *metadata; /* part of root */
    size_t count;
    torc_entry *entries; /* in the order of the data, contiguous but for alignment */
} torc_header;

/* text[length]: JSON and the spaces after it. Messages lack the path. */
TORC_MUST_CHECK torc_status torc_header_parse(torc_ctx *ctx, torc_header *out, const char *text,
                                              size_t length);
void torc_header_free(torc_header *header);

const char *torc_header_text(const torc_header *header, const char *key); /* NULL when absent */
TORC_MUST_CHECK torc_status torc_header_digest(torc_ctx *ctx, uint8_t out[TORC_DIGEST_BYTES],
                                               const torc_header *header, const char *tensor_name);

#endif
