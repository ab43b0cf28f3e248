/* A GPU: its schedule and clock, and the phases of lookups between events of its stream. The last
 * part is for builds without the backend. */
#include "bench/device_gpu.h"

#include "runtime/status.h"

#ifdef TORC_GPU_BACKEND

#include "runtime/cuda/devices.h"
#include "runtime/cuda/engine.h"
#include "runtime/server/gpus.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define EMULATOR_SLOWNESS 8000 /* of a lookup of 4 bits, on one core */

static bool is_emulated(void)
{
    return strcmp(TORC_GPU_BACKEND, "cuda") != 0;
}

torc_status bench_gpu_find(torc_ctx *ctx, bench_device *out)
{
    torc_device_info info;
    out->slowness = is_emulated() ? EMULATOR_SLOWNESS : 1;
    torc_gpus_describe(&info, out->choice.number[0]);
    snprintf(out->model, sizeof out->model, "%s", info.model);
    return torc_cuda_device_open(ctx, out->choice.number[0], &out->schedule);
}

/* --- clock, by NVML: read, never set --- */

typedef int nvml_init_fn(void);
typedef int nvml_handle_fn(unsigned int index, void **out);
typedef int nvml_clock_fn(void *device, unsigned int kind, unsigned int *mhz);
enum { NVML_CLOCK_SM = 1 };

static void find_function(void *out, void *library, const char *name)
{
    void *found = dlsym(library, name);
    memcpy(out, &found, sizeof found); /* ISO C knows no cast from data to functions */
}

double bench_gpu_clock_hz(const bench_device *device)
{
    static void *library;
    static void *handle;
    nvml_clock_fn *clock = NULL;
    unsigned int mhz = 0;
    if (library == NULL && !is_emulated()) {
        nvml_init_fn *init = NULL;
        nvml_handle_fn *by_index = NULL;
        library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
        if (library == NULL) {
            return 0;
        }
        find_function(&init, library, "nvmlInit_v2");
        find_function(&by_index, library, "nvmlDeviceGetHandleByIndex_v2");
        if (init == NULL || by_index == NULL || init() != 0 ||
            by_index(device->choice.number[0], &handle) != 0) {
            handle = NULL;
        }
    }
    if (handle != NULL) {
        find_function(&clock, library, "nvmlDeviceGetClockInfo");
    }
    return clock != NULL && clock(handle, NVML_CLOCK_SM, &mhz) == 0 ? 1e6 * mhz : 0;
}

/* --- phases --- */

enum { EVENTS = 3 };

/* Keyswitch and rotations of one tile between three events; the clock is read while they run. */
static int run_tile(bench_phases *out, bench_device *device, cuda_target *t,
                    const torc_gpu_event *event, uint64_t *results, size_t row, uint32_t count)
{
    double keyswitch = 0;
    double bootstrap = 0;
    int error = torc_gpu_event_record(event[0], t->stream);
    error = error != 0 ? error : torc_cuda_queue_keyswitch(t, row, count);
    error = error != 0 ? error : torc_gpu_event_record(event[1], t->stream);
    error = error != 0 ? error : torc_cuda_queue_rotations(t, results, row, count);
    error = error != 0 ? error : torc_gpu_event_record(event[2], t->stream);
    bench_device_read_clock(device);
    error = error != 0 ? error : torc_gpu_event_wait(event[2]);
    error = error != 0 ? error : torc_gpu_event_seconds(&keyswitch, event[0], event[1]);
    error = error != 0 ? error : torc_gpu_event_seconds(&bootstrap, event[1], event[2]);
    out->keyswitch += keyswitch;
    out->bootstrap += bootstrap;
    return error;
}

static int make_events(torc_gpu_event event[EVENTS])
{
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < EVENTS; i++) {
        error = torc_gpu_event_create(&event[i]);
    }
    return error;
}

torc_status bench_gpu_lookup(torc_ctx *ctx, bench_phases *out, bench_device *device,
                             torc_target *target, const torc_lookup *lookup, uint32_t count)
{
    cuda_target *t = (cuda_target *)target;
    torc_gpu_event event[EVENTS] = {NULL};
    *out = (bench_phases){0};
    TORC_TRY(torc_cuda_lay_out(ctx, t, 1));
    int error = make_events(event);
    for (uint32_t first = 0; error == 0 && first < count; first += t->plan.lookups_at_once) {
        const uint32_t left = count - first;
        const uint32_t tile = left < t->plan.lookups_at_once ? left : t->plan.lookups_at_once;
        error = run_tile(out, device, t, event, cuda_element(t, lookup->out + first), first, tile);
    }
    for (uint32_t i = 0; i < EVENTS; i++) {
        torc_gpu_event_destroy(event[i]);
    }
    return torc_cuda_check(ctx, t, error, "timing lookups");
}

static int run_transform(double *seconds, cuda_target *t, const torc_gpu_event *event,
                         const uint64_t *rows_on_device, size_t rows)
{
    int error = torc_gpu_event_record(event[0], t->stream);
    error = error != 0 ? error
                       : torc_gpu_bootstrap_key_rows(t->bootstrap_key, 0, (uint32_t)rows,
                                                     rows_on_device, &t->shape, t->stream);
    error = error != 0 ? error : torc_gpu_event_record(event[1], t->stream);
    error = error != 0 ? error : torc_gpu_event_wait(event[1]);
    return error != 0 ? error : torc_gpu_event_seconds(seconds, event[0], event[1]);
}

torc_status bench_gpu_transform(torc_ctx *ctx, double *seconds, torc_target *target,
                                const uint64_t *glwe, size_t rows)
{
    cuda_target *t = (cuda_target *)target;
    torc_gpu_event event[EVENTS] = {NULL};
    void *copy = NULL;
    const size_t bytes = rows * (t->shape.glwe_dim + 1) * t->shape.poly_size * sizeof *glwe;
    int error = torc_gpu_alloc(&copy, bytes);
    error = error != 0 ? error : torc_gpu_copy_in(copy, glwe, bytes, t->stream);
    error = error != 0 ? error : make_events(event);
    error = error != 0 ? error : run_transform(seconds, t, event, copy, rows);
    const int waited = torc_gpu_stream_wait(t->stream);
    for (uint32_t i = 0; i < EVENTS; i++) {
        torc_gpu_event_destroy(event[i]);
    }
    torc_gpu_free(copy);
    return torc_cuda_check(ctx, t, error != 0 ? error : waited, "timing transforms");
}

#else

static torc_status none(torc_ctx *ctx)
{
    return torc_fail(ctx, TORC_E_DEVICE, "this build has no GPU backend");
}

torc_status bench_gpu_find(torc_ctx *ctx, bench_device *out)
{
    (void)out;
    return none(ctx);
}

double bench_gpu_clock_hz(const bench_device *device)
{
    (void)device;
    return 0;
}

torc_status bench_gpu_lookup(torc_ctx *ctx, bench_phases *out, bench_device *device,
                             torc_target *target, const torc_lookup *lookup, uint32_t count)
{
    (void)out;
    (void)device;
    (void)target;
    (void)lookup;
    (void)count;
    return none(ctx);
}

torc_status bench_gpu_transform(torc_ctx *ctx, double *seconds, torc_target *target,
                                const uint64_t *glwe, size_t rows)
{
    *seconds = 0;
    (void)target;
    (void)glwe;
    (void)rows;
    return none(ctx);
}

#endif
