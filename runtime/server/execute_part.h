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

double torc_seconds_now(void); /* of a clock that only goes forward */

#endif
