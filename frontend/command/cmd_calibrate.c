/* torc calibrate: measures what predictions and schedules are made of. */
#include "frontend/command/command.h"
#include "frontend/command/output.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct result {
    torc_machine cpu;
    bool has_gpu;
    torc_gpu_schedule gpu;
    char *path; /* of the schedule's file */
} result;

static const struct {
    const char *name, *unit;
    size_t at;
} constants[] = {
    {"fft_ns_per_butterfly", "butterfly of a transform",
     offsetof(torc_machine, fft_ns_per_butterfly)},
    {"mul_ns_per_point", "multiply-add of an external product",
     offsetof(torc_machine, mul_ns_per_point)},
    {"point_ns", "coefficient rotated and cut to digits", offsetof(torc_machine, point_ns)},
    {"key_ns_per_byte", "byte of key read", offsetof(torc_machine, key_ns_per_byte)},
    {"keyswitch_ns_per_mac", "multiply-add of a keyswitch",
     offsetof(torc_machine, keyswitch_ns_per_mac)},
    {"linear_ns_per_mac", "multiply-add of a linear layer, a word",
     offsetof(torc_machine, linear_ns_per_mac)},
};
enum { CONSTANT_COUNT = sizeof constants / sizeof *constants };

static double constant(const torc_machine *machine, size_t i)
{
    double value = 0;
    memcpy(&value, (const char *)machine + constants[i].at, sizeof value);
    return value;
}

/* --- measuring --- */

/* Whether there is a GPU for `auto`: the device that runs would take. */
static torc_status wants_gpu(torc_ctx *ctx, bool *out, const char *device)
{
    torc_device_info *devices = NULL;
    uint32_t count = 0;
    *out = strcmp(device, "cpu") != 0;
    if (strcmp(device, "auto") != 0) {
        return TORC_OK;
    }
    TORC_TRY(torc_devices_list(ctx, &devices, &count));
    *out = false;
    for (uint32_t i = 1; i < count; i++) {
        *out = *out || devices[i].usable;
    }
    free(devices);
    return TORC_OK;
}

static torc_status measure_gpu(torc_ctx *ctx, result *r, const options *o)
{
    const torc_gpu_calibration how = {.seconds = o->seconds};
    TORC_TRY(torc_gpu_calibrate(ctx, &r->gpu, o->device, &how));
    if (o->outputs.count == 0) {
        TORC_TRY(torc_gpu_schedule_path(ctx, &r->path, &r->gpu.device));
    } else {
        const char *path = NULL;
        TORC_TRY(option_file(ctx, &path, &o->outputs, "output"));
        r->path = strdup(path);
        if (r->path == NULL) {
            return torc_fail(ctx, TORC_E_MEMORY, "out of memory");
        }
    }
    return torc_gpu_schedule_save(ctx, &r->gpu, r->path);
}

static torc_status measure(torc_ctx *ctx, result *r, const options *o)
{
    TORC_TRY(wants_gpu(ctx, &r->has_gpu, o->device));
    if (r->has_gpu) {
        TORC_TRY(measure_gpu(ctx, r, o));
    }
    return torc_machine_calibrate(ctx, &r->cpu, o->threads);
}

/* --- what is shown --- */

static double predicted(const torc_gpu_schedule *schedule, const torc_gpu_row *row)
{
    const torc_gpu_schedule counted = {.device = schedule->device};
    return row->form == TORC_GPU_KEYSWITCH
               ? torc_gpu_schedule_keyswitch(&counted, &row->params, row->batch, NULL)
               : torc_gpu_schedule_rotation(&counted, &row->params, row->form, row->cluster,
                                            row->batch, NULL);
}

/* Seconds of a step; of a whole keyswitch. */
static double of_step(const torc_gpu_row *row, double seconds)
{
    return row->form == TORC_GPU_KEYSWITCH ? seconds
                                           : seconds / torc_params_step_count(&row->params);
}

static cJSON *row_json(const torc_gpu_schedule *schedule, const torc_gpu_row *row)
{
    const torc_params *p = &row->params;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "glwe_dim", p->glwe_dim);
    cJSON_AddNumberToObject(object, "poly_size", p->poly_size);
    cJSON_AddNumberToObject(object, "level_count", p->bootstrap.level_count);
    cJSON_AddNumberToObject(object, "grouping", p->grouping);
    cJSON_AddNumberToObject(object, "extended_log2", p->extended_log2);
    cJSON_AddNumberToObject(object, "lwe_dim", p->lwe_dim);
    cJSON_AddStringToObject(object, "form", torc_gpu_form_name(row->form));
    cJSON_AddNumberToObject(object, "cluster", row->cluster);
    cJSON_AddNumberToObject(object, "batch", row->batch);
    cJSON_AddNumberToObject(object, "seconds", row->seconds);
    cJSON_AddNumberToObject(object, "step_seconds", of_step(row, row->seconds));
    cJSON_AddNumberToObject(object, "predicted_seconds", predicted(schedule, row));
    return object;
}

