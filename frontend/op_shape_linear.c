/* Types of the products, sums and convolutions. */
#include "frontend/op.h"
#include "frontend/op_shape.h"

#include <string.h>

static bool products_do_not_match(torc_graph *g, const torc_node *node, const char *rule)
{
    torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: shapes %s and %s do not match: %s", node->where,
                       TORC_SHAPE_TEXT(torc_operand_type(g, node, 0)),
                       TORC_SHAPE_TEXT(torc_operand_type(g, node, 1)), rule);
    return false;
}

/* NumPy's matmul: vectors become a row or a column, leading axes are broadcast. DOT is the same for
 * at most two axes. */
bool torc_infer_matmul(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 2, 2)) {
        return false;
    }
    const torc_type *a = torc_operand_type(g, node, 0);
    const torc_type *b = torc_operand_type(g, node, 1);
    if (a->rank == 0 || b->rank == 0) {
        return products_do_not_match(g, node, "scalars are multiplied with torc_mul");
    }
    if (node->op == TORC_OP_DOT && (a->rank > 2 || b->rank > 2)) {
        return products_do_not_match(g, node, "more than two axes are for torc_matmul");
    }
    const size_t inner_a = a->shape[a->rank - 1];
    const size_t inner_b = b->shape[b->rank == 1 ? 0 : b->rank - 2];
    if (inner_a != inner_b) {
        return products_do_not_match(g, node,
                                     "the last axis of the first and the last but one of the "
                                     "second must be equal");
    }
    torc_type batch_a = {.rank = a->rank > 2 ? a->rank - 2 : 0};
    torc_type batch_b = {.rank = b->rank > 2 ? b->rank - 2 : 0};
    memcpy(batch_a.shape, a->shape, batch_a.rank * sizeof *a->shape);
    memcpy(batch_b.shape, b->shape, batch_b.rank * sizeof *b->shape);
    if (!torc_shape_broadcast(&node->type, &batch_a, &batch_b)) {
        return products_do_not_match(g, node, "the leading axes cannot be broadcast");
    }
    if (a->rank > 1) {
        node->type.shape[node->type.rank++] = a->shape[a->rank - 2];
    }
    if (b->rank > 1) {
        node->type.shape[node->type.rank++] = b->shape[b->rank - 1];
    }
    torc_dtype_promote(g, node);
    return true;
}

/* Axes become positive, ascending and unique; none given means all. */
static bool normalise_axes(torc_graph *g, torc_node *node, uint32_t rank, bool *is_reduced)
{
    for (uint32_t i = 0; i < rank; i++) {
        is_reduced[i] = node->axis_count == 0;
    }
    for (uint32_t i = 0; i < node->axis_count; i++) {
        const int64_t axis = node->axes[i] < 0 ? (int64_t)node->axes[i] + rank : node->axes[i];
        if (axis < 0 || axis >= rank || is_reduced[axis]) {
            torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: axis %d %s, the value has %u axes",
                               node->where, node->axes[i],
                               axis >= 0 && axis < rank ? "is given twice" : "does not exist",
                               rank);
            return false;
        }
        is_reduced[axis] = true;
    }
    node->axis_count = 0;
    for (uint32_t i = 0; i < rank; i++) {
        if (is_reduced[i]) {
            node->axes[node->axis_count++] = (int32_t)i;
        }
    }
    return true;
}

bool torc_infer_sum(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    const torc_type *in = torc_operand_type(g, node, 0);
    bool is_reduced[TORC_MAX_RANK];
    if (!normalise_axes(g, node, in->rank, is_reduced)) {
        return false;
    }
    node->type.rank = 0;
    for (uint32_t i = 0; i < in->rank; i++) {
        if (!is_reduced[i] || node->keep_dims) {
            node->type.shape[node->type.rank++] = is_reduced[i] ? 1 : in->shape[i];
        }
    }
    node->type.dtype = in->dtype;
    return true;
}

/* Output length of one axis of a convolution, 0 when the window does not fit. */
static size_t conv_length(size_t in, size_t before, size_t after, size_t kernel, size_t dilation,
                          size_t stride)
{
    const size_t padded = in + before + after;
    const size_t window = dilation * (kernel - 1) + 1;
    return window > padded ? 0 : (padded - window) / stride + 1;
}

static bool conv_mistake(torc_graph *g, const torc_node *node, const char *what)
{
    torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: value %s, weights %s, %u groups: %s", node->where,
                       TORC_SHAPE_TEXT(torc_operand_type(g, node, 0)),
                       TORC_SHAPE_TEXT(torc_operand_type(g, node, 1)), node->conv.groups, what);
    return false;
}

bool torc_infer_conv2d(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 2, 3)) {
        return false;
    }
    torc_conv2d_args *c = &node->conv;
    for (int i = 0; i < 2; i++) { /* a field left at 0 means 1 */
        c->stride[i] = c->stride[i] ? c->stride[i] : 1;
        c->dilation[i] = c->dilation[i] ? c->dilation[i] : 1;
    }
    c->groups = c->groups ? c->groups : 1;
    const torc_type *x = torc_operand_type(g, node, 0);
    const torc_type *w = torc_operand_type(g, node, 1);
    if (x->rank != 4 || w->rank != 4) {
        return conv_mistake(g, node, "four axes each are needed (batch, channels, height, width)");
    }
    if (x->shape[1] % c->groups || w->shape[0] % c->groups ||
        x->shape[1] / c->groups != w->shape[1]) {
        return conv_mistake(g, node, "weights must be (out, channels / groups, height, width)");
    }
    if (node->input_count == 3) {
        const torc_type *bias = torc_operand_type(g, node, 2);
        if (bias->rank != 1 || bias->shape[0] != w->shape[0]) {
            return conv_mistake(g, node, "the bias must have one element an output channel");
        }
    }
    const size_t height =
        conv_length(x->shape[2], c->pad[0], c->pad[2], w->shape[2], c->dilation[0], c->stride[0]);
    const size_t width =
        conv_length(x->shape[3], c->pad[1], c->pad[3], w->shape[3], c->dilation[1], c->stride[1]);
    if (height == 0 || width == 0) {
        return conv_mistake(g, node, "the window is larger than the padded value");
    }
    node->type.rank = 4;
    node->type.shape[0] = x->shape[0];
    node->type.shape[1] = w->shape[0];
    node->type.shape[2] = height;
    node->type.shape[3] = width;
    torc_dtype_promote(g, node);
    return true;
}
