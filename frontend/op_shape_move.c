/* Types of the ops that only move elements. */
#include "frontend/op.h"
#include "frontend/op_shape.h"

#include <string.h>

/* type.shape holds what was asked for; one SIZE_MAX stands for whatever is left. */
bool torc_infer_reshape(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    const torc_type *in = torc_operand_type(g, node, 0);
    const size_t count = torc_shape_count(in->rank, in->shape);
    size_t known = 1;
    uint32_t open = UINT32_MAX;
    bool is_bad = node->type.rank > TORC_MAX_RANK;
    for (uint32_t i = 0; !is_bad && i < node->type.rank; i++) {
        if (node->type.shape[i] == SIZE_MAX) {
            is_bad = open != UINT32_MAX;
            open = i;
        } else {
            is_bad = __builtin_mul_overflow(known, node->type.shape[i], &known);
        }
    }
    is_bad = is_bad || known == 0 || (open == UINT32_MAX ? known != count : count % known != 0);
    if (is_bad) {
        torc_graph_mistake(g, TORC_E_ARGUMENT,
                           "%s: %s (%zu elements) cannot take the shape asked for", node->where,
                           TORC_SHAPE_TEXT(in), count);
        return false;
    }
    if (open != UINT32_MAX) {
        node->type.shape[open] = count / known;
    }
    node->type.dtype = in->dtype;
    return true;
}

bool torc_infer_transpose(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    const torc_type *in = torc_operand_type(g, node, 0);
    bool is_used[TORC_MAX_RANK] = {false};
    bool is_bad = node->axis_count != in->rank;
    for (uint32_t i = 0; !is_bad && i < in->rank; i++) {
        const int32_t axis = node->axes[i];
        is_bad = axis < 0 || (uint32_t)axis >= in->rank || is_used[axis];
        if (!is_bad) {
            is_used[axis] = true;
            node->type.shape[i] = in->shape[axis];
        }
    }
    if (is_bad) {
        torc_graph_mistake(g, TORC_E_ARGUMENT,
                           "%s: the axes of %s must be given once each, from 0 to %u", node->where,
                           TORC_SHAPE_TEXT(in), in->rank ? in->rank - 1 : 0);
        return false;
    }
    node->type.rank = in->rank;
    node->type.dtype = in->dtype;
    return true;
}

/* Python's slice.indices. */
bool torc_slice_resolve(const torc_slice *slice, size_t n, int64_t *start, int64_t *step,
                        size_t *count)
{
    const int64_t length = (int64_t)n;
    int64_t first = slice->start < 0 ? slice->start + length : slice->start;
    if (slice->drop) {
        *start = first;
        *step = 1;
        *count = 1;
        return first >= 0 && first < length;
    }
    *step = slice->step ? slice->step : 1;
    const bool is_down = *step < 0;
    const int64_t low = is_down ? -1 : 0;
    const int64_t high = is_down ? length - 1 : length;
    int64_t stop = slice->stop < 0 ? slice->stop + length : slice->stop;
    if (slice->stop == INT64_MAX) {
        stop = is_down ? -1 : length;
    }
    first = first < low ? low : first > high ? high : first;
    stop = stop < low ? low : stop > high ? high : stop;
    const uint64_t distance = (uint64_t)(is_down ? first - stop : stop - first);
    const uint64_t stride = is_down ? 0 - (uint64_t)*step : (uint64_t)*step;
    const bool is_empty = is_down ? first <= stop : first >= stop;
    *start = first;
    *count = is_empty ? 0 : (size_t)((distance - 1) / stride + 1);
    return true;
}

bool torc_infer_index(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, 1)) {
        return false;
    }
    const torc_type *in = torc_operand_type(g, node, 0);
    if (node->axis_count > in->rank) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: %u indices for %s", node->where,
                           node->axis_count, TORC_SHAPE_TEXT(in));
        return false;
    }
    node->type.rank = 0;
    for (uint32_t i = 0; i < in->rank; i++) {
        const torc_slice whole = {0, INT64_MAX, 1, false};
        const torc_slice *slice = i < node->axis_count ? &node->slices[i] : &whole;
        int64_t start = 0;
        int64_t step = 0;
        size_t count = 0;
        if (!torc_slice_resolve(slice, in->shape[i], &start, &step, &count) || count == 0) {
            torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: index %u of %s %s", node->where, i,
                               TORC_SHAPE_TEXT(in),
                               slice->drop ? "is out of range" : "selects nothing");
            return false;
        }
        if (!slice->drop) {
            node->type.shape[node->type.rank++] = count;
        }
    }
    node->type.dtype = in->dtype;
    return true;
}

bool torc_infer_concat(torc_graph *g, torc_node *node)
{
    if (!torc_expect_operands(g, node, 1, UINT32_MAX)) {
        return false;
    }
    const torc_type *first = torc_operand_type(g, node, 0);
    const int64_t axis = node->axis < 0 ? (int64_t)node->axis + first->rank : node->axis;
    if (axis < 0 || axis >= first->rank) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: axis %d does not exist in %s", node->where,
                           node->axis, TORC_SHAPE_TEXT(first));
        return false;
    }
    node->axis = (int32_t)axis;
    torc_shape_set(node, first);
    size_t length = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const torc_type *part = torc_operand_type(g, node, i);
        torc_type same = *part;
        same.shape[axis] = first->shape[axis];
        if (part->rank != first->rank ||
            memcmp(same.shape, first->shape, first->rank * sizeof *same.shape) != 0) {
            torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: shapes %s and %s differ outside axis %d",
                               node->where, TORC_SHAPE_TEXT(first), TORC_SHAPE_TEXT(part),
                               node->axis);
            return false;
        }
        length += part->shape[axis];
    }
    node->type.shape[axis] = length;
    torc_dtype_promote(g, node);
    return true;
}
