/* torc_bench simulate: a circuit on clear values, exactly and with noise. Rates of the whole call,
 * from the user's numbers to the user's numbers, by the clock and by the processor time of all
 * threads: the latter does not care who else uses the machine. Right: on the first samples the same
 * integers as the virtual backend's, which defines them. */
#include "bench/circuit_source.h"
#include "runtime/server/simulation.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES_DEFAULT 65536
#define COMPARED        256 /* samples */

typedef struct simulate_bench {
    const bench_options *o;
    bench_device *device;
    bench_model model;
    torc_tensor inputs; /* the samples of the model over and over */
    torc_tensor *outputs;
    size_t samples;
} simulate_bench;

typedef struct simulate_times {
    bench_times wall, processor; /* seconds of all samples */
    uint64_t overflows;
    bool is_blocks; /* in exact doubles; else word by word */
    bool right;
} simulate_times;

static double processor_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static torc_status repeat_inputs(torc_ctx *ctx, simulate_bench *b)
{
    const torc_port *port = &b->model.circuit->spec.inputs[0];
    const torc_tensor *found = &b->model.inputs;
    const size_t count = torc_shape_count(port->rank, port->shape);
    size_t shape[TORC_MAX_RANK] = {b->samples};
    memcpy(shape + 1, port->shape, port->rank * sizeof *shape);
    TORC_TRY(torc_tensor_create(ctx, &b->inputs, found->dtype, port->rank + 1, shape));
    for (size_t s = 0; s < b->samples; s++) { /* both types have 8 bytes */
        memcpy(b->inputs.i64 + s * count, found->i64 + s % b->model.samples * count,
               count * sizeof *found->i64);
    }
    return TORC_OK;
}

static torc_status run_once(torc_ctx *ctx, simulate_times *t, const simulate_bench *b, bool noisy)
{
    torc_run_stats stats = {0};
    TORC_TRY(torc_simulate_circuit(ctx, b->outputs, &stats, NULL, b->model.circuit, &b->inputs,
                                   noisy, 1));
    t->overflows = stats.overflows;
    for (uint32_t i = 0; i < b->model.circuit->spec.output_count; i++) {
        torc_tensor_free(&b->outputs[i]);
    }
    return TORC_OK;
}

static torc_status run_repeated(torc_ctx *ctx, simulate_times *t, const simulate_bench *b,
                                bool noisy)
{
    const uint32_t runs = b->o->repeats;
    double *wall = NULL;
    TORC_TRY(TORC_ALLOC(ctx, wall, 2 * (size_t)runs));
    double *processor = wall + runs;
    torc_status s = run_once(ctx, t, b, noisy); /* warms up */
    for (uint32_t r = 0; s == TORC_OK && r < runs; r++) {
        wall[r] = -torc_seconds_now();
        processor[r] = -processor_now();
        s = run_once(ctx, t, b, noisy);
        wall[r] += torc_seconds_now();
        processor[r] += processor_now();
    }
    if (s == TORC_OK) {
        t->wall = bench_summarise(wall, runs);
        t->processor = bench_summarise(processor, runs);
    }
    free(wall);
    return s;
}

/* out[output_count] -> [samples][elements] of one way to simulate. */
static torc_status integers_of(torc_ctx *ctx, torc_simulation *sim, const torc_sim_program *program)
{
    const torc_spec *spec = &sim->circuit->spec;
    TORC_TRY(TORC_ALLOC(ctx, sim->out, spec->output_count));
    for (uint32_t i = 0; i < spec->output_count; i++) {
        const torc_port *port = &spec->outputs[i];
        TORC_TRY(
            TORC_ALLOC(ctx, sim->out[i], sim->samples * torc_shape_count(port->rank, port->shape)));
    }
    return program != NULL ? torc_simulate_blocks(ctx, sim, program)
                           : torc_simulate_words(ctx, sim);
}

