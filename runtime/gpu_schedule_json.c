/* The file of a schedule: one JSON object, a line a row, hostile until checked.
 *
 *   {"format":"torc-gpu-schedule/1","date":"2026-11-29",
 *    "device":{"name":..,"major":..,"minor":..,"multiprocessors":..,"clock_hz":..,"shared_bytes":..,
 *              "clusters_of_4":..},
 *    "rows":[{"form":"throughput","cluster":0,"batch":528,"seconds":..,"predicted_seconds":..,
 *             "params":{..}}, ..]}
 *
 * predicted_seconds is for readers: it is counted again on loading. */
#include "kernels/kernels_cuda.h"
#include "runtime/file.h"
#include "runtime/gpu_schedule.h"
#include "runtime/json.h"
#include "runtime/memstream.h"
#include "runtime/params_json.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEDULE_FORMAT "torc-gpu-schedule/1"
#define MAX_BYTES       ((size_t)4 << 20)
#define MAX_BATCH       (1 << 24)

static const struct {
    const char *name;
    uint32_t form;
} forms[] = {{"throughput", TORC_GPU_FORM_THROUGHPUT},
             {"latency", TORC_GPU_FORM_LATENCY},
             {"global", TORC_GPU_FORM_GLOBAL},
             {"keyswitch", TORC_GPU_KEYSWITCH}};
enum { FORM_COUNT = sizeof forms / sizeof *forms };

const char *torc_gpu_form_name(uint32_t form)
{
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (forms[i].form == form) {
            return forms[i].name;
        }
    }
    return "any";
}

/* --- where --- */

/* Letters and digits stay, runs of others become one '-'. */
static void file_name(char *out, const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    while (*name != '\0') {
        const size_t kept = strspn(name, plain);
        memcpy(out, name, kept);
        out += kept;
        name += kept;
        if (*name != '\0') {
            *out++ = '-';
            name += strcspn(name, plain);
        }
    }
    *out = '\0';
}

static const char *variable(const char *name)
{
    const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe) */

    return value != NULL && value[0] != '\0' ? value : NULL;
}

torc_status torc_gpu_schedule_path(torc_ctx *ctx, char **out, const torc_gpu_identity *device)
{
    const char *own = variable("TORC_CONFIG_DIR");
    const char *config = variable("XDG_CONFIG_HOME");
    const char *home = variable("HOME");
    const char *folder = own != NULL ? own : config != NULL ? config : home;
    const char *below = own != NULL ? "" : config != NULL ? "/torc" : "/.config/torc";
    char name[2 * sizeof device->name];

    *out = NULL;
    if (folder == NULL) {
        return torc_fail(
            ctx, TORC_E_IO,
            "schedule: no folder for it; set TORC_CONFIG_DIR, XDG_CONFIG_HOME or HOME");
    }
    file_name(name, device->name);
    if (asprintf(out, "%s%s/gpu-%s.json", folder, below, name) < 0) {
        *out = NULL;
        return torc_fail(ctx, TORC_E_MEMORY, "schedule: out of memory");
    }
    return TORC_OK;
}

/* --- writing --- */

static torc_status make_folders(torc_ctx *ctx, const char *path)
{
    char *folder = strdup(path);
    torc_status status = TORC_OK;

    if (folder == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "schedule: out of memory");
    }
    for (char *slash = strchr(folder + 1, '/'); slash != NULL && status == TORC_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
            status = torc_fail(ctx, TORC_E_IO, "schedule: folder '%s' cannot be made: %s",
                               TORC_PRINTABLE(folder), strerror(errno)); /* NOLINT(concurrency-*) */
        }
        *slash = '/';
    }
    free(folder);
    return status;
}

static void print_string(FILE *file, const char *text)
{
    cJSON *string = cJSON_CreateString(text);
    char *quoted = string == NULL ? NULL : cJSON_PrintUnformatted(string);

    torc_print(file, "%s", quoted == NULL ? "\"\"" : quoted);
    free(quoted);
    cJSON_Delete(string);
}

