/* Reads an ONNX file and checks its structure; what operators mean is not its business. */
#ifndef TORC_ONNX_READER_H
#define TORC_ONNX_READER_H

#include "runtime/torc_base.h"

#include <onnx.pb-c.h>

#define TORC_ONNX_MAX_FILE_BYTES ((size_t)1 << 30)
#define TORC_ONNX_MAX_ELEMENTS   ((size_t)1 << 26) /* of one tensor */

typedef struct torc_onnx_file {
    char *path;
    Onnx__Model *model;
    /* The last file of external data, kept because many tensors share one. */
    char *external_name;
    char *external_bytes;
    size_t external_size;
} torc_onnx_file;

/* Parsed and checked: a graph is there, names are UTF-8, every value is defined once and before it
 * is used (so there is no cycle), no subgraph, no function, no sparse tensor. E_FORMAT otherwise.
 */
TORC_MUST_CHECK torc_status torc_onnx_open(torc_ctx *ctx, torc_onnx_file *out, const char *path);
void torc_onnx_close(torc_onnx_file *file); /* {0} is fine */

/* The most names that the values of a graph can have. */
size_t torc_onnx_name_count(const Onnx__Graph *graph);

/* Names an ONNX element type ("float32"), for messages. */
const char *torc_onnx_type_name(int32_t data_type);

/* Integers and booleans become TORC_I64, floats TORC_F64. `where` starts the message. E_FORMAT when
 * the length of the data does not fit the shape, E_UNSUPPORTED for strings and complex numbers.
 * Data may stand in another file of the model's own folder. */
TORC_MUST_CHECK torc_status torc_onnx_tensor(torc_ctx *ctx, torc_tensor *out, torc_onnx_file *file,
                                             const Onnx__Tensor *tensor, const char *where);

#endif
