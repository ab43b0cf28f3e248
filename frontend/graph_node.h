/* One node: what it owns. For the files that build and copy graphs. */
#ifndef TORC_GRAPH_NODE_H
#define TORC_GRAPH_NODE_H

#include "frontend/graph.h"

/* Deep copy, operands included; on failure *out owns nothing. */
TORC_MUST_CHECK torc_status torc_node_copy(torc_ctx *ctx, torc_node *out, const torc_node *in);
void torc_node_clear(torc_node *node); /* frees what the node owns and leaves {0} */
TORC_MUST_CHECK torc_status torc_tensor_copy(torc_ctx *ctx, torc_tensor *out,
                                             const torc_tensor *in);

/* Makes room for one more element of size bytes in a growing array. */
TORC_MUST_CHECK torc_status torc_grow(torc_ctx *ctx, void **array, uint32_t count,
                                      uint32_t *capacity, size_t size);

/* Gives out the outputs, posts and counters of g; node i of g is new_id[i] there (NULL: i). */
TORC_MUST_CHECK torc_status torc_graph_copy_frame(torc_ctx *ctx, torc_graph *out,
                                                  const torc_graph *g, const uint32_t *new_id);

#endif
