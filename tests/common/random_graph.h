/* Seeded random integer op-graphs for property tests: clear = simulated = encrypted. */
#ifndef TORC_TEST_RANDOM_GRAPH_H
#define TORC_TEST_RANDOM_GRAPH_H

#include "frontend/torc_compile.h"

typedef struct random_graph {
    torc_graph *graph;
    uint32_t input_count;
    torc_tensor *inputset; /* [input] [samples][4] */
    int64_t low[3];        /* of each input, the whole own width: also outside the inputset */
    int64_t high[3];
} random_graph;

/* lookup_bits: widest table index; steps: operations drawn. The same seed gives the same graph. */
torc_status random_graph_create(torc_ctx *ctx, random_graph *out, uint64_t seed, uint32_t steps,
                                uint32_t lookup_bits);
void random_graph_free(random_graph *g);

/* Fresh inputs [samples][4] over the whole width of every input. */
torc_status random_graph_inputs(torc_ctx *ctx, torc_tensor *inputs, const random_graph *g,
                                size_t samples, uint64_t seed);

uint64_t random_next(uint64_t *state); /* splitmix64 */

#endif
