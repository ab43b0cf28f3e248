/* Tables of a fused function: which input element every output element depends on, and what it
 * gives for every value of that element. */
#ifndef TORC_LOOKUP_TABLE_H
#define TORC_LOOKUP_TABLE_H

#include "frontend/graph.h"

#define TORC_MAX_TABLE_BITS 16 /* wider tables are never built */

/* *source_of[element of the output] = element of the input, for a body of cellwise ops and moves
 * with one input. *mixing is the first node with an element that depends on several of the input,
 * or UINT32_MAX; *source_of is then NULL. The caller frees it. */
TORC_MUST_CHECK torc_status torc_body_elements(torc_ctx *ctx, int64_t **source_of, uint32_t *mixing,
                                               const torc_graph *body);

/* Exact tables (index_bits == window_bits) of the body's output for every integer of the own width
 * of [min, max]; equal tables are shared. Where the function is undefined inside [min, max]:
 * E_INPUT; outside, the nearest entry is repeated and counted. *out owns entry and table_of. */
TORC_MUST_CHECK torc_status torc_body_tabulate(torc_ctx *ctx, torc_lookup_attr *out,
                                               const torc_graph *body, double min, double max);

#endif
