#include "tests/common/onnx_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BLOCKS = 4096, MAX_ITEMS = 64 };

struct onnx_builder {
    Onnx__Model model;
    Onnx__Graph graph;
    Onnx__Opset opsets[2];
    Onnx__Opset *opset_list[2];
    Onnx__Node *nodes[MAX_ITEMS];
    Onnx__Tensor *initializers[MAX_ITEMS];
    Onnx__Value *inputs[MAX_ITEMS];
    Onnx__Value *outputs[MAX_ITEMS];
    void *blocks[MAX_BLOCKS];
    size_t block_count;
};

static void *take(onnx_builder *b, size_t bytes)
{
    void *block = calloc(1, bytes ? bytes : 1);
    if (!block || b->block_count == MAX_BLOCKS) {
        abort();
    }
    b->blocks[b->block_count++] = block;
    return block;
}

static void *copy(onnx_builder *b, const void *data, size_t bytes)
{
    void *block = take(b, bytes);
    if (bytes > 0) {
        memcpy(block, data, bytes);
    }
    return block;
}

static char *text(onnx_builder *b, const char *s)
{
    return copy(b, s, strlen(s) + 1);
}

onnx_builder *onnx_builder_create(int64_t opset)
{
    onnx_builder *b = calloc(1, sizeof *b);
    if (!b) {
        abort();
    }
    onnx__model__init(&b->model);
    onnx__graph__init(&b->graph);
    for (int i = 0; i < 2; i++) {
        onnx__opset__init(&b->opsets[i]);
        b->opsets[i].has_version = 1;
        b->opset_list[i] = &b->opsets[i];
    }
    b->opsets[0].version = opset;
    b->opsets[0].domain = text(b, "");
    b->opsets[1].version = 1;
    b->opsets[1].domain = text(b, "ai.onnx.ml");
    b->model.has_ir_version = 1;
    b->model.ir_version = 8;
    b->model.n_opset_import = 2;
    b->model.opset_import = b->opset_list;
    b->model.graph = &b->graph;
    b->graph.name = text(b, "test");
    b->graph.node = b->nodes;
    b->graph.initializer = b->initializers;
    b->graph.input = b->inputs;
    b->graph.output = b->outputs;
    return b;
}

void onnx_builder_free(onnx_builder *b)
{
    for (size_t i = 0; i < b->block_count; i++) {
        free(b->blocks[i]);
    }
    free(b);
}

Onnx__Model *onnx_builder_model(onnx_builder *b)
{
    return &b->model;
}

static Onnx__Value *value(onnx_builder *b, const char *name, int32_t type)
{
    Onnx__Value *v = take(b, sizeof *v);
    Onnx__Type *t = take(b, sizeof *t);
    Onnx__TensorType *tensor = take(b, sizeof *tensor);
    onnx__value__init(v);
    onnx__type__init(t);
    onnx__tensor_type__init(tensor);
    v->name = text(b, name);
    v->type = t;
    t->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = type;
    return v;
}

void onnx_builder_input(onnx_builder *b, const char *name, int32_t type, size_t rank,
                        const int64_t *dims)
{
    Onnx__Value *v = value(b, name, type);
    Onnx__Shape *shape = take(b, sizeof *shape);
    onnx__shape__init(shape);
    shape->n_dim = rank;
    shape->dim = take(b, rank * sizeof *shape->dim);
    for (size_t i = 0; i < rank; i++) {
        shape->dim[i] = take(b, sizeof **shape->dim);
        onnx__dimension__init(shape->dim[i]);
        shape->dim[i]->has_dim_value = dims[i] != 0;
        shape->dim[i]->dim_value = dims[i];
        shape->dim[i]->dim_param = dims[i] == 0 ? text(b, "batch") : NULL;
    }
    v->type->tensor_type->shape = shape;
    b->inputs[b->graph.n_input++] = v;
}

void onnx_builder_output(onnx_builder *b, const char *name, int32_t type)
{
    b->outputs[b->graph.n_output++] = value(b, name, type);
}

