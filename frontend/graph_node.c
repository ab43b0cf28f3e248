/* Copying and freeing one node. Every pointer of a node is its own block. */
#include "frontend/graph_node.h"

#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

torc_status torc_tensor_copy(torc_ctx *ctx, torc_tensor *out, const torc_tensor *in)
{
    *out = (torc_tensor){0};
    if (!in->data) {
        return TORC_OK;
    }
    TORC_TRY(torc_tensor_create(ctx, out, in->dtype, in->rank, in->shape));
    memcpy(out->data, in->data, torc_tensor_count(in) * sizeof(int64_t));
    return TORC_OK;
}

torc_status torc_grow(torc_ctx *ctx, void **array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity) {
        return TORC_OK;
    }
    if (*capacity > UINT32_MAX / 4) {
        return torc_fail(ctx, TORC_E_MEMORY, "graph: more than %u nodes", UINT32_MAX / 4);
    }
    uint32_t larger = *capacity ? *capacity * 2 : 16;
    void *grown = reallocarray(*array, larger, size);
    if (!grown) {
        return torc_fail(ctx, TORC_E_MEMORY, "graph: out of memory for %u nodes", larger);
    }
    *array = grown;
    *capacity = larger;
    return TORC_OK;
}

static torc_status copy_bytes(torc_ctx *ctx, void **out, const void *in, size_t count, size_t size)
{
    *out = NULL;
    if (!in) {
        return TORC_OK;
    }
    TORC_TRY(torc_alloc(ctx, out, count, size));
    memcpy(*out, in, count * size);
    return TORC_OK;
}

static torc_status copy_text(torc_ctx *ctx, char **out, const char *in)
{
    void *copy = NULL;
    torc_status s = copy_bytes(ctx, &copy, in, in ? strlen(in) + 1 : 0, 1);
    *out = copy;
    return s;
}

static torc_status copy_lookup(torc_ctx *ctx, torc_node *out, const torc_node *in)
{
    const torc_lookup_attr *from = &in->lookup;
    void *entry = NULL;
    void *table_of = NULL;
    const size_t entries = (size_t)from->table_count << from->index_bits;
    torc_status s = copy_bytes(ctx, &entry, from->entry, entries, sizeof *from->entry);
    out->lookup.entry = entry;
    if (s == TORC_OK) {
        const size_t cells = torc_shape_count(in->type.rank, in->type.shape);
        s = copy_bytes(ctx, &table_of, from->table_of, cells, sizeof *from->table_of);
        out->lookup.table_of = table_of;
    }
    return s;
}

static torc_status copy_owned(torc_ctx *ctx, torc_node *out, const torc_node *in)
{
    void *inputs = NULL;
    TORC_TRY(copy_bytes(ctx, &inputs, in->inputs, in->input_count, sizeof *in->inputs));
    out->inputs = inputs;
    TORC_TRY(copy_text(ctx, &out->name, in->name));
    TORC_TRY(copy_text(ctx, &out->tag, in->tag));
    TORC_TRY(copy_text(ctx, &out->where, in->where));
    TORC_TRY(torc_tensor_copy(ctx, &out->constant, &in->constant));
    TORC_TRY(torc_tensor_copy(ctx, &out->table, &in->table));
    if (in->body) {
        TORC_TRY(torc_graph_copy(ctx, &out->body, in->body));
    }
    return copy_lookup(ctx, out, in);
}

torc_status torc_node_copy(torc_ctx *ctx, torc_node *out, const torc_node *in)
{
    *out = *in;
    out->inputs = NULL;
    out->name = NULL;
    out->tag = NULL;
    out->where = NULL;
    out->constant = (torc_tensor){0};
    out->table = (torc_tensor){0};
    out->body = NULL;
    out->lookup.entry = NULL;
    out->lookup.table_of = NULL;
    torc_status s = copy_owned(ctx, out, in);
    if (s != TORC_OK) {
        torc_node_clear(out);
    }
    return s;
}

void torc_node_clear(torc_node *node)
{
    free(node->inputs);
    free(node->name);
    free(node->tag);
    free(node->where);
    torc_tensor_free(&node->constant);
    torc_tensor_free(&node->table);
    torc_graph_free(node->body);
    free(node->lookup.entry);
    free(node->lookup.table_of);
    memset(node, 0, sizeof *node);
}
