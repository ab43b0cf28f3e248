/* Opens an ONNX file: bounded reading, parsing under a memory budget, and the checks that need no
 * knowledge of operators. The file is hostile until they passed. */
#include "frontend/onnx/reader.h"

#include "frontend/onnx/names.h"
#include "runtime/file.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* protobuf-c turns a two-byte empty message into a structure of a hundred bytes; a budget keeps a
 * small file from filling memory. Honest files stay below 8 times (int64 stored as short varints).
 */
typedef struct budget {
    size_t left_bytes;
} budget;

static void *budget_alloc(void *user, size_t bytes)
{
    budget *b = user;
    if (bytes > b->left_bytes) {
        return NULL;
    }
    b->left_bytes -= bytes;
    return malloc(bytes ? bytes : 1);
}

static void budget_free(void *user, void *pointer)
{
    (void)user;
    free(pointer);
}

static torc_status parse(torc_ctx *ctx, Onnx__Model **out, const char *bytes, size_t size)
{
    budget b = {.left_bytes = 16 * size + (1 << 20)};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &b};
    *out = onnx__model__unpack(&allocator, size, (const uint8_t *)bytes);
    if (!*out) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "not an ONNX model, or damaged: %zu bytes cannot be parsed as one", size);
    }
    return TORC_OK;
}

/* --- structure -------------------------------------------------------------------------------- */

typedef struct checker {
    torc_ctx *ctx;
    torc_onnx_names defined;
} checker;

static torc_status check_text(torc_ctx *ctx, const char *text, const char *what)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        size_t step = torc_utf8_next(NULL, text + i, length - i);
        if (step == 0) {
            return torc_fail(ctx, TORC_E_FORMAT, "%s '%s' is not valid UTF-8", what,
                             TORC_PRINTABLE(text));
        }
        i += step;
    }
    return TORC_OK;
}

static torc_status define(checker *c, const char *name, const char *what)
{
    TORC_TRY(check_text(c->ctx, name, what));
    if (torc_onnx_names_find(&c->defined, name) != TORC_ONNX_NO_NAME) {
        return torc_fail(c->ctx, TORC_E_FORMAT, "%s '%s' is defined twice", what,
                         TORC_PRINTABLE(name));
    }
    torc_onnx_names_add(&c->defined, name, 0);
    return TORC_OK;
}

static torc_status check_attributes(torc_ctx *ctx, const Onnx__Node *node, const char *label)
{
    enum { TENSOR = 4, GRAPH = 5, STRINGS = 8 }; /* of AttributeProto.AttributeType */
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__Attribute *a = node->attribute[i];
        if (!a->name || a->name[0] == '\0') {
            return torc_fail(ctx, TORC_E_FORMAT, "%s has an attribute without a name", label);
        }
        TORC_TRY(check_text(ctx, a->name, "attribute"));
        if (a->ref_attr_name && a->ref_attr_name[0]) {
            return torc_fail(ctx, TORC_E_UNSUPPORTED, "%s: attribute '%s' refers to a function's",
                             label, TORC_PRINTABLE(a->name));
        }
        if (a->has_type && (a->type < 0 || a->type == GRAPH || a->type > STRINGS)) {
            return torc_fail(ctx, TORC_E_UNSUPPORTED,
                             "%s: attribute '%s' has type %d (a subgraph, a sparse tensor or "
                             "similar); numbers, strings, tensors and their lists are supported",
                             label, TORC_PRINTABLE(a->name), a->type);
        }
    }
    return TORC_OK;
}

static torc_status check_node(checker *c, const Onnx__Node *node, size_t index)
{
    char label[TORC_PRINTABLE_BYTES + 64];
    const char *op = node->op_type ? node->op_type : "";
    snprintf(label, sizeof label, "node %zu (%s)", index, TORC_PRINTABLE(op));
    if (op[0] == '\0') {
        return torc_fail(c->ctx, TORC_E_FORMAT, "node %zu has no operator", index);
    }
    if (node->name) {
        TORC_TRY(check_text(c->ctx, node->name, "node name"));
    }
    TORC_TRY(check_attributes(c->ctx, node, label));
    for (size_t i = 0; i < node->n_input; i++) {
        const char *name = node->input[i]; /* "" stands for an optional input left out */
        if (name[0] && torc_onnx_names_find(&c->defined, name) == TORC_ONNX_NO_NAME) {
            return torc_fail(c->ctx, TORC_E_FORMAT,
                             "%s uses '%s', which no input, initializer or earlier node defines",
                             label, TORC_PRINTABLE(name));
        }
    }
    for (size_t i = 0; i < node->n_output; i++) {
        if (node->output[i][0]) {
            TORC_TRY(define(c, node->output[i], "value"));
        }
    }
    return TORC_OK;
}

