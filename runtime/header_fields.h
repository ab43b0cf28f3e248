/* Fields that several file kinds share, put into and taken from a container's header. */
#ifndef TORC_HEADER_FIELDS_H
#define TORC_HEADER_FIELDS_H

#include "runtime/container.h"
#include "runtime/params.h"

/* "params" and "fingerprint". Reading checks ranges, the fingerprint and the security of both. */
TORC_MUST_CHECK torc_status torc_header_put_params(torc_ctx *ctx, torc_writer *writer,
                                                   const torc_params *params);
TORC_MUST_CHECK torc_status torc_header_get_params(torc_ctx *ctx, torc_params *out,
                                                   const torc_reader *reader);

/* Decimal integers. */
TORC_MUST_CHECK torc_status torc_header_put_u64(torc_ctx *ctx, torc_writer *writer, const char *key,
                                                uint64_t value);
/* E_FORMAT unless it is a canonical decimal of at most max. */
TORC_MUST_CHECK torc_status torc_header_get_u64(torc_ctx *ctx, uint64_t *out,
                                                const torc_reader *reader, const char *key,
                                                uint64_t max);

#endif
