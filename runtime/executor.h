/* Walks a program on a target: the only place that knows the order of instructions. */
#ifndef TORC_EXECUTOR_H
#define TORC_EXECUTOR_H

#include "runtime/backend.h"

typedef struct torc_run_stats {
    double seconds;
    double seconds_linear;
    double seconds_lookup;
    uint64_t lookups;   /* of all samples */
    uint64_t overflows; /* virtual only */
    size_t samples;
} torc_run_stats;

/* Called after each instruction; a status other than TORC_OK ends the run. */
typedef torc_status torc_observe_fn(void *user, torc_ctx *ctx, torc_target *target, uint32_t instr);

/* Runs all instructions on `samples` samples already written. observe may be NULL. */
TORC_MUST_CHECK torc_status torc_execute(torc_ctx *ctx, torc_target *target,
                                         const torc_program *program, size_t samples,
                                         torc_run_stats *stats, torc_observe_fn *observe,
                                         void *user);

/* Largest number of samples to hold at once so that the target stays within max_bytes (>= 1). */
size_t torc_execute_capacity(const torc_program *program, size_t element_words, size_t samples,
                             uint64_t max_bytes);

#endif
