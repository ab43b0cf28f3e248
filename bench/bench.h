/* torc_bench: one JSON object a line, figures and the proof that the results were right. */
#ifndef TORC_BENCH_H
#define TORC_BENCH_H

#include "bench/device.h"
#include "runtime/circuit.h"
#include "runtime/clock.h"

#include <cjson/cJSON.h>

#define BENCH_BATCHES_MAX 16

typedef struct bench_options {
    const char *device;
    uint32_t batch_count; /* 0: the default of what is measured */
    uint32_t batch[BENCH_BATCHES_MAX];
    uint32_t threads; /* 0: all cores */
    uint32_t repeats;
    double max_seconds; /* 0: no limit */
    double begin;       /* when the program started, torc_seconds_now */
    const char *sets;   /* of parameters, layers: names, separated by commas; NULL: all */
    /* lookups */
    uint64_t norm_sq;         /* 0: of the set */
    uint64_t circuit_lookups; /* 0: of the set */
    uint32_t grouping;        /* key bits a step; 0: the cheapest */
    /* circuit, simulate */
    const char *circuit; /* a name of bench/circuit_source.c, or a file */
    const char *input;
    /* plot */
    const char *rows;
    const char *output;
    const char *plot;
} bench_options;

torc_status bench_lookups_run(torc_ctx *ctx, const bench_options *o);
torc_status bench_steps(torc_ctx *ctx, const bench_options *o);
torc_status bench_layers(torc_ctx *ctx, const bench_options *o);
torc_status bench_circuit(torc_ctx *ctx, const bench_options *o);
torc_status bench_simulate(torc_ctx *ctx, const bench_options *o);
torc_status bench_plot(torc_ctx *ctx, const bench_options *o);
torc_status bench_predict(torc_ctx *ctx);        /* an H200 from counted resources */
torc_status bench_configurations(torc_ctx *ctx); /* prints kernels/configurations.def */

/* --- rows (describe.c) --- */

void bench_add(cJSON *line, const char *name, double value); /* six digits */
/* What every line holds: device, its clock, threads, kernels, commit. */
void bench_describe(cJSON *line, const bench_device *device, const bench_options *o);
/* Parameters, failure, bytes of the keys. */
void bench_describe_circuit(cJSON *line, const torc_circuit *circuit);
void bench_print(cJSON *line); /* frees it */

/* Whether a list of names separated by commas has this one. */
bool bench_lists(const char *names, const char *name);

/* --- time (time.c) --- */

typedef struct bench_times {
    double median;
    double spread; /* largest minus smallest */
} bench_times;
bench_times bench_summarise(double *seconds, size_t count); /* sorts them */
/* NAME and NAME_spread, each times `scale`. */
void bench_add_times(cJSON *line, const char *name, const bench_times *times, double scale);

uint32_t bench_threads(const bench_options *o);
double bench_seconds_left(const bench_options *o); /* of --max-seconds; HUGE_VAL without it */

/* How often something that takes `seconds` is run: at most `repeats`, at least once, within the
 * time that --max-seconds leaves; 0: there is none left. Long ones are announced on standard
 * error. */
uint32_t bench_plan(const bench_options *o, const char *what, double seconds);
/* A first run only warms up, unless it takes so long that nothing is warm afterwards. */
bool bench_needs_warming(double seconds);

#endif
