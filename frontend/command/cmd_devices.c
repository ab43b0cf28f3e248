/* torc devices: what there is to run on. */
#include "frontend/command/command.h"
#include "frontend/command/output.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where --device auto goes: the first GPU that can be used, else the CPU. */
static uint32_t chosen(const torc_device_info *devices, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (devices[i].usable) {
            return i;
        }
    }
    return 0;
}

static cJSON *device_json(const torc_device_info *d, bool is_chosen)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", d->name);
    cJSON_AddBoolToObject(object, "usable", d->usable);
    cJSON_AddBoolToObject(object, "auto", is_chosen);
    if (!d->usable) {
        cJSON_AddStringToObject(object, "reason", d->reason);
    }
    if (d->cores != 0) {
        cJSON_AddStringToObject(object, "model", d->model);
        cJSON_AddNumberToObject(object, "cores", d->cores);
        cJSON_AddNumberToObject(object, "memory_bytes", (double)d->memory_bytes);
        cJSON_AddNumberToObject(object, "memory_free_bytes", (double)d->memory_free);
    }
    if (d->compute_capability != 0) {
        cJSON_AddNumberToObject(object, "compute_capability", d->compute_capability / 10.0);
        cJSON_AddNumberToObject(object, "clusters_of_4", d->clusters_of_4);
    }
    return object;
}

static void show_json(const torc_device_info *devices, uint32_t count)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(object, "devices");
    for (uint32_t i = 0; i < count; i++) {
        cJSON_AddItemToArray(list, device_json(&devices[i], i == chosen(devices, count)));
    }
    print_json(object);
}

static void show_clusters(const torc_device_info *d)
{
    if (d->compute_capability == 0) {
        return;
    }
    printf(", compute capability %u.%u", d->compute_capability / 10, d->compute_capability % 10);
    if (d->clusters_of_4 == 0) {
        printf(", no clusters of 4 blocks: other forms of the rotation are used");
    } else {
        printf(", %u clusters of 4 blocks at once", d->clusters_of_4);
    }
}

static void show_text(const torc_device_info *devices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const torc_device_info *d = &devices[i];
        char total[32];
        char left[32];
        printf("%-8s ", d->name);
        if (!d->usable) {
            printf("not usable: %s\n", d->reason);
            continue;
        }
        printf("%s, %" PRIu32 " %s, %s of %s free", d->model, d->cores,
               d->compute_capability == 0 ? "threads" : "multiprocessors",
               format_bytes(left, d->memory_free), format_bytes(total, d->memory_bytes));
        show_clusters(d);
        printf("%s\n", i == chosen(devices, count) ? " (auto)" : "");
    }
}

static torc_status run(torc_ctx *ctx, const options *o)
{
    torc_device_info *devices = NULL;
    uint32_t count = 0;
    TORC_TRY(torc_devices_list(ctx, &devices, &count));
    if (o->json) {
        show_json(devices, count);
    } else {
        show_text(devices, count);
    }
    free(devices);
    return TORC_OK;
}

static const struct argp_option rows[] = {OPTION_JSON, {0}};

const command command_devices = {
    .name = "devices",
    .summary = "list what circuits can run on",
    .doc = "Lists the devices of this machine: names for --device, memory, and for a GPU what "
           "decides which kernels are used. The one marked (auto) is what --device auto takes. A "
           "GPU that cannot be used is listed with the reason.",
    .example = "Example:\n  torc devices",
    .options = rows,
    .run = run,
};
