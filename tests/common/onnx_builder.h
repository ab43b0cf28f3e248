/* Builds small ONNX files for tests, node by node. Everything is freed at once. */
#ifndef TORC_TEST_ONNX_BUILDER_H
#define TORC_TEST_ONNX_BUILDER_H

#include <onnx.pb-c.h>
#include <stddef.h>
#include <stdint.h>

typedef struct onnx_builder onnx_builder;

onnx_builder *onnx_builder_create(int64_t opset); /* of ai.onnx; ai.onnx.ml is 1 */
void onnx_builder_free(onnx_builder *b);
Onnx__Model *onnx_builder_model(onnx_builder *b); /* to be spoilt by hand */

/* dims[0] 0: a symbolic batch. type: 1 float, 7 int64, ... */
void onnx_builder_input(onnx_builder *b, const char *name, int32_t type, size_t rank,
                        const int64_t *dims);
void onnx_builder_output(onnx_builder *b, const char *name, int32_t type);
void onnx_builder_floats(onnx_builder *b, const char *name, size_t rank, const int64_t *dims,
                         const float *data);
void onnx_builder_ints(onnx_builder *b, const char *name, size_t count, const int64_t *data);

/* inputs: names separated by spaces, "-" for an absent one. One output. */
Onnx__Node *onnx_builder_node(onnx_builder *b, const char *domain, const char *op,
                              const char *inputs, const char *output);
void onnx_builder_attr_int(onnx_builder *b, Onnx__Node *node, const char *name, int64_t value);
void onnx_builder_attr_float(onnx_builder *b, Onnx__Node *node, const char *name, float value);
void onnx_builder_attr_ints(onnx_builder *b, Onnx__Node *node, const char *name, size_t count,
                            const int64_t *values);
void onnx_builder_attr_string(onnx_builder *b, Onnx__Node *node, const char *name,
                              const char *value);

void onnx_builder_save(onnx_builder *b, const char *path); /* aborts when it cannot */

#endif
