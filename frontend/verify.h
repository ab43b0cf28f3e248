/* Encrypts, runs and decrypts samples on this machine, and holds the result against the simulator.
 */
#ifndef TORC_VERIFY_H
#define TORC_VERIFY_H

#include "runtime/circuit.h"

typedef struct torc_verify_options {
    const char *device;        /* one, as torc_server_open takes it; NULL: auto */
    uint32_t threads;          /* 0: all cores */
    double allow_log2_p_error; /* see torc_spec_accept */
} torc_verify_options;

typedef struct torc_verify_report {
    uint64_t checks; /* values compared */
    uint64_t mismatches;
    uint64_t labels_differ; /* samples whose label is not that of the noise-free simulator */
    uint64_t lookups;       /* of all samples */
    size_t samples;
    double seconds;      /* of the encrypted run */
    double z;            /* rounded contract: predicted standard deviations allowed; else 0 */
    double worst_sigmas; /* rounded contract: the largest deviation met */
    char first[192];     /* where the first mismatch is, or "" */
} torc_verify_report;

/* Makes keys for the circuit, which must not be virtual. inputs[input] as torc_encrypt has them.
 *
 * Exact contract: every output element must equal the simulator's. Rounded contract: level by
 * level, every lookup input and output slot must lie within z predicted standard deviations of the
 * clear linear value of the previously decrypted slots, every lookup output within z of the entry
 * of a bin that its decrypted input can reach; the check continues from that entry. z is such that
 * an honest run fails with odds of 1e-6. A mismatch is reported, not a status. */
TORC_MUST_CHECK torc_status torc_verify(torc_ctx *ctx, torc_verify_report *out,
                                        const torc_circuit *circuit, const torc_tensor *inputs,
                                        const torc_verify_options *options);

#endif
