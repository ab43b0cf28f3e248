/* The public building calls: each turns its arguments into the attributes of one node. Nothing
 * fails loudly here; torc_graph_add keeps the first mistake. */
#include "frontend/graph.h"
#include "frontend/graph_node.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A pointer for attributes: torc_graph_add copies what it points to and changes nothing there. */
static void *borrow(const void *data)
{
    void *pointer = NULL;
    memcpy(&pointer, &data, sizeof pointer);
    return pointer;
}

static torc_value add_unary_op(torc_graph *g, torc_op op, torc_value a)
{
    return torc_graph_add(g, op, &a, 1, NULL);
}

static torc_value add_binary_op(torc_graph *g, torc_op op, torc_value a, torc_value b)
{
    const torc_value operands[2] = {a, b};
    return torc_graph_add(g, op, operands, 2, NULL);
}

/* The next call's place in messages: "call 7: reshape". */
static torc_value mistake(torc_graph *g, const char *op, const char *text)
{
    return torc_graph_mistake(g, TORC_E_ARGUMENT, "call %u: %s: %s", g->call_count + 1, op, text);
}

/* --- sources ---------------------------------------------------------------------------------- */

torc_value torc_input(torc_graph *g, const char *name, bool encrypted, torc_dtype dtype,
                      uint32_t rank, const size_t *shape)
{
    if (rank > TORC_MAX_RANK) {
        return mistake(g, "input", "at most 8 axes are supported");
    }
    torc_node node = {.name = borrow(name),
                      .type = {.encrypted = encrypted, .dtype = dtype, .rank = rank}};
    if (rank > 0) {
        memcpy(node.type.shape, shape, rank * sizeof *shape);
    }
    return torc_graph_add(g, TORC_OP_INPUT, NULL, 0, &node);
}

static torc_value add_constant(torc_graph *g, torc_dtype dtype, const void *data, uint32_t rank,
                               const size_t *shape)
{
    if (rank > TORC_MAX_RANK) {
        return mistake(g, "constant", "at most 8 axes are supported");
    }
    torc_node node = {.constant = {.dtype = dtype, .rank = rank}};
    if (rank > 0) {
        memcpy(node.constant.shape, shape, rank * sizeof *shape);
    }
    node.constant.data = borrow(data);
    return torc_graph_add(g, TORC_OP_CONSTANT, NULL, 0, &node);
}

torc_value torc_constant_i64(torc_graph *g, const int64_t *data, uint32_t rank, const size_t *shape)
{
    return add_constant(g, TORC_I64, data, rank, shape);
}

torc_value torc_constant_f64(torc_graph *g, const double *data, uint32_t rank, const size_t *shape)
{
    return add_constant(g, TORC_F64, data, rank, shape);
}

torc_value torc_scalar_i64(torc_graph *g, int64_t value)
{
    return add_constant(g, TORC_I64, &value, 0, NULL);
}

torc_value torc_scalar_f64(torc_graph *g, double value)
{
    return add_constant(g, TORC_F64, &value, 0, NULL);
}

/* --- arithmetic ------------------------------------------------------------------------------- */

torc_value torc_add(torc_graph *g, torc_value a, torc_value b)
{
    return add_binary_op(g, TORC_OP_ADD, a, b);
}

torc_value torc_sub(torc_graph *g, torc_value a, torc_value b)
{
    return add_binary_op(g, TORC_OP_SUB, a, b);
}

torc_value torc_neg(torc_graph *g, torc_value a)
{
    return add_unary_op(g, TORC_OP_NEG, a);
}

torc_value torc_mul(torc_graph *g, torc_value a, torc_value b)
{
    return add_binary_op(g, TORC_OP_MUL, a, b);
}

torc_value torc_div(torc_graph *g, torc_value a, torc_value b)
{
    return add_binary_op(g, TORC_OP_DIV, a, b);
}

torc_value torc_dot(torc_graph *g, torc_value a, torc_value b)
{
    return add_binary_op(g, TORC_OP_DOT, a, b);
}

torc_value torc_matmul(torc_graph *g, torc_value a, torc_value b)
{
    return add_binary_op(g, TORC_OP_MATMUL, a, b);
}

torc_value torc_sum(torc_graph *g, torc_value a, const int32_t *axes, uint32_t axis_count,
                    bool keep_dims)
{
    if (axis_count > TORC_MAX_RANK) {
        return mistake(g, "sum", "more axes than a value can have");
    }
    torc_node node = {.axis_count = axis_count, .keep_dims = keep_dims};
    if (axis_count > 0) {
        memcpy(node.axes, axes, axis_count * sizeof *axes);
    }
    return torc_graph_add(g, TORC_OP_SUM, &a, 1, &node);
}

torc_value torc_conv2d(torc_graph *g, torc_value x, torc_value weight, torc_value bias,
                       const torc_conv2d_args *args)
{
    const torc_value operands[3] = {x, weight, bias};
    const uint32_t count = bias.id == TORC_NO_VALUE.id ? 2 : 3;
    torc_node node = {0};
    if (args) {
        node.conv = *args;
    }
    return torc_graph_add(g, TORC_OP_CONV2D, operands, count, &node);
}

/* --- shape ------------------------------------------------------------------------------------ */

torc_value torc_reshape(torc_graph *g, torc_value a, uint32_t rank, const size_t *shape)
{
    if (rank > TORC_MAX_RANK) {
        return mistake(g, "reshape", "at most 8 axes are supported");
    }
    torc_node node = {.type.rank = rank};
    if (rank > 0) {
        memcpy(node.type.shape, shape, rank * sizeof *shape);
    }
    return torc_graph_add(g, TORC_OP_RESHAPE, &a, 1, &node);
}