/* An initializer may carry the name of a graph input: it is that input's default. */
static torc_status check_sources(checker *c, const Onnx__Graph *graph)
{
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const char *name = graph->initializer[i]->name;
        if (!name || name[0] == '\0') {
            return torc_fail(c->ctx, TORC_E_FORMAT, "initializer %zu has no name", i);
        }
        TORC_TRY(define(c, name, "initializer"));
    }
    torc_onnx_names seen;
    torc_status status = torc_onnx_names_create(c->ctx, &seen, graph->n_input);
    for (size_t i = 0; i < graph->n_input && status == TORC_OK; i++) {
        const char *name = graph->input[i]->name;
        if (!name || name[0] == '\0') {
            status = torc_fail(c->ctx, TORC_E_FORMAT, "graph input %zu has no name", i);
        } else if (torc_onnx_names_find(&seen, name) != TORC_ONNX_NO_NAME) {
            status = torc_fail(c->ctx, TORC_E_FORMAT, "graph input '%s' is defined twice",
                               TORC_PRINTABLE(name));
        } else {
            torc_onnx_names_add(&seen, name, 0);
            if (torc_onnx_names_find(&c->defined, name) == TORC_ONNX_NO_NAME) {
                status = define(c, name, "graph input");
            }
        }
    }
    torc_onnx_names_free(&seen);
    return status;
}

static torc_status check_graph(checker *c, const Onnx__Graph *graph)
{
    TORC_TRY(check_sources(c, graph));
    for (size_t i = 0; i < graph->n_node; i++) {
        TORC_TRY(check_node(c, graph->node[i], i));
    }
    if (graph->n_output == 0) {
        return torc_fail(c->ctx, TORC_E_FORMAT, "the graph has no output");
    }
    for (size_t i = 0; i < graph->n_output; i++) {
        const char *name = graph->output[i]->name ? graph->output[i]->name : "";
        if (torc_onnx_names_find(&c->defined, name) == TORC_ONNX_NO_NAME) {
            return torc_fail(c->ctx, TORC_E_FORMAT, "graph output '%s' is defined by no node",
                             TORC_PRINTABLE(name));
        }
    }
    return TORC_OK;
}

size_t torc_onnx_name_count(const Onnx__Graph *graph)
{
    size_t count = graph->n_initializer + graph->n_input;
    for (size_t i = 0; i < graph->n_node; i++) {
        count += graph->node[i]->n_output;
    }
    return count;
}

static torc_status check_model(torc_ctx *ctx, const Onnx__Model *model)
{
    if (!model->graph) {
        return torc_fail(ctx, TORC_E_FORMAT, "not an ONNX model: it holds no graph");
    }
    if (model->n_opset_import == 0) {
        return torc_fail(ctx, TORC_E_FORMAT, "the model names no operator set");
    }
    checker c = {.ctx = ctx};
    torc_status status =
        torc_onnx_names_create(ctx, &c.defined, torc_onnx_name_count(model->graph));
    if (status == TORC_OK) {
        status = check_graph(&c, model->graph);
    }
    torc_onnx_names_free(&c.defined);
    return status;
}

/* --- opening ---------------------------------------------------------------------------------- */

void torc_onnx_close(torc_onnx_file *file)
{
    free(file->path);
    if (file->model) {
        onnx__model__free_unpacked(file->model, NULL); /* the budget's blocks are malloc's */
    }
    free(file->external_name);
    free(file->external_bytes);
    *file = (torc_onnx_file){0};
}

torc_status torc_onnx_open(torc_ctx *ctx, torc_onnx_file *out, const char *path)
{
    torc_onnx_file file = {.path = strdup(path)};
    char *bytes = NULL;
    size_t size = 0;
    *out = (torc_onnx_file){0};
    torc_status status = file.path ? TORC_OK : torc_fail(ctx, TORC_E_MEMORY, "out of memory");
    if (status == TORC_OK) {
        status = torc_file_read(ctx, &bytes, &size, path, TORC_ONNX_MAX_FILE_BYTES);
    }
    if (status == TORC_OK) {
        status = parse(ctx, &file.model, bytes, size);
        if (status == TORC_OK) {
            status = check_model(ctx, file.model);
        }
        if (status != TORC_OK) {
            torc_fail_prefix(ctx, status, "%s", path);
        }
    }
    free(bytes);
    if (status != TORC_OK) {
        torc_onnx_close(&file);
        return status;
    }
    *out = file;
    return TORC_OK;
}
