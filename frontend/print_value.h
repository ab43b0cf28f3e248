/* Text of constants, shapes and single nodes, as NumPy would write them. */
#ifndef TORC_PRINT_VALUE_H
#define TORC_PRINT_VALUE_H

#include "frontend/graph.h"

#include <stdio.h>

/* "[[1 2] [3 4]]"; longer than 25 characters: the first 10, " ... ", the last 10. */
TORC_MUST_CHECK torc_status torc_print_constant(torc_ctx *ctx, FILE *file,
                                                const torc_tensor *value);
/* "matmul(%1, %2)" and the like. */
TORC_MUST_CHECK torc_status torc_print_op(torc_ctx *ctx, FILE *file, const torc_node *node);
/* "EncryptedTensor<uint2, shape=(3,)>" */
void torc_print_type(FILE *file, const torc_type *type);

#endif