static void print_row(FILE *file, const torc_gpu_schedule *schedule, const torc_gpu_row *row)
{
    const torc_gpu_schedule counted = {.device = schedule->device};
    const double predicted =
        row->form == TORC_GPU_KEYSWITCH
            ? torc_gpu_schedule_keyswitch(&counted, &row->params, row->batch, NULL)
            : torc_gpu_schedule_rotation(&counted, &row->params, row->form, row->cluster,
                                         row->batch, NULL);

    torc_print(file, "{\"form\":\"%s\",\"cluster\":%u,\"batch\":%u,\"seconds\":%.9g,",
               torc_gpu_form_name(row->form), row->cluster, row->batch, row->seconds);
    if (isfinite(predicted)) {
        torc_print(file, "\"predicted_seconds\":%.9g,", predicted);
    }
    torc_print(file, "\"params\":");
    torc_params_print_json(file, &row->params);
    torc_print(file, "}");
}

static void print_schedule(FILE *file, const torc_gpu_schedule *schedule)
{
    const torc_gpu_identity *device = &schedule->device;

    torc_print(file, "{\"format\":\"%s\",\"date\":", SCHEDULE_FORMAT);
    print_string(file, schedule->date);
    torc_print(file, ",\n\"device\":{\"name\":");
    print_string(file, device->name);
    torc_print(file,
               ",\"major\":%u,\"minor\":%u,\"multiprocessors\":%u,\"clock_hz\":%.10g,"
               "\"shared_bytes\":%u,\"clusters_of_4\":%u},\n\"rows\":[",
               device->major, device->minor, device->multiprocessors, device->clock_hz,
               device->shared_bytes, device->clusters_of_4);
    for (uint32_t i = 0; i < schedule->row_count; i++) {
        torc_print(file, i == 0 ? "\n" : ",\n");
        print_row(file, schedule, &schedule->rows[i]);
    }
    torc_print(file, "]}\n");
}

torc_status torc_gpu_schedule_save(torc_ctx *ctx, const torc_gpu_schedule *schedule,
                                   const char *path)
{
    torc_memstream stream;

    TORC_TRY(make_folders(ctx, path));
    TORC_TRY(torc_memstream_open(ctx, &stream));
    print_schedule(stream.file, schedule);
    return torc_memstream_save(ctx, &stream, path, 0666);
}

/* --- reading --- */

static torc_status read_u32(torc_ctx *ctx, uint32_t *out, const cJSON *object, const char *name,
                            int64_t max)
{
    int64_t value = 0;

    TORC_TRY(torc_json_int(ctx, &value, object, name, 0, max));
    *out = (uint32_t)value;
    return TORC_OK;
}

static torc_status read_positive(torc_ctx *ctx, double *out, const cJSON *object, const char *name)
{
    TORC_TRY(torc_json_double(ctx, out, object, name));
    return *out > 0 ? TORC_OK
                    : torc_fail(ctx, TORC_E_FORMAT, "'%s' is %g, expected more than 0", name, *out);
}

static torc_status read_text(torc_ctx *ctx, char *out, size_t size, const cJSON *object,
                             const char *name)
{
    const char *text = NULL;

    TORC_TRY(torc_json_string(ctx, &text, object, name));
    if (strlen(text) >= size) {
        return torc_fail(ctx, TORC_E_FORMAT, "'%s' has %zu bytes, at most %zu fit", name,
                         strlen(text), size - 1);
    }
    memcpy(out, text, strlen(text) + 1);
    return TORC_OK;
}

static torc_status read_device(torc_ctx *ctx, torc_gpu_identity *out, const cJSON *root)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(root, "device");

    TORC_TRY(read_text(ctx, out->name, sizeof out->name, object, "name"));
    TORC_TRY(read_u32(ctx, &out->major, object, "major", 1000));
    TORC_TRY(read_u32(ctx, &out->minor, object, "minor", 1000));
    TORC_TRY(read_u32(ctx, &out->multiprocessors, object, "multiprocessors", 100000));
    TORC_TRY(read_positive(ctx, &out->clock_hz, object, "clock_hz"));
    TORC_TRY(read_u32(ctx, &out->shared_bytes, object, "shared_bytes", UINT32_MAX));
    return read_u32(ctx, &out->clusters_of_4, object, "clusters_of_4", 100000);
}

static torc_status read_form(torc_ctx *ctx, uint32_t *out, const cJSON *object)
{
    const char *name = NULL;

    TORC_TRY(torc_json_string(ctx, &name, object, "form"));
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (strcmp(forms[i].name, name) == 0) {
            *out = forms[i].form;
            return TORC_OK;
        }
    }
    return torc_fail(ctx, TORC_E_FORMAT, "form '%s' is unknown", TORC_PRINTABLE(name));
}

