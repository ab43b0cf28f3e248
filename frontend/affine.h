/* Sparse affine forms: every element of a linear node as a sum of weighted noise sources plus a
 * constant. Composing whole linear subgraphs into rows makes reshapes, sums, concatenations and
 * constants free, and makes noise exact per source: 2x + x is one term of weight 3, norm_sq 9. */
#ifndef TORC_AFFINE_H
#define TORC_AFFINE_H

#include "frontend/graph.h"

#define TORC_NO_SOURCE UINT32_MAX

/* weight * [source or 1] * [clear run-time value or 1] */
typedef struct torc_term {
    uint32_t source; /* an encrypted input element or a lookup output; TORC_NO_SOURCE: none */
    uint32_t clear;  /* a clear input element; TORC_NO_SOURCE: none */
    int64_t weight;
} torc_term;

/* Rows of one node: row r is term[begin[r]] .. term[begin[r + 1] - 1], sorted by (source, clear),
 * no zero weights, no key twice. */
typedef struct torc_affine {
    size_t row_count;
    size_t *begin;
    torc_term *term;
} torc_affine;

void torc_affine_free(torc_affine *affine);

/* Row r = one term (first + r) of weight 1, as a source or as a clear element. */
TORC_MUST_CHECK torc_status torc_affine_sources(torc_ctx *ctx, torc_affine *out, size_t count,
                                                uint32_t first, bool clear);

/* Rows of a LINEAR, MOVE or CONSTANT node from the rows of its operands (operand[i] of inputs[i]).
 * E_UNSUPPORTED when two encrypted or two clear run-time values meet in a product, E_WIDTH when a
 * weight leaves int64 or the rows grow beyond 2^27 terms. */
TORC_MUST_CHECK torc_status torc_affine_apply(torc_ctx *ctx, torc_affine *out, const torc_graph *g,
                                              const torc_node *node,
                                              const torc_affine *const *operand);

/* The one source of a row "1 * source + constant", or TORC_NO_SOURCE when the row is anything else.
 */
uint32_t torc_affine_alias(const torc_affine *affine, size_t row, int64_t *constant);

#endif
