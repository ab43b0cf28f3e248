/* torc_bench predict: the goals of an H200 beside what counted resources predict, one JSON object a
 * line. Nothing runs. Of the sets of all shapes that the kernels have it takes the one that is
 * fastest at the batch in question. The clock is the one expected under FP64; at_full_clock is the
 * same at the highest. */
#include "bench/bench.h"
#include "frontend/optimize.h"
#include "kernels/kernels_cuda.h"
#include "runtime/gpu_schedule.h"
#include "runtime/params_json.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHARED_NORM_SQ = 25,
    NN20_LAYERS = 18,
    NN20_WIDTH = 92,
    NN20_PIXELS = 784,
    NN20_NORM_SQ = 36,
    NN20_BATCH = 64
};
#define NN20_LOOKUPS (NN20_PIXELS + NN20_LAYERS * NN20_WIDTH)

typedef struct predict {
    torc_gpu_schedule schedule, full_clock;
    torc_gpu_machine machine;
} predict;

/* --- parameters --- */

typedef struct demand {
    torc_noise_row row;
    double log2_p_circuit, log2_p_lookup;
} demand;

static demand lookups_of(uint32_t bits, double norm_sq, bool is_shared)
{
    return (demand){
        .row = {.kind = TORC_ROW_LOOKUP_EXACT, .bits = bits, .norm_sq_lookup = norm_sq, .count = 1},
        .log2_p_circuit = is_shared ? 0 : -40,
        .log2_p_lookup = is_shared ? -128 : 0};
}

static torc_status search(torc_ctx *ctx, torc_params *out, bool *found, const demand *d,
                          const torc_configurations *shapes)
{
    const torc_search how = {.rows = &d->row,
                             .row_count = 1,
                             .log2_p_circuit = d->log2_p_circuit,
                             .log2_p_lookup = d->log2_p_lookup,
                             .lookup_count = 1,
                             .target = TORC_SEARCH_GPU,
                             .price_launches = true,
                             .configurations = shapes};
    return torc_optimize_found(ctx, out, found, &how);
}

/* Of the sets of every shape with g key bits a step (0: any) the one whose `batch` lookups end
 * soonest. */
static torc_status fastest(torc_ctx *ctx, torc_params *out, const predict *p, const demand *d,
                           uint32_t batch, uint32_t grouping)
{
    double best = HUGE_VAL;
    for (uint32_t i = 0; i <= torc_configurations_shipped.count; i++) {
        const torc_configuration shape = i < torc_configurations_shipped.count
                                             ? torc_configurations_shipped.list[i]
                                             : (torc_configuration){1, 11, 1, 4, 0};
        const torc_configurations one = {&shape, 1};
        torc_params params;
        bool found = false;
        if (grouping != 0 && shape.grouping != grouping) {
            continue;
        }
        TORC_TRY(search(ctx, &params, &found, d, &one));
        const double seconds =
            found ? torc_gpu_schedule_lookups(&p->schedule, &params, batch) : HUGE_VAL;
        if (seconds < best) {
            best = seconds;
            *out = params;
        }
    }
    return best < HUGE_VAL
               ? TORC_OK
               : torc_fail(ctx, TORC_E_PARAMETERS, "predict: no shape holds %u bits", d->row.bits);
}

/* --- rows --- */

static cJSON *row_of(const char *figure, double value, double at_full_clock, const char *unit,
                     const char *goal, bool is_met)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "figure", figure);
    cJSON_AddNumberToObject(row, "predicted", value);
    cJSON_AddNumberToObject(row, "at_full_clock", at_full_clock);
    cJSON_AddStringToObject(row, "unit", unit);
    cJSON_AddStringToObject(row, "goal", goal);
    cJSON_AddBoolToObject(row, "met", is_met);
    cJSON_AddStringToObject(row, "device", torc_gpu_identity_h200.name);
    cJSON_AddBoolToObject(row, "measured", false);
    return row;
}

static void print_row(cJSON *row, const torc_params *params)
{
    char *text = NULL;
    if (torc_params_to_json(NULL, &text, params) == TORC_OK) {
        cJSON_AddItemToObject(row, "parameters", cJSON_Parse(text));
    }
    free(text);
    bench_print(row);
}

/* Seconds of the keyswitch and of the rotation's bound by phases: no waits, the same clock. */
static double keyswitch(const predict *p, const torc_params *params, uint32_t batch)
{
    return torc_gpu_schedule_keyswitch(&p->schedule, params, batch, NULL);
}

