/* Prices of launches, corrected by what was measured, and the cheapest split of a batch. Must not
 * know: what a kernel counts (cost_gpu_launch.c), files (gpu_schedule_json.c). */
#include "runtime/gpu_schedule.h"

#include "kernels/kernels_cuda.h"
#include "runtime/configurations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void torc_gpu_schedule_default(torc_gpu_schedule *out, const torc_gpu_identity *device)
{
    *out = (torc_gpu_schedule){.device = *device};
}

void torc_gpu_schedule_free(torc_gpu_schedule *schedule)
{
    if (schedule != NULL) {
        free(schedule->rows);
        *schedule = (torc_gpu_schedule){0};
    }
}

/* --- prices --- */

/* One launch as the counts have it. */
static double counted_seconds(const torc_gpu_schedule *schedule, const torc_params *params,
                              uint32_t form, uint32_t cluster, uint32_t batch)
{
    torc_gpu_machine machine;

    torc_gpu_machine_of(&machine, &schedule->device);
    return form == TORC_GPU_KEYSWITCH
               ? torc_cost_gpu_keyswitch_batch(&machine, params, batch)
               : torc_cost_gpu_rotation(&machine, params, form, cluster, batch);
}

/* Shape, form and cluster; a keyswitch costs by its size alone, whatever is rotated behind it. */
static bool speaks_of(const torc_gpu_row *row, const torc_params *params, uint32_t form,
                      uint32_t cluster)
{
    const torc_configuration of_row = torc_configuration_of(&row->params);
    const torc_configuration wanted = torc_configuration_of(params);

    if (form == TORC_GPU_KEYSWITCH) {
        return row->form == form &&
               torc_params_big_dim(&row->params) == torc_params_big_dim(params);
    }
    return row->form == form && row->cluster == cluster &&
           memcmp(&of_row, &wanted, sizeof wanted) == 0;
}

static double ratio_of(const torc_gpu_schedule *schedule, const torc_gpu_row *row)
{
    return row->seconds /
           counted_seconds(schedule, &row->params, row->form, row->cluster, row->batch);
}

/* Measured over counted seconds at `batch`: those of the measured batches around it, in between by
 * the logarithm of the batch; 1 when nothing was measured. */
static double measured_ratio(bool *is_measured, const torc_gpu_schedule *schedule,
                             const torc_params *params, uint32_t form, uint32_t cluster,
                             uint32_t batch)
{
    const torc_gpu_row *below = NULL;
    const torc_gpu_row *above = NULL;

    for (uint32_t i = 0; i < schedule->row_count; i++) {
        const torc_gpu_row *row = &schedule->rows[i];
        if (!speaks_of(row, params, form, cluster)) {
            continue;
        }
        if (row->batch <= batch && (below == NULL || row->batch > below->batch)) {
            below = row;
        }
        if (row->batch >= batch && (above == NULL || row->batch < above->batch)) {
            above = row;
        }
    }
    *is_measured = below != NULL || above != NULL;
    if (below == NULL || above == NULL) {
        return *is_measured ? ratio_of(schedule, below != NULL ? below : above) : 1.0;
    }
    if (below->batch == above->batch) {
        return ratio_of(schedule, below);
    }
    const double share =
        log((double)batch / below->batch) / log((double)above->batch / below->batch);
    return (1.0 - share) * ratio_of(schedule, below) + share * ratio_of(schedule, above);
}

static double launch_seconds(const torc_gpu_schedule *schedule, const torc_params *params,
                             uint32_t form, uint32_t cluster, uint32_t batch, bool *is_measured)
{
    const double counted = counted_seconds(schedule, params, form, cluster, batch);
    bool measured = false;
    const double ratio = batch == 0 || counted == HUGE_VAL
                             ? 1.0
                             : measured_ratio(&measured, schedule, params, form, cluster, batch);

    if (is_measured != NULL) {
        *is_measured = measured;
    }
    return counted * ratio;
}

double torc_gpu_schedule_rotation(const torc_gpu_schedule *schedule, const torc_params *params,
                                  uint32_t form, uint32_t cluster, uint32_t batch,
                                  bool *is_measured)
{
    if (form == TORC_GPU_FORM_LATENCY && cluster == 0) {
        torc_gpu_machine machine;
        torc_gpu_machine_of(&machine, &schedule->device);
        cluster = torc_cost_gpu_cluster(&machine, params);
    }
    return launch_seconds(schedule, params, form, cluster, batch, is_measured);
}

double torc_gpu_schedule_keyswitch(const torc_gpu_schedule *schedule, const torc_params *params,
                                   uint32_t batch, bool *is_measured)
{
    return launch_seconds(schedule, params, TORC_GPU_KEYSWITCH, 0, batch, is_measured);
}

/* --- splits --- */

/* The whole of `count` in the fastest form; seconds is HUGE_VAL where none takes it. */
static torc_gpu_piece best_piece(const torc_gpu_schedule *schedule, const torc_params *params,
                                 uint32_t count)
{
    static const struct {
        uint32_t form, cluster;
    } ways[] = {{TORC_GPU_FORM_THROUGHPUT, 0},
                {TORC_GPU_FORM_LATENCY, 4},
                {TORC_GPU_FORM_LATENCY, 2},
                {TORC_GPU_FORM_LATENCY, 1},
                {TORC_GPU_FORM_GLOBAL, 0}};
    torc_gpu_piece best = {.count = count, .seconds = HUGE_VAL};

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const double seconds = torc_gpu_schedule_rotation(schedule, params, ways[i].form,
                                                          ways[i].cluster, count, NULL);
        if (seconds < best.seconds) {
            best.form = ways[i].form;
            best.cluster = ways[i].cluster;
            best.seconds = seconds;
        }
    }
    return best;
}

uint32_t torc_gpu_schedule_split(torc_gpu_piece out[TORC_GPU_MAX_PIECES],
                                 const torc_gpu_schedule *schedule, const torc_params *params,
                                 uint32_t batch)
{
    torc_gpu_machine machine;

    torc_gpu_machine_of(&machine, &schedule->device);
    const uint32_t wave = torc_cost_gpu_wave(&machine, params);
    if (batch == 0) {
        return 0;
    }
    const torc_gpu_piece whole = best_piece(schedule, params, batch);
    if (whole.seconds == HUGE_VAL) {
        return 0;
    }
    out[0] = whole;
    if (wave == 0 || batch < wave || batch % wave == 0) {
        return 1;
    }
    torc_gpu_piece waves = {.count = batch - batch % wave, .form = TORC_GPU_FORM_THROUGHPUT};
    waves.seconds = torc_gpu_schedule_rotation(schedule, params, waves.form, 0, waves.count, NULL);
    const torc_gpu_piece rest = best_piece(schedule, params, batch % wave);
    if (waves.seconds + rest.seconds >= whole.seconds) {
        return 1;
    }
    out[0] = waves;
    out[1] = rest;
    return 2;
}

double torc_gpu_schedule_lookups(const torc_gpu_schedule *schedule, const torc_params *params,
                                 uint32_t batch)
{
    torc_gpu_piece pieces[TORC_GPU_MAX_PIECES];
    const uint32_t count = torc_gpu_schedule_split(pieces, schedule, params, batch);
    double seconds = torc_gpu_schedule_keyswitch(schedule, params, batch, NULL);

    for (uint32_t i = 0; i < count; i++) {
        seconds += pieces[i].seconds;
    }
    return batch == 0 || count > 0 ? seconds : HUGE_VAL;
}
