/* Noise of every instruction of a circuit, measured on a backend: what the encrypted run does and
 * what the noisy simulator claims, by one and the same observer. */
#ifndef TORC_TEST_SLOT_STATS_H
#define TORC_TEST_SLOT_STATS_H

#include "runtime/circuit.h"
#include "runtime/torc_client.h"

typedef struct slot_stats {
    uint32_t instr_count;
    double *count;   /* [instr] slots seen */
    double *sum;     /* [instr] of errors, torus units */
    double *squares; /* [instr] of squared errors */
    double *flips;   /* [instr] lookups that read another entry than the exact input would */
} slot_stats;

torc_status slot_stats_create(torc_ctx *ctx, slot_stats *out, const torc_circuit *circuit);
void slot_stats_free(slot_stats *stats);

/* Errors are taken against clear linear arithmetic on the entries that lookups really read, so that
 * a flip in one layer does not count as noise of the next. secret NULL: the noisy simulator with
 * `seed`; else encrypted on the CPU. inputs as torc_encrypt has them. */
torc_status slot_stats_run(torc_ctx *ctx, slot_stats *stats, const torc_circuit *circuit,
                           const torc_tensor *inputs, const torc_secret_key *secret,
                           const torc_evaluation_keys *keys, uint64_t seed);

double slot_variance(const slot_stats *stats, uint32_t instr);

#endif
