/* Measures the schedule of a device: every shipped shape in every form that takes it, at batch
 * sizes from one ciphertext to several waves. Must not know: how a launch is timed
 * (calibrate_probe.c).
 *
 * Seconds are limited: shapes come in the order of their price, launches whose predicted time no
 * longer fits what is left are passed over, and prices without a row stay predicted. */
#include "runtime/clock.h"
#include "runtime/configurations.h"
#include "runtime/cuda/calibrate_probe.h"
#include "runtime/cuda/devices.h"
#include "runtime/gpu_calibrate.h"
#include "runtime/server/gpus.h"
#include "runtime/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    LAUNCHES = 4, /* of one row: a first, three that count */
    LATENCY_BATCH = 264,
    ROWS_OF_SHAPE = 64,
    DEFAULT_LWE_DIM = 840, /* a multiple of 1 .. 4; between those of 4 and of 8 bits */
    DEFAULT_BATCH = 2112,
    WAY_COUNT = 5
};
#define DEFAULT_SECONDS 60.0

static const uint32_t batches[] = {1, 8, 32, 132, 264, 528, 1056, 2112};
enum { BATCH_COUNT = sizeof batches / sizeof *batches };

static const struct {
    uint32_t form, cluster, most;
} ways[WAY_COUNT] = {{TORC_GPU_FORM_THROUGHPUT, 0, UINT32_MAX},
                     {TORC_GPU_FORM_LATENCY, 4, LATENCY_BATCH},
                     {TORC_GPU_FORM_LATENCY, 2, LATENCY_BATCH},
                     {TORC_GPU_FORM_LATENCY, 1, LATENCY_BATCH},
                     {TORC_GPU_FORM_GLOBAL, 0, UINT32_MAX}};

typedef struct calibration {
    torc_gpu_schedule *schedule;
    torc_gpu_schedule counted; /* what is predicted: the order, and what fits the time */
    torc_gpu_calibration options;
    double start;
    double slowness;     /* the largest of measured over predicted seconds so far, at least 1 */
    torc_params *params; /* [shape_count], cheapest first */
    uint32_t shape_count;
} calibration;

static double spent(const calibration *c)
{
    return torc_seconds_now() - c->start;
}

/* --- what to measure --- */

static torc_params params_of(const torc_configuration *shape, uint32_t lwe_dim)
{
    const uint32_t kept = 22 / shape->level_count;

    return (torc_params){.glwe_dim = shape->glwe_dim,
                         .poly_size = UINT32_C(1) << shape->log2_poly_size,
                         .lwe_dim = lwe_dim / shape->grouping * shape->grouping,
                         .extended_log2 = shape->extended_log2,
                         .grouping = shape->grouping,
                         .bootstrap = {shape->level_count == 1 ? 21 : kept + 3, shape->level_count},
                         .keyswitch = {2, 7}};
}

static double price(const calibration *c, const torc_params *params)
{
    return torc_gpu_schedule_lookups(&c->counted, params, 1);
}

static void sort_by_price(calibration *c)
{
    for (uint32_t i = 1; i < c->shape_count; i++) {
        const torc_params moved = c->params[i];
        uint32_t at = i;
        for (; at > 0 && price(c, &c->params[at - 1]) > price(c, &moved); at--) {
            c->params[at] = c->params[at - 1];
        }
        c->params[at] = moved;
    }
}

/* --- measuring --- */

static void add_row(calibration *c, const torc_params *params, uint32_t form, uint32_t cluster,
                    uint32_t batch, double seconds)
{
    if (seconds > 0 && c->schedule->row_count < TORC_GPU_ROWS_MAX) {
        c->schedule->rows[c->schedule->row_count++] =
            (torc_gpu_row){*params, form, cluster, batch, seconds};
    }
}

/* Once for each dimension; every shape needs one launch, for its exponents. */
static torc_status measure_keyswitches(torc_ctx *ctx, calibration *c, torc_probe *probe,
                                       const torc_params *params)
{
    bool is_known = false;
    double unused = 0;
    (void)torc_gpu_schedule_keyswitch(c->schedule, params, 1, &is_known);
    if (is_known) {
        return torc_probe_keyswitch(ctx, &unused, probe, probe->batch);
    }
    for (uint32_t i = 0; i < BATCH_COUNT && batches[i] <= probe->batch; i++) {
        double seconds = 0;
        TORC_TRY(torc_probe_keyswitch(ctx, &seconds, probe, batches[i]));
        add_row(c, params, TORC_GPU_KEYSWITCH, 0, batches[i], seconds);
    }
    return TORC_OK;
}

/* Whether the launches of a row are predicted to end in time; false where the form takes nothing.
 */
static bool fits(const calibration *c, double predicted, uint32_t way, uint32_t batch)
{
    return batch <= ways[way].most &&
           spent(c) + LAUNCHES * predicted * c->slowness <= c->options.seconds;
}