static torc_status read_row(torc_ctx *ctx, torc_gpu_row *out, const cJSON *object)
{
    TORC_TRY(read_form(ctx, &out->form, object));
    TORC_TRY(read_u32(ctx, &out->cluster, object, "cluster", 16));
    TORC_TRY(read_u32(ctx, &out->batch, object, "batch", MAX_BATCH));
    TORC_TRY(read_positive(ctx, &out->seconds, object, "seconds"));
    TORC_TRY(torc_params_parse_json(ctx, &out->params,
                                    cJSON_GetObjectItemCaseSensitive(object, "params")));
    return out->batch > 0 && torc_params_has_lookup(&out->params)
               ? TORC_OK
               : torc_fail(ctx, TORC_E_FORMAT, "a row without a batch or without lookups");
}

static torc_status read_rows(torc_ctx *ctx, torc_gpu_schedule *out, const cJSON *root)
{
    const cJSON *array = NULL;
    const cJSON *item = NULL;
    size_t count = 0;

    TORC_TRY(torc_json_array(ctx, &array, &count, root, "rows", TORC_GPU_ROWS_MAX));
    TORC_TRY(TORC_ALLOC(ctx, out->rows, count));
    cJSON_ArrayForEach(item, array)
    {
        TORC_TRY(read_row(ctx, &out->rows[out->row_count], item));
        out->row_count++;
    }
    return TORC_OK;
}

static torc_status read_schedule(torc_ctx *ctx, torc_gpu_schedule *out, const cJSON *root)
{
    const char *format = NULL;

    TORC_TRY(torc_json_string(ctx, &format, root, "format"));
    if (strcmp(format, SCHEDULE_FORMAT) != 0) {
        return torc_fail(ctx, TORC_E_FORMAT, "format '%s', expected '%s'", TORC_PRINTABLE(format),
                         SCHEDULE_FORMAT);
    }
    TORC_TRY(read_text(ctx, out->date, sizeof out->date, root, "date"));
    TORC_TRY(read_device(ctx, &out->device, root));
    return read_rows(ctx, out, root);
}

/* The name and what changes seconds without it: a part of a device is another device. */
static torc_status check_device(torc_ctx *ctx, const torc_gpu_identity *found,
                                const torc_gpu_identity *wanted)
{
    if (strcmp(found->name, wanted->name) == 0 && found->major == wanted->major &&
        found->minor == wanted->minor && found->multiprocessors == wanted->multiprocessors) {
        return TORC_OK;
    }
    return torc_fail(ctx, TORC_E_MISMATCH,
                     "measured on '%s' (%u multiprocessors), the device here is '%s' (%u); run "
                     "torc calibrate",
                     TORC_PRINTABLE(found->name), found->multiprocessors,
                     TORC_PRINTABLE(wanted->name), wanted->multiprocessors);
}

torc_status torc_gpu_schedule_load(torc_ctx *ctx, torc_gpu_schedule *out,
                                   const torc_gpu_identity *device, const char *path)
{
    torc_gpu_schedule schedule = {0};
    cJSON *root = NULL;
    char *text = NULL;
    size_t size = 0;

    *out = (torc_gpu_schedule){0};
    TORC_TRY(torc_file_read(ctx, &text, &size, path, MAX_BYTES));
    torc_status status = torc_json_parse(ctx, &root, text, size);
    if (status == TORC_OK) {
        status = read_schedule(ctx, &schedule, root);
    }
    if (status == TORC_OK) {
        status = device == NULL ? TORC_OK : check_device(ctx, &schedule.device, device);
    }
    cJSON_Delete(root);
    free(text);
    if (status != TORC_OK) {
        torc_gpu_schedule_free(&schedule);
        return torc_fail_prefix(ctx, status, "schedule '%s'", TORC_PRINTABLE(path));
    }
    *out = schedule;
    return TORC_OK;
}

torc_status torc_gpu_schedule_find(torc_ctx *ctx, torc_gpu_schedule *out,
                                   const torc_gpu_identity *device)
{
    char *path = NULL;
    struct stat unused;

    torc_gpu_schedule_default(out, device);
    if (torc_gpu_schedule_path(NULL, &path, device) != TORC_OK) {
        return TORC_OK; /* no folder, so no file */
    }
    const bool is_there = stat(path, &unused) == 0;
    const torc_status status = is_there ? torc_gpu_schedule_load(ctx, out, device, path) : TORC_OK;
    free(path);
    return status;
}