torc_value torc_transpose(torc_graph *g, torc_value a, const uint32_t *axes)
{
    const torc_node *in = torc_graph_node(g, a);
    torc_node node = {.axis_count = in ? in->type.rank : 0};
    for (uint32_t i = 0; i < node.axis_count; i++) {
        const uint32_t axis = axes ? axes[i] : node.axis_count - 1 - i;
        node.axes[i] = axis < TORC_MAX_RANK ? (int32_t)axis : TORC_MAX_RANK;
    }
    return torc_graph_add(g, TORC_OP_TRANSPOSE, &a, 1, &node);
}

torc_value torc_index(torc_graph *g, torc_value a, const torc_slice *slices, uint32_t count)
{
    if (count > TORC_MAX_RANK) {
        return mistake(g, "index", "more indices than a value can have axes");
    }
    torc_node node = {.axis_count = count};
    if (count > 0) {
        memcpy(node.slices, slices, count * sizeof *slices);
    }
    return torc_graph_add(g, TORC_OP_INDEX, &a, 1, &node);
}

torc_value torc_concat(torc_graph *g, const torc_value *parts, uint32_t count, int32_t axis)
{
    const torc_node node = {.axis = axis};
    return torc_graph_add(g, TORC_OP_CONCAT, parts, count, &node);
}

/* --- non-linear ------------------------------------------------------------------------------- */

torc_value torc_table_lookup(torc_graph *g, torc_value a, const int64_t *table, size_t size)
{
    torc_node node = {.table = {.dtype = TORC_I64, .rank = 1, .shape = {size}}};
    node.table.data = borrow(table);
    return torc_graph_add(g, TORC_OP_TABLE, &a, 1, &node);
}

torc_value torc_function2(torc_graph *g, torc_value a, const char *name, double alpha, double beta)
{
    const torc_node node = {.name = borrow(name), .alpha = alpha, .beta = beta};
    return torc_graph_add(g, TORC_OP_UNARY, &a, 1, &node);
}

torc_value torc_function(torc_graph *g, torc_value a, const char *name)
{
    const torc_unary *row = name ? torc_unary_find(name) : NULL;
    if (row && row->parameter_count > 0) {
        return mistake(g, name, "the function has parameters; use torc_function2");
    }
    return torc_function2(g, a, name, 0, 0);
}

torc_value torc_univariate(torc_graph *g, torc_value a, double (*f)(double x, void *user),
                           void *user, const char *label)
{
    const char *name = label && label[0] ? label : torc_op_name(TORC_OP_CALLBACK);
    const torc_node node = {.name = borrow(name), .callback = f, .callback_user = user};
    return torc_graph_add(g, TORC_OP_CALLBACK, &a, 1, &node);
}

torc_value torc_relu(torc_graph *g, torc_value a)
{
    return torc_function(g, a, "relu");
}

torc_value torc_clip(torc_graph *g, torc_value a, double low, double high)
{
    return torc_function2(g, a, "clip", low, high);
}

torc_value torc_floor(torc_graph *g, torc_value a)
{
    return torc_function(g, a, "floor");
}

torc_value torc_round(torc_graph *g, torc_value a)
{
    return torc_function(g, a, "round");
}

torc_value torc_cast(torc_graph *g, torc_value a, torc_dtype dtype)
{
    const torc_node *in = torc_graph_node(g, a);
    if (in && in->type.dtype == dtype) {
        return a; /* a table that changes nothing would cost a lookup */
    }
    const torc_node node = {.type.dtype = dtype};
    return torc_graph_add(g, TORC_OP_CAST, &a, 1, &node);
}

torc_value torc_compare_with(torc_graph *g, torc_compare how, torc_value a, torc_value b)
{
    const torc_value operands[2] = {a, b};
    const torc_node node = {.compare = how};
    if ((unsigned)how > TORC_NE) {
        return mistake(g, "compare", "there is no such comparison");
    }
    return torc_graph_add(g, TORC_OP_COMPARE, operands, 2, &node);
}

torc_value torc_where(torc_graph *g, torc_value condition, torc_value a, torc_value b)
{
    const torc_value operands[3] = {condition, a, b};
    return torc_graph_add(g, TORC_OP_WHERE, operands, 3, NULL);
}

/* --- tags ------------------------------------------------------------------------------------- */

/* g->tag is "outer.inner"; a tag without a dot makes the last part easy to take off. */
void torc_tag_push(torc_graph *g, const char *tag)
{
    if (g->status != TORC_OK) {
        return;
    }
    if (!tag || !tag[0] || strchr(tag, '.')) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "tag '%s': a tag is a name without a dot",
                           tag ? TORC_PRINTABLE(tag) : "");
        return;
    }
    char *joined = NULL;
    const bool is_first = !g->tag || !g->tag[0];
    if (asprintf(&joined, "%s%s%s", is_first ? "" : g->tag, is_first ? "" : ".", tag) < 0) {
        torc_graph_mistake(g, TORC_E_MEMORY, "graph: out of memory");
        return;
    }
    free(g->tag);
    g->tag = joined;
}

void torc_tag_pop(torc_graph *g)
{
    if (g->status != TORC_OK) {
        return;
    }
    if (!g->tag || !g->tag[0]) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "tag: a pop without a push");
        return;
    }
    char *dot = strrchr(g->tag, '.');
    *(dot ? dot : g->tag) = '\0';
}
