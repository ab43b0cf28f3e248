/* Named element-wise functions, one table for the compiler (tables), the evaluator and the client
 * (output tails): relu, leaky_relu(alpha), sigmoid, tanh, elu(alpha), softplus, exp, log, sqrt, ...
 */
#ifndef TORC_UNARY_H
#define TORC_UNARY_H

#include "runtime/torc_base.h"

typedef struct torc_unary {
    const char *name;
    double (*apply)(double x, double alpha, double beta);
    uint32_t parameter_count; /* of alpha, beta */
} torc_unary;

const torc_unary *torc_unary_find(const char *name); /* NULL when unknown */
const torc_unary *torc_unary_list(size_t *count);

#endif
