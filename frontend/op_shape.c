/* The type of every result: shape by NumPy's rules, integer or float, encrypted or clear. Mistakes
 * are recorded in the graph with the place of the node; widths are not known here. */
#include "frontend/op_shape.h"

#include "frontend/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ELEMENTS ((size_t)1 << 31) /* of one value; ids of program elements have 32 bits */

const char *torc_shape_text(char out[TORC_SHAPE_BYTES], uint32_t rank, const size_t *shape)
{
    size_t used = (size_t)snprintf(out, TORC_SHAPE_BYTES, "(");
    for (uint32_t i = 0; i < rank; i++) {
        const char *after = i + 1 < rank ? ", " : rank == 1 ? "," : "";
        used += (size_t)snprintf(out + used, TORC_SHAPE_BYTES - used, "%zu%s", shape[i], after);
    }
    snprintf(out + used, TORC_SHAPE_BYTES - used, ")");
    return out;
}

bool torc_op_is_cellwise(torc_op op)
{
    switch (op) {
    case TORC_OP_ADD:
    case TORC_OP_SUB:
    case TORC_OP_NEG:
    case TORC_OP_MUL:
    case TORC_OP_DIV:
    case TORC_OP_TABLE:
    case TORC_OP_UNARY:
    case TORC_OP_CALLBACK:
    case TORC_OP_CAST:
    case TORC_OP_COMPARE:
    case TORC_OP_WHERE: return true;
    default: return false;
    }
}

bool torc_shape_broadcast(torc_type *out, const torc_type *a, const torc_type *b)
{
    const uint32_t rank = a->rank > b->rank ? a->rank : b->rank;
    size_t shape[TORC_MAX_RANK] = {0};
    for (uint32_t i = 0; i < rank; i++) { /* i axes from the right */
        const size_t in_a = i < a->rank ? a->shape[a->rank - 1 - i] : 1;
        const size_t in_b = i < b->rank ? b->shape[b->rank - 1 - i] : 1;
        if (in_a != in_b && in_a != 1 && in_b != 1) {
            return false;
        }
        shape[rank - 1 - i] = in_a == 1 ? in_b : in_a;
    }
    out->rank = rank;
    memcpy(out->shape, shape, sizeof shape);
    return true;
}

/* --- one function for each kind of result ----------------------------------------------------- */

const torc_type *torc_operand_type(const torc_graph *g, const torc_node *node, uint32_t operand)
{
    return &g->nodes[node->inputs[operand]].type;
}

void torc_shape_set(torc_node *node, const torc_type *like)
{
    node->type.rank = like->rank;
    memcpy(node->type.shape, like->shape, sizeof like->shape);
}

bool torc_expect_operands(torc_graph *g, const torc_node *node, uint32_t min, uint32_t max)
{
    if (node->input_count < min || node->input_count > max) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: %u operands, %u are needed", node->where,
                           node->input_count, min);
        return false;
    }
    return true;
}

void torc_dtype_promote(torc_graph *g, torc_node *node)
{
    node->type.dtype = TORC_I64;
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (torc_operand_type(g, node, i)->dtype == TORC_F64) {
            node->type.dtype = TORC_F64;
        }
    }
}

/* The width of a constant is known at once. */
static void set_constant_bits(torc_node *node)
{
    if (node->constant.dtype == TORC_I64) {
        int64_t min = INT64_MAX;
        int64_t max = INT64_MIN;
        const size_t count = torc_tensor_count(&node->constant);
        for (size_t i = 0; i < count; i++) {
            min = node->constant.i64[i] < min ? node->constant.i64[i] : min;
            max = node->constant.i64[i] > max ? node->constant.i64[i] : max;
        }
        node->type.bits = torc_range_bits((double)min, (double)max, &node->type.is_signed);
    }
}

static bool infer_source(torc_graph *g, torc_node *node)
{
    if (node->op == TORC_OP_CONSTANT) {
        const torc_tensor *value = &node->constant;
        if (!value->data || torc_tensor_count(value) == 0) {
            torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: the constant is empty", node->where);
            return false;
        }
        node->type = (torc_type){.dtype = value->dtype, .rank = value->rank};
        memcpy(node->type.shape, value->shape, sizeof value->shape);
        set_constant_bits(node);
        return true;
    }
    if (!node->name || !node->name[0]) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: an input needs a name", node->where);
        return false;
    }
    if (node->type.rank > TORC_MAX_RANK) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: '%.100s' has %u axes, at most %d are supported",
                           node->where, node->name, node->type.rank, TORC_MAX_RANK);
        return false;
    }
    if (node->type.dtype != TORC_I64 && node->type.dtype != TORC_F64) {
        torc_graph_mistake(g, TORC_E_ARGUMENT,
                           "%s: type %d of '%.100s' is neither TORC_I64 nor TORC_F64", node->where,
                           (int)node->type.dtype, node->name);
        return false;
    }
    return true;
}

