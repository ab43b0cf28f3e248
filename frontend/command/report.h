/* What is known of a circuit: for compile and inspect, as text and as JSON. */
#ifndef TORC_COMMAND_REPORT_H
#define TORC_COMMAND_REPORT_H

#include "runtime/circuit.h"
#include "runtime/cost.h"

#include <cjson/cJSON.h>

enum { REPORT_GPU_BATCH = 64 };

typedef struct report {
    const torc_circuit *circuit; /* borrowed */
    cJSON *compiled;             /* what the compiler wrote: stages, agreement, bits */
    torc_machine machine;
    torc_prediction prediction;
    torc_prediction on_gpu; /* of a circuit for CUDA: samples of a batch on an H200, counted */
    uint64_t lookups;
    uint32_t level_count;
} report;

/* Calibrates this machine (about 100 ms) unless the circuit is virtual. threads 0: all cores. */
TORC_MUST_CHECK torc_status report_make(torc_ctx *ctx, report *out, const torc_circuit *circuit,
                                        uint32_t threads);
void report_free(report *r);

cJSON *report_to_json(const report *r); /* NULL only when out of memory */
void report_print(const report *r);

#endif