static double rotation_bound(const predict *p, const torc_params *params, uint32_t batch)
{
    torc_gpu_machine ideal = p->machine;
    ideal.rotation_share = 1;
    ideal.launch_seconds = 0;
    return torc_cost_gpu_rotation(&ideal, params, TORC_GPU_FORM_THROUGHPUT, 0, batch);
}

static const char *form_of(const predict *p, const torc_params *params, uint32_t batch)
{
    torc_gpu_piece pieces[TORC_GPU_MAX_PIECES];
    const uint32_t count = torc_gpu_schedule_split(pieces, &p->schedule, params, batch);
    return count > 0 ? torc_gpu_form_name(pieces[0].form) : "none";
}

/* The form of a batch, and the bound of its phases where it has one. */
static void add_bound(cJSON *row, const predict *p, const torc_params *params, uint32_t batch,
                      double bound)
{
    const char *form = form_of(p, params, batch);
    cJSON_AddStringToObject(row, "form", form);
    if (strcmp(form, "throughput") == 0) {
        cJSON_AddNumberToObject(row, "bound", bound);
    }
}

static torc_status print_rate(torc_ctx *ctx, const predict *p, const demand *d, const char *figure,
                              uint32_t batch, uint32_t grouping, double goal, const char *goal_text)
{
    torc_params params;
    TORC_TRY(fastest(ctx, &params, p, d, batch, grouping));
    const double rate = batch / torc_gpu_schedule_lookups(&p->schedule, &params, batch);
    const double full = batch / torc_gpu_schedule_lookups(&p->full_clock, &params, batch);
    cJSON *row = row_of(figure, rate, full, "lookups/s", goal_text, rate >= goal);
    cJSON_AddNumberToObject(row, "batch", batch);
    add_bound(row, p, &params, batch, batch / rotation_bound(p, &params, batch));
    cJSON_AddNumberToObject(row, "keyswitch_share", keyswitch(p, &params, batch) * rate / batch);
    print_row(row, &params);
    return TORC_OK;
}

static torc_status print_time(torc_ctx *ctx, const predict *p, const demand *d, const char *figure,
                              uint32_t batch, uint32_t grouping, double goal, const char *goal_text)
{
    torc_params params;
    TORC_TRY(fastest(ctx, &params, p, d, batch, grouping));
    const double seconds = torc_gpu_schedule_lookups(&p->schedule, &params, batch);
    const double full = torc_gpu_schedule_lookups(&p->full_clock, &params, batch);
    cJSON *row = row_of(figure, 1e3 * seconds, 1e3 * full, "ms", goal_text, seconds <= goal);
    cJSON_AddNumberToObject(row, "batch", batch);
    cJSON_AddNumberToObject(row, "keyswitch_share", keyswitch(p, &params, batch) / seconds);
    cJSON_AddStringToObject(row, "form", form_of(p, &params, batch));
    print_row(row, &params);
    return TORC_OK;
}

/* --- NN-20 --- */

/* Sizes alone: torc_predict_gpu looks at nothing else. */
static torc_instr linear_of(uint32_t groups, uint32_t outputs, uint32_t inputs)
{
    return (torc_instr){
        .kind = TORC_INSTR_LINEAR,
        .linear = {.group_count = groups, .out_count = outputs, .in_count = inputs}};
}

static torc_instr lookup_of(uint32_t count)
{
    return (torc_instr){.kind = TORC_INSTR_LOOKUP, .lookup = {.count = count}};
}

static torc_prediction nn20(const torc_gpu_schedule *schedule, const torc_params *params)
{
    torc_instr instrs[2 * (NN20_LAYERS + 1) + 1];
    uint32_t count = 0;
    instrs[count++] = linear_of(NN20_PIXELS, 1, 9);
    instrs[count++] = lookup_of(NN20_PIXELS);
    for (uint32_t i = 0; i < NN20_LAYERS; i++) {
        instrs[count++] = linear_of(1, NN20_WIDTH, i == 0 ? NN20_PIXELS : NN20_WIDTH);
        instrs[count++] = lookup_of(NN20_WIDTH);
    }
    instrs[count++] = linear_of(1, 10, NN20_WIDTH);
    const torc_program program = {.instr_count = count, .instrs = instrs};
    torc_prediction out;
    torc_predict_gpu(&out, schedule, &program, params, NN20_BATCH);
    return out;
}