static void show_json(const result *r)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *cpu = cJSON_AddObjectToObject(object, "cpu");
    cJSON_AddNumberToObject(cpu, "threads", r->cpu.threads);
    for (size_t i = 0; i < CONSTANT_COUNT; i++) {
        cJSON_AddNumberToObject(cpu, constants[i].name, constant(&r->cpu, i));
    }
    if (r->has_gpu) {
        cJSON *gpu = cJSON_AddObjectToObject(object, "gpu");
        cJSON_AddStringToObject(gpu, "device", r->gpu.device.name);
        cJSON_AddStringToObject(gpu, "date", r->gpu.date);
        cJSON_AddStringToObject(gpu, "file", r->path);
        cJSON *rows = cJSON_AddArrayToObject(gpu, "rows");
        for (uint32_t i = 0; i < r->gpu.row_count; i++) {
            cJSON_AddItemToArray(rows, row_json(&r->gpu, &r->gpu.rows[i]));
        }
    }
    print_json(object);
}

static void show_cpu(const torc_machine *machine)
{
    printf("CPU, %u threads, a thread\n", machine->threads);
    for (size_t i = 0; i < CONSTANT_COUNT; i++) {
        printf("  %7.4f ns a %s\n", constant(machine, i), constants[i].unit);
    }
}

static void show_row(const torc_gpu_schedule *schedule, const torc_gpu_row *row)
{
    const torc_params *p = &row->params;
    const double counted = predicted(schedule, row);
    printf("%2u %5u %2u %2u %2u  %-10s ", p->glwe_dim, p->poly_size, p->bootstrap.level_count,
           p->grouping, p->extended_log2, torc_gpu_form_name(row->form));
    printf(row->cluster == 0 ? "  " : "%-2u", row->cluster);
    printf(" %6u %11.3f %11.3f %8.2f\n", row->batch, 1e6 * of_step(row, row->seconds),
           1e6 * of_step(row, counted), row->seconds / counted);
}

static void show_gpu(const result *r)
{
    printf("\n");
    print_untrusted(r->gpu.device.name);
    printf(", %u multiprocessors, %.0f MHz at most; us of a step of the rotation, of a whole "
           "keyswitch\n",
           r->gpu.device.multiprocessors, 1e-6 * r->gpu.device.clock_hz);
    printf(" k     N  l  g  v  form        cluster batch    measured   predicted    ratio\n");
    for (uint32_t i = 0; i < r->gpu.row_count; i++) {
        show_row(&r->gpu, &r->gpu.rows[i]);
    }
    say("wrote %s", r->path);
}

static torc_status run(torc_ctx *ctx, const options *o)
{
    result r = {0};
    const torc_status s = measure(ctx, &r, o);
    progress_clear();
    if (s == TORC_OK && o->json) {
        show_json(&r);
    } else if (s == TORC_OK) {
        show_cpu(&r.cpu);
        if (r.has_gpu) {
            show_gpu(&r);
        }
    }
    torc_gpu_schedule_free(&r.gpu);
    free(r.path);
    return s;
}

static const struct argp_option rows[] = {
    {"output", KEY_OUTPUT, "FILE", 0,
     "Where the GPU's schedule goes (default: gpu-NAME.json in TORC_CONFIG_DIR, else in torc/ of "
     "XDG_CONFIG_HOME, else in ~/.config/torc: where runs look for it)",
     1},
    {"seconds", KEY_SECONDS, "S", 0, "Seconds that the GPU may be measured (default: 60)", 2},
    OPTION_DEVICE,
    OPTION_THREADS,
    OPTION_JSON,
    {0},
};

const command command_calibrate = {
    .name = "calibrate",
    .summary = "measure this machine: what predictions and schedules are made of",
    .doc =
        "Measures the constants of the CPU, and with a GPU the seconds of every form of its "
        "kernels at several batch sizes, beside what was predicted. Runs on this GPU then choose "
        "forms and predict times from the file that is written. Keys are random words; no secret "
        "is needed.",
    .example = "Example:\n  torc calibrate --device cuda:0 --seconds 120",
    .options = rows,
    .run = run,
};
