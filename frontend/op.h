/* What the rows of op.def mean: the type of a result and its clear value. Used by graph building,
 * evaluation and fusing. */
#ifndef TORC_OP_H
#define TORC_OP_H

#include "frontend/graph.h"

/* Sets node->type from the operands' types and normalises axes; on a mistake records it in g (with
 * node->where) and returns false. */
bool torc_op_infer(torc_graph *g, torc_node *node);

/* "(2, 3)", as Python prints shapes. Returns out. */
#define TORC_SHAPE_BYTES 200
const char *torc_shape_text(char out[TORC_SHAPE_BYTES], uint32_t rank, const size_t *shape);
#define TORC_SHAPE_TEXT(type) \
    torc_shape_text((char[TORC_SHAPE_BYTES]){0}, (type)->rank, (type)->shape)

/* NumPy's broadcast of two shapes; false when they do not match. out may be a. */
bool torc_shape_broadcast(torc_type *out, const torc_type *a, const torc_type *b);

/* True when every element of the result is a function of the operands' elements at its place. */
bool torc_op_is_cellwise(torc_op op);

/* --- clear values -------------------------------------------------------------------------------
 */

/* A row of cells: an operand already broadcast and converted, or a result. */
typedef struct torc_cells {
    torc_dtype dtype;
    union {
        void *data;
        int64_t *i64;
        double *f64;
    };
} torc_cells;

/* The type in which operand `operand` is read by a cellwise or linear op. */
torc_dtype torc_op_reads(const torc_graph *g, const torc_node *node, uint32_t operand);

/* out[i] = op(in[0][i], in[1][i], ...), i < count. Where no result exists (int64 left, NaN to an
 * integer, index outside a table) it fails, or, when undefined is given, sets undefined[i].
 * Messages do not name the node. */
TORC_MUST_CHECK torc_status torc_op_cells(torc_ctx *ctx, const torc_node *node, torc_cells out,
                                          const torc_cells *in, size_t count, bool *undefined);

/* MATMUL, DOT, SUM and CONV2D on operands of the result's dtype. is_safe: no integer can leave
 * int64; else sums are checked (E_WIDTH). */
TORC_MUST_CHECK torc_status torc_op_linear(torc_ctx *ctx, const torc_node *node, torc_tensor *out,
                                           const torc_tensor *const *in, bool is_safe);
/* How many products are added into one element of the result. */
size_t torc_op_term_count(const torc_node *node, const torc_tensor *const *in);

#endif
