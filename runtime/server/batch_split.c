/* One batch on several targets: each takes a share of the samples, on a thread of its own. */
#include "runtime/server/batch.h"

#include "runtime/clock.h"
#include "runtime/server/execute_part.h"
#include "runtime/status.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct share {
    pthread_t thread;
    torc_ctx *ctx; /* of this share: messages must not mix */
    torc_target *target;
    const torc_program *program;
    const torc_batch_io *io;
    size_t first, samples;
    torc_run_stats stats;
    torc_status status;
    bool started;
} share;

static void *run_share(void *argument)
{
    share *s = argument;
    if (s->samples != 0) { /* more targets than samples */
        s->status =
            torc_batch_run(s->ctx, s->target, s->program, s->first, s->samples, &s->stats, s->io);
    }
    return NULL;
}

/* A thread that cannot be had is no reason to fail: its share runs here. */
static void start(share *s)
{
    s->started = pthread_create(&s->thread, NULL, run_share, s) == 0;
    if (!s->started) {
        run_share(s);
    }
}

/* The first failure, with its message. */
static torc_status collect(torc_ctx *ctx, const share *shares, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (shares[i].status != TORC_OK) {
            return torc_fail(ctx, shares[i].status, "%s", torc_ctx_message(shares[i].ctx));
        }
    }
    return TORC_OK;
}

static void add(torc_run_stats *total, const share *shares, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const torc_run_stats *s = &shares[i].stats;
        total->lookups += s->lookups;
        total->overflows += s->overflows;
        /* Side by side: the longest counts. */
        total->seconds_linear =
            s->seconds_linear > total->seconds_linear ? s->seconds_linear : total->seconds_linear;
        total->seconds_lookup =
            s->seconds_lookup > total->seconds_lookup ? s->seconds_lookup : total->seconds_lookup;
    }
}

static torc_status run_shares(torc_ctx *ctx, share *shares, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        shares[i].ctx = torc_ctx_create();
        if (shares[i].ctx == NULL) {
            return torc_fail(ctx, TORC_E_MEMORY, "out of memory for %u devices", count);
        }
    }
    for (uint32_t i = 1; i < count; i++) {
        start(&shares[i]);
    }
    run_share(&shares[0]);
    for (uint32_t i = 1; i < count; i++) {
        if (shares[i].started) {
            (void)pthread_join(shares[i].thread, NULL);
        }
    }
    return collect(ctx, shares, count);
}

torc_status torc_batch_split(torc_ctx *ctx, torc_target *const *targets, uint32_t target_count,
                             const torc_program *program, size_t samples, torc_run_stats *stats,
                             const torc_batch_io *io)
{
    const double start_seconds = torc_seconds_now();
    torc_run_stats total = {.samples = samples};
    share *shares = NULL;
    if (target_count == 1 || samples == 1) {
        return torc_batch_run(ctx, targets[0], program, 0, samples, stats, io);
    }
    TORC_TRY(TORC_ALLOC(ctx, shares, target_count));
    for (uint32_t i = 0; i < target_count; i++) {
        const size_t first = samples * i / target_count;
        shares[i] = (share){.target = targets[i],
                            .program = program,
                            .io = io,
                            .first = first,
                            .samples = samples * (i + 1) / target_count - first};
    }
    const torc_status s = run_shares(ctx, shares, target_count);
    add(&total, shares, target_count);
    for (uint32_t i = 0; i < target_count; i++) {
        torc_ctx_free(shares[i].ctx);
    }
    free(shares);
    total.seconds = torc_seconds_now() - start_seconds;
    if (stats != NULL && s == TORC_OK) {
        *stats = total;
    }
    return s;
}
