/* What there is to run on, and how much of it a batch may take. */
#include "runtime/server/devices.h"

#include "kernels/kernels.h"
#include "runtime/executor.h"
#include "runtime/server/gpus.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- names ---------------------------------------------------------------------------------------
 */

/* "" or ":N,M,..": the numbers behind a device's name. False when it is neither. */
static bool parse_numbers(torc_device_choice *out, const char *text)
{
    out->count = 0;
    if (*text == '\0') {
        out->number[out->count++] = 0;
        return true;
    }
    do {
        char *end = NULL;
        const char *digits = text + 1;
        const unsigned long number = strtoul(digits, &end, 10);
        if (end == digits || *digits < '0' || *digits > '9' || number > 1023 ||
            (*end != ',' && *end != '\0') || out->count == TORC_DEVICES_AT_ONCE) {
            return false;
        }
        for (uint32_t i = 0; i < out->count; i++) {
            if (out->number[i] == number) {
                return false;
            }
        }
        out->number[out->count++] = (uint32_t)number;
        text = end;
    } while (*text == ',');
    return true;
}

static void choose_cpu(torc_device_choice *out)
{
    *out = (torc_device_choice){.backend = torc_backend_cpu(), .count = 1};
}

static torc_status choose_gpus(torc_ctx *ctx, torc_device_choice *out)
{
    out->backend = torc_gpus_backend();
    out->is_gpu = true;
    for (uint32_t i = 0; i < out->count; i++) {
        TORC_TRY(torc_gpus_check(ctx, out->number[i]));
    }
    return TORC_OK;
}

static torc_status check_claim(torc_ctx *ctx, const torc_device_choice *choice,
                               const torc_circuit *circuit)
{
    return circuit == NULL
               ? TORC_OK
               : torc_circuit_check_engine(ctx, circuit, torc_backend_engine(choice->backend));
}

static void choose_auto(torc_device_choice *out, const torc_circuit *circuit)
{
    out->count = 1;
    if (choose_gpus(NULL, out) != TORC_OK || check_claim(NULL, out, circuit) != TORC_OK) {
        choose_cpu(out);
    }
}

/* "cuda" and what follows it; false when the name is another one. */
static bool names_gpus(torc_device_choice *out, const char *device)
{
    const size_t length = strlen(torc_gpus_name());
    return strncmp(device, torc_gpus_name(), length) == 0 &&
           (device[length] == '\0' || device[length] == ':') && parse_numbers(out, device + length);
}

torc_status torc_device_choose(torc_ctx *ctx, torc_device_choice *out, const char *device,
                               const torc_circuit *circuit)
{
    const char *gpu = torc_gpus_name();
    *out = (torc_device_choice){0};
    if (strcmp(device, "cpu") == 0) {
        choose_cpu(out);
    } else if (strcmp(device, "auto") == 0) {
        choose_auto(out, circuit);
    } else if (names_gpus(out, device)) {
        TORC_TRY(choose_gpus(ctx, out));
    } else {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "device '%s' is unknown; use cpu, auto, %s, %s:N or %s:N,M",
                         TORC_PRINTABLE(device), gpu, gpu, gpu);
    }
    return check_claim(ctx, out, circuit);
}

/* --- memory --------------------------------------------------------------------------------------
 */

/* Half of the memory that is free now; 1 GiB when the system does not say. */
static uint64_t host_room(void)
{
    const long pages = sysconf(_SC_AVPHYS_PAGES);
    const long page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 2
                                       : (uint64_t)1 << 30;
}

torc_status torc_device_capacity(torc_ctx *ctx, size_t *out, const torc_device_choice *choice,
                                 const torc_program *program, const torc_params *params,
                                 size_t wanted)
{
    if (choice->is_gpu) {
        /* Devices share the batch. */
        const size_t each = (wanted + choice->count - 1) / choice->count;
        *out = SIZE_MAX;
        for (uint32_t i = 0; i < choice->count; i++) {
            size_t one = 0;
            TORC_TRY(torc_gpus_capacity(ctx, &one, program, params, choice->number[i], each));
            *out = one < *out ? one : *out;
        }
        return TORC_OK;
    }
    *out = torc_execute_capacity(program, torc_params_big_words(params), wanted, host_room());
    return TORC_OK;
}

/* --- list ----------------------------------------------------------------------------------------
 */

static void describe_cpu(torc_device_info *out)
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page_bytes = sysconf(_SC_PAGESIZE);
    *out = (torc_device_info){.usable = true, .cores = (uint32_t)omp_get_max_threads()};
    (void)snprintf(out->name, sizeof out->name, "cpu");
    (void)snprintf(out->model, sizeof out->model, "%s kernels", torc_cpu_kernels_get()->name);
    out->memory_bytes = pages > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
    out->memory_free = 2 * host_room();
}

void torc_device_describe(char *out, size_t room, const torc_device_choice *choice,
                          const torc_target *target, const char *name, uint32_t threads)
{
    if (choice->is_gpu) {
        (void)snprintf(out, room, "%s (%s)", name, torc_gpus_model(target));
        return;
    }
    const uint32_t count = threads != 0 ? threads : (uint32_t)omp_get_max_threads();
    (void)snprintf(out, room, "%s, %u thread%s", name, count, count == 1 ? "" : "s");
}

/* A row that says why there is no GPU. */
static void describe_none(torc_device_info *out, const torc_ctx *why)
{
    *out = (torc_device_info){0};
    (void)snprintf(out->name, sizeof out->name, "%s", torc_gpus_name());
    (void)snprintf(out->reason, sizeof out->reason, "%s", torc_ctx_message(why));
}

torc_status torc_devices_list(torc_ctx *ctx, torc_device_info **out, uint32_t *count)
{
    torc_ctx *why = torc_ctx_create();
    uint32_t gpus = 0;
    const bool found = torc_gpus_count(why, &gpus) == TORC_OK;
    const torc_status s = torc_alloc(ctx, (void **)out, (size_t)gpus + 2, sizeof **out);
    if (s == TORC_OK) {
        describe_cpu(&(*out)[0]);
        for (uint32_t i = 0; i < gpus; i++) {
            torc_gpus_describe(&(*out)[1 + i], i);
        }
        if (!found) {
            describe_none(&(*out)[1], why);
        }
        *count = 1 + (found ? gpus : 1);
    }
    torc_ctx_free(why);
    return s;
}
