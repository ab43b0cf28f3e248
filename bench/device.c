/* The device that a run of the bench is for: found by its name, priced, and asked for the phases of
 * its lookups. What only a GPU has: device_gpu.c. */
#include "bench/device.h"

#include "bench/bench.h"
#include "bench/device_gpu.h"
#include "runtime/server/backend_cpu.h"
#include "runtime/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "model name" of the first processor; "unknown" where there is none. */
static void cpu_name(char *out, size_t size)
{
    char line[256];
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            snprintf(out, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

torc_status bench_device_find(torc_ctx *ctx, bench_device *out, const bench_options *o)
{
    *out = (bench_device){.threads = bench_threads(o), .slowness = 1};
    TORC_TRY(torc_device_choose(ctx, &out->choice, o->device, NULL));
    out->engine = torc_backend_engine(out->choice.backend);
    if (out->choice.is_gpu) {
        snprintf(out->name, sizeof out->name, "%s:%u", out->choice.backend->name,
                 out->choice.number[0]);
        return bench_gpu_find(ctx, out);
    }
    snprintf(out->name, sizeof out->name, "%s", out->choice.backend->name);
    cpu_name(out->model, sizeof out->model);
    return torc_machine_calibrate(ctx, &out->machine, out->threads);
}

void bench_device_free(bench_device *device)
{
    torc_gpu_schedule_free(&device->schedule);
}

/* --- expected --- */

double bench_device_predict(const bench_device *device, const torc_params *params, uint32_t batch)
{
    if (device->choice.is_gpu) {
        return torc_gpu_schedule_lookups(&device->schedule, params, batch);
    }
    return torc_cost_lookups(&device->machine, params, batch);
}

double bench_device_bound(const bench_device *device, const torc_params *params, double clock_hz)
{
    torc_gpu_machine machine;
    if (!device->choice.is_gpu) {
        return 0;
    }
    torc_gpu_machine_of(&machine, &device->schedule.device);
    machine.clock_hz = clock_hz;
    return torc_cost_gpu_bound(&machine, params);
}

void bench_device_read_clock(bench_device *device)
{
    if (device->choice.is_gpu) {
        device->clock_hz = bench_gpu_clock_hz(device);
    }
}

double bench_device_bound_hz(const bench_device *device)
{
    return device->clock_hz != 0 ? device->clock_hz : device->schedule.device.clock_hz;
}

/* --- kernels --- */

static void cpu_lookup(bench_phases *out, const cpu_target *target, const torc_lookup *lookup,
                       size_t count)
{
    *out = (bench_phases){0};
    for (size_t first = 0; first < count; first += target->chunk) {
        const size_t part = count - first < target->chunk ? count - first : target->chunk;
        const double begin = torc_seconds_now();
        torc_cpu_gather(target, lookup, 1, first, part);
        torc_cpu_keyswitch(target, part);
        const double middle = torc_seconds_now();
        torc_cpu_bootstrap(target, part);
        out->keyswitch += middle - begin;
        out->bootstrap += torc_seconds_now() - middle;
    }
}

torc_status bench_device_lookup(torc_ctx *ctx, bench_phases *out, bench_device *device,
                                torc_target *target, const torc_lookup *lookup, uint32_t count)
{
    if (device->choice.is_gpu) {
        return bench_gpu_lookup(ctx, out, device, target, lookup, count);
    }
    cpu_lookup(out, (const cpu_target *)target, lookup, count);
    return TORC_OK;
}

/* Into a key of its own, as long as these rows need, so that the target's stays what it is. */
static torc_status cpu_transform(torc_ctx *ctx, double *seconds, const cpu_target *target,
                                 const uint64_t *glwe, size_t rows, size_t row_words)
{
    const size_t terms = ((size_t)1 << target->shape.grouping) - 1;
    const size_t step_rows = terms * (target->shape.glwe_dim + 1) * target->shape.level_count;
    const size_t steps = (rows + step_rows - 1) / step_rows;
    torc_shape shape = target->shape;
    shape.lwe_dim = (uint32_t)steps * shape.grouping;
    const size_t bytes = (target->kernels->bootstrap_key_bytes(&shape) + 63) & ~(size_t)63;
    void *key = aligned_alloc(64, bytes);
    if (key == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "%zu bytes not available", bytes);
    }
    memset(key, 0, bytes);
    const double begin = torc_seconds_now();
#pragma omp parallel for schedule(static) num_threads(target->threads)
    for (size_t r = 0; r < rows; r++) {
        target->kernels->bootstrap_key_row(key, r, glwe + r * row_words, &shape);
    }
#pragma omp parallel for schedule(static) num_threads(target->threads)
    for (size_t step = 0; step < steps; step++) {
        target->kernels->bootstrap_key_step(key, step, &shape);
    }
    *seconds = torc_seconds_now() - begin;
    free(key);
    return TORC_OK;
}

torc_status bench_device_transform(torc_ctx *ctx, double *seconds, const bench_device *device,
                                   torc_target *target, const torc_evaluation_keys *keys,
                                   size_t rows)
{
    const size_t row_words = (size_t)(keys->params.glwe_dim + 1) * keys->params.poly_size;
    uint64_t *glwe = NULL;
    TORC_TRY(TORC_ALLOC(ctx, glwe, rows * row_words));
    for (size_t r = 0; r < rows; r++) {
        torc_evk_expand_glwe(glwe + r * row_words, keys, r);
    }
    torc_status s = TORC_OK;
    if (device->choice.is_gpu) {
        s = bench_gpu_transform(ctx, seconds, target, glwe, rows);
    } else {
        s = cpu_transform(ctx, seconds, (const cpu_target *)target, glwe, rows, row_words);
    }
    free(glwe);
    return s;
}
