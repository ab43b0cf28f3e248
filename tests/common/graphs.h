/* Short ways to make graphs and tensors in tests. */
#ifndef TORC_TEST_GRAPHS_H
#define TORC_TEST_GRAPHS_H

#include "frontend/compile.h"
#include "frontend/graph.h"

/* Fails the test with the message on mistakes. */
void expect_sound(const torc_graph *g);
/* Fails the test unless building g met a mistake whose message contains every word of a list that
 * ends with NULL. */
void expect_mistake(const torc_graph *g, torc_status status, const char *const *words);

#define SHAPE(...)                                                       \
    (sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)), (const size_t[]) \
    {                                                                    \
        __VA_ARGS__                                                      \
    }

torc_graph *new_graph(void);
torc_value input_i64(torc_graph *g, const char *name, uint32_t rank, const size_t *shape);
torc_value input_f64(torc_graph *g, const char *name, uint32_t rank, const size_t *shape);

torc_tensor tensor_i64(uint32_t rank, const size_t *shape, const int64_t *data);
torc_tensor tensor_f64(uint32_t rank, const size_t *shape, const double *data);
torc_tensor range_i64(int64_t first, size_t count, uint32_t rank, const size_t *shape); /* rows */

/* Runs the stages up to and with `last` on a copy of g; the graph is c->graph. */
torc_status run_stages(torc_ctx *ctx, torc_compilation *c, const torc_graph *g,
                       const torc_tensor *inputset, const char *last);
void end_stages(torc_compilation *c);

/* splitmix64 */
uint64_t next_random(uint64_t *state);

#endif
