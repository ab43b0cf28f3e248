/* Fusing and what it must keep: helpers of the tests of frontend/fuse.c. */
#ifndef TORC_TEST_FUSING_H
#define TORC_TEST_FUSING_H

#include "frontend/fuse.h"
#include "tests/common/graphs.h"

uint32_t count_ops(const torc_graph *g, torc_op op);
const torc_node *only_lookup(const torc_graph *g); /* fails the test unless there is one */

/* Measures and fuses; fails the test when that fails, or leaves what needs a table. */
torc_graph *fuse(torc_graph *g, const torc_tensor *inputset);

/* Fails the test unless the first output of both has the same integers for every sample. */
void expect_same(const torc_graph *a, const torc_graph *b, const torc_tensor *inputset);

/* All values of [first, first + samples) in every cell of the input. */
torc_tensor all_values(int64_t first, size_t samples, size_t cells);

#endif
