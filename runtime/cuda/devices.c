/* Finds and judges devices: driver, number, age. */
#include "runtime/cuda/devices.h"

#include "runtime/status.h"

#include <stdio.h>

#define LEAST_MAJOR 8 /* compute capability: asynchronous copies, integer tensor cores */

/* Device 0 stands for all in messages about the driver. */
static torc_status fail(torc_ctx *ctx, int error, uint32_t device)
{
    (void)torc_gpu_error_clear();
    const char *text = torc_gpu_error_text(error);
    if (torc_gpu_error_is_driver(error)) {
        return torc_fail(ctx, TORC_E_DEVICE,
                         "%s: no usable driver (%s, code %d); this build needs one for CUDA 13.0 "
                         "or later, or run with --device cpu",
                         TORC_GPU_BACKEND, text, error);
    }
    if (torc_gpu_error_is_memory(error)) {
        return torc_fail(ctx, TORC_E_MEMORY,
                         "%s:%u: %s (code %d); run fewer samples at once, or free the device",
                         TORC_GPU_BACKEND, device, text, error);
    }
    return torc_fail(ctx, TORC_E_DEVICE, "%s:%u: %s (code %d); torc devices lists what is there",
                     TORC_GPU_BACKEND, device, text, error);
}

torc_status torc_cuda_device_count(torc_ctx *ctx, uint32_t *out)
{
    int count = 0;
    const int error = torc_gpu_device_count(&count);
    *out = 0;
    if (error != 0 && (torc_gpu_error_is_driver(error) || torc_gpu_error_is_memory(error))) {
        return fail(ctx, error, 0);
    }
    if (error != 0 || count <= 0) {
        return torc_fail(ctx, TORC_E_DEVICE, "%s: no device (%s); run with --device cpu",
                         TORC_GPU_BACKEND, torc_gpu_error_text(error));
    }
    *out = (uint32_t)count;
    return TORC_OK;
}

torc_status torc_cuda_device_read(torc_ctx *ctx, torc_gpu_device *out, uint32_t device)
{
    uint32_t count = 0;
    TORC_TRY(torc_cuda_device_count(ctx, &count));
    if (device >= count) {
        return torc_fail(ctx, TORC_E_DEVICE,
                         "%s:%u: this machine has %u device%s, numbers start at 0; torc devices "
                         "lists them",
                         TORC_GPU_BACKEND, device, count, count == 1 ? "" : "s");
    }
    const int error = torc_gpu_device_read(out, (int)device);
    if (error != 0) {
        return fail(ctx, error, device);
    }
    if (out->major < LEAST_MAJOR) {
        return torc_fail(ctx, TORC_E_DEVICE,
                         "%s:%u: %s has compute capability %d.%d, the kernels need %d.0 or later; "
                         "use another device",
                         TORC_GPU_BACKEND, device, out->name, out->major, out->minor, LEAST_MAJOR);
    }
    return TORC_OK;
}

void torc_cuda_identity(torc_gpu_identity *out, const torc_gpu_device *device)
{
    *out = (torc_gpu_identity){.major = (uint32_t)device->major,
                               .minor = (uint32_t)device->minor,
                               .multiprocessors = (uint32_t)device->multiprocessors,
                               .clock_hz = 1e3 * device->clock_khz,
                               .shared_bytes = (uint32_t)device->shared_bytes,
                               .clusters_of_4 = (uint32_t)device->clusters_of_4};
    (void)snprintf(out->name, sizeof out->name, "%s", device->name);
}

torc_status torc_cuda_device_open(torc_ctx *ctx, uint32_t device, torc_gpu_schedule *schedule)
{
    torc_gpu_device found;
    torc_gpu_identity identity;
    TORC_TRY(torc_cuda_device_read(ctx, &found, device));
    const int error = torc_gpu_device_use((int)device);
    if (error != 0) {
        return fail(ctx, error, device);
    }
    torc_cuda_identity(&identity, &found);
    return torc_gpu_schedule_find(ctx, schedule, &identity);
}
