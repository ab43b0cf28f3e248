/* A batch in parts of at most the target's capacity. Values cross in pieces of bounded size, a run
 * of neighbouring elements at a time. Must not know encodings, keys or which backend runs. */
#include "runtime/server/batch.h"

#include "runtime/clock.h"
#include "runtime/cost.h"
#include "runtime/server/execute_part.h"
#include "runtime/status.h"

#include <stdlib.h>

#define PIECE_WORDS    (TORC_PIECE_BYTES / sizeof(uint64_t))
#define PARALLEL_WORDS ((size_t)1 << 16) /* below, threads cost more than they bring */

typedef struct part {
    torc_target *target;
    const torc_program *program;
    const torc_batch_io *io;
    size_t first;      /* sample */
    size_t count;      /* samples */
    size_t piece_rows; /* elements of a piece */
    uint64_t *piece;   /* [piece_rows][count][element_words] */
    int64_t *clear;    /* [clear_count][count] */
} part;

/* How many elements from `index` on are neighbours in memory, at most one piece. */
static uint32_t run_length(const part *p, const torc_place *place, uint32_t index)
{
    uint32_t run = 1;
    while (index + run < place->count && run < p->piece_rows &&
           place->element[index + run] == place->element[index] + run) {
        run++;
    }
    return run;
}

static torc_status write_run(torc_ctx *ctx, const part *p, uint32_t input, uint32_t index,
                             uint32_t run)
{
    const torc_place *place = &p->program->inputs[input];
    const size_t words = p->target->element_words;
    const size_t count = run * p->count;
#pragma omp parallel for schedule(static) if (count * words > PARALLEL_WORDS)
    for (size_t i = 0; i < count; i++) {
        p->io->load(p->io->user, p->piece + i * words, input, p->first + i % p->count,
                    index + i / p->count);
    }
    return p->target->backend->write(ctx, p->target, place->element[index], run, p->count,
                                     p->piece);
}

static torc_status read_run(torc_ctx *ctx, const part *p, uint32_t output, uint32_t index,
                            uint32_t run)
{
    const torc_place *place = &p->program->outputs[output];
    const size_t words = p->target->element_words;
    const size_t count = run * p->count;
    TORC_TRY(
        p->target->backend->read(ctx, p->target, p->piece, place->element[index], run, p->count));
#pragma omp parallel for schedule(static) if (count * words > PARALLEL_WORDS)
    for (size_t i = 0; i < count; i++) {
        p->io->store(p->io->user, p->piece + i * words, output, p->first + i % p->count,
                     index + i / p->count);
    }
    return TORC_OK;
}

static void load_clear_input(const part *p, uint32_t input)
{
    const torc_place *place = &p->program->inputs[input];
    for (uint32_t i = 0; i < place->count; i++) {
        for (size_t s = 0; s < p->count; s++) {
            p->clear[place->element[i] * p->count + s] =
                p->io->load_clear(p->io->user, input, p->first + s, i);
        }
    }
}

static void store_clear_output(const part *p, uint32_t output)
{
    const torc_place *place = &p->program->outputs[output];
    for (uint32_t i = 0; i < place->count; i++) {
        for (size_t s = 0; s < p->count; s++) {
            p->io->store_clear(p->io->user, p->clear[place->element[i] * p->count + s], output,
                               p->first + s, i);
        }
    }
}

/* An input of neighbouring elements whose masks the target expands itself. */
static bool is_seeded(const part *p, uint32_t input, torc_seeded_rows *rows)
{
    const torc_place *place = &p->program->inputs[input];
    for (uint32_t i = 1; i < place->count; i++) {
        if (place->element[i] != place->element[0] + i) {
            return false;
        }
    }
    return p->target->backend->write_seeded != NULL && p->io->seeded != NULL && place->count > 0 &&
           p->io->seeded(p->io->user, rows, input, p->first);
}

static torc_status write_inputs(torc_ctx *ctx, const part *p)
{
    for (uint32_t input = 0; input < p->program->input_count; input++) {
        const torc_place *place = &p->program->inputs[input];
        torc_seeded_rows rows;
        if (!place->encrypted) {
            load_clear_input(p, input);
            continue;
        }
        if (is_seeded(p, input, &rows)) {
            TORC_TRY(p->target->backend->write_seeded(ctx, p->target, place->element[0],
                                                      place->count, p->count, &rows));
            continue;
        }
        for (uint32_t i = 0, run = 0; i < place->count; i += run) {
            run = run_length(p, place, i);
            TORC_TRY(write_run(ctx, p, input, i, run));
        }
    }
    return p->target->backend->write_clear(ctx, p->target, 0, p->program->clear_count, p->count,
                                           p->clear);
}

