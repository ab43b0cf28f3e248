/* Between the two files of verify: the level-by-level check of the rounded contract. */
#ifndef TORC_LOCAL_VERIFY_H
#define TORC_LOCAL_VERIFY_H

#include "frontend/verify.h"
#include "runtime/torc_client.h"
#include "runtime/torc_server.h"

typedef struct torc_verify_keys {
    torc_secret_key *secret;
    torc_evaluation_keys *evaluation;
} torc_verify_keys;

static inline const char *torc_verify_device(const torc_verify_options *options)
{
    return options->device == NULL ? "auto" : options->device;
}

/* Runs `samples` samples with an observer that checks every slot; adds to out and gives the outputs
 * [spec.output_count]. out->z is set before. */
TORC_MUST_CHECK torc_status torc_verify_levels(torc_ctx *ctx, torc_verify_report *out,
                                               torc_tensor *outputs, const torc_circuit *circuit,
                                               const torc_verify_keys *keys,
                                               const torc_tensor *inputs, size_t samples,
                                               const torc_verify_options *options);

/* How many comparisons one sample needs. */
uint64_t torc_verify_levels_checks(const torc_circuit *circuit);

#endif
