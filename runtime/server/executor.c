/* Walks the instructions of a program on a target. Must not know what an element is. */
#include "runtime/executor.h"

#include "runtime/clock.h"
#include "runtime/server/execute_part.h"
#include "runtime/status.h"

/* A lookup in multiply-adds of ciphertexts, roughly, for progress alone: 10 ms against 1 us. */
#define PROGRESS_LOOKUP_WORK 10000.0

static double predicted_work(const torc_instr *instr)
{
    if (instr->kind == TORC_INSTR_LOOKUP) {
        return PROGRESS_LOOKUP_WORK * instr->lookup.count;
    }
    const torc_linear *a = &instr->linear;
    return (double)a->group_count * a->out_count * (a->in_count + 1.0);
}

static torc_status run_instr(torc_ctx *ctx, torc_target *target, const torc_instr *instr,
                             size_t samples, torc_run_stats *stats)
{
    const torc_backend *backend = target->backend;
    const double start = torc_seconds_now();
    const bool linear = instr->kind == TORC_INSTR_LINEAR;
    TORC_TRY(linear ? backend->linear(ctx, target, &instr->linear, samples)
                    : backend->lookup(ctx, target, &instr->lookup, samples));
    TORC_TRY(backend->sync(ctx, target));
    const double seconds = torc_seconds_now() - start;
    if (linear) {
        stats->seconds_linear += seconds;
    } else {
        stats->seconds_lookup += seconds;
        stats->lookups += instr->lookup.count * (uint64_t)samples;
    }
    return TORC_OK;
}

static double total_work(const torc_program *program)
{
    double work = 0;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        work += predicted_work(&program->instrs[i]);
    }
    return work;
}

/* Instruction by instruction: what an observer, and progress, can follow. */
static torc_status walk(torc_ctx *ctx, torc_target *target, const torc_program *program,
                        torc_run_stats *run, torc_share share, torc_observe_fn *observe, void *user)
{
    const double total = total_work(program);
    double done = 0;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        TORC_TRY(run_instr(ctx, target, &program->instrs[i], run->samples, run));
        if (observe != NULL) {
            TORC_TRY(observe(user, ctx, target, i));
        }
        done += predicted_work(&program->instrs[i]);
        torc_progress(ctx, "run", share.begin + (share.end - share.begin) * done / total);
    }
    return TORC_OK;
}

torc_status torc_execute_finish(torc_ctx *ctx, torc_target *target, const torc_program *program,
                                torc_run_stats *run, torc_share share)
{
    torc_phase_seconds phases = {0};
    TORC_TRY(target->backend->finish(ctx, target, &phases));
    run->seconds_linear = phases.linear;
    run->seconds_lookup = phases.lookup;
    run->lookups = torc_program_lookup_count(program) * run->samples;
    torc_progress(ctx, "run", share.end);
    return TORC_OK;
}

static torc_status run_whole(torc_ctx *ctx, torc_target *target, const torc_program *program,
                             torc_run_stats *run, torc_share share)
{
    TORC_TRY(target->backend->start(ctx, target, run->samples));
    return torc_execute_finish(ctx, target, program, run, share);
}

torc_status torc_execute_part(torc_ctx *ctx, torc_target *target, const torc_program *program,
                              size_t samples, torc_run_stats *stats, torc_share share,
                              torc_observe_fn *observe, void *user)
{
    const double start = torc_seconds_now();
    const uint64_t overflows_before = target->overflow_count;
    const bool whole = torc_execute_starts(target, program) && observe == NULL;
    torc_run_stats run = {.samples = samples};
    TORC_TRY(whole ? run_whole(ctx, target, program, &run, share)
                   : walk(ctx, target, program, &run, share, observe, user));
    run.seconds = torc_seconds_now() - start;
    run.overflows = target->overflow_count - overflows_before;
    if (stats != NULL) {
        *stats = run;
    }
    return TORC_OK;
}

torc_status torc_execute(torc_ctx *ctx, torc_target *target, const torc_program *program,
                         size_t samples, torc_run_stats *stats, torc_observe_fn *observe,
                         void *user)
{
    const torc_share whole = {0, 1};
    return torc_execute_part(ctx, target, program, samples, stats, whole, observe, user);
}

size_t torc_execute_capacity(const torc_program *program, size_t element_words, size_t samples,
                             uint64_t max_bytes)
{
    const double element_bytes = 8.0 * (double)element_words * program->element_count;
    const double sample_bytes = element_bytes + 8.0 * program->clear_count;
    const double fit = sample_bytes > 0 ? (double)max_bytes / sample_bytes : (double)samples;
    if (fit >= (double)samples) {
        return samples == 0 ? 1 : samples;
    }
    return fit < 1.0 ? 1 : (size_t)fit;
}