/* Integers stay integers under these functions, as they do in NumPy. */
static bool keeps_integers(const torc_node *node)
{
    static const char *const names[] = {"identity", "neg",  "abs",   "relu",  "square",     "floor",
                                        "ceil",     "sign", "round", "trunc", "logical_not"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(node->name, names[i]) == 0) {
            return true;
        }
    }
    return strcmp(node->name, "clip") == 0 && node->alpha == floor(node->alpha) &&
           node->beta == floor(node->beta);
}

static bool infer_unary(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    if (!node->name || !torc_unary_find(node->name)) {
        torc_graph_mistake(
            g, TORC_E_UNSUPPORTED,
            "%s: function '%.100s' is not known; torc_univariate takes any C function", node->where,
            node->name ? node->name : "");
        return false;
    }
    if (isnan(node->alpha) || isnan(node->beta)) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: a parameter is NaN", node->where);
        return false;
    }
    if (strcmp(node->name, "clip") == 0 && node->alpha > node->beta) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: the low bound %g is above the high bound %g",
                           node->where, node->alpha, node->beta);
        return false;
    }
    const torc_type *in = torc_operand_type(g, node, 0);
    torc_shape_set(node, in);
    node->type.dtype = in->dtype == TORC_I64 && keeps_integers(node) ? TORC_I64 : TORC_F64;
    return true;
}

static bool infer_callback(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    if (!node->callback) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: the function is NULL", node->where);
        return false;
    }
    torc_shape_set(node, torc_operand_type(g, node, 0));
    node->type.dtype = TORC_F64;
    return true;
}

static bool infer_table(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    if (node->table.dtype != TORC_I64 || node->table.rank != 1 || !node->table.data ||
        torc_tensor_count(&node->table) == 0) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: a table is a list of at least one integer",
                           node->where);
        return false;
    }
    if (torc_operand_type(g, node, 0)->dtype != TORC_I64) {
        torc_graph_mistake(g, TORC_E_ARGUMENT,
                           "%s: a table is indexed by integers, not floats; cast the value first",
                           node->where);
        return false;
    }
    torc_shape_set(node, torc_operand_type(g, node, 0));
    node->type.dtype = TORC_I64;
    return true;
}

static bool infer_cast(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    if (node->type.dtype != TORC_I64 && node->type.dtype != TORC_F64) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: type %d is neither TORC_I64 nor TORC_F64",
                           node->where, (int)node->type.dtype);
        return false;
    }
    torc_shape_set(node, torc_operand_type(g, node, 0));
    return true;
}

/* Operands are broadcast together; op decides what the type is. */
static bool infer_cellwise(torc_graph *g, torc_node *node)
{
    const uint32_t arity = node->op == TORC_OP_WHERE ? 3 : node->op == TORC_OP_NEG ? 1 : 2;
    if (!torc_expect_operands(g, node, arity, arity)) {
        return false;
    }
    torc_shape_set(node, torc_operand_type(g, node, 0));
    node->type.dtype = TORC_I64;
    for (uint32_t i = 0; i < arity; i++) {
        const torc_type *in = torc_operand_type(g, node, i);
        torc_type before = node->type;
        if (!torc_shape_broadcast(&node->type, &before, in)) {
            torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: shapes %s and %s do not match", node->where,
                               TORC_SHAPE_TEXT(&before), TORC_SHAPE_TEXT(in));
            return false;
        }
        const bool counts = node->op != TORC_OP_WHERE || i > 0;
        if (counts && in->dtype == TORC_F64) {
            node->type.dtype = TORC_F64;
        }
    }
    if (node->op == TORC_OP_DIV) {
        node->type.dtype = TORC_F64;
    } else if (node->op == TORC_OP_COMPARE) {
        node->type.dtype = TORC_I64;
    }
    return true;
}

/* --- what passes make ------------------------------------------------------------------------- */

