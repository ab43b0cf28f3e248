/* Inside the check stage: why a value is as wide as it is. */
#ifndef TORC_CHECK_H
#define TORC_CHECK_H

#include "frontend/graph.h"

#include <stdio.h>

/* "%7 add: 9 bits [0, 300] because %5 (8 bits, [0, 255]) + %6 (6 bits, [0, 45])", then the widest
 * operand, back to an input or a table, one line each. */
void torc_write_width_chain(FILE *file, const torc_graph *g, uint32_t id);

#endif
