/* The simulator: a circuit on clear values. Quantising, encoding, decoding and finishing are those
 * of the client, so that only the ciphertexts are missing. Must not know keys. */
#include "runtime/server/simulation.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <stdlib.h>

static torc_status alloc_outputs(torc_ctx *ctx, torc_simulation *sim)
{
    const torc_spec *spec = &sim->circuit->spec;
    TORC_TRY(TORC_ALLOC(ctx, sim->out, spec->output_count));
    for (uint32_t o = 0; o < spec->output_count; o++) {
        const torc_port *port = &spec->outputs[o];
        size_t size = 0;
        if (__builtin_mul_overflow(torc_shape_count(port->rank, port->shape), sim->samples,
                                   &size)) {
            return torc_fail(ctx, TORC_E_ARGUMENT, "'%s': %zu samples are too many", port->name,
                             sim->samples);
        }
        TORC_TRY(TORC_ALLOC(ctx, sim->out[o], size));
    }
    return TORC_OK;
}

/* In exact doubles where they hold the circuit, else word by word. */
static torc_status run(torc_ctx *ctx, torc_simulation *sim)
{
    torc_sim_program *program = NULL;
    TORC_TRY(torc_sim_program_create(ctx, &program, sim->circuit, sim->noisy, sim->seed));
    const bool fits = program != NULL && torc_sim_block_bytes(program) <= TORC_SIMULATION_BYTES;
    const torc_status s =
        fits ? torc_simulate_blocks(ctx, sim, program) : torc_simulate_words(ctx, sim);
    torc_sim_program_free(program);
    return s;
}

static torc_status simulate(torc_ctx *ctx, torc_tensor *outputs, torc_simulation *sim)
{
    const torc_spec *spec = &sim->circuit->spec;
    TORC_TRY(torc_spec_samples(ctx, &sim->samples, spec, sim->inputs));
    TORC_TRY(alloc_outputs(ctx, sim));
    TORC_TRY(run(ctx, sim));
    return torc_spec_finish(ctx, outputs, spec, (const int64_t *const *)sim->out, sim->samples);
}

torc_status torc_simulate_circuit(torc_ctx *ctx, torc_tensor *outputs, torc_run_stats *stats,
                                  uint64_t *saturated, const torc_circuit *circuit,
                                  const torc_tensor *inputs, bool noisy, uint64_t seed)
{
    torc_simulation sim = {.circuit = circuit, .inputs = inputs, .noisy = noisy, .seed = seed};
    const torc_status s = simulate(ctx, outputs, &sim);
    if (s == TORC_OK && stats != NULL) {
        *stats = sim.stats;
    }
    if (s == TORC_OK && saturated != NULL) {
        *saturated = sim.saturated;
    }
    for (uint32_t o = 0; sim.out != NULL && o < circuit->spec.output_count; o++) {
        free(sim.out[o]);
    }
    free(sim.out);
    return s;
}