static bool infer_subgraph(torc_graph *g, torc_node *node)
{
    uint32_t input = 0;
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    if (!node->body || node->body->output_count != 1 ||
        torc_graph_input_nodes(node->body, &input, 1) != 1) {
        torc_graph_mistake(g, TORC_E_INTERNAL, "%s: a subgraph has one input and one output",
                           node->where);
        return false;
    }
    const torc_type *in = torc_operand_type(g, node, 0);
    const torc_type *formal = &node->body->nodes[input].type;
    if (in->rank != formal->rank || in->dtype != formal->dtype ||
        memcmp(in->shape, formal->shape, in->rank * sizeof *in->shape) != 0) {
        torc_graph_mistake(g, TORC_E_INTERNAL, "%s: the subgraph takes %s, not %s", node->where,
                           TORC_SHAPE_TEXT(formal), TORC_SHAPE_TEXT(in));
        return false;
    }
    const torc_type *out = &node->body->nodes[node->body->outputs[0].node].type;
    torc_shape_set(node, out);
    node->type.dtype = out->dtype;
    return true;
}

static bool infer_lookup(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    const torc_type *in = torc_operand_type(g, node, 0);
    const torc_lookup_attr *l = &node->lookup;
    bool is_bad = in->dtype != TORC_I64 || l->index_bits > l->window_bits || l->index_bits < 1 ||
                  l->index_bits > 16 || l->window_bits > 62 || l->table_count == 0 || !l->entry;
    const size_t count = torc_shape_count(in->rank, in->shape);
    for (size_t i = 0; !is_bad && l->table_of && i < count; i++) {
        is_bad = l->table_of[i] >= l->table_count;
    }
    if (is_bad) {
        torc_graph_mistake(g, TORC_E_INTERNAL, "%s: lookup of %u from %u bits with %u tables",
                           node->where, l->index_bits, l->window_bits, l->table_count);
        return false;
    }
    torc_shape_set(node, in);
    node->type.dtype = TORC_I64;
    return true;
}

static bool infer_shape(torc_graph *g, torc_node *node)
{
    switch (node->op) {
    case TORC_OP_INPUT:
    case TORC_OP_CONSTANT: return infer_source(g, node);
    case TORC_OP_ADD:
    case TORC_OP_SUB:
    case TORC_OP_NEG:
    case TORC_OP_MUL:
    case TORC_OP_DIV:
    case TORC_OP_COMPARE:
    case TORC_OP_WHERE: return infer_cellwise(g, node);
    case TORC_OP_DOT:
    case TORC_OP_MATMUL: return torc_infer_matmul(g, node);
    case TORC_OP_SUM: return torc_infer_sum(g, node);
    case TORC_OP_CONV2D: return torc_infer_conv2d(g, node);
    case TORC_OP_RESHAPE: return torc_infer_reshape(g, node);
    case TORC_OP_TRANSPOSE: return torc_infer_transpose(g, node);
    case TORC_OP_INDEX: return torc_infer_index(g, node);
    case TORC_OP_CONCAT: return torc_infer_concat(g, node);
    case TORC_OP_TABLE: return infer_table(g, node);
    case TORC_OP_UNARY: return infer_unary(g, node);
    case TORC_OP_CALLBACK: return infer_callback(g, node);
    case TORC_OP_CAST: return infer_cast(g, node);
    case TORC_OP_SUBGRAPH: return infer_subgraph(g, node);
    case TORC_OP_LOOKUP: return infer_lookup(g, node);
    }
    torc_graph_mistake(g, TORC_E_INTERNAL, "%s: unknown op %d", node->where, (int)node->op);
    return false;
}

bool torc_op_infer(torc_graph *g, torc_node *node)
{
    if (!infer_shape(g, node)) {
        return false;
    }
    const size_t count = torc_shape_count(node->type.rank, node->type.shape);
    if (count == 0 || count > MAX_ELEMENTS) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: %s has %s", node->where,
                           TORC_SHAPE_TEXT(&node->type),
                           count ? "more than 2^31 elements" : "no elements");
        return false;
    }
    if (node->op != TORC_OP_INPUT) {
        node->type.encrypted = false;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        node->type.encrypted |= torc_operand_type(g, node, i)->encrypted;
    }
    if (node->type.dtype == TORC_F64) {
        node->type.bits = 0;
    }
    return true;
}
