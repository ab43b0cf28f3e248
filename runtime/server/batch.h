/* Runs a batch of any size through a target of fixed capacity: inputs in, program, outputs out.
 * Where values come from and go to is the caller's: ciphertexts for the server, clear integers for
 * the simulator. */
#ifndef TORC_BATCH_H
#define TORC_BATCH_H

#include "runtime/executor.h"

/* load and store run on several threads at once, each time for another value. Words of an element:
 * target->element_words. */
typedef struct torc_batch_io {
    void *user;
    void (*load)(void *user, uint64_t *out, uint32_t input, size_t sample, size_t index);
    /* May be NULL: true, and the rows of an input from a sample on, when it is seeded. */
    bool (*seeded)(void *user, torc_seeded_rows *out, uint32_t input, size_t sample);
    int64_t (*load_clear)(void *user, uint32_t input, size_t sample, size_t index);
    void (*store)(void *user, const uint64_t *in, uint32_t output, size_t sample, size_t index);
    void (*store_clear)(void *user, int64_t in, uint32_t output, size_t sample, size_t index);
    /* After the last instruction of each part of the batch; may be NULL. */
    void (*finished)(void *user, torc_target *target, size_t samples);
} torc_batch_io;

/* Samples first .. first + samples - 1 of the caller. */
TORC_MUST_CHECK torc_status torc_batch_run(torc_ctx *ctx, torc_target *target,
                                           const torc_program *program, size_t first,
                                           size_t samples, torc_run_stats *stats,
                                           const torc_batch_io *io);

/* The same, samples 0 .. samples - 1, on several targets side by side, each a share of them. */
TORC_MUST_CHECK torc_status torc_batch_split(torc_ctx *ctx, torc_target *const *targets,
                                             uint32_t target_count, const torc_program *program,
                                             size_t samples, torc_run_stats *stats,
                                             const torc_batch_io *io);

#endif
