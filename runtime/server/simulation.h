/* The two ways in which the simulator runs a batch. */
#ifndef TORC_SIMULATION_H
#define TORC_SIMULATION_H

#include "runtime/executor.h"
#include "runtime/server/sim_program.h"

typedef struct torc_simulation {
    const torc_circuit *circuit;
    const torc_tensor *inputs; /* [input_count], of as many samples */
    size_t samples;
    bool noisy;
    uint64_t seed;
    int64_t **out;      /* [output_count] -> [samples][elements]: results */
    uint64_t saturated; /* results: input values clipped, overflows, lookups, .. */
    torc_run_stats stats;
} torc_simulation;

/* Blocks of samples through the whole program, in exact doubles, side by side on all cores. */
TORC_MUST_CHECK torc_status torc_simulate_blocks(torc_ctx *ctx, torc_simulation *sim,
                                                 const torc_sim_program *program);
/* Any circuit, on torus words: the virtual backend, instruction by instruction. */
TORC_MUST_CHECK torc_status torc_simulate_words(torc_ctx *ctx, torc_simulation *sim);

#define TORC_SIMULATION_BYTES ((uint64_t)256 << 20) /* that either may take for phases */

#endif
