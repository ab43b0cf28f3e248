/* Clear evaluation of a graph on many samples: values are allocated once, constants evaluated once.
 */
#ifndef TORC_EVAL_H
#define TORC_EVAL_H

#include "frontend/graph.h"

typedef struct torc_evaluator torc_evaluator;

/* g is borrowed until the evaluator is freed. */
TORC_MUST_CHECK torc_status torc_evaluator_create(torc_ctx *ctx, torc_evaluator **out,
                                                  const torc_graph *g);
void torc_evaluator_free(torc_evaluator *e);

/* One sample of every input, in input order; integers where floats are expected are converted, and
 * integral floats where integers are. Messages name the node. */
TORC_MUST_CHECK torc_status torc_evaluator_run(torc_ctx *ctx, torc_evaluator *e,
                                               const torc_tensor *inputs);
/* values[node] of the last run; nodes without a run-time input are there from the start. */
const torc_tensor *torc_evaluator_values(const torc_evaluator *e);
bool torc_evaluator_is_fixed(const torc_evaluator *e,
                             uint32_t node); /* no run-time input before it */

/* Checks inputset[input] = [samples][shape...], all finite, for every input and calls visit with
 * the values of each sample in turn; status is that of the evaluation (values are then incomplete),
 * and what visit returns ends the loop unless it is TORC_OK. */
typedef torc_status torc_sample_fn(torc_ctx *ctx, void *user, size_t sample, torc_status status,
                                   const torc_tensor *values);
TORC_MUST_CHECK torc_status torc_graph_eval_each(torc_ctx *ctx, const torc_graph *g,
                                                 const torc_tensor *inputset, torc_sample_fn *visit,
                                                 void *user);

#endif
