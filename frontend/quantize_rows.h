/* Affine forms with real coefficients: every element of a node as a weighted sum of source elements
 * plus a bias. (frontend/affine.h does the same with integers, for lowering.) */
#ifndef TORC_QUANTIZE_ROWS_H
#define TORC_QUANTIZE_ROWS_H

#include "frontend/graph.h"

typedef struct torc_real_term {
    uint32_t source; /* element of the source list */
    double weight;
} torc_real_term;

/* Row r is term[begin[r]] .. term[begin[r + 1] - 1], sorted by source, plus bias[r]. */
typedef struct torc_real_rows {
    size_t count;
    size_t *begin; /* [count + 1] */
    torc_real_term *term;
    double *bias; /* [count] */
} torc_real_rows;

void torc_real_rows_free(torc_real_rows *rows);

/* Row r is source element first + r. */
TORC_MUST_CHECK torc_status torc_real_rows_sources(torc_ctx *ctx, torc_real_rows *out, size_t count,
                                                   uint32_t first);
/* Rows without terms. */
TORC_MUST_CHECK torc_status torc_real_rows_constant(torc_ctx *ctx, torc_real_rows *out,
                                                    const torc_tensor *value);

/* Rows of an affine node. operand[i]: rows of inputs[i]; those of a clear input have no terms.
 * source_count bounds all source numbers. E_UNSUPPORTED for an operator that is not affine. */
TORC_MUST_CHECK torc_status torc_real_rows_apply(torc_ctx *ctx, torc_real_rows *out,
                                                 const torc_graph *g, const torc_node *node,
                                                 const torc_real_rows *const *operand,
                                                 uint32_t source_count);

#endif
