/* torc_bench simulate: a circuit on clear values, exactly and with noise. Rates of the whole call,
 * from the user's numbers to the user's numbers, by the clock and by the processor time of all
 * threads: the latter does not care who else uses the machine. */
#include "bench/circuit_source.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES_DEFAULT 65536

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
        wall[r] = -bench_now();
        processor[r] = -processor_now();
        s = run_once(ctx, t, b, noisy);
        wall[r] += bench_now();
        processor[r] += processor_now();
    }
    if (s == TORC_OK) {
        t->wall = bench_summarise(wall, runs);
        t->processor = bench_summarise(processor, runs);
    }
    free(wall);
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
        print_row(b, &t, noisy != 0);
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