static bool same_integers(const torc_simulation *a, const torc_simulation *b)
{
    bool same = true;
    for (uint32_t i = 0; i < a->circuit->spec.output_count; i++) {
        const torc_port *port = &a->circuit->spec.outputs[i];
        const size_t count = a->samples * torc_shape_count(port->rank, port->shape);
        same = same && memcmp(a->out[i], b->out[i], count * sizeof **a->out) == 0;
    }
    return same;
}

static void free_integers(torc_simulation *sim)
{
    for (uint32_t i = 0; sim->out != NULL && i < sim->circuit->spec.output_count; i++) {
        free(sim->out[i]);
    }
    free(sim->out);
}

static torc_status compare(torc_ctx *ctx, simulate_times *t, const simulate_bench *b, bool noisy)
{
    torc_tensor few = b->inputs;
    few.shape[0] = b->samples < COMPARED ? b->samples : COMPARED;
    const torc_simulation sim = {.circuit = b->model.circuit,
                                 .inputs = &few,
                                 .samples = few.shape[0],
                                 .noisy = noisy,
                                 .seed = 1};
    torc_simulation ways[2] = {sim, sim};
    torc_sim_program *program = NULL;
    TORC_TRY(torc_sim_program_create(ctx, &program, sim.circuit, noisy, sim.seed));
    torc_status s = integers_of(ctx, &ways[0], program);
    if (s == TORC_OK) {
        s = integers_of(ctx, &ways[1], NULL);
    }
    if (s == TORC_OK) {
        t->is_blocks = program != NULL;
        t->right = same_integers(&ways[0], &ways[1]);
    }
    free_integers(&ways[0]);
    free_integers(&ways[1]);
    torc_sim_program_free(program);
    return s;
}

static void print_row(const simulate_bench *b, const simulate_times *t, bool noisy)
{
    const torc_circuit *circuit = b->model.circuit;
    const double samples = (double)b->samples;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "bench", "simulate");
    cJSON_AddStringToObject(line, "circuit", circuit->spec.circuit_name);
    cJSON_AddBoolToObject(line, "noise", noisy);
    bench_add(line, "batch", samples);
    bench_add(line, "lookups", (double)torc_program_lookup_count(&circuit->program));
    bench_add(line, "multiply_adds", (double)torc_program_linear_macs(&circuit->program));
    bench_add(line, "per_second", samples / t->wall.median);
    bench_add(line, "per_core_second", samples / t->processor.median);
    bench_add_times(line, "core_us_per_sample", &t->processor, 1e6 / samples);
    bench_add(line, "overflows", (double)t->overflows);
    bench_add(line, "repeats", b->o->repeats);
    cJSON_AddBoolToObject(line, "exact_doubles", t->is_blocks);
    cJSON_AddBoolToObject(line, "right", t->right);
    bench_describe(line, b->device, b->o);
    bench_print(line);
}

static torc_status measure(torc_ctx *ctx, simulate_bench *b)
{
    TORC_TRY(bench_model_make(ctx, &b->model, b->o, b->device->engine, 1));
    TORC_TRY(repeat_inputs(ctx, b));
    TORC_TRY(TORC_ALLOC(ctx, b->outputs, b->model.circuit->spec.output_count));
    for (int noisy = 0; noisy <= 1; noisy++) {
        simulate_times t;
        TORC_TRY(run_repeated(ctx, &t, b, noisy != 0));
        TORC_TRY(compare(ctx, &t, b, noisy != 0));
        print_row(b, &t, noisy != 0);
        if (!t.right) {
            return torc_fail(ctx, TORC_E_MISMATCH_RESULT, "%s: the virtual backend differs",
                             b->model.circuit->spec.circuit_name);
        }
    }
    return TORC_OK;
}

torc_status bench_simulate(torc_ctx *ctx, const bench_options *o)
{
    bench_device device;
    simulate_bench b = {
        .o = o, .device = &device, .samples = o->batch_count == 0 ? SAMPLES_DEFAULT : o->batch[0]};
    torc_status s = bench_device_find(ctx, &device, o);
    if (s == TORC_OK) {
        s = measure(ctx, &b);
    }
    torc_tensor_free(&b.inputs);
    free(b.outputs);
    bench_model_free(&b.model);
    bench_device_free(&device);
    return s;
}
