/* The GPUs of this machine for the server. */
#include "runtime/server/gpus.h"

#include "runtime/cost_gpu.h"
#include "runtime/cuda/devices.h"
#include "runtime/cuda/engine.h"
#include "runtime/status.h"

#include <stdio.h>

const char *torc_gpus_name(void)
{
    return TORC_GPU_BACKEND;
}

const torc_backend *torc_gpus_backend(void)
{
    return torc_backend_cuda();
}

torc_status torc_gpus_count(torc_ctx *ctx, uint32_t *out)
{
    return torc_cuda_device_count(ctx, out);
}

torc_status torc_gpus_check(torc_ctx *ctx, uint32_t device)
{
    torc_gpu_device found;
    return torc_cuda_device_read(ctx, &found, device);
}

void torc_gpus_describe(torc_device_info *out, uint32_t device)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_gpu_device found = {0};
    size_t free_bytes = 0;
    size_t total_bytes = 0;
    *out = (torc_device_info){0};
    (void)snprintf(out->name, sizeof out->name, "%s:%u", TORC_GPU_BACKEND, device);
    out->usable = torc_cuda_device_read(ctx, &found, device) == TORC_OK;
    (void)snprintf(out->model, sizeof out->model, "%s", found.name);
    out->memory_bytes = found.memory_bytes;
    out->cores = (uint32_t)found.multiprocessors;
    out->compute_capability = 10 * (uint32_t)found.major + (uint32_t)found.minor;
    out->clusters_of_4 = (uint32_t)found.clusters_of_4;
    if (!out->usable) {
        (void)snprintf(out->reason, sizeof out->reason, "%s", torc_ctx_message(ctx));
    } else if (torc_gpu_device_use((int)device) == 0 &&
               torc_gpu_memory(&free_bytes, &total_bytes) == 0) {
        out->memory_free = free_bytes;
    }
    torc_ctx_free(ctx);
}

torc_status torc_gpus_capacity(torc_ctx *ctx, size_t *out, const torc_program *program,
                               const torc_params *params, uint32_t device, size_t wanted)
{
    return torc_cuda_capacity(ctx, out, program, params, device, wanted);
}

const char *torc_gpus_model(const torc_target *target)
{
    return ((const cuda_target *)target)->schedule.device.name;
}

void torc_gpus_predict(torc_prediction *out, const torc_target *target, size_t samples)
{
    const cuda_target *t = (const cuda_target *)target;
    torc_predict_gpu(out, &t->schedule, t->program, &t->params, samples);
    out->memory_bytes = torc_cuda_plan_bytes(&t->plan);
}
