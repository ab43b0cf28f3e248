/* A map from names to small integers, for the values of an ONNX graph. Keys are borrowed. */
#ifndef TORC_ONNX_NAMES_H
#define TORC_ONNX_NAMES_H

#include "runtime/torc_base.h"

#define TORC_ONNX_NO_NAME UINT32_MAX

typedef struct torc_onnx_names {
    uint32_t count;
    uint32_t slot_count; /* a power of two, at least twice the room */
    struct torc_onnx_name {
        const char *name; /* NULL: free */
        uint32_t value;
    } * slots;
} torc_onnx_names;

void torc_onnx_names_free(torc_onnx_names *names);
/* TORC_ONNX_NO_NAME when it is not there. */
uint32_t torc_onnx_names_find(const torc_onnx_names *names, const char *name);
/* Room for `most` names. */
TORC_MUST_CHECK torc_status torc_onnx_names_create(torc_ctx *ctx, torc_onnx_names *out,
                                                   size_t most);
/* The name must not be there yet. */
void torc_onnx_names_add(torc_onnx_names *names, const char *name, uint32_t value);

#endif
