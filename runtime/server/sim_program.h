/* A program prepared for simulation in doubles: a block of samples at a time, exactly, where that
 * can be proved. */
#ifndef TORC_SIM_PROGRAM_H
#define TORC_SIM_PROGRAM_H

#include "kernels/kernels.h"
#include "runtime/circuit.h"
#include "runtime/server/sim_noise.h"

#define TORC_SIM_LANES  64                   /* samples of a block */
#define TORC_SIM_STRIDE (TORC_SIM_LANES + 8) /* no power of two: rows spread over the cache */

typedef struct torc_sim_program {
    const torc_circuit *circuit; /* borrowed */
    bool noisy;
    uint64_t seed;
    torc_sim_std std;
    double grid;             /* every value is a multiple */
    torc_clear_layer *layer; /* [instr_count], of linear instructions */
    double **shift;          /* [instr_count] -> [count], of lookups */
    double **entry;          /* [table_count] -> [2^(P+1)] */
    size_t row_count;        /* elements, and one that is always zero */
} torc_sim_program;

/* What one thread works on. */
typedef struct torc_sim_block {
    double *value; /* [row_count][TORC_SIM_STRIDE], zero at first */
    double *noise; /* [2][TORC_SIM_LANES], zero when there is none */
    int64_t *port; /* [largest port][TORC_SIM_LANES] integers of an input or output */
    size_t first;  /* sample */
    size_t count;  /* <= TORC_SIM_LANES */
    uint64_t overflows;
} torc_sim_block;

/* *out is NULL, and the status TORC_OK, for a circuit that exact doubles do not hold, or whose
 * clear run-time inputs they do not know: the virtual backend runs it. With noise, E_UNSUPPORTED
 * and E_PARAMETERS as torc_sim_std_of. */
TORC_MUST_CHECK torc_status torc_sim_program_create(torc_ctx *ctx, torc_sim_program **out,
                                                    const torc_circuit *circuit, bool noisy,
                                                    uint64_t seed);
void torc_sim_program_free(torc_sim_program *program);

TORC_MUST_CHECK torc_status torc_sim_block_create(torc_ctx *ctx, torc_sim_block *out,
                                                  const torc_sim_program *program);
void torc_sim_block_free(torc_sim_block *block);
size_t torc_sim_block_bytes(const torc_sim_program *program);

/* in[count][elements of the input] integers, for the block's samples; all inputs, then run, then
 * any output: out[count][elements of the output]. Any thread, its own block. */
void torc_sim_load(const torc_sim_program *program, torc_sim_block *block, uint32_t input,
                   const int64_t *in);
void torc_sim_run(const torc_sim_program *program, torc_sim_block *block);
void torc_sim_store(const torc_sim_program *program, torc_sim_block *block, int64_t *out,
                    uint32_t output);

#endif
