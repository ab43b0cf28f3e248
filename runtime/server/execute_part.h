/* torc_execute for one part of a batch: progress runs from `begin` to `end` instead of 0 to 1. */
#ifndef TORC_EXECUTE_PART_H
#define TORC_EXECUTE_PART_H

#include "runtime/executor.h"

typedef struct torc_share {
    double begin, end;
} torc_share;

TORC_MUST_CHECK torc_status torc_execute_part(torc_ctx *ctx, torc_target *target,
                                              const torc_program *program, size_t samples,
                                              torc_run_stats *stats, torc_share share,
                                              torc_observe_fn *observe, void *user);

/* Targets that start a whole program: between start and finish the next part may be written. */
static inline bool torc_execute_starts(const torc_target *target, const torc_program *program)
{
    return target->backend->start != NULL && program->instr_count > 0;
}
/* Waits for what backend->start has begun; fills run but its seconds. */
TORC_MUST_CHECK torc_status torc_execute_finish(torc_ctx *ctx, torc_target *target,
                                                const torc_program *program, torc_run_stats *run,
                                                torc_share share);

#endif
