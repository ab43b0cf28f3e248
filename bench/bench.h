/* torc_bench: one JSON object a line, figures and the proof that the results were right. */
#ifndef TORC_BENCH_H
#define TORC_BENCH_H

#include "runtime/circuit.h"

#include <cjson/cJSON.h>

typedef struct bench_options {
    uint32_t bits; /* 0: 1 to 8 */
    torc_profile profile;
    uint32_t batch;
    uint64_t circuit_lookups; /* that share the failure probability of a circuit */
    uint64_t norm_sq;
    uint32_t threads; /* 0: all cores */
    uint32_t repeats;
    const char *device;
    const char *model;
    const char *input;
} bench_options;

torc_status bench_lookup(torc_ctx *ctx, const bench_options *o);
torc_status bench_model(torc_ctx *ctx, const bench_options *o);
torc_status bench_predict(torc_ctx *ctx);        /* an H200 from counted resources */
torc_status bench_configurations(torc_ctx *ctx); /* prints kernels/configurations.def */

/* A circuit of one lookup instruction on `batch` elements, every table random and different, at the
 * optimiser's parameters. table[batch][2^bits] receives the integers. */
torc_status bench_circuit(torc_ctx *ctx, torc_circuit **out, int64_t *table, uint32_t bits,
                          const bench_options *o);

/* Fills in what every line holds: parameters, device, cpu, kernels, threads, commit. */
void bench_describe(cJSON *line, const torc_circuit *circuit, uint32_t threads, const char *device);
void bench_print(cJSON *line); /* frees it */

typedef struct bench_times {
    double median;
    double spread; /* largest minus smallest */
} bench_times;
bench_times bench_summarise(double *seconds, size_t count); /* sorts them */

double bench_now(void); /* seconds */
uint32_t bench_threads(const bench_options *o);

#endif
