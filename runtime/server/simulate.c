/* The simulator: a circuit on clear values through the virtual backend. Quantising, encoding,
 * decoding and finishing are those of the client, so that only the ciphertexts are missing. Must
 * not know keys. */
#include "runtime/server/backend_virtual.h"
#include "runtime/server/batch.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <stdlib.h>

#define MAX_BYTES   ((uint64_t)256 << 20) /* of the target */
#define MAX_SAMPLES 512 /* held at once; fixed, so that noise does not depend on the machine */

typedef struct simulation {
    const torc_circuit *circuit;
    size_t samples;
    int64_t **in;  /* [input_count] -> [samples][count] */
    int64_t **out; /* [output_count] -> [samples][count] */
} simulation;

static size_t port_count(const torc_port *port)
{
    return torc_shape_count(port->rank, port->shape);
}

static void free_values(int64_t **values, uint32_t count)
{
    for (uint32_t i = 0; values != NULL && i < count; i++) {
        free(values[i]);
    }
    free(values);
}

static torc_status alloc_values(torc_ctx *ctx, int64_t ***out, const torc_port *ports,
                                uint32_t count, size_t samples)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, count));
    for (uint32_t i = 0; i < count; i++) {
        size_t size = 0;
        if (__builtin_mul_overflow(port_count(&ports[i]), samples, &size)) {
            return torc_fail(ctx, TORC_E_ARGUMENT, "'%s': %zu samples are too many", ports[i].name,
                             samples);
        }
        TORC_TRY(TORC_ALLOC(ctx, (*out)[i], size));
    }
    return TORC_OK;
}

static torc_status quantize_inputs(torc_ctx *ctx, simulation *sim, uint64_t *saturated,
                                   const torc_tensor *inputs)
{
    const torc_spec *spec = &sim->circuit->spec;
    TORC_TRY(torc_spec_samples(ctx, &sim->samples, spec, inputs));
    TORC_TRY(alloc_values(ctx, &sim->in, spec->inputs, spec->input_count, sim->samples));
    for (uint32_t i = 0; i < spec->input_count; i++) {
        TORC_TRY(torc_port_quantize(ctx, sim->in[i], saturated, &spec->inputs[i], &inputs[i]));
    }
    return alloc_values(ctx, &sim->out, spec->outputs, spec->output_count, sim->samples);
}

/* --- what the batch asks for ---------------------------------------------------------------------
 */

static int64_t load_clear(void *user, uint32_t input, size_t sample, size_t index)
{
    const simulation *sim = user;
    return sim->in[input][sample * sim->circuit->program.inputs[input].count + index];
}

static void load(void *user, uint64_t *out, uint32_t input, size_t sample, size_t index)
{
    const simulation *sim = user;
    *out = torc_encode(load_clear(user, input, sample, index),
                       sim->circuit->spec.inputs[input].encoding_bits);
}

static void store_clear(void *user, int64_t in, uint32_t output, size_t sample, size_t index)
{
    const simulation *sim = user;
    sim->out[output][sample * sim->circuit->program.outputs[output].count + index] = in;
}

static void store(void *user, const uint64_t *in, uint32_t output, size_t sample, size_t index)
{
    const simulation *sim = user;
    const torc_port *port = &sim->circuit->spec.outputs[output];
    store_clear(user, torc_decode(*in, port->encoding_bits, port->is_signed), output, sample,
                index);
}

/* An output decodes in [-2^(W-1), 3*2^(W-1)) units of 2^-(W+1) if unsigned, in [-2^W, 2^W) if
 * signed, after rounding: half a unit lower. */
static void count_overflows(void *user, torc_target *target, size_t samples)
{
    const simulation *sim = user;
    for (uint32_t o = 0; o < sim->circuit->program.output_count; o++) {
        const torc_place *place = &sim->circuit->program.outputs[o];
        const torc_port *port = &sim->circuit->spec.outputs[o];
        const double half_unit = 0.25 / (double)((uint64_t)1 << port->encoding_bits);
        const double low = (port->is_signed ? -0.5 : -0.25) - half_unit;
        for (uint32_t i = 0; place->encrypted && i < place->count; i++) {
            torc_virtual_count_outside(target, place->element[i], samples, low);
        }
    }
}

static torc_status run(torc_ctx *ctx, simulation *sim, torc_run_stats *stats, bool noisy,
                       uint64_t seed)
{
    const torc_backend *backend = torc_backend_virtual();
    const torc_program *program = &sim->circuit->program;
    const size_t most = sim->samples < MAX_SAMPLES ? sim->samples : MAX_SAMPLES;
    const torc_target_options options = {
        .capacity = torc_execute_capacity(program, 2, most, MAX_BYTES),
        .engine = torc_circuit_target(sim->circuit),
        .noisy = noisy,
        .noise_seed = seed,
    };
    const torc_batch_io io = {.user = sim,
                              .load = load,
                              .load_clear = load_clear,
                              .store = store,
                              .store_clear = store_clear,
                              .finished = count_overflows};
    torc_target *target = NULL;
    TORC_TRY(backend->open(ctx, &target, program, &sim->circuit->spec.params, NULL, &options));
    const torc_status s = torc_batch_run(ctx, target, program, 0, sim->samples, stats, &io);
    backend->close(target);
    return s;
}

torc_status torc_simulate_circuit(torc_ctx *ctx, torc_tensor *outputs, torc_run_stats *stats,
                                  uint64_t *saturated, const torc_circuit *circuit,
                                  const torc_tensor *inputs, bool noisy, uint64_t seed)
{
    simulation sim = {.circuit = circuit};
    uint64_t clipped = 0;
    torc_status s = quantize_inputs(ctx, &sim, &clipped, inputs);
    if (s == TORC_OK) {
        s = run(ctx, &sim, stats, noisy, seed);
    }
    if (s == TORC_OK) {
        s = torc_spec_finish(ctx, outputs, &circuit->spec, (const int64_t *const *)sim.out,
                             sim.samples);
    }
    if (s == TORC_OK && saturated != NULL) {
        *saturated = clipped;
    }
    free_values(sim.in, circuit->spec.input_count);
    free_values(sim.out, circuit->spec.output_count);
    return s;
}
