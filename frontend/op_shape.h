/* Shared by the files that infer types (op_shape*.c). Each infer function sets node->type (but not
 * type.encrypted), or records a mistake in g and returns false. */
#ifndef TORC_OP_SHAPE_H
#define TORC_OP_SHAPE_H

#include "frontend/graph.h"

bool torc_infer_matmul(torc_graph *g, torc_node *node);
bool torc_infer_sum(torc_graph *g, torc_node *node);
bool torc_infer_conv2d(torc_graph *g, torc_node *node);
bool torc_infer_reshape(torc_graph *g, torc_node *node);
bool torc_infer_transpose(torc_graph *g, torc_node *node);
bool torc_infer_index(torc_graph *g, torc_node *node);
bool torc_infer_concat(torc_graph *g, torc_node *node);

const torc_type *torc_operand_type(const torc_graph *g, const torc_node *node, uint32_t operand);
void torc_shape_set(torc_node *node, const torc_type *like);
/* A float when any operand is one. */
void torc_dtype_promote(torc_graph *g, torc_node *node);
bool torc_expect_operands(torc_graph *g, const torc_node *node, uint32_t min, uint32_t max);

#endif
