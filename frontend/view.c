/* Strided views over dense row-major tensors of 8-byte elements. */
#include "frontend/view.h"

#include <string.h>

static void dense_strides(int64_t stride[TORC_MAX_RANK], const torc_type *type)
{
    int64_t step = 1;
    for (uint32_t i = type->rank; i-- > 0;) {
        stride[i] = step;
        step *= (int64_t)type->shape[i];
    }
}

static torc_view view_of_shape(const torc_type *type)
{
    torc_view view = {.rank = type->rank};
    memcpy(view.shape, type->shape, sizeof view.shape);
    return view;
}

torc_view torc_view_broadcast(const torc_type *from, const torc_type *to)
{
    torc_view view = view_of_shape(to);
    int64_t stride[TORC_MAX_RANK] = {0};
    dense_strides(stride, from);
    for (uint32_t i = 0; i < from->rank; i++) { /* i axes from the right */
        const uint32_t axis = from->rank - 1 - i;
        view.stride[to->rank - 1 - i] = from->shape[axis] == 1 ? 0 : stride[axis];
    }
    return view;
}

static void slice_strides(torc_view *view, const torc_node *node, const torc_type *from,
                          const int64_t *stride)
{
    uint32_t out = 0;
    for (uint32_t i = 0; i < from->rank; i++) {
        const torc_slice whole = {0, INT64_MAX, 1, false};
        const torc_slice *slice = i < node->axis_count ? &node->slices[i] : &whole;
        int64_t start = 0;
        int64_t step = 1;
        size_t count = 0;
        (void)torc_slice_resolve(slice, from->shape[i], &start, &step, &count);
        view->offset += start * stride[i];
        if (!slice->drop) {
            view->stride[out++] = step * stride[i];
        }
    }
}

torc_view torc_view_move(const torc_node *node, const torc_type *from)
{
    torc_view view = view_of_shape(&node->type);
    int64_t stride[TORC_MAX_RANK] = {0};
    dense_strides(stride, from);
    if (node->op == TORC_OP_TRANSPOSE) {
        for (uint32_t i = 0; i < view.rank; i++) {
            view.stride[i] = stride[node->axes[i]];
        }
    } else if (node->op == TORC_OP_INDEX) {
        slice_strides(&view, node, from, stride);
    } else {
        dense_strides(view.stride, &node->type);
    }
    return view;
}

torc_view torc_view_operand(const torc_graph *g, const torc_node *node, uint32_t operand)
{
    const torc_type *from = &g->nodes[node->inputs[operand]].type;
    return torc_op_class_of(node->op) == TORC_CLASS_MOVE ? torc_view_move(node, from)
                                                         : torc_view_broadcast(from, &node->type);
}

void torc_view_gather(void *out, const void *in, const torc_view *view)
{
    const uint64_t *from = in;
    uint64_t *to = out;
    const uint32_t last = view->rank ? view->rank - 1 : 0;
    const size_t run = view->rank ? view->shape[last] : 1;
    const int64_t step = view->rank ? view->stride[last] : 0;
    const size_t row_count = torc_shape_count(last, view->shape);
    size_t place[TORC_MAX_RANK] = {0};
    int64_t element = view->offset;
    for (size_t row = 0; row < row_count; row++) {
        for (size_t i = 0; i < run; i++) {
            *to++ = from[element + (int64_t)i * step];
        }
        for (uint32_t axis = last; axis-- > 0;) { /* the next row */
            element += view->stride[axis];
            if (++place[axis] < view->shape[axis]) {
                break;
            }
            element -= view->stride[axis] * (int64_t)view->shape[axis];
            place[axis] = 0;
        }
    }
}