/* Share of a batch's time in blind rotation. */
static double busy(const predict *p, const torc_params *params, double seconds)
{
    const uint32_t first = NN20_PIXELS * NN20_BATCH;
    const uint32_t layer = NN20_WIDTH * NN20_BATCH;
    const double rotations =
        torc_gpu_schedule_lookups(&p->schedule, params, first) - keyswitch(p, params, first) +
        NN20_LAYERS *
            (torc_gpu_schedule_lookups(&p->schedule, params, layer) - keyswitch(p, params, layer));
    return rotations / seconds;
}

static torc_status print_nn20(torc_ctx *ctx, const predict *p, uint32_t grouping)
{
    demand d = lookups_of(6, NN20_NORM_SQ, false);
    torc_params params;
    d.row.count = NN20_LOOKUPS;
    TORC_TRY(fastest(ctx, &params, p, &d, NN20_WIDTH * NN20_BATCH, grouping));
    const torc_prediction of = nn20(&p->schedule, &params);
    const torc_prediction full = nn20(&p->full_clock, &params);
    char figure[64];
    snprintf(figure, sizeof figure, "NN-20 ternary, exact, g = %u, one sample", grouping);
    print_row(
        row_of(figure, 1e3 * of.seconds, 1e3 * full.seconds, "ms", "<= 100 ms", of.seconds <= 0.1),
        &params);
    snprintf(figure, sizeof figure, "NN-20 ternary, exact, g = %u, of a batch of 64", grouping);
    cJSON *row = row_of(figure, 1e3 * of.seconds_batched, 1e3 * full.seconds_batched, "ms",
                        "<= 75 ms", of.seconds_batched <= 0.075);
    add_bound(row, p, &params, NN20_WIDTH * NN20_BATCH,
              1e3 * rotation_bound(p, &params, NN20_LOOKUPS * NN20_BATCH) / NN20_BATCH);
    cJSON_AddNumberToObject(row, "busy", busy(p, &params, of.seconds_batched * NN20_BATCH));
    print_row(row, &params);
    return TORC_OK;
}

static torc_status print_all(torc_ctx *ctx, const predict *p)
{
    const demand four = lookups_of(4, SHARED_NORM_SQ, true);
    const demand eight_private = lookups_of(8, 1, false);
    const demand eight_shared = lookups_of(8, SHARED_NORM_SQ, true);
    for (uint32_t g = 2; g <= 3; g++) {
        char figure[64];
        snprintf(figure, sizeof figure, "4 bits, 2^-128, norm 5, batch 1056, g = %u", g);
        TORC_TRY(print_rate(ctx, p, &four, figure, 1056, g, 1e5, ">= 100,000 /s"));
    }
    for (uint32_t g = 2; g <= 4; g++) {
        char figure[64];
        snprintf(figure, sizeof figure, "4 bits, 2^-128, norm 5, one, g = %u", g);
        TORC_TRY(print_time(ctx, p, &four, figure, 1, g, 0.45e-3, "<= 0.45 ms; 0.40"));
    }
    for (uint32_t g = 2; g <= 4; g++) {
        char figure[64];
        snprintf(figure, sizeof figure, "4 bits, 2^-128, norm 5, 132, g = %u", g);
        TORC_TRY(print_time(ctx, p, &four, figure, 132, g, 1.8e-3, "<= 1.8 ms; 1.4"));
    }
    TORC_TRY(print_rate(ctx, p, &eight_private, "8 bits, 2^-40, norm 1, batch 1056", 1056, 0, 5000,
                        ">= 5,000 /s"));
    TORC_TRY(print_rate(ctx, p, &eight_shared, "8 bits, 2^-128, norm 5, batch 1056", 1056, 0, 2500,
                        ">= 2,500 /s"));
    for (uint32_t g = 2; g <= 3; g++) {
        TORC_TRY(print_nn20(ctx, p, g));
    }
    return TORC_OK;
}

torc_status bench_predict(torc_ctx *ctx)
{
    predict p;
    torc_gpu_machine_of(&p.machine, &torc_gpu_identity_h200);
    torc_gpu_schedule_default(&p.schedule, &torc_gpu_identity_h200);
    p.full_clock = p.schedule;
    p.full_clock.device.clock_hz *= p.full_clock.device.clock_hz / p.machine.clock_hz;
    return print_all(ctx, &p);
}
