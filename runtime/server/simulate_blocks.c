/* A simulation in blocks: each thread takes a block of samples from the user's numbers to decoded
 * integers before it takes the next, so that everything between stays in its cache. Which thread
 * runs a block, and when, changes nothing. */
#include "runtime/clock.h"
#include "runtime/server/execute_part.h"
#include "runtime/server/simulation.h"
#include "runtime/status.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#define PART_BLOCKS ((size_t)1024) /* between two reports of progress */

/* In multiply-adds, of which a core does some 15 a nanosecond with AVX2. */
#define LOOKUP_WORK 20.0
#define PORT_WORK   40.0 /* a value in or out */
#define DRAW_WORK   70.0
#define THREAD_WORK 1e7 /* below, a thread costs more than it brings */

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
#pragma omp parallel for schedule(dynamic, 2) num_threads(c->threads) reduction(+ : clipped) reduction(min : refused) if (c->threads > 1)
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

static double sample_work(const crew *c)
{
    const torc_program *program = &c->sim->circuit->program;
    const double lookups = (double)torc_program_lookup_count(program);
    double inputs = 0;
    double outputs = 0;
    for (uint32_t i = 0; i < program->input_count; i++) {
        inputs += program->inputs[i].count;
    }
    for (uint32_t o = 0; o < program->output_count; o++) {
        outputs += program->outputs[o].count;
    }
    const double draws = c->sim->noisy ? inputs + 2 * lookups : 0;
    return (double)torc_program_linear_macs(program) + LOOKUP_WORK * lookups +
           PORT_WORK * (inputs + outputs) + DRAW_WORK * draws;
}

static int thread_count(const crew *c)
{
    const size_t room = TORC_SIMULATION_BYTES / torc_sim_block_bytes(c->program);
    const double worth = (double)c->sim->samples * sample_work(c) / THREAD_WORK;
    const double most =
        fmin(fmin((double)room, worth), fmin((double)c->block_count, omp_get_max_threads()));
    return most < 1 ? 1 : (int)most;
}

static torc_status create_blocks(torc_ctx *ctx, crew *c)
{
    c->threads = thread_count(c);
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