static torc_status measure_rotations(torc_ctx *ctx, calibration *c, torc_probe *probe,
                                     const torc_params *params)
{
    for (uint32_t way = 0; way < WAY_COUNT; way++) {
        for (uint32_t i = 0; i < BATCH_COUNT && batches[i] <= probe->batch; i++) {
            const double predicted = torc_gpu_schedule_rotation(
                &c->counted, params, ways[way].form, ways[way].cluster, batches[i], NULL);
            double seconds = 0;
            if (!fits(c, predicted, way, batches[i])) {
                break;
            }
            TORC_TRY(torc_probe_rotation(ctx, &seconds, probe, ways[way].form, ways[way].cluster,
                                         batches[i]));
            if (seconds <= 0) {
                break;
            }
            c->slowness = fmax(c->slowness, seconds / predicted);
            add_row(c, params, ways[way].form, ways[way].cluster, batches[i], seconds);
        }
    }
    return TORC_OK;
}

/* A shape that does not fit the device's memory stays predicted. */
static torc_status measure_shape(torc_ctx *ctx, calibration *c, const torc_params *params)
{
    torc_probe probe;
    torc_status status = torc_probe_open(ctx, &probe, params, c->options.batch);

    if (status == TORC_OK) {
        status = measure_keyswitches(ctx, c, &probe, params);
    }
    if (status == TORC_OK) {
        status = measure_rotations(ctx, c, &probe, params);
    }
    torc_probe_close(&probe);
    return status == TORC_E_MEMORY ? TORC_OK : status;
}

static torc_status measure_all(torc_ctx *ctx, calibration *c)
{
    for (uint32_t i = 0; i < c->shape_count && spent(c) < c->options.seconds; i++) {
        torc_progress(ctx, "measuring the GPU",
                      fmax(spent(c) / c->options.seconds, (double)i / c->shape_count));
        TORC_TRY(measure_shape(ctx, c, &c->params[i]));
    }
    return TORC_OK;
}

static void date_of_today(char out[16])
{
    const time_t seconds = time(NULL);
    struct tm parts;

    (void)strftime(out, 16, "%Y-%m-%d", gmtime_r(&seconds, &parts));
}

static torc_status prepare(torc_ctx *ctx, calibration *c)
{
    const torc_configurations *shapes = c->options.shapes;

    c->shape_count = shapes->count;
    TORC_TRY(TORC_ALLOC(ctx, c->params, c->shape_count));
    TORC_TRY(TORC_ALLOC(ctx, c->schedule->rows, (size_t)c->shape_count * ROWS_OF_SHAPE));
    for (uint32_t i = 0; i < c->shape_count; i++) {
        c->params[i] = params_of(&shapes->list[i], c->options.lwe_dim);
    }
    sort_by_price(c);
    date_of_today(c->schedule->date);
    return TORC_OK;
}

static torc_gpu_calibration with_defaults(const torc_gpu_calibration *options)
{
    torc_gpu_calibration o = options == NULL ? (torc_gpu_calibration){0} : *options;

    o.seconds = o.seconds > 0 ? o.seconds : DEFAULT_SECONDS;
    o.lwe_dim = o.lwe_dim > 0 ? o.lwe_dim : DEFAULT_LWE_DIM;
    o.batch = o.batch > 0 ? o.batch : DEFAULT_BATCH;
    o.shapes = o.shapes != NULL ? o.shapes : &torc_configurations_shipped;
    return o;
}

static torc_status use_device(torc_ctx *ctx, torc_gpu_identity *out, uint32_t device)
{
    torc_gpu_device found;
    TORC_TRY(torc_cuda_device_read(ctx, &found, device));
    const int error = torc_gpu_device_use((int)device);
    torc_cuda_identity(out, &found);
    return error == 0 ? TORC_OK : torc_probe_fail(ctx, error, "the device");
}

torc_status torc_gpus_calibrate(torc_ctx *ctx, torc_gpu_schedule *out, uint32_t device,
                                const torc_gpu_calibration *options)
{
    torc_gpu_identity identity;
    torc_gpu_schedule schedule;
    *out = (torc_gpu_schedule){0};
    TORC_TRY(use_device(ctx, &identity, device));
    torc_gpu_schedule_default(&schedule, &identity);
    calibration c = {.schedule = &schedule,
                     .counted = schedule,
                     .options = with_defaults(options),
                     .start = torc_seconds_now(),
                     .slowness = 1};
    torc_status status = prepare(ctx, &c);
    if (status == TORC_OK) {
        status = measure_all(ctx, &c);
    }
    free(c.params);
    if (status != TORC_OK) {
        torc_gpu_schedule_free(&schedule);
        return status;
    }
    *out = schedule;
    return TORC_OK;
}