static Onnx__Tensor *tensor(onnx_builder *b, const char *name, int32_t type, size_t rank,
                            const int64_t *dims)
{
    Onnx__Tensor *t = take(b, sizeof *t);
    onnx__tensor__init(t);
    t->name = text(b, name);
    t->has_data_type = 1;
    t->data_type = type;
    t->n_dims = rank;
    t->dims = copy(b, dims, rank * sizeof *dims);
    b->initializers[b->graph.n_initializer++] = t;
    return t;
}

void onnx_builder_floats(onnx_builder *b, const char *name, size_t rank, const int64_t *dims,
                         const float *data)
{
    Onnx__Tensor *t = tensor(b, name, 1, rank, dims);
    t->n_float_data = 1;
    for (size_t i = 0; i < rank; i++) {
        t->n_float_data *= (size_t)dims[i];
    }
    t->float_data = copy(b, data, t->n_float_data * sizeof *data);
}

void onnx_builder_ints(onnx_builder *b, const char *name, size_t count, const int64_t *data)
{
    int64_t length = (int64_t)count;
    Onnx__Tensor *t = tensor(b, name, 7, 1, &length);
    t->has_raw_data = 1;
    t->raw_data.len = count * sizeof *data;
    t->raw_data.data = copy(b, data, t->raw_data.len);
}

Onnx__Node *onnx_builder_node(onnx_builder *b, const char *domain, const char *op,
                              const char *inputs, const char *output)
{
    Onnx__Node *node = take(b, sizeof *node);
    char *names = text(b, inputs);
    char *rest = NULL;
    onnx__node__init(node);
    node->op_type = text(b, op);
    node->domain = text(b, domain);
    node->input = take(b, 8 * sizeof *node->input);
    for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        node->input[node->n_input++] = strcmp(name, "-") == 0 ? text(b, "") : name;
    }
    node->n_output = 1;
    node->output = take(b, sizeof *node->output);
    node->output[0] = text(b, output);
    node->attribute = take(b, 8 * sizeof *node->attribute);
    b->nodes[b->graph.n_node++] = node;
    return node;
}

static Onnx__Attribute *attribute(onnx_builder *b, Onnx__Node *node, const char *name, int32_t type)
{
    Onnx__Attribute *a = take(b, sizeof *a);
    onnx__attribute__init(a);
    a->name = text(b, name);
    a->has_type = 1;
    a->type = type;
    node->attribute[node->n_attribute++] = a;
    return a;
}

void onnx_builder_attr_int(onnx_builder *b, Onnx__Node *node, const char *name, int64_t v)
{
    Onnx__Attribute *a = attribute(b, node, name, 2);
    a->has_i = 1;
    a->i = v;
}

void onnx_builder_attr_float(onnx_builder *b, Onnx__Node *node, const char *name, float v)
{
    Onnx__Attribute *a = attribute(b, node, name, 1);
    a->has_f = 1;
    a->f = v;
}

void onnx_builder_attr_ints(onnx_builder *b, Onnx__Node *node, const char *name, size_t count,
                            const int64_t *values)
{
    Onnx__Attribute *a = attribute(b, node, name, 7);
    a->n_ints = count;
    a->ints = copy(b, values, count * sizeof *values);
}

void onnx_builder_attr_string(onnx_builder *b, Onnx__Node *node, const char *name, const char *v)
{
    Onnx__Attribute *a = attribute(b, node, name, 3);
    a->has_s = 1;
    a->s.len = strlen(v);
    a->s.data = copy(b, v, strlen(v));
}

void onnx_builder_save(onnx_builder *b, const char *path)
{
    size_t size = onnx__model__get_packed_size(&b->model);
    uint8_t *bytes = malloc(size ? size : 1);
    FILE *file = fopen(path, "wb");
    if (!bytes || !file || onnx__model__pack(&b->model, bytes) != size ||
        fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
    free(bytes);
}
