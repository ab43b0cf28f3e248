/* A simulation through the virtual backend: for circuits that exact doubles do not hold. The batch
 * walks through it as ciphertexts walk through any other backend. */
#include "runtime/server/backend_virtual.h"
#include "runtime/server/batch.h"
#include "runtime/server/sim_torus.h"
#include "runtime/server/simulation.h"
#include "runtime/status.h"

#include <stdlib.h>

#define MAX_SAMPLES 512 /* held at once; fixed, so that noise does not depend on the machine */

typedef struct words {
    const torc_circuit *circuit;
    int64_t **in;  /* [input_count] -> [samples][count] */
    int64_t **out; /* [output_count] -> [samples][count] */
} words;

/* --- what the batch asks for ---------------------------------------------------------------------
 */

static int64_t load_clear(void *user, uint32_t input, size_t sample, size_t index)
{
    const words *w = user;
    return w->in[input][sample * w->circuit->program.inputs[input].count + index];
}

static void load(void *user, uint64_t *out, uint32_t input, size_t sample, size_t index)
{
    const words *w = user;
    *out = torc_encode(load_clear(user, input, sample, index),
                       w->circuit->spec.inputs[input].encoding_bits);
}

static void store_clear(void *user, int64_t in, uint32_t output, size_t sample, size_t index)
{
    const words *w = user;
    w->out[output][sample * w->circuit->program.outputs[output].count + index] = in;
}

static void store(void *user, const uint64_t *in, uint32_t output, size_t sample, size_t index)
{
    const words *w = user;
    const torc_port *port = &w->circuit->spec.outputs[output];
    store_clear(user, torc_decode(*in, port->encoding_bits, port->is_signed), output, sample,
                index);
}

static void count_overflows(void *user, torc_target *target, size_t samples)
{
    const words *w = user;
    for (uint32_t o = 0; o < w->circuit->program.output_count; o++) {
        const torc_place *place = &w->circuit->program.outputs[o];
        const double low = torc_sim_lowest(&w->circuit->spec.outputs[o]);
        for (uint32_t i = 0; place->encrypted && i < place->count; i++) {
            torc_virtual_count_outside(target, place->element[i], samples, low);
        }
    }
}

/* --- the run -------------------------------------------------------------------------------------
 */

static torc_status quantize_inputs(torc_ctx *ctx, words *w, torc_simulation *sim)
{
    const torc_spec *spec = &w->circuit->spec;
    TORC_TRY(TORC_ALLOC(ctx, w->in, spec->input_count));
    for (uint32_t i = 0; i < spec->input_count; i++) {
        TORC_TRY(TORC_ALLOC(ctx, w->in[i], torc_tensor_count(&sim->inputs[i])));
        TORC_TRY(
            torc_port_quantize(ctx, w->in[i], &sim->saturated, &spec->inputs[i], &sim->inputs[i]));
    }
    return TORC_OK;
}

static torc_status run(torc_ctx *ctx, words *w, torc_simulation *sim)
{
    const torc_backend *backend = torc_backend_virtual();
    const torc_program *program = &w->circuit->program;
    const size_t most = sim->samples < MAX_SAMPLES ? sim->samples : MAX_SAMPLES;
    const torc_target_options options = {
        .capacity = torc_execute_capacity(program, 2, most, TORC_SIMULATION_BYTES),
        .engine = torc_circuit_target(w->circuit),
        .noisy = sim->noisy,
        .noise_seed = sim->seed,
    };
    const torc_batch_io io = {.user = w,
                              .load = load,
                              .load_clear = load_clear,
                              .store = store,
                              .store_clear = store_clear,
                              .finished = count_overflows};
    torc_target *target = NULL;
    TORC_TRY(backend->open(ctx, &target, program, &w->circuit->spec.params, NULL, &options));
    const torc_status s = torc_batch_run(ctx, target, program, 0, sim->samples, &sim->stats, &io);
    backend->close(target);
    return s;
}

torc_status torc_simulate_words(torc_ctx *ctx, torc_simulation *sim)
{
    words w = {.circuit = sim->circuit, .out = sim->out};
    torc_status s = quantize_inputs(ctx, &w, sim);
    if (s == TORC_OK) {
        s = run(ctx, &w, sim);
    }
    for (uint32_t i = 0; w.in != NULL && i < sim->circuit->spec.input_count; i++) {
        free(w.in[i]);
    }
    free(w.in);
    return s;
}
