/* Strided views: which element of a dense tensor stands at each place of another shape. Broadcasts,
 * transposes and slices are views; lowering and evaluation share them. */
#ifndef TORC_VIEW_H
#define TORC_VIEW_H

#include "frontend/graph.h"

typedef struct torc_view {
    uint32_t rank;
    size_t shape[TORC_MAX_RANK];
    int64_t stride[TORC_MAX_RANK]; /* in elements of the source; 0 repeats, negative runs back */
    int64_t offset;
} torc_view;

/* The source in the shape `to`; to must be its broadcast with something. */
torc_view torc_view_broadcast(const torc_type *from, const torc_type *to);
/* What a RESHAPE, TRANSPOSE or INDEX node takes from its operand of type `from`. */
torc_view torc_view_move(const torc_node *node, const torc_type *from);

/* How the elements of an operand stand in a cellwise or MOVE node. */
torc_view torc_view_operand(const torc_graph *g, const torc_node *node, uint32_t operand);

/* out[place] = in[element of the view there], dense row-major out; elements of 8 bytes. */
void torc_view_gather(void *out, const void *in, const torc_view *view);

#endif
