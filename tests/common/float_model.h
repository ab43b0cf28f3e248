/* Runs imported and quantised graphs in the clear, client steps included, for tests. */
#ifndef TORC_TEST_FLOAT_MODEL_H
#define TORC_TEST_FLOAT_MODEL_H

#include "frontend/compile.h"

/* out[rows][...] of output 0 of a float graph, for x[rows][...] of its one input. */
torc_status test_run_float(torc_ctx *ctx, torc_tensor *out, const torc_graph *g,
                           const torc_tensor *x);

/* Quantises a copy of g with the options' bits on the inputset x; free with test_compilation_free.
 */
torc_status test_quantize(torc_ctx *ctx, torc_compilation *c, const torc_graph *g,
                          const torc_tensor *x, const torc_options *options);
void test_compilation_free(torc_compilation *c);

/* The same for a quantised model: floats in, floats out, integers between. */
torc_status test_run_quantized(torc_ctx *ctx, torc_tensor *out, const torc_compilation *c,
                               const torc_tensor *x);

double test_element(const torc_tensor *t, size_t i);
/* Largest |a - b|; infinite when the shapes differ. */
double test_difference(const torc_tensor *a, const torc_tensor *b);
/* Share of rows with the same argmax over all elements of a row. */
double test_same_labels(const torc_tensor *a, const torc_tensor *b);
/* 10 log10(variance of b / mean square of a - b), means taken over each column. */
double test_signal_to_noise_db(const torc_tensor *a, const torc_tensor *b);

#endif
