/* A simulation in blocks: each thread takes a block of samples from the user's numbers to decoded
 * integers before it takes the next, so that everything between stays in its cache. Which thread
 * runs a block, and when, changes nothing. */
#include "runtime/server/execute_part.h"
#include "runtime/server/simulation.h"
#include "runtime/status.h"

#include <omp.h>
#include <stdlib.h>

#define PART_BLOCKS ((size_t)1024) /* between two reports of progress */

typedef struct crew {
    const torc_sim_program *program;
    const torc_simulation *sim;
    torc_sim_block *block; /* [threads] */
    int threads;
    size_t block_count;
} crew;

static torc_status load_inputs(torc_ctx *ctx, const crew *c, torc_sim_block *block,
                               uint64_t *saturated)
{
    const torc_spec *spec = &c->sim->circuit->spec;
    for (uint32_t i = 0; i < spec->input_count; i++) {
        TORC_TRY(torc_port_quantize_part(ctx, block->port, saturated, &spec->inputs[i],
                                         &c->sim->inputs[i], block->first, block->count));
        torc_sim_load(c->program, block, i, block->port);
    }
    return TORC_OK;
}

static void place_block(const crew *c, torc_sim_block *block, size_t index)
{
    const size_t rest = c->sim->samples - index * TORC_SIM_LANES;
    block->first = index * TORC_SIM_LANES;
    block->count = rest < TORC_SIM_LANES ? rest : TORC_SIM_LANES;
}

/* False when an input was refused. */
static bool run_block(const crew *c, torc_sim_block *block, size_t index, uint64_t *saturated)
{
    const torc_program *program = &c->sim->circuit->program;
    place_block(c, block, index);
    if (load_inputs(NULL, c, block, saturated) != TORC_OK) {
        return false;
    }
    torc_sim_run(c->program, block);
    for (uint32_t o = 0; o < program->output_count; o++) {
        torc_sim_store(c->program, block, c->sim->out[o] + block->first * program->outputs[o].count,
                       o);
    }
    return true;
}

/* Blocks begin .. end - 1. A refused input is refused again here, with its message: that of the
 * first block that has one. */
static torc_status run_part(torc_ctx *ctx, const crew *c, size_t begin, size_t end,
                            uint64_t *saturated)
{
    uint64_t clipped = 0;
    size_t refused = SIZE_MAX;
#pragma omp parallel for schedule(dynamic, 2) num_threads(c->threads) reduction(+ : clipped) reduction(min : refused) if (end - begin > 1)
    for (size_t index = begin; index < end; index++) {
        if (!run_block(c, &c->block[omp_get_thread_num()], index, &clipped)) {
            refused = index < refused ? index : refused;
        }
    }
    *saturated += clipped;
    if (refused != SIZE_MAX) {
        place_block(c, &c->block[0], refused);
        return load_inputs(ctx, c, &c->block[0], saturated);
    }
    return TORC_OK;
}

static torc_status create_blocks(torc_ctx *ctx, crew *c)
{
    const size_t room = TORC_SIMULATION_BYTES / torc_sim_block_bytes(c->program);
    const size_t wanted = (size_t)omp_get_max_threads();
    const size_t most = wanted < c->block_count ? wanted : c->block_count;
    c->threads = (int)(most < room ? most : room);
    c->threads = c->threads < 1 ? 1 : c->threads;
    TORC_TRY(TORC_ALLOC(ctx, c->block, (size_t)c->threads));
    for (int t = 0; t < c->threads; t++) {
        TORC_TRY(torc_sim_block_create(ctx, &c->block[t], c->program));
    }
    return TORC_OK;
}

static torc_status run_all(torc_ctx *ctx, const crew *c, uint64_t *saturated)
{
    for (size_t begin = 0; begin < c->block_count; begin += PART_BLOCKS) {
        const size_t rest = c->block_count - begin;
        const size_t end = begin + (rest < PART_BLOCKS ? rest : PART_BLOCKS);
        TORC_TRY(run_part(ctx, c, begin, end, saturated));
        torc_progress(ctx, "run", (double)end / (double)c->block_count);
    }
    return TORC_OK;
}

torc_status torc_simulate_blocks(torc_ctx *ctx, torc_simulation *sim,
                                 const torc_sim_program *program)
{
    const double start = torc_seconds_now();
    crew c = {.program = program,
              .sim = sim,
              .block_count = (sim->samples + TORC_SIM_LANES - 1) / TORC_SIM_LANES};
    torc_status s = create_blocks(ctx, &c);
    if (s == TORC_OK) {
        s = run_all(ctx, &c, &sim->saturated);
    }
    sim->stats = (torc_run_stats){
        .samples = sim->samples,
        .lookups = torc_program_lookup_count(&sim->circuit->program) * sim->samples,
    };
    for (int t = 0; c.block != NULL && t < c.threads; t++) {
        sim->stats.overflows += c.block[t].overflows;
        torc_sim_block_free(&c.block[t]);
    }
    free(c.block);
    sim->stats.seconds = torc_seconds_now() - start;
    return s;
}