static torc_status read_outputs(torc_ctx *ctx, const part *p)
{
    for (uint32_t output = 0; output < p->program->output_count; output++) {
        const torc_place *place = &p->program->outputs[output];
        if (!place->encrypted) {
            store_clear_output(p, output);
            continue;
        }
        for (uint32_t i = 0, run = 0; i < place->count; i += run) {
            run = run_length(p, place, i);
            TORC_TRY(read_run(ctx, p, output, i, run));
        }
    }
    return TORC_OK;
}

/* A target that starts whole programs has begun this part already. */
static torc_status compute(torc_ctx *ctx, const part *p, torc_run_stats *stats, torc_share share)
{
    torc_run_stats run = {.samples = p->count};
    TORC_TRY(
        torc_execute_starts(p->target, p->program)
            ? torc_execute_finish(ctx, p->target, p->program, &run, share)
            : torc_execute_part(ctx, p->target, p->program, p->count, &run, share, NULL, NULL));
    if (p->io->finished != NULL) {
        p->io->finished(p->io->user, p->target, p->count);
    }
    stats->seconds_linear += run.seconds_linear;
    stats->seconds_lookup += run.seconds_lookup;
    stats->lookups += run.lookups;
    return TORC_OK;
}

static torc_status start(torc_ctx *ctx, const part *p)
{
    return torc_execute_starts(p->target, p->program)
               ? p->target->backend->start(ctx, p->target, p->count)
               : TORC_OK;
}

/* Inputs of the next part go in while the present one computes, where the target allows it. */
static torc_status run_part(torc_ctx *ctx, const part *now, const part *next, torc_run_stats *stats,
                            torc_share share)
{
    TORC_TRY(start(ctx, now));
    const bool ahead = now->target->overlap && next->count != 0;
    const torc_status written = ahead ? write_inputs(ctx, next) : TORC_OK;
    const torc_status done = compute(ctx, now, stats, share); /* even when writing failed */
    TORC_TRY(written);
    TORC_TRY(done);
    TORC_TRY(read_outputs(ctx, now));
    return ahead || next->count == 0 ? TORC_OK : write_inputs(ctx, next);
}

static torc_status run_parts(torc_ctx *ctx, part *p, size_t samples, torc_run_stats *stats)
{
    const size_t begin = p->first;
    const size_t end = begin + samples;
    p->count = samples < p->target->capacity ? samples : p->target->capacity;
    TORC_TRY(write_inputs(ctx, p));
    while (p->count != 0) {
        part next = *p;
        next.first = p->first + p->count;
        next.count =
            end - next.first < p->target->capacity ? end - next.first : p->target->capacity;
        const torc_share share = {(double)(p->first - begin) / (double)samples,
                                  (double)(next.first - begin) / (double)samples};
        TORC_TRY(run_part(ctx, p, &next, stats, share));
        *p = next;
    }
    return TORC_OK;
}

torc_status torc_batch_run(torc_ctx *ctx, torc_target *target, const torc_program *program,
                           size_t first, size_t samples, torc_run_stats *stats,
                           const torc_batch_io *io)
{
    const double start = torc_seconds_now();
    const uint64_t overflows_before = target->overflow_count;
    const size_t most = samples < target->capacity ? samples : target->capacity;
    const size_t row_words = most * target->element_words;
    part p = {.target = target, .program = program, .io = io, .first = first};
    torc_run_stats run = {.samples = samples};
    p.piece_rows = row_words > PIECE_WORDS ? 1 : PIECE_WORDS / (row_words == 0 ? 1 : row_words);
    p.piece_rows = p.piece_rows > program->element_count ? program->element_count : p.piece_rows;
    torc_status s = torc_alloc(ctx, (void **)&p.piece, p.piece_rows * row_words, sizeof *p.piece);
    if (s == TORC_OK) {
        s = torc_alloc(ctx, (void **)&p.clear, program->clear_count * most, sizeof *p.clear);
    }
    if (s == TORC_OK) {
        s = run_parts(ctx, &p, samples, &run);
    }
    free(p.piece);
    free(p.clear);
    TORC_TRY(s);
    run.seconds = torc_seconds_now() - start;
    run.overflows = target->overflow_count - overflows_before;
    if (stats != NULL) {
        *stats = run;
    }
    return TORC_OK;
}
