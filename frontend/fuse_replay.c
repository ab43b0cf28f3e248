/* The input of a lookup whose elements stand elsewhere than those of the fused value. */
#include "frontend/fuse.h"

#include <string.h>

/* value in the shape of `type`, which broadcasts it. */
static torc_value widen(torc_graph *out, torc_value value, const torc_type *type, torc_node facts)
{
    const torc_type from = torc_graph_node(out, value)->type;
    if (from.rank == type->rank &&
        memcmp(from.shape, type->shape, from.rank * sizeof *from.shape) == 0) {
        return value;
    }
    const size_t count = torc_shape_count(type->rank, type->shape);
    if (torc_shape_count(from.rank, from.shape) == count) {
        facts.type = *type;
        return torc_graph_add(out, TORC_OP_RESHAPE, &value, 1, &facts);
    }
    torc_node zeros = {.tag = facts.tag, .where = facts.where, .measured = true};
    if (torc_tensor_create(NULL, &zeros.constant, TORC_I64, type->rank, type->shape) != TORC_OK) {
        return torc_graph_mistake(out, TORC_E_MEMORY, "fuse: out of memory");
    }
    const torc_value operands[] = {value, torc_graph_add(out, TORC_OP_CONSTANT, NULL, 0, &zeros)};
    torc_tensor_free(&zeros.constant);
    return torc_graph_add(out, TORC_OP_ADD, operands, 2, &facts);
}

torc_value torc_fuse_replay(torc_graph *out, const torc_graph *body, uint32_t id, torc_value source,
                            const torc_node *facts)
{
    const torc_node *node = &body->nodes[id];
    if (node->op == TORC_OP_INPUT) {
        return source;
    }
    uint32_t operand = 0;
    while (!body->nodes[node->inputs[operand]].type.encrypted) {
        operand++;
    }
    const torc_value value = torc_fuse_replay(out, body, node->inputs[operand], source, facts);
    if (value.id == TORC_NO_VALUE.id || torc_op_class_of(node->op) != TORC_CLASS_MOVE) {
        return value.id == TORC_NO_VALUE.id ? value : widen(out, value, &node->type, *facts);
    }
    torc_node move = *facts;
    move.type = node->type;
    move.axis_count = node->axis_count;
    memcpy(move.axes, node->axes, sizeof move.axes);
    memcpy(move.slices, node->slices, sizeof move.slices);
    move.type.bits = 0;
    return torc_graph_add(out, node->op, &value, 1, &move);
}
