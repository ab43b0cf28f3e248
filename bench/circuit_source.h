/* Where the circuit that is measured comes from, and samples to run it on. */
#ifndef TORC_BENCH_CIRCUIT_SOURCE_H
#define TORC_BENCH_CIRCUIT_SOURCE_H

#include "bench/bench.h"

typedef struct bench_model {
    torc_circuit *circuit;
    torc_tensor inputs; /* of its one input, [samples][shape...] */
    size_t samples;
} bench_model;

/* At least `samples` samples; compiled for the engine, unless it is a file. */
torc_status bench_model_make(torc_ctx *ctx, bench_model *out, const bench_options *o,
                             torc_engine engine, size_t samples);
void bench_model_free(bench_model *model); /* {0} is fine */

#endif
